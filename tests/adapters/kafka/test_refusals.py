"""Every way a cluster can refuse us is one line that says what is wrong and what to do, and leaves nothing open."""

import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import ACLOperation, KafkaAdminClient, ResourceType

from streamkl.adapters.kafka import options, preflight
from streamkl.assembly.clients import Client, client_of
from streamkl.config import KafkaConfig
from streamkl.errors import ConfigError, SinkError, SourceError
from streamkl.model import Outgoing
from streamkl.transport import Cluster
from tests.adapters.kafka.places import OnKafka, with_both
from tests.adapters.kafka.reading import from_the_start, take, wait_until
from tests.adapters.kafka.secure import CANARY, PASSWORD, USER, Secured, permit
from tests.fakes import MemoryStore

pytestmark = pytest.mark.broker


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "BOOTSTRAP_TIMEOUT_MS", 2_000)


def check(*servers: str, topics: tuple[str, ...] = ("metrics",), **settings: Any) -> list[str]:
    """The problems of a preflight that creates nothing."""
    return preflight(
        Cluster(bootstrap_servers=servers, client_id="test", **settings),
        group_id="group",
        topics=topics,
        topic_pattern=settings.pop("topic_pattern", ""),
        output_topics=(),
        create_missing=False,
    )


def only(problems: list[str]) -> str:
    (problem,) = problems
    assert "\n" not in problem
    return problem


def kind_of(client: str) -> Client:
    return client_of(KafkaConfig(client=client), "")  # type: ignore[arg-type]


PASSWORDS = {"sasl_mechanism": "PLAIN", "sasl_username": USER, "sasl_password": PASSWORD}


def test_a_port_where_nothing_listens() -> None:
    assert "127.0.0.1:1 refuses the connection" in only(check("127.0.0.1:1"))


def test_a_host_that_does_not_exist() -> None:
    assert "no.such.host.invalid:9092 is not a known host name" in only(check("no.such.host.invalid"))


def test_one_reachable_server_of_several_is_enough(kafka_place: OnKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the library tries them in any order
    assert check("127.0.0.1:1", kafka_place.bootstrap, topics=(kafka_place.topic(),)) == []


@pytest.mark.parametrize("server", ["", "http://broker:9092", "broker:port", "user@broker:9092", "broker:9092/topic"])
def test_an_address_that_is_none_names_the_field(server: str) -> None:
    assert only(check(server)).startswith(f"kafka.bootstrap_servers = {server!r}: write host:port")


def test_a_listener_that_wants_a_password_and_nothing_stays_open_after_the_refusal(secured: Secured) -> None:
    before = set(threading.enumerate())
    problem = only(check(secured.sasl_plaintext))
    assert set(threading.enumerate()) == before
    assert problem.startswith(f"{secured.sasl_plaintext} accepts connections, but no Kafka client over PLAINTEXT")


def test_tls_with_the_right_authority_works(secured: Secured) -> None:
    assert check(secured.ssl, topics=("nope",), security_protocol="SSL", ssl_cafile=secured.authority) == [
        "topic nope: does not exist: create it, or correct kafka.topics"
    ]


def test_tls_with_a_foreign_or_no_authority_is_refused(secured: Secured) -> None:
    for settings in ({"ssl_cafile": secured.stranger}, {}):
        problem = only(check(secured.ssl, security_protocol="SSL", **settings))
        assert "certificate that is not trusted" in problem
        assert "kafka.ssl_cafile" in problem


def test_tls_to_another_host_name_than_the_certificates_is_refused(secured: Secured) -> None:
    server = secured.ssl.replace("127.0.0.1", "localhost")
    problem = only(check(server, security_protocol="SSL", ssl_cafile=secured.authority))
    assert "certificate that is not trusted (Hostname mismatch" in problem


def test_tls_to_a_plain_listener_and_plain_to_a_tls_listener(secured: Secured) -> None:
    problem = only(check(secured.plaintext, security_protocol="SSL", ssl_cafile=secured.authority))
    assert f"{secured.plaintext} does not speak TLS" in problem
    assert "speaks TLS, but kafka.security_protocol is PLAINTEXT: set it to SSL or SASL_SSL" in only(check(secured.ssl))


def test_certificate_files_that_are_missing_or_no_certificates(tmp_path: Path) -> None:
    absent, nonsense = tmp_path / "absent.pem", tmp_path / "nonsense.pem"
    nonsense.write_text("nothing")
    for path in (absent, nonsense):
        problem = only(check("127.0.0.1:1", security_protocol="SSL", ssl_cafile=path))
        assert problem.startswith(f"kafka.ssl_cafile = '{path}': not a readable PEM file")
        problem = only(check("127.0.0.1:1", security_protocol="SSL", ssl_certfile=path))
        assert problem.startswith(f"kafka.ssl_certfile = '{path}': cannot be loaded")


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_the_right_password_works_and_a_wrong_one_is_refused_and_never_shown(
    secured: Secured, mechanism: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = {"security_protocol": "SASL_SSL", "ssl_cafile": secured.authority, "sasl_mechanism": mechanism, "sasl_username": USER}
    permitted = check(secured.sasl_ssl, **settings, sasl_password=PASSWORD)
    assert permitted[0] == "topic metrics: no permission: grant our user Read on it (if it exists)"
    problem = only(check(secured.sasl_ssl, **settings, sasl_password=CANARY))
    assert problem == (
        f"{secured.sasl_ssl} refuses user 'alice' ({mechanism}): check kafka.sasl_username, kafka.sasl_password and kafka.sasl_mechanism"
    )
    shown = caplog.text + "".join(capfd.readouterr())
    assert CANARY not in shown
    assert PASSWORD not in shown


@with_both
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_records_go_out_and_come_back_over_tls_with_a_password(secured: Secured, mechanism: str, client: str, topic_name: str) -> None:
    with KafkaAdminClient(bootstrap_servers=secured.plaintext) as admin:
        admin.create_topics({topic_name: {}}, wait_for_metadata=True)
        permit(admin, ResourceType.TOPIC, topic_name, ACLOperation.READ, ACLOperation.WRITE)
        permit(admin, ResourceType.GROUP, "over-tls", ACLOperation.READ)
    login = {"sasl_mechanism": mechanism, "sasl_username": USER, "sasl_password": PASSWORD}
    us = Cluster((secured.sasl_ssl,), "test", security_protocol="SASL_SSL", ssl_cafile=secured.authority, **login)
    kind = kind_of(client)
    courier = kind.courier(us)
    courier.deliver([Outgoing(topic_name, b"k", b"v", ())])
    courier.close()
    options = {"topics": (topic_name,), "topic_pattern": "", "excluded_topics": (), "session_timeout_seconds": 6.0}
    source = kind.source(kind.session(us, group_id="over-tls", **options))
    from_the_start(source)
    ((message,),) = take(source, 1).values()
    assert (message.key, message.value) == (b"k", b"v")
    source.close()


def test_permissions_that_are_missing_are_named_one_by_one(secured: Secured) -> None:
    with KafkaAdminClient(bootstrap_servers=secured.plaintext) as admin:
        admin.create_topics({"in": {}, "out": {}}, wait_for_metadata=True)
        permit(admin, ResourceType.TOPIC, "in", ACLOperation.DESCRIBE)
        permit(admin, ResourceType.TOPIC, "out", ACLOperation.READ)
    us = Cluster(bootstrap_servers=(secured.sasl_plaintext,), client_id="test", security_protocol="SASL_PLAINTEXT", **PASSWORDS)
    assert preflight(us, group_id="g", topics=("in",), topic_pattern="", output_topics=("out", "new"), create_missing=True) == [
        "topic in: no permission: grant our user Read on it (if it exists)",
        "topic out: no permission: grant our user Write on it (if it exists)",
        "topic new: no permission: grant our user Write on it (if it exists)",
        "group g: no permission: grant our user Read on the group",
    ]


@with_both
def test_reading_without_permission_halts_with_the_topic_or_the_group_named(secured: Secured, client: str) -> None:
    with KafkaAdminClient(bootstrap_servers=secured.plaintext) as admin:
        admin.create_topics({"hidden": {}, "shown": {}}, wait_for_metadata=True, raise_errors=False)
        permit(admin, ResourceType.TOPIC, "shown", ACLOperation.READ)
        permit(admin, ResourceType.GROUP, "ours", ACLOperation.READ)
    us = Cluster(bootstrap_servers=(secured.sasl_plaintext,), client_id="test", security_protocol="SASL_PLAINTEXT", **PASSWORDS)
    for group, topic, words in (
        ("theirs", "shown", "no permission for the consumer group"),
        ("ours", "hidden", "no permission for the topic"),
    ):
        kind = kind_of(client)
        source = kind.source(
            kind.session(us, group_id=group, topics=(topic,), topic_pattern="", excluded_topics=(), session_timeout_seconds=6.0)
        )
        with pytest.raises(SourceError, match=words):
            wait_until(lambda: False, source)
        source.close()


def test_missing_output_topics_are_created_or_reported(kafka_place: OnKafka, topic_name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    us = Cluster(bootstrap_servers=(kafka_place.bootstrap,), client_id="test")
    settings: dict[str, Any] = {"group_id": "g", "topics": (kafka_place.topic(),), "topic_pattern": "", "output_topics": (topic_name,)}
    assert preflight(us, **settings, create_missing=False) == [f"topic {topic_name}: does not exist: create it"]
    assert preflight(us, **settings, create_missing=True) == []
    assert f"topic {topic_name} did not exist: created with 3 partitions" in caplog.text
    assert preflight(us, **settings, create_missing=False) == []


def test_the_state_topic_is_created_compacted_and_refused_otherwise(kafka_place: OnKafka, topic_name: str) -> None:
    us = Cluster(bootstrap_servers=(kafka_place.bootstrap,), client_id="test")
    settings: dict[str, Any] = {"group_id": "g", "topics": (kafka_place.topic(),), "topic_pattern": "", "output_topics": ()}
    assert preflight(us, **settings, create_missing=False, state_topic=topic_name) == [f"topic {topic_name}: does not exist: create it"]
    for create in (True, False):
        assert preflight(us, **settings, create_missing=create, state_topic=topic_name) == []
    assert only(preflight(us, **settings, create_missing=True, state_topic=kafka_place.topic())).endswith(
        "has cleanup.policy = delete, by which state would be lost: set it to compact"
    )


@with_both
def test_exactly_once_needs_the_state_topic_and_the_transactional_id(secured: Secured, client: str) -> None:
    with KafkaAdminClient(bootstrap_servers=secured.plaintext) as admin:
        admin.create_topics({"exact-in": {}, "exact-state": {}, "hidden-state": {}}, wait_for_metadata=True, raise_errors=False)
        permit(admin, ResourceType.TOPIC, "exact-in", ACLOperation.READ)
        permit(admin, ResourceType.GROUP, "exact", ACLOperation.READ)
        for operation in (ACLOperation.READ, ACLOperation.WRITE):
            permit(admin, ResourceType.TOPIC, "exact-state", operation)
        permit(admin, ResourceType.TOPIC, "hidden-state", ACLOperation.WRITE)
    us = Cluster(bootstrap_servers=(secured.sasl_plaintext,), client_id="test", security_protocol="SASL_PLAINTEXT", **PASSWORDS)
    settings: dict[str, Any] = {"group_id": "exact", "topics": ("exact-in",), "topic_pattern": "", "output_topics": ()}
    assert preflight(us, **settings, create_missing=False, state_topic="exact-state") == []
    assert only(preflight(us, **settings, create_missing=False, state_topic="hidden-state")) == (
        "topic hidden-state: no permission: grant our user Read on it (if it exists)"
    )
    transactor = kind_of(client).transactor(us, "streamkl-exact-one")
    with pytest.raises(SinkError, match="no permission for the transactional id") as caught:
        transactor.open()
    assert not caught.value.transient


def test_settings_that_we_may_not_ask_for_are_taken_for_granted_and_refused_once_we_may(
    secured: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with KafkaAdminClient(bootstrap_servers=secured.plaintext) as admin:
        admin.create_topics({"asked-in": {}, "asked-state": {}}, wait_for_metadata=True)
        permit(admin, ResourceType.TOPIC, "asked-in", ACLOperation.READ)
        permit(admin, ResourceType.GROUP, "asked", ACLOperation.READ)
        permit(admin, ResourceType.TOPIC, "asked-state", ACLOperation.READ, ACLOperation.WRITE)
        us = Cluster(bootstrap_servers=(secured.sasl_plaintext,), client_id="test", security_protocol="SASL_PLAINTEXT", **PASSWORDS)
        settings: dict[str, Any] = {"group_id": "asked", "topics": ("asked-in",), "topic_pattern": "", "output_topics": ()}
        assert preflight(us, **settings, create_missing=False, state_topic="asked-state") == []
        assert "topic asked-state: whether it is compacted (cleanup.policy) is not shown to our user" in caplog.text
        permit(admin, ResourceType.TOPIC, "asked-state", ACLOperation.DESCRIBE_CONFIGS)
    assert only(preflight(us, **settings, create_missing=False, state_topic="asked-state")) == (
        "topic asked-state: has cleanup.policy = delete, by which state would be lost: set it to compact"
    )


def test_a_pattern_needs_a_topic_that_is_not_our_own_output(kafka_place: OnKafka, topic_name: str) -> None:
    us = Cluster(bootstrap_servers=(kafka_place.bootstrap,), client_id="test")
    dead = kafka_place.topic(name=f"{topic_name}.dead")
    settings: dict[str, Any] = {"group_id": "g", "topics": (), "topic_pattern": rf"{topic_name}.*", "output_topics": (dead,)}
    assert "no topic matches kafka.topic_pattern" in only(preflight(us, **settings, create_missing=False))
    kafka_place.topic(name=f"{topic_name}.a")
    assert preflight(us, **settings, create_missing=False) == []


def test_a_pattern_that_is_no_expression_names_the_field() -> None:
    us = Cluster(bootstrap_servers=("127.0.0.1:1",), client_id="test")
    problem = only(preflight(us, group_id="g", topics=(), topic_pattern="(", output_topics=(), create_missing=False))
    assert problem.startswith("kafka.topic_pattern = '(': not a regular expression")


def test_reading_what_we_write_ourselves_is_refused(kafka_place: OnKafka, group: str) -> None:
    with pytest.raises(ConfigError, match=r"kafka\.topics"):
        kafka_place.join(group, MemoryStore(), topics=("metrics", "anomalies"), excluded_topics=("anomalies",))


@with_both
def test_a_session_timeout_that_the_broker_does_not_allow_names_the_field(kafka_place: OnKafka, group: str) -> None:
    us = Cluster(bootstrap_servers=(kafka_place.bootstrap,), client_id="test")
    session = kafka_place.client.session(
        us, group_id=group, topics=(kafka_place.topic(),), topic_pattern="", excluded_topics=(), session_timeout_seconds=0.5
    )
    source = kafka_place.client.source(session)
    with pytest.raises(SourceError, match=r"kafka\.session_timeout_seconds"):
        wait_until(lambda: False, source)
    source.close()
