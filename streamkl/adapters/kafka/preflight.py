"""Everything about the cluster that can be known before the service starts: reachable, topics there, permissions given."""

from collections.abc import Sequence

from streamkl.adapters.kafka.cluster import Cluster


def preflight(
    cluster: Cluster,
    *,
    group_id: str,
    topics: Sequence[str],
    topic_pattern: str,
    output_topics: Sequence[str],
    create_missing: bool,
) -> list[str]:
    """All problems found, one line each with the fix; empty: ready to start."""
    raise NotImplementedError
