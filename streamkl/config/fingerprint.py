"""One short name for everything in a configuration that influences a verdict."""

import hashlib
import json

from streamkl.config.models import Config


def config_hash(config: Config) -> str:
    """16 hexadecimal digits: equal for configurations that judge alike, whatever their spelling ("1h" or "60m").

    The broker, the address and the folder do not count: they change nothing about what is judged. A reference file counts by its path, not
    its content. The format of records does not count: the same points are judged alike. Silences and limits do not count: they can be
    changed without learning everything again.
    """
    choices = config.model_dump(mode="json", include={"input", "detector", "monitors", "fleet"}, exclude={"input": {"format"}})
    choices["state"] = config.state.model_dump(mode="json", include={"max_series", "evict_after"})
    text = json.dumps(choices, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
