"""Seeded changes of bytes: what a broken producer, disk or mind makes of something valid."""

import random
from collections.abc import Callable, Sequence

INTERESTING = (
    b"", b"\x00", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b"\\u0000", b"\\ud800", b"null",
    b"true", b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-0.0", b"5e-324", b"1.7976931348623157e308", b"9" * 400, b"-1", b"0",
    b"9223372036854775808", b"1e-999", b"[" * 300, b'{"a":' * 300, b'"' + b"x" * 600 + b'"', b"2100-01-01T00:00:00Z", b"1970-01-01",
    b"23:59:60", b"=", b"'", b"#", b"\n", b"[[", b"]]", b"\xef\xbb\xbf", b"\xe2\x80\xae",
)  # fmt: skip


def mutate(raw: bytes, dice: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """One to four changes, one after the other. The result may be equal to `raw`."""
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        raw = dice.choice(_CHANGES)(raw, dice, others)
    return raw


def flip(raw: bytes, bit: int) -> bytes:
    """One bit changed."""
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _flip(raw: bytes, dice: random.Random, _others: Sequence[bytes]) -> bytes:
    return flip(raw, dice.randrange(8 * len(raw))) if raw else raw


def _set(raw: bytes, dice: random.Random, _others: Sequence[bytes]) -> bytes:
    at = dice.randrange(len(raw) + 1)
    return raw[:at] + bytes([dice.randrange(256)]) + raw[at + 1 :]


def _cut(raw: bytes, dice: random.Random, _others: Sequence[bytes]) -> bytes:
    start, end = sorted((dice.randrange(len(raw) + 1), dice.randrange(len(raw) + 1)))
    return raw[:start] + raw[end:]


def _end(raw: bytes, dice: random.Random, _others: Sequence[bytes]) -> bytes:
    return raw[: dice.randrange(len(raw) + 1)]


def _double(raw: bytes, dice: random.Random, _others: Sequence[bytes]) -> bytes:
    start, end = sorted((dice.randrange(len(raw) + 1), dice.randrange(len(raw) + 1)))
    return raw[:end] + raw[start:end][:4_096] + raw[end:]


def _insert(raw: bytes, dice: random.Random, _others: Sequence[bytes]) -> bytes:
    at = dice.randrange(len(raw) + 1)
    return raw[:at] + dice.choice(INTERESTING) + raw[at + dice.choice((0, 0, 1, 8)) :]


def _splice(raw: bytes, dice: random.Random, others: Sequence[bytes]) -> bytes:
    other = dice.choice(others) if others else raw
    return raw[: dice.randrange(len(raw) + 1)] + other[dice.randrange(len(other) + 1) :]


def _number(raw: bytes, dice: random.Random, _others: Sequence[bytes]) -> bytes:
    """A number where the text has one, as long or not."""
    digits = [i for i, byte in enumerate(raw) if 48 <= byte <= 57]
    if not digits:
        return raw
    start = end = dice.choice(digits)
    while end < len(raw) and (48 <= raw[end] <= 57 or raw[end] in b".eE+-"):
        end += 1
    return raw[:start] + dice.choice(INTERESTING[15:28]) + raw[end:]


_CHANGES: tuple[Callable[[bytes, random.Random, Sequence[bytes]], bytes], ...] = (
    _flip, _set, _cut, _end, _double, _insert, _insert, _splice, _number,
)  # fmt: skip
