"""Formatting a broker's folder: by Kafka's own tool the first time, by a copy of what that wrote ever after."""

import base64
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from streamkl.broker.jars import jars_folder

CHECKPOINT = "bootstrap.checkpoint"  # the feature levels of this Kafka version; no id, so it fits every cluster
META = "meta.properties"


def new_id() -> str:
    """A random cluster or folder id in the shape Kafka wants: 16 bytes in base64 without padding, no dash at the start."""
    return "A" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]


def ensure_formatted(logs: Path, number: int, cluster_id: str, format_with_tool: Callable[[], None]) -> None:
    """Make `logs` a formatted folder of node `number`, unless it is one. The tool takes a JVM's start, about 1 s; a copy nothing."""
    if (logs / META).exists():
        return
    template = jars_folder() / CHECKPOINT
    if template.exists():
        logs.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(template, logs / CHECKPOINT)
        lines = (f"cluster.id={cluster_id}", f"directory.id={new_id()}", f"node.id={number}", "version=1")
        (logs / META).write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    else:
        format_with_tool()
        half = template.with_name(f"{CHECKPOINT}.{os.getpid()}")
        shutil.copyfile(logs / CHECKPOINT, half)
        half.replace(template)  # another process sees the whole file or none
