"""SASL OAUTHBEARER over TLS against a real broker, which checks signature, audience and life of each token by the issuer's keys."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from streamkl.adapters.confluent import ConfluentCourier
from streamkl.adapters.kafka import TopicHistory, preflight
from streamkl.adapters.kafka.client import open_client
from streamkl.broker.launcher import Broker, free_port
from streamkl.broker.properties import Node
from streamkl.errors import SinkError, SourceError
from streamkl.model import Outgoing
from streamkl.transport import Cluster
from streamkl.transport.tokens import TokenEndpoint, TokenFile
from tests.adapters.kafka.issuer import AUDIENCE, CLIENT, ISSUER, SECRET, Issuer, serving, write_key_set
from tests.adapters.kafka.secure import certificates

pytestmark = pytest.mark.broker
HANDLER = "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"
LOGIN = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"
REAUTHENTICATE_MS = 3_000


class Guarded(NamedTuple):
    address: str
    plaintext: str
    authority: Path
    issuer: Issuer


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A broker that lets nobody in without a token of the issuer."""
    folder = tmp_path_factory.mktemp("oauth")
    authority, keystore, _ = certificates(folder)
    node, port = Node(1, free_port(), free_port()), free_port()
    listeners = f"PLAINTEXT://127.0.0.1:{node.port},SASL_SSL://127.0.0.1:{port}"
    with serving() as issuer, pytest.MonkeyPatch.context() as patch:
        keys = write_key_set(issuer, folder).as_uri()
        patch.setenv("JAVA_TOOL_OPTIONS", f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={keys}")
        options = {
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{node.controller_port}",
            "advertised.listeners": listeners,
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(keystore),
            "sasl.enabled.mechanisms": "OAUTHBEARER",
            "listener.name.sasl_ssl.oauthbearer.sasl.jaas.config": LOGIN,
            "listener.name.sasl_ssl.oauthbearer.sasl.server.callback.handler.class": HANDLER,
            "listener.name.sasl_ssl.oauthbearer.connections.max.reauth.ms": REAUTHENTICATE_MS,
            "sasl.oauthbearer.jwks.endpoint.url": keys,
            "sasl.oauthbearer.expected.audience": AUDIENCE,
            "sasl.oauthbearer.expected.issuer": ISSUER,
        }
        with Broker(nodes=[node], properties=options) as broker:
            patch.undo()
            yield Guarded(f"127.0.0.1:{port}", broker.bootstrap, authority, issuer)


@pytest.fixture
def issuer(guarded: Guarded) -> Issuer:
    """The issuer as it is by default, with an empty memory."""
    issuer = guarded.issuer
    issuer.life, issuer.audience, issuer.answer = 300.0, AUDIENCE, None
    issuer.asked.clear()
    issuer.given.clear()
    return issuer


def cluster(guarded: Guarded, **changes: Any) -> Cluster:
    settings = {
        "security_protocol": "SASL_SSL",
        "ssl_cafile": guarded.authority,
        "sasl_mechanism": "OAUTHBEARER",
        "sasl_username": CLIENT,
        "sasl_password": SECRET,
        "sasl_oauth_token_url": guarded.issuer.url,
        "sasl_oauth_scope": "kafka",
    }
    return Cluster(bootstrap_servers=(guarded.address,), client_id="test", **(settings | changes))


def problems(us: Cluster) -> list[str]:
    return preflight(us, group_id="group", topics=("metrics",), topic_pattern="", output_topics=(), create_missing=False)


def create(guarded: Guarded, name: str) -> str:
    with KafkaAdminClient(bootstrap_servers=guarded.plaintext) as admin:
        admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1}})
        admin.wait_for_topics([name])
    return name


def test_a_token_of_the_issuer_opens_the_door_and_is_renewed_while_it_is_used(guarded: Guarded, issuer: Issuer) -> None:
    topic = create(guarded, "renewed")
    issuer.life = 8.0  # no less: a broker takes no second login within a second, and a token is used until a fifth of its life is left
    producer = open_client(KafkaProducer, cluster(guarded), SinkError, acks="all")
    try:
        until = time.monotonic() + 3 * REAUTHENTICATE_MS / 1_000
        count = 0
        while time.monotonic() < until:
            producer.send(topic, b"%d" % count).get(timeout=10)
            count += 1
            time.sleep(0.1)
    finally:
        producer.close()
    assert issuer.asked[0] == {"grant_type": ["client_credentials"], "scope": ["kafka"]}
    assert len(set(issuer.given)) > 1
    issuer.life = 300.0
    with TopicHistory(cluster(guarded), topic) as past:
        assert [message.value for _, messages in past.batches() for message in messages] == [b"%d" % n for n in range(count)]


def test_confluent_is_given_tokens_while_it_uses_them(guarded: Guarded, issuer: Issuer) -> None:
    topic = create(guarded, "renewed-too")
    issuer.life = 8.0
    courier = ConfluentCourier(cluster(guarded))
    until = time.monotonic() + 3 * REAUTHENTICATE_MS / 1_000
    count = 0
    while time.monotonic() < until:
        courier.deliver([Outgoing(topic, None, b"%d" % count, ())])
        count += 1
        time.sleep(0.1)
    courier.close()
    assert len(set(issuer.given)) > 1
    issuer.life = 300.0
    with TopicHistory(cluster(guarded), topic) as past:
        assert [message.value for _, messages in past.batches() for message in messages] == [b"%d" % n for n in range(count)]


def test_a_file_with_a_token_opens_it_too_and_may_change(guarded: Guarded, issuer: Issuer, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(issuer.token() + "\n")
    us = cluster(
        guarded, sasl_oauth_token_url=None, sasl_oauth_scope=None, sasl_oauth_token_path=path, sasl_username=None, sasl_password=None
    )
    assert problems(us) == ["topic metrics: does not exist: create it, or correct kafka.topics"]
    path.write_text("forged.token.here")
    assert "refuses our token" in problems(us)[0]
    path.write_text(issuer.token() + "\n")
    assert problems(us) == ["topic metrics: does not exist: create it, or correct kafka.topics"]
    path.unlink()
    (problem,) = problems(us)
    assert problem == f"kafka.sasl_oauth_token_path = {str(path)!r}: No such file or directory"
    assert issuer.asked == []


@pytest.mark.parametrize(("what", "value"), [("audience", "another"), ("life", -60.0)])
def test_a_token_that_the_broker_refuses_is_one_line(guarded: Guarded, issuer: Issuer, what: str, value: Any) -> None:
    setattr(issuer, what, value)
    (problem,) = problems(cluster(guarded))
    assert problem.startswith(f"{guarded.address} refuses our token: check its audience, scope and life")
    assert SECRET not in problem
    assert not any(token in problem for token in issuer.given)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, b"canary-oauth-secret"), "answers 401: check kafka.sasl_username and kafka.sasl_password"),
        ((302, b""), "answers 302: check"),
        ((200, b"<html>"), "its answer is no JSON"),
        ((200, b"[]"), "its answer holds no usable token"),
        ((200, b'{"access_token": "a\\u0001auth=x"}'), "its answer holds no usable token"),
        ((200, b'{"access_token": "x", "expires_in": "soon"}'), "its answer holds no usable token"),
    ],
)
def test_an_issuer_that_gives_no_token_is_one_line_without_secrets(
    guarded: Guarded, issuer: Issuer, answer: tuple[int, bytes], said: str
) -> None:
    issuer.answer = answer
    (problem,) = problems(cluster(guarded))
    assert problem.startswith(f"kafka.sasl_oauth_token_url = {issuer.url!r}: {said}")
    assert len(issuer.asked) == 1
    assert "canary" not in problem


def test_an_issuer_that_is_away_is_waited_for(guarded: Guarded) -> None:
    us = cluster(guarded, sasl_oauth_token_url=f"http://127.0.0.1:{free_port()}/token")
    with pytest.raises(SourceError, match="cannot be reached") as refusal:
        open_client(KafkaAdminClient, us, SourceError)
    assert refusal.value.transient


def test_a_token_is_kept_until_most_of_its_life_is_over(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr("streamkl.transport.tokens.time.monotonic", lambda: now[0])
    issuer.life = 100.0
    provider = TokenEndpoint(issuer.url, CLIENT, SECRET, None)
    assert provider.token() == provider.token() == issuer.given[0]
    now[0] += 79.0
    provider.token()
    assert len(issuer.given) == 1
    now[0] += 2.0
    provider.token()
    assert len(issuer.given) == 2
    assert issuer.asked[0] == {"grant_type": ["client_credentials"]}


def test_a_token_is_given_as_long_as_it_lives_where_there_is_no_other(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr("streamkl.transport.tokens.time.monotonic", lambda: now[0])
    issuer.life = 100.0
    provider = TokenEndpoint(issuer.url, CLIENT, SECRET, None)
    token = provider.token()
    issuer.answer = (503, b"")
    now[0] += 99.0
    assert provider.token() == token
    assert provider.seconds() == pytest.approx(1.0)
    now[0] += 1.0
    with pytest.raises(SourceError, match="answers 503"):
        provider.token()
    issuer.answer = None
    assert provider.token() == issuer.given[1]
    assert provider.seconds() == pytest.approx(100.0)


def test_nothing_secret_is_in_a_representation(tmp_path: Path, guarded: Guarded) -> None:
    (tmp_path / "token").write_text("canary-token")
    shown = f"{cluster(guarded)!r} {TokenEndpoint('https://x', CLIENT, SECRET, None)!r} {TokenFile(tmp_path / 'token')!r}"
    assert "canary" not in shown
