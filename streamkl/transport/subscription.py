"""Which topics a subscription covers. Our own output is never read, or events would become metrics."""

import re
from collections.abc import Sequence
from typing import Any

from streamkl.errors import ConfigError

INTERNAL = ("__consumer_offsets", "__transaction_state", "__share_group_state")  # Kafka's own


def subscription(topics: Sequence[str], pattern: str, excluded: Sequence[str]) -> dict[str, Any]:
    """What the library's `subscribe` takes. Raises ConfigError on a pattern that is none, and on topics that are our own output."""
    if pattern:
        return {"pattern": topic_expression(pattern, excluded).pattern}
    ours = sorted(set(topics) & set(excluded))
    if ours or not topics:
        raise ConfigError([f"kafka.topics = {list(topics)!r}: name at least one topic, and none that streamkl itself writes to"])
    return {"topics": list(topics)}


def topic_expression(pattern: str, excluded: Sequence[str]) -> re.Pattern[str]:
    r"""An expression whose `match` fits whole names only, and neither excluded ones nor Kafka's own. Raises ConfigError.

    >>> names = ["metrics", "metrics.eu", "metrics.dead", "__consumer_offsets"]
    >>> [name for name in names if topic_expression(r".*", ["metrics.dead"]).match(name)]
    ['metrics', 'metrics.eu']
    """
    not_ours = "|".join(map(re.escape, [*excluded, *INTERNAL]))
    try:
        re.compile(pattern)
        return re.compile(rf"(?!(?:{not_ours})\Z)(?:{pattern})\Z")
    except re.error as error:
        raise ConfigError([f"kafka.topic_pattern = {pattern!r}: not a regular expression ({error})"]) from error
