"""A small helping of what `python -m tests.fuzz` does for hours, and that it would find what it looks for."""

import random
from pathlib import Path

import pytest

from streamkl.engine.codec import Codec
from tests.fuzz import chunks, configs, records
from tests.fuzz.mutations import flip, mutate


@pytest.mark.parametrize("name", records.MAPPINGS)
def test_every_record_is_accounted_for(name: str) -> None:
    done = records.fuzz(name, seed=1, count=4_000)
    assert done.accepted > 0
    assert done.rejected > 1_000
    assert done.held_back > 0
    assert len(done.reasons) >= 5


def test_every_changed_chunk_is_found() -> None:
    done = chunks.fuzz(seed=1, count=4_000)
    assert done["refused"] > 2_000
    assert done["resealed and refused"] > 300
    assert chunks.flips(chunks.corpus()[1]) > 1_000


def test_every_changed_configuration_is_valid_or_refused(tmp_path: Path) -> None:
    done = configs.fuzz(seed=1, count=250, folder=tmp_path)
    assert done["refused"] > 50
    assert done["valid"] > 10
    assert done["problems"] >= done["refused"]


def test_a_record_that_is_lost_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    decode = Codec.decode

    def forgetful(self: Codec, messages: list[records.Message]) -> object:
        decoded = decode(self, messages)
        del decoded.rejected[:1]
        return decoded

    monkeypatch.setattr(Codec, "decode", forgetful)
    with pytest.raises(
        AssertionError, match="flat, seed 1, offsets 0 to 499: AssertionError: a record that is neither judged nor rejected"
    ):
        records.fuzz("flat", seed=1, count=1_000)


def test_a_bit_that_is_not_found_would_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.chunks.chunks.read", lambda _raw: None)
    with pytest.raises(AssertionError, match="bit 0: a change was not found"):
        chunks.flips(b"x")


def test_a_surprise_would_be_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("surprise")

    monkeypatch.setattr("tests.fuzz.chunks.chunks.read", fails)
    monkeypatch.setattr(configs, "load", fails)
    with pytest.raises(AssertionError, match="seed 3, number 0: ZeroDivisionError: surprise"):
        chunks.fuzz(seed=3, count=1)
    with pytest.raises(AssertionError, match="ZeroDivisionError: surprise"):
        configs.fuzz(seed=3, count=2, folder=tmp_path)


def test_mutations_change_and_are_the_same_for_the_same_seed() -> None:
    raw = b'{"series": "a", "timestamp": 1700000000, "value": 0.25}'
    one, other = random.Random(5), random.Random(5)  # noqa: S311 - no secret
    made = [mutate(raw, one, [b"other"]) for _ in range(500)]
    assert made == [mutate(raw, other, [b"other"]) for _ in range(500)]
    assert len(set(made)) > 400
    assert flip(flip(raw, 17), 17) == raw != flip(raw, 17)
