"""No broker starts on jars that are not the committed ones."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from streamkl.broker.fetch import class_path
from streamkl.broker.jars import Jar, jars_folder, locked, verify
from streamkl.errors import BrokerError


@pytest.fixture
def trusted(tmp_path: Path) -> tuple[Path, tuple[Jar, ...]]:
    """Two files and the list that locks them."""
    contents = {"org.example:first:1.0": b"first", "org.example:second:2.0": b"second"}
    jars = tuple(Jar(name, len(content), hashlib.sha256(content).hexdigest()) for name, content in contents.items())
    for jar in jars:
        (tmp_path / jar.file).write_bytes(contents[jar.coordinate])
    return tmp_path, jars


def test_the_locked_jars_make_the_class_path_in_the_order_of_the_list(trusted: tuple[Path, tuple[Jar, ...]]) -> None:
    folder, jars = trusted
    assert verify(folder, jars) == [folder / "first-1.0.jar", folder / "second-2.0.jar"]


def test_an_altered_jar_is_refused_by_name(trusted: tuple[Path, tuple[Jar, ...]]) -> None:
    folder, jars = trusted
    (folder / "second-2.0.jar").write_bytes(b"Second")
    with pytest.raises(BrokerError, match=r"second-2\.0\.jar is not the locked one") as caught:
        verify(folder, jars)
    assert "first-1.0.jar" not in str(caught.value)


def test_a_missing_jar_is_refused_by_name(trusted: tuple[Path, tuple[Jar, ...]]) -> None:
    folder, jars = trusted
    (folder / "first-1.0.jar").unlink()
    with pytest.raises(BrokerError, match=r"first-1\.0\.jar is missing"):
        verify(folder, jars)


def test_a_jar_that_is_not_in_the_list_is_refused_by_name(trusted: tuple[Path, tuple[Jar, ...]]) -> None:
    folder, jars = trusted
    (folder / "stowaway-1.0.jar").write_bytes(b"")
    with pytest.raises(BrokerError, match=r"stowaway-1\.0\.jar is not in the list"):
        verify(folder, jars)


def test_the_committed_list_holds_the_whole_broker_once() -> None:
    jars = locked()
    assert jars[0].coordinate == "org.apache.kafka:kafka_2.13:4.3.1"
    assert len({jar.file for jar in jars}) == len(jars) == 46
    assert all(len(jar.sha256) == 64 and int(jar.sha256, 16) for jar in jars)


@pytest.mark.broker
def test_a_broker_does_not_start_on_a_tampered_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = class_path()[0].parent
    monkeypatch.setenv("STREAMKL_CACHE", str(tmp_path))
    shutil.copytree(real, jars_folder(), copy_function=os.link)
    victim = jars_folder() / "kafka-raft-4.3.1.jar"
    content = victim.read_bytes()
    victim.unlink()
    victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    result = subprocess.run(
        [sys.executable, "-c", "from streamkl.broker.launcher import Broker; Broker().start()"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "BrokerError" in result.stderr
    assert "kafka-raft-4.3.1.jar is not the locked one" in result.stderr


@pytest.mark.broker
def test_a_missing_jar_is_fetched_by_one_of_two_processes_on_a_machine_without_java_or_a_home(tmp_path: Path) -> None:
    real = class_path()[0].parent
    cache = tmp_path / "cache"
    folder = cache / "broker" / real.name
    shutil.copytree(real, folder, copy_function=os.link)
    missing = "slf4j-simple-1.7.36.jar"
    (folder / missing).unlink()
    environment = {key: value for key, value in os.environ.items() if "proxy" in key.lower() or key.endswith(("_CERT", "_CA_BUNDLE"))}
    environment |= {"HOME": str(tmp_path), "PATH": "", "STREAMKL_CACHE": str(cache)}
    command = [sys.executable, "-c", "from streamkl.broker.fetch import class_path; print(len(class_path()))"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [output for output, _ in outputs] == ["46\n", "46\n"]
    assert sum(errors.count("Fetching Apache Kafka, once: 1 jars") for _, errors in outputs) == 1
    assert verify(folder, locked())
    assert sorted(path.name for path in (cache / "broker").iterdir()) == [real.name, "lock"]
