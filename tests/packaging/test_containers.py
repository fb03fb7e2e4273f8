"""The Dockerfile and the compose file without a container engine: their form, their promises, and their commands run for real."""

import ipaddress
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = YAML(typ="safe").load(ROOT / "docker-compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def instructions(stage: int | None = None) -> list[tuple[str, str]]:
    """(instruction, rest) of the Dockerfile, lines that go on joined; of one stage, or of all."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    found = [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line and not line.startswith("#")]
    starts = [number for number, (word, _) in enumerate(found) if word == "FROM"] + [len(found)]
    return found if stage is None else found[starts[stage] : starts[stage + 1]]


def commands(stage: int | None = None) -> list[str]:
    return [rest for word, rest in instructions(stage) if word == "RUN"]


def run(*command: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)


def copy(what: Path, into: Path) -> None:
    """As COPY does: a folder's content into a folder, a file into a folder."""
    if what.is_dir():
        shutil.copytree(what, into, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        into.mkdir(parents=True, exist_ok=True)
        shutil.copy2(what, into)


def test_the_compose_file_follows_the_compose_specification() -> None:
    checked = run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_expected_services_are_there() -> None:
    assert set(SERVICES) == {"kafka", "topics", "streamkl", "web", "publisher", "watch"}
    assert set(OURS) == {"streamkl", "web", "publisher", "watch"}


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        host, _, _ = port.rpartition(":")[0].rpartition(":")
        assert ipaddress.ip_address(host).is_loopback, port
    assert "network_mode" not in SERVICES[name]


@pytest.mark.parametrize("name", OURS)
def test_our_containers_can_do_nothing_that_they_need_not(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108  # a path inside the container
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["user"].partition(":")[0]) > 0
    assert {"privileged", "cap_add", "devices", "pid"}.isdisjoint(service)


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned_or_built_here(name: str) -> None:
    service = SERVICES[name]
    assert "build" in service or re.fullmatch(r"apache/kafka:\d+\.\d+\.\d+", service["image"])


def test_nothing_has_a_password_that_everybody_knows() -> None:
    assert not re.search(r"passw|secret|jaas|sasl", "\n".join(f"{service}" for service in SERVICES.values()), re.IGNORECASE)


def test_dependencies_are_services_and_their_health_is_checked() -> None:
    for service in SERVICES.values():
        for name, needed in service.get("depends_on", {}).items():
            assert needed["condition"] != "service_healthy" or "healthcheck" in SERVICES[name]


def test_the_topics_are_those_that_streamkl_reads_and_writes_by_default() -> None:
    from streamkl.config import KafkaConfig  # noqa: PLC0415  # the file above names them in a shell loop

    kafka = KafkaConfig()
    (loop,) = re.findall(r"for topic in (.*); do", SERVICES["topics"]["command"][-1])
    assert loop.split() == [*kafka.topics, kafka.events_topic, kafka.dead_letter_topic]


@pytest.mark.parametrize("name", OURS)
def test_the_commands_of_our_containers_are_understood(name: str) -> None:
    service = SERVICES[name]
    entry = service.get("entrypoint", ["python", "-m", "streamkl"])
    words = [sys.executable, *entry[1:], *service.get("command", [])]
    helped = run(*words, "--help")
    assert helped.returncode == 0, helped.stderr
    for option in (word for word in service.get("command", []) if word.startswith("--")):
        assert option in helped.stdout


def test_every_command_of_the_dockerfile_is_one_of_the_makefile() -> None:
    assert commands()
    for command in commands():
        program, target, *variables = shlex.split(command)
        assert program == "make"
        assert target in TARGETS
        assert all(re.fullmatch(r"[A-Z]+=[\w/.-]+", variable) for variable in variables)


def test_the_image_runs_as_nobody_special_and_copies_only_what_is_there() -> None:
    last = instructions(1)
    assert ("USER", "10001:10001") in last
    for word, rest in instructions():
        if word == "COPY" and "--from" not in rest:
            assert all((ROOT / source).exists() for source in rest.split()[:-1])


def test_images_are_pinned() -> None:
    images = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert [re.fullmatch(r"python:(\d+\.\d+\.\d+)(-slim)?-bookworm", image)[1] for image in images] == ["3.13.9", "3.13.9"]


@pytest.mark.timeout(600)
def test_the_first_stage_builds_and_its_result_runs_on_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_COMPILE", "1")  # what runs once needs no compiled files
    source, target = tmp_path / "src", tmp_path / "streamkl"
    for word, rest in instructions(0):
        if word == "COPY":
            *names, into = rest.split()
            for name in names:
                copy(ROOT / name, source / into)
    (command,) = commands(0)
    built = run(*shlex.split(command.replace("/opt/streamkl", str(target))), folder=source)
    assert built.returncode == 0, built.stdout + built.stderr
    shutil.rmtree(source)  # an editable install would fail from here on
    checked = run(f"{target}/bin/streamkl", "check", str(ROOT / "config" / "streamkl.toml"), folder=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
