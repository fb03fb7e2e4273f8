"""What a supervisor decides, and what is each process's own."""

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkl.assembly.member import check_count, of_process
from streamkl.config import Config
from streamkl.errors import ConfigError
from streamkl.processes.decisions import LONGEST_PAUSE_SECONDS, ends_in_a_row, idle, in_words, pause_seconds, verdict


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGABRT])
def test_who_was_killed_is_started_again(number: signal.Signals) -> None:
    assert verdict(-number) is None
    assert number.name in in_words(-number)


@given(st.integers(1, 127))
def test_who_gives_up_ends_all_with_its_own_code(code: int) -> None:
    assert verdict(code) == code
    assert str(code) in in_words(code)


@given(st.integers(1, 10_000))
def test_pauses_grow_and_have_an_end(ends: int) -> None:
    assert 0 < pause_seconds(ends) <= pause_seconds(ends + 1) <= LONGEST_PAUSE_SECONDS


def test_a_process_that_always_dies_is_started_less_and_less_often_until_it_has_lived() -> None:
    ends, pauses = 0, []
    for lived in [0.1] * 8 + [61.0, 0.1]:
        ends = ends_in_a_row(ends, lived)
        pauses.append(pause_seconds(ends))
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 0.5, 1]


@given(count=st.integers(1, 256), partitions=st.integers(0, 1000))
def test_idle_processes_are_told_of_and_counted(count: int, partitions: int) -> None:
    assert bool(idle(count, partitions)) == (0 < partitions < count)
    if 0 < partitions < count:
        assert f"{count - partitions} process" in idle(count, partitions)


def test_each_process_has_a_name_and_a_port_of_its_own_and_nothing_else() -> None:
    config = Config.model_validate({"kafka": {"group_instance_id": "db7"}, "http": {"port": 9000}})
    own = [of_process(config, number) for number in range(3)]
    assert [each.kafka.group_instance_id for each in own] == ["db7-0", "db7-1", "db7-2"]
    assert [each.http.port for each in own] == [9000, 9001, 9002]
    undone = {"kafka": own[2].kafka.model_copy(update={"group_instance_id": "db7"}), "http": config.http}
    assert own[2].model_copy(update=undone) == config


def test_no_http_stays_no_http_and_the_host_stands_in_for_a_name() -> None:
    own = of_process(Config.model_validate({"http": {"port": 0}}), 3, "host")
    assert (own.http.port, own.kafka.group_instance_id) == (0, "host-3")


def test_names_and_ports_that_cannot_be_are_mistakes_with_their_fix() -> None:
    config = Config.model_validate({"kafka": {"group_instance_id": "x" * 248}, "http": {"port": 65_533}})
    check_count(config.model_copy(update={"kafka": Config().kafka}), 3)
    with pytest.raises(ConfigError) as caught:
        check_count(config, 4)
    name, port = caught.value.problems
    assert name.startswith("kafka.group_instance_id = ")
    assert name.endswith("250 characters; 249 are allowed")
    assert port == "http.port = 65533: with --processes 4 the last process would listen on 65536; choose at most 65532, or 0 for none"
