"""A real browser, as tests open pages with it: what a page is like once it is open, and how it looks."""

import os
import shutil
import subprocess
from pathlib import Path

SECONDS = 110


def dom(address: str, folder: Path) -> str:
    """The document of a page after its scripts have run. `folder` is for the browser's own files."""
    return _run(folder, "--virtual-time-budget=3000", "--dump-dom", address)


def screenshot(address: str, folder: Path) -> Path:
    """A picture of the top of a page."""
    shot = folder / "shot.png"
    _run(folder, f"--screenshot={shot}", address)
    return shot


def _run(folder: Path, *arguments: str) -> str:
    found = next((path for name in ("chromium", "chromium-browser", "google-chrome", "chrome") if (path := shutil.which(name))), None)
    assert found is not None, "no Chromium on the PATH: apt-get install chromium"
    command = [found, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}", "--window-size=1060,1400"]
    environment = os.environ | {"HOME": str(folder)}
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=True, timeout=SECONDS, env=environment).stdout
