"""States as bytes: what comes back is what went in, and what is damaged, foreign or newer is refused."""

import hashlib

import msgspec
import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from streamkl.engine.engine import Engine
from streamkl.engine.snapshot import MAGIC, VERSION, pack, unpack
from streamkl.errors import SnapshotError
from streamkl.model import Partition
from tests.engine.plans import engine, feed, monitor, plan, record, records, shifted
from tests.small import BY_TIME, SEASONAL, TRAILING, settings


class Meta(msgspec.Struct):
    words: list[str]
    number: float


kinds = st.sampled_from(["bool", "int8", "uint8", "int32", "uint32", "int64", "float32", "float64"]).map(np.dtype)
arrays = kinds.flatmap(lambda kind: arrays_of.arrays(kind, arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)))


def sealed(body: bytes, version: int = VERSION) -> bytes:
    """Bytes with a right checksum around any content."""
    packed = zstandard.ZstdCompressor().compress(body)
    return MAGIC + bytes([version]) + hashlib.sha256(packed).digest() + packed


def body(header: object, rest: bytes = b"") -> bytes:
    text = msgspec.json.encode(header)
    return len(text).to_bytes(4, "little") + text + rest


@given(st.lists(st.text(max_size=8), max_size=3), st.floats(allow_nan=False, allow_infinity=False), st.lists(arrays, max_size=4))
def test_what_is_packed_comes_back_bit_for_bit(words: list[str], number: float, columns: list[np.ndarray]) -> None:
    named = {f"a{i}": column for i, column in enumerate(columns)}
    meta, found = unpack(pack(Meta(words, number), named), Meta)
    assert (meta.words, meta.number) == (words, number)
    assert list(found) == list(named)
    for name, column in named.items():
        assert (found[name].dtype, found[name].shape, found[name].tobytes()) == (column.dtype, column.shape, column.tobytes())


def test_equal_things_pack_to_equal_bytes() -> None:
    view = np.arange(20).reshape(4, 5)[:, ::2]
    assert pack(Meta([], 1.0), {"a": view}) == pack(Meta([], 1.0), {"a": view.copy()})


def test_any_flipped_bit_is_found() -> None:
    state = pack(Meta(["some", "words"], 0.5), {"a": np.arange(40.0)})
    for bit in range(8 * len(state)):
        damaged = bytearray(state)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SnapshotError):
            unpack(bytes(damaged), Meta)


def test_any_missing_or_added_byte_is_found() -> None:
    state = pack(Meta([], 0.5), {"a": np.arange(40.0)})
    for length in range(len(state)):
        with pytest.raises(SnapshotError):
            unpack(state[:length], Meta)
    with pytest.raises(SnapshotError):
        unpack(state + b"\0", Meta)


def test_a_newer_format_is_named() -> None:
    with pytest.raises(SnapshotError, match=f"format {VERSION + 1}, this version reads format {VERSION}"):
        unpack(sealed(b"", VERSION + 1), Meta)


META = {"words": [], "number": 1.0}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xff\xff\xff",
        body({"meta": META}),
        body({"meta": {"words": 1}, "arrays": []}),
        body({"meta": META, "arrays": [{"name": "a", "dtype": "|O", "shape": [1]}]}, bytes(8)),
        body({"meta": META, "arrays": [{"name": "a", "dtype": "<f8", "shape": [2]}]}, bytes(8)),
        body({"meta": META, "arrays": [{"name": "a", "dtype": "<f8", "shape": [1]}]}, bytes(9)),
        body({"meta": META, "arrays": []}, b"x"),
    ],
)
def test_content_that_does_not_fit_is_refused_whatever_its_checksum(content: bytes) -> None:
    with pytest.raises(SnapshotError, match="cannot be read"):
        unpack(sealed(content), Meta)


def test_what_is_no_frame_is_refused_whatever_its_checksum() -> None:
    state = MAGIC + bytes([VERSION]) + hashlib.sha256(b"raw").digest() + b"raw"
    with pytest.raises(SnapshotError, match="cannot be read"):
        unpack(state, Meta)


# -- engines ---------------------------------------------------------------------


def state_of(made: object = None) -> bytes:
    one = engine(made)  # type: ignore[arg-type]
    feed(one, records({"a": shifted(1, 200, 20), "b": shifted(2, 220, 0), "status": ["OK"] * 220}))
    return one.snapshot()


def test_an_engine_from_a_snapshot_has_the_same_snapshot() -> None:
    state = state_of()
    assert engine(snapshot=state).snapshot() == state


def test_an_engine_that_has_seen_nothing_has_a_snapshot_too() -> None:
    state = engine().snapshot()
    restored = engine(snapshot=state)
    assert restored.next_offset is None
    assert restored.snapshot() == state


def test_totals_begin_anew() -> None:
    restored = engine(snapshot=state_of())
    stats = restored.stats()
    assert (stats.messages, stats.series, stats.learning, restored.next_offset) == (0, 3, 0, 660)


def test_a_state_of_another_partition_is_refused() -> None:
    with pytest.raises(SnapshotError, match="state of metrics/0, not of this partition"):
        Engine(Partition("metrics", 1), plan(), state_of())


def test_a_state_of_another_configuration_is_refused() -> None:
    with pytest.raises(SnapshotError, match="another configuration"):
        engine(plan(config_hash="ba9876543210"), state_of())


@pytest.mark.parametrize("changes", [{"bins": 7}, {"reference": TRAILING}, {"reference": SEASONAL}, {"windows": BY_TIME}])
def test_a_state_of_other_shapes_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(SnapshotError, match=r"other shapes|lacks"):
        engine(plan(monitor(judged=settings(**changes))), state_of())


def test_a_state_that_lacks_an_array_is_refused() -> None:
    meta, arrays_found = unpack(state_of(), dict[str, object])  # type: ignore[arg-type]
    del arrays_found["0.edges"]
    with pytest.raises(SnapshotError, match=r"lacks '0\.edges'"):
        engine(snapshot=pack(meta, arrays_found))


def test_equal_states_are_equal_bytes_whatever_lies_behind_them() -> None:
    """Series come and go in one engine; the other is restored in between and never saw those that went."""
    made = plan(evict_after_us=3_600_000_000)
    one = engine(made)
    gone = {f"gone{i}": [*shifted(i, 150, 0, 0), *[None] * 250] for i in range(3)}
    text = {"code": ["OK"] * 10 + [None] * 390}
    messages = records(gone | text | {"stays": shifted(7, 300, 100)})
    cut = 760  # minute 300: only "stays" is left
    feed(one, messages[:cut])
    assert one.stats().series == 1
    other = engine(made, one.snapshot())
    newcomers = records({"aa": shifted(9, 150, 20), "zz": shifted(8, 150, 20)}, len(messages), 400)
    for each in (one, other):
        feed(each, [*messages[cut:], *newcomers], range(0, 400, 7))
    assert one.snapshot() == other.snapshot()
    assert one.stats().evicted == 5


def test_who_was_heard_since_the_last_look_is_part_of_the_state() -> None:
    made = plan(evict_after_us=3_600_000_000)
    columns = {"often": [1.0] * 200, "seldom": [1.0 if minute % 50 == 0 else None for minute in range(200)]}
    messages = [*records(columns), record("wrong", 1.0, 10_000, 204), *records(columns, 205, 200)]
    whole = engine(made)
    feed(whole, messages)
    assert (whole.stats().series, whole.stats().evicted) == (3, 0)
    for cut in range(150, 230, 3):
        first = engine(made)
        feed(first, messages[:cut])
        second = engine(made, first.snapshot())
        feed(second, messages[cut:])
        assert (second.snapshot(), second.stats().evicted) == (whole.snapshot(), 0)


def test_of_a_state_that_does_not_say_it_all_were_heard() -> None:
    made = plan(evict_after_us=3_600_000_000)
    one = engine(made)
    feed(one, records({"a": [1.0] * 70, "b": [1.0] * 10 + [None] * 60}))
    meta, arrays = unpack(one.snapshot(), dict[str, object])  # type: ignore[arg-type]
    assert arrays.pop("heard").tolist() == [True, False]
    older = engine(made, pack(meta, arrays))
    _, arrays = unpack(older.snapshot(), dict[str, object])
    assert arrays["heard"].tolist() == [True, True]


def test_a_snapshot_does_not_disturb_its_engine() -> None:
    one, other = engine(), engine()
    messages = records({"a": shifted(1, 300, 40, 60)})
    expected = feed(other, messages)
    events = []
    for i, message in enumerate(messages):
        events += one.receive([message]).events
        if i % 37 == 0:
            one.snapshot()
    assert (events, one.snapshot()) == (expected, other.snapshot())


def test_a_snapshot_holds_only_rows_in_use() -> None:
    one = engine(plan(evict_after_us=3_600_000_000))
    feed(one, records({f"s{i}": [1.0] * 61 for i in range(40)}))
    feed(one, [record("new", 1.0, 500 + 20 * i, 2_440 + i) for i in range(2)])
    assert one.stats().series == 1
    _, arrays = unpack(one.snapshot(), dict[str, object])
    assert len(arrays["0.phase"]) == 1
