"""What senders repeat, bytes and all: records without their numbers, and the numbers as doubles. Compiled; no byte sequence raises.

A record's skeleton is its bytes with the sign 0x02 for each number, or 0x03 where it has to be a whole one (in line protocol). Numbers are
those of JSON. What is rare is left to readers of everything: escapes, whole numbers beyond 63 bits, signs that only line protocol has.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamkl.core.compiled import inlined, outlined
from streamkl.core.numerals import LONG, MINUS, WHOLE, is_digit, read

PLACE, WHOLE_PLACE = 2, 3  # the bytes that stand for a number, and for a whole one
_WORD = 8  # bytes
_QUOTE, _BACKSLASH = b'"\\'
_SPACE, _LINE_END, _COMMA, _EQUALS, _HASH, _LOWER_I, _LOWER_U = b" \n,=#iu"
_ONES, _PLACES = np.uint64(0x0101010101010101), np.uint64(0x0303030303030303)
_LOW, _HIGH = np.uint64(0x7F7F7F7F7F7F7F7F), np.uint64(0x8080808080808080)


class Scanned(NamedTuple):
    """Records without their numbers, and the numbers of all records in order."""

    without: NDArray[np.uint8]
    cuts: NDArray[np.int64]  # where each record's skeleton ends
    counts: NDArray[np.int64]  # of numbers, (records,)
    wholes: NDArray[np.int64]  # of numbers whose kind is WHOLE
    doubles: NDArray[np.float64]
    kinds: NDArray[np.uint8]

    def skeletons(self) -> Iterator[bytes]:
        """One a record."""
        every, start = self.without.tobytes(), 0
        for end in self.cuts.tolist():
            yield every[start:end]
            start = end


def scan(records: Sequence[bytes], lines: bool) -> Scanned:
    r"""JSON documents or line protocol, one a record, one at least. Of a record with something rare the skeleton is empty.

    >>> found = scan([b'{"a":1.5}', b'{"b":[-2,1e3]}'], lines=False)
    >>> list(found.skeletons())
    [b'{"a":\x02}', b'{"b":[\x02,\x02]}']
    >>> found.doubles.tolist(), found.counts.tolist()
    ([1.5, -2.0, 1000.0], [1, 2])
    """
    joined, ends = _joined(records)
    without, cuts = np.empty(len(joined) + 1, np.uint8), np.empty_like(ends)
    numbers = _Numbers.room(joined, len(ends))
    found = _scan(lines, np.frombuffer(joined, np.uint8), ends, without, cuts, *numbers)
    return numbers.scanned(joined, without[: cuts[-1]], cuts, found)


def match(records: Sequence[bytes], skeletons: Sequence[bytes]) -> Scanned | None:
    r"""The same where these are the skeletons; None where they are not. A fourth of the time.

    >>> match([b'{"a":1.5}'], [b'{"a":\x02}']).doubles.tolist()
    [1.5]
    >>> match([b'{"b":1.5}'], [b'{"a":\x02}'])
    """
    joined, ends = _joined(records)
    without, cuts = _joined(skeletons)
    numbers = _Numbers.room(joined, len(ends))
    found = _match(_words(joined), np.frombuffer(joined, np.uint8), ends, _words(without), np.frombuffer(without, np.uint8), cuts, *numbers)
    return None if found < 0 else numbers.scanned(joined, np.frombuffer(without, np.uint8), cuts, found)


def _joined(parts: Sequence[bytes]) -> tuple[bytes, NDArray[np.int64]]:
    """One after the other, and where each ends."""
    return b"".join(parts), np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)))


def _words(joined: bytes) -> NDArray[np.uint64]:
    """The eight bytes from each place on; of the last seven places there is none."""
    places = max(len(joined) - _WORD + 1, 0)
    return np.ndarray(places, np.uint64, joined, strides=(1,))


class _Numbers(NamedTuple):
    """Room for the numbers of some records."""

    counts: NDArray[np.int64]
    wholes: NDArray[np.int64]
    doubles: NDArray[np.float64]
    kinds: NDArray[np.uint8]
    spans: NDArray[np.int64]  # where each stands, (numbers, 2)

    @classmethod
    def room(cls, joined: bytes, records: int) -> "_Numbers":
        most = len(joined) // 2 + records + 1  # something stands between the numbers of a record, but not between records
        return cls(
            np.empty(records, np.int64), np.empty(most, np.int64), np.empty(most), np.empty(most, np.uint8), np.empty((most, 2), np.int64)
        )

    def scanned(self, joined: bytes, without: NDArray[np.uint8], cuts: NDArray[np.int64], found: int) -> Scanned:
        """With the long numbers read too."""
        for number in np.flatnonzero(self.kinds[:found] == LONG).tolist():
            start, end = self.spans[number].tolist()
            self.doubles[number] = float(joined[start:end])
        return Scanned(without, cuts, self.counts, self.wholes[:found], self.doubles[:found], self.kinds[:found])


@outlined
def _scan(
    lines: bool,
    data: NDArray[np.uint8],
    ends: NDArray[np.int64],
    skeleton: NDArray[np.uint8],
    cuts: NDArray[np.int64],
    counts: NDArray[np.int64],
    wholes: NDArray[np.int64],
    doubles: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    spans: NDArray[np.int64],
) -> int:
    """Documents that end at `ends`, one after the other: their skeletons, which end at `cuts`, and their numbers in order; of one with
    something rare neither. How many numbers there are. About 1 ns a byte."""
    n, out, at = 0, 0, 0
    for document in range(len(ends)):
        stop = ends[document]
        if lines:
            found, cut = _scan_lines(data, at, stop, skeleton, out, n, wholes, doubles, kinds, spans)
        else:
            found, cut = _scan_json(data, at, stop, skeleton, out, n, wholes, doubles, kinds, spans)
        counts[document] = max(found, 0)
        if found >= 0:
            n += found
            out = cut
        cuts[document] = out
        at = stop
    return n


@inlined
def _scan_json(
    data: NDArray[np.uint8],
    at: int,
    stop: int,
    skeleton: NDArray[np.uint8],
    out: int,
    first: int,
    wholes: NDArray[np.int64],
    doubles: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    spans: NDArray[np.int64],
) -> tuple[int, int]:
    """How many numbers, -1 where something is rare, and where the skeleton ends."""
    n = first
    while 0 <= at < stop:
        byte = data[at]
        if byte == _QUOTE:
            skeleton[out] = byte
            out += 1
            at += 1
            at, out = _text(data, at, stop, skeleton, out)
            if at < 0 or at == stop:
                return -1, out
        elif byte == MINUS or is_digit(byte):
            after = _keep(data, at, stop, n, wholes, doubles, kinds, spans)
            if after < 0:
                return -1, out
            n += 1
            byte, at = PLACE, after - 1
        skeleton[out] = byte
        out += 1
        at += 1
    return n - first, out


@inlined
def _scan_lines(
    data: NDArray[np.uint8],
    at: int,
    stop: int,
    skeleton: NDArray[np.uint8],
    out: int,
    first: int,
    wholes: NDArray[np.int64],
    doubles: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    spans: NDArray[np.int64],
) -> tuple[int, int]:
    """The same of line protocol: numbers are those behind an equals sign of the fields, and the time. Tags stay as they are."""
    n, part = first, 0  # of the line: measurement and tags, fields, time
    while 0 <= at < stop:
        byte = data[at]
        if byte in (_BACKSLASH, _HASH):
            return -1, out
        skeleton[out] = byte
        out += 1
        at += 1
        if byte == _LINE_END:
            part = 0
        elif byte == _SPACE:
            part += 1
        elif byte == _QUOTE and part == 1:
            at, out = _text(data, at, stop, skeleton, out)
            if at < 0:
                return -1, out
        begins = (byte == _EQUALS and part == 1) or (byte == _SPACE and part == 2)
        if begins and at < stop and (data[at] == MINUS or is_digit(data[at])):
            after = _keep(data, at, stop, n, wholes, doubles, kinds, spans)
            signed = after >= 0 and after < stop and (data[after] == _LOWER_I or data[after] == _LOWER_U)
            whole = part == 2 or signed
            if after < 0 or (whole and kinds[n] != WHOLE) or not _ends_field(data, after + 1 if signed else after, stop):
                return -1, out
            n += 1
            skeleton[out] = WHOLE_PLACE if whole else PLACE
            out += 1
            at = after
    return n - first, out


@inlined
def _text(data: NDArray[np.uint8], at: int, stop: int, skeleton: NDArray[np.uint8], out: int) -> tuple[int, int]:
    """Copy what stands in quotes: where they or the record end (-1: it has an escape), and where the skeleton does."""
    while 0 <= at < stop and data[at] != _QUOTE:
        if data[at] == _BACKSLASH:
            return -1, out
        skeleton[out] = data[at]
        out += 1
        at += 1
    return at, out


@inlined
def _keep(
    data: NDArray[np.uint8],
    at: int,
    stop: int,
    n: int,
    wholes: NDArray[np.int64],
    doubles: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    spans: NDArray[np.int64],
) -> int:
    """Write the number that begins at `at` into place `n`: where it ends, -1 where it is none."""
    after, kind = read(data, at, stop, n, wholes, doubles)
    kinds[n] = kind
    spans[n, 0] = at
    spans[n, 1] = after
    return int(after)


@inlined
def _ends_field(data: NDArray[np.uint8], at: int, stop: int) -> bool:
    """Whether a field or a line ends here."""
    return bool(at == stop or data[at] == _COMMA or data[at] == _SPACE or data[at] == _LINE_END)


@outlined
def _match(
    data_words: NDArray[np.uint64],
    data: NDArray[np.uint8],
    ends: NDArray[np.int64],
    skeleton_words: NDArray[np.uint64],
    skeleton: NDArray[np.uint8],
    cuts: NDArray[np.int64],
    counts: NDArray[np.int64],
    wholes: NDArray[np.int64],
    doubles: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    spans: NDArray[np.int64],
) -> int:
    """The numbers of documents with these skeletons, eight bytes at a time; -1 where one has another."""
    n, at, out = 0, 0, 0
    for document in range(len(ends)):
        stop, cut, before = ends[document], cuts[document], n
        while 0 <= out < cut:
            if not 0 <= at < stop:
                return -1
            if skeleton[out] == PLACE or skeleton[out] == WHOLE_PLACE:
                at = _keep(data, at, stop, n, wholes, doubles, kinds, spans)
                if at < 0 or (skeleton[out] == WHOLE_PLACE and kinds[n] != WHOLE):
                    return -1
                n += 1
                out += 1
            elif out + _WORD <= cut and at + _WORD <= stop and skeleton_words[out] == data_words[at] and _no_place(data_words[at]):
                out += _WORD
                at += _WORD
            elif skeleton[out] == data[at]:
                out += 1
                at += 1
            else:
                return -1
        if at != stop:
            return -1
        counts[document] = n - before
    return n


@inlined
def _no_place(word: np.uint64) -> bool:
    """Whether none of the eight bytes stands for a number."""
    other = (word | _ONES) ^ _PLACES
    return bool((((other & _LOW) + _LOW) | other) & _HIGH == _HIGH)
