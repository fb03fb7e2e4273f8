"""Which library speaks to Kafka: the one that is configured, loaded only then, and asked for by name where it is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

from streamkl.assembly import clients
from streamkl.assembly.clients import KAFKA_PYTHON, client_of
from streamkl.config import KafkaConfig
from streamkl.errors import ConfigError
from tests.conftest import RunningBroker
from tests.system.service import Place, metrics


def test_kafka_python_is_the_default() -> None:
    assert client_of(KafkaConfig(), "") is KAFKA_PYTHON


def test_the_other_one_is_loaded_only_where_it_is_chosen() -> None:
    program = "import sys; from streamkl.assembly.clients import client_of; from streamkl.config import KafkaConfig\n"
    program += "client_of(KafkaConfig(), ''); assert 'confluent_kafka' not in sys.modules\n"
    program += "client_of(KafkaConfig(client='confluent'), ''); assert 'confluent_kafka' in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_library_that_is_not_installed_is_named_with_the_command_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"kafka\.client = .*not installed; pip install 'streamkl\[confluent\]'"):
        client_of(KafkaConfig(client="confluent"), "")


@pytest.mark.broker
@pytest.mark.timeout(300)
def test_a_service_that_reads_through_it_says_what_an_engine_alone_would(broker: RunningBroker, tmp_path: Path) -> None:
    """At least once, with a kill; exactly once is struck in tests/chaos."""
    place = Place(broker.bootstrap, tmp_path, partitions=2, options={"kafka.client": '"confluent"'})
    try:
        place.create("metrics")
        place.publish([*metrics(0, 700), b"{no json", *metrics(700, 30, shift=40.0)])
        place.start()
        place.wait_until_read()
        place.kill()
        place.publish([*metrics(730, 300)])
        place.start()
        place.wait_until_read()
        assert place.stop() == 0
        assert "(saved state)" in place.log()
        assert place.sent() == place.expected()
        assert len(place.sent()) > 2
    finally:
        place.close()
