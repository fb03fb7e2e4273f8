"""A process that starts the broker's JVM and outlives its parent just long enough to end it; a script of the standard library only.

Lines of JSON on stdin start a program or pause it; lines of JSON on stdout tell its process id, its pause and its end. When stdin closes or
the parent is gone, however that happened, the running program's process group is killed, the folder given with --remove is deleted, and the
guardian ends.
"""

import argparse
import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from types import FrameType

PARENT_CHECK_SECONDS = 1.0  # where a forked relative of the parent holds the pipe open, the parent's death is seen this late
PAUSE_SECONDS = 1.0  # no more for the last thread to stop; a program that stood already says nothing new
PAUSE_CHECK_SECONDS = 0.001
PR_SET_PDEATHSIG = 1


class Guardian:
    """At most one program at a time. Single-threaded: the program's death signal is bound to the thread that started it."""

    def __init__(self, parent: int) -> None:
        self.parent = parent
        self.program: subprocess.Popen[bytes] | None = None
        self.libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def follow_me_in_death(self) -> None:
        """In the program before it runs: on Linux the kernel kills it should the guardian itself be killed."""
        if self.libc is not None:
            self.libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def start(self, command: list[str], output: str) -> None:
        """Run the command in a process group of its own with both outputs appended to a file."""
        try:
            with open(output, "ab") as file:  # noqa: PTH123  # runs without site: every import costs start-up time
                self.program = subprocess.Popen(  # noqa: S603
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=file,
                    start_new_session=True,
                    preexec_fn=self.follow_me_in_death,  # noqa: PLW1509
                )
        except OSError as error:
            say({"error": str(error)})
        else:
            say({"pid": self.program.pid})

    def pause(self) -> None:
        """SIGSTOP to the program's group, told when the last thread stands: until then some still answer. One answer: that, or its end."""
        if self.program is None:  # its end has been told, which is the answer
            return
        os.killpg(self.program.pid, signal.SIGSTOP)
        changed, deadline = 0, time.monotonic() + PAUSE_SECONDS
        while not changed and time.monotonic() < deadline:
            time.sleep(PAUSE_CHECK_SECONDS)
            changed, status = os.waitpid(self.program.pid, os.WUNTRACED | os.WNOHANG)
        if changed and not os.WIFSTOPPED(status):
            self.program.returncode = os.waitstatus_to_exitcode(status)
            self.reap()
        else:
            say({"paused": True})

    def reap(self) -> None:
        """Tell when the program has ended."""
        if self.program is not None and self.program.poll() is not None:
            say({"exit": self.program.returncode})
            self.program = None

    def kill(self) -> None:
        """End the program and whatever it started."""
        if self.program is not None and self.program.poll() is None:
            os.killpg(self.program.pid, signal.SIGKILL)
            self.program.wait()

    def serve(self, wakeup: int) -> None:
        """Obey until stdin closes or the parent is gone."""
        pending = b""
        while os.getppid() == self.parent:
            ready, _, _ = select.select([0, wakeup], [], [], PARENT_CHECK_SECONDS)
            if wakeup in ready:
                os.read(wakeup, 4096)
            self.reap()
            if 0 in ready:
                data = os.read(0, 65536)
                if not data:
                    return
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    message = json.loads(line)
                    if "start" in message:
                        self.start(**message["start"])
                    else:
                        self.pause()


def say(message: dict[str, object]) -> None:
    """One line to the parent, who may be gone already."""
    with contextlib.suppress(OSError):
        os.write(1, json.dumps(message).encode() + b"\n")


def ignore(_signal: int, _frame: FrameType | None) -> None:
    """The guardian ends when its parent has ended and not before. (SIG_IGN would be inherited by the JVM.)"""


def main() -> None:
    """Guard until there is nobody left to guard for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--remove", default="")
    arguments = parser.parse_args()
    wakeup, alarm = os.pipe()
    os.set_blocking(alarm, False)
    signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ignore)
    guardian = Guardian(arguments.parent)
    say({"ready": os.getpid()})
    try:
        with contextlib.suppress(ConnectionError):  # the parent ended without reading our last word
            guardian.serve(wakeup)
    finally:
        guardian.kill()
        if arguments.remove:
            shutil.rmtree(arguments.remove, ignore_errors=True)


if __name__ == "__main__":
    main()
