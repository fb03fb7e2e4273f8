"""An incident that really happens: every core is busy, the web server is slow, and a share of its answers are errors."""

import sys
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from streamkl.demo.programs import Program
from streamkl.demo.web_app import Illness
from streamkl.errors import DemoError

ILLNESS = Illness(slow_ms=800.0, error_share=0.5)
SWITCH_SECONDS = 5.0


class Incident:
    """Begins when entered and is over when left."""

    def __init__(self, web_url: str, folder: Path) -> None:
        self._web_url = web_url
        self._folder = folder
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(switch, self._web_url, Illness())
            switch(self._web_url, ILLNESS)
            stack.enter_context(Program("burning", [sys.executable, "-m", "streamkl.demo.burn"], self._folder))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()


def switch(web_url: str, illness: Illness) -> None:
    """Make the web server ill, or well. Raises DemoError where it does not obey."""
    request = urllib.request.Request(f"{web_url.rstrip('/')}/switch", msgspec.json.encode(illness), method="PUT")  # noqa: S310  # our own URL
    try:
        urllib.request.urlopen(request, timeout=SWITCH_SECONDS).close()  # noqa: S310
    except (OSError, urllib.error.URLError) as error:
        raise DemoError(f"The web server at {web_url} does not obey its switch: {error}") from error
