"""What a supervisor decides when one of its processes has ended. Numbers in, numbers out."""

import signal

FIRST_PAUSE_SECONDS = 0.5  # before a process is started again; doubles with each end in a row
LONGEST_PAUSE_SECONDS = 30.0
SOUND_SECONDS = 60.0  # a process that ran for so long is not on its way into the same trouble again
SHELL_SIGNALS = 128  # exit codes beyond it stand for signals (130: Ctrl-C)


def verdict(status: int) -> int | None:
    """The exit code that all end with because one ended with this status, unasked; None: it is started again.

    `status` is an exit code, or minus a signal's number. A process says itself when it is no use to start it again (1: an operator has to
    act, 2: the configuration is wrong), and the same is true for all others. Who was killed, or told to stop, could say nothing.

    >>> verdict(2), verdict(1), verdict(0), verdict(-9), verdict(130)
    (2, 1, None, None, None)
    """
    return status if 0 < status <= SHELL_SIGNALS else None


def ends_in_a_row(before: int, lived_seconds: float) -> int:
    """How often it has now ended without having run for long.

    >>> ends_in_a_row(before=4, lived_seconds=3.0), ends_in_a_row(before=4, lived_seconds=3600.0)
    (5, 1)
    """
    return 1 if lived_seconds >= SOUND_SECONDS else before + 1


def pause_seconds(ends: int) -> float:
    """How long to wait before the next start, after so many ends in a row.

    >>> [pause_seconds(ends) for ends in (1, 2, 3, 7, 1000)]
    [0.5, 1.0, 2.0, 30.0, 30.0]
    """
    return min(FIRST_PAUSE_SECONDS * 2.0 ** min(ends - 1, 16), LONGEST_PAUSE_SECONDS)


def in_words(status: int) -> str:
    """How it ended.

    >>> in_words(0), in_words(1), in_words(-9), in_words(-64)
    ('ended by itself', 'ended with code 1', 'was killed by SIGKILL', 'was killed by SIGRTMAX')
    """
    if status >= 0:
        return f"ended with code {status}" if status else "ended by itself"
    known = {each.value: each.name for each in signal.Signals}
    return f"was killed by {known.get(-status, f'signal {-status}')}"


def idle(count: int, partitions: int) -> str:
    """A warning where some of `count` processes will have no partition; "" otherwise, and where nothing is known of partitions (0).

    >>> idle(3, 2)
    '--processes 3, but the topics have 2 partitions: 1 process will have nothing to do until there are more'
    >>> idle(2, 4)
    ''
    """
    if not 0 < partitions < count:
        return ""
    spare, s = count - partitions, "" if partitions == 1 else "s"
    workless = f"{spare} process{'' if spare == 1 else 'es'} will have nothing to do until there are more"
    return f"--processes {count}, but the topics have {partitions} partition{s}: {workless}"
