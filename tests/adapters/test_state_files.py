"""State on disk: what survives, what is refused, and what an attacker of names or bytes can reach."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkl.adapters.state_files import FileStateStore
from streamkl.errors import ConfigError, SinkError, SnapshotError
from streamkl.model import Partition

P0 = Partition("metrics", 0)
P1 = Partition("metrics", 1)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(directory: Path) -> Iterator[FileStateStore]:
    opened = FileStateStore(directory)
    yield opened
    opened.close()


def reopened(store: FileStateStore, directory: Path) -> FileStateStore:
    store.close()
    return FileStateStore(directory)


def test_nothing_saved_is_none(store: FileStateStore) -> None:
    assert store.load(P0) is None


@pytest.mark.parametrize("state", [b"", b"\n", b"\x00\xff\nstreamkl state 1\n", os.urandom(1_000_000)])
def test_a_state_comes_back_byte_for_byte_after_a_restart(store: FileStateStore, directory: Path, state: bytes) -> None:
    store.save(P0, 7, state)
    store.save(P1, 9, b"other")
    again = reopened(store, directory)
    assert again.load(P0) == state
    assert again.load(P1) == b"other"
    again.close()


def test_the_newest_state_wins_and_nothing_else_stays_behind(store: FileStateStore, directory: Path) -> None:
    for offset in range(5):
        store.save(P0, offset, b"state %d" % offset)
    assert store.load(P0) == b"state 4"
    assert sorted(path.name for path in directory.iterdir()) == [".lock", store.path(P0).name]


def test_a_file_says_in_plain_text_what_it_is_and_where_it_belongs(store: FileStateStore) -> None:
    store.save(P0, 1234, b"body")
    first, second, third, body = store.path(P0).read_bytes().split(b"\n", 3)
    assert first == b"streamkl state 1"
    assert second == b'{"topic":"metrics","partition":0,"next_offset":1234}'
    assert len(third) == 64
    assert body == b"body"


def test_only_the_owner_can_read_states_and_their_directory(store: FileStateStore, directory: Path) -> None:
    store.save(P0, 1, b"secret")
    assert stat.S_IMODE(store.path(P0).stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_going_backwards_is_refused_and_leaves_the_later_state(store: FileStateStore) -> None:
    store.save(P0, 10, b"later")
    with pytest.raises(SnapshotError, match="holds the state at offset 10, refusing to go back to 9"):
        store.save(P0, 9, b"earlier")
    assert store.load(P0) == b"later"


def test_going_backwards_is_refused_after_a_restart_even_without_a_load(store: FileStateStore, directory: Path) -> None:
    store.save(P0, 10, b"later")
    again = reopened(store, directory)
    with pytest.raises(SnapshotError, match="refusing to go back to 9"):
        again.save(P0, 9, b"earlier")
    again.close()


def test_the_same_offset_may_be_saved_again(store: FileStateStore) -> None:
    store.save(P0, 10, b"one")
    store.save(P0, 10, b"two")
    assert store.load(P0) == b"two"


def test_every_flipped_bit_and_every_cut_is_noticed_and_names_the_file_and_the_fix(store: FileStateStore) -> None:
    store.save(P0, 10, b"a state of some bytes")
    path = store.path(P0)
    whole = path.read_bytes()
    damaged = [whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :] for at in range(len(whole)) for bit in range(8)]
    damaged += [whole[:at] for at in range(len(whole))]
    damaged += [whole + b"x"]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(SnapshotError) as caught:
            store.load(P0)
        assert str(caught.value).startswith(f"{path}: ")
        assert "move the file away" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_state_of_a_later_version_is_refused_as_such(store: FileStateStore) -> None:
    store.save(P0, 10, b"x")
    path = store.path(P0)
    path.write_bytes(path.read_bytes().replace(b"streamkl state 1\n", b"streamkl state 2\n", 1))
    with pytest.raises(SnapshotError, match="another version of streamkl"):
        store.load(P0)


def test_a_state_of_another_partition_is_refused_though_it_is_whole(store: FileStateStore) -> None:
    store.save(P1, 10, b"x")
    store.path(P1).rename(store.path(P0))
    with pytest.raises(SnapshotError, match="belongs to metrics/1"):
        store.load(P0)


def test_half_a_write_of_a_process_that_died_is_ignored(store: FileStateStore) -> None:
    store.save(P0, 10, b"whole")
    store.path(P0).with_suffix(".tmp").write_bytes(b"streamkl st")
    assert store.load(P0) == b"whole"
    store.save(P0, 11, b"next")
    assert store.load(P0) == b"next"


def test_forked_processes_share_the_directory_and_never_write_into_the_same_file(store: FileStateStore, directory: Path) -> None:
    assert store.load(P0) is None  # as process 0 found it, before another one had the partition and saved
    code = (
        "import sys, pathlib\n"
        "from streamkl.adapters.state_files import FileStateStore\n"
        "from streamkl.model import Partition\n"
        "store = FileStateStore(pathlib.Path(sys.argv[1]))\n"
        "store.be_process(1)\n"
        "store.save(Partition('metrics', 0), 20, b'of process 1')\n"
    )
    (directory / ".lock").unlink()  # what a fork would inherit: the lock is not in its way
    store.be_process(0)
    store.path(P0).with_suffix(".1.tmp").write_bytes(b"streamkl st")  # where 1 was killed while it wrote
    subprocess.run([sys.executable, "-c", code, str(directory)], check=True)
    assert reload_offset(store) == 20
    store.save(P0, 10, b"of process 0")  # as good a state: the records behind it are read again
    assert store.load(P0) == b"of process 0"
    assert not list(directory.glob("*.tmp"))


@pytest.mark.parametrize("suffix", [".state", ".tmp"])
def test_a_planted_symbolic_link_is_not_followed(store: FileStateStore, tmp_path: Path, suffix: str) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    store.path(P0).with_suffix(suffix).symlink_to(victim)
    with pytest.raises((SnapshotError, SinkError)):
        store.save(P0, 1, b"x")
    assert victim.read_bytes() == b"precious"


@given(topic=st.text(max_size=300), partition=st.integers(0, 2**31 - 1))
def test_no_topic_name_leaves_the_directory(tmp_path_factory: pytest.TempPathFactory, topic: str, partition: int) -> None:
    directory = tmp_path_factory.getbasetemp() / "names"
    store = FileStateStore(directory)
    path = store.path(Partition(topic, partition))
    store.close()
    assert path.parent == directory
    assert path.name.isascii()
    assert not path.name.startswith(".")
    assert "/" not in path.name
    assert len(path.name) < 200


def test_names_that_look_alike_have_files_of_their_own(store: FileStateStore) -> None:
    alike = [
        Partition("a.b", 1),
        Partition("a_b", 1),
        Partition("a/b", 1),
        Partition("A.b", 1),
        Partition("a.b", 11),
        Partition("a.b-1", 1),
    ]
    alike += [Partition("x" * 100 + end, 0) for end in "ab"]
    for offset, partition in enumerate(alike):
        store.save(partition, offset, partition.topic.encode())
    assert [store.load(partition) for partition in alike] == [partition.topic.encode() for partition in alike]
    assert len({store.path(partition).name.lower() for partition in alike}) == len(alike)


def test_a_second_process_on_the_directory_is_refused_and_told_who_has_it(store: FileStateStore, directory: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from streamkl.adapters.state_files import FileStateStore\n"
        "from streamkl.errors import ConfigError\n"
        "try:\n    FileStateStore(pathlib.Path(sys.argv[1]))\n"
        "except ConfigError as error:\n    sys.exit(str(error))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(directory)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"state.directory = '{directory}': in use by another streamkl (process {os.getpid()}); give each its own directory"
    )
    store.close()
    done = subprocess.run([sys.executable, "-c", code, str(directory)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_directory_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match=r"state\.directory = .*cannot be written.*choose another"):
        FileStateStore(tmp_path / "file" / "state")


def test_a_disk_that_refuses_is_a_failed_commit_and_keeps_the_state_before(store: FileStateStore) -> None:
    store.save(P0, 1, b"before")
    store.path(P0).with_suffix(".tmp").mkdir()  # what a full or read-only disk would do: the temporary file cannot be written
    with pytest.raises(SinkError, match="cannot be saved"):
        store.save(P0, 2, b"after")
    assert store.load(P0) == b"before"
    assert reload_offset(store) == 1


def reload_offset(store: FileStateStore) -> int:
    """The next offset in the file, read from its text."""
    return int(store.path(P0).read_bytes().split(b'"next_offset":')[1].split(b"}")[0])
