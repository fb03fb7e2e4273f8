"""Burns CPU on every core, politely (nice), until killed. Started as a process of its own."""

import multiprocessing
import os

NICE = 5  # other programs go first, so that what is measured stays measured


def burn() -> None:
    """Multiply for ever."""
    number = 1
    while True:
        number = number * 6364136223846793005 % 2**64


def main() -> None:
    """One burning process for each core that we may use; the first one is this one."""
    os.nice(NICE)
    for _ in range((os.cpu_count() or 1) - 1):
        multiprocessing.Process(target=burn, daemon=True).start()
    burn()


if __name__ == "__main__":
    main()
