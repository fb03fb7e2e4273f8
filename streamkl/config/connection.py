"""Where records come from and events go to: the broker, the topics, the consumer group, and how to be let in."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from streamkl.config.kinds import Pattern, Real, Servers, TokenUrl, Topic, Topics, Unit
from streamkl.config.section import Mistake, Section


class KafkaConfig(Section):
    """The broker, the topics and the consumer group."""

    client: Literal["kafka-python", "confluent"] = "kafka-python"
    """Library that `streamkl run` reads and writes through. `confluent` is librdkafka, and has to be installed: `pip install
    'streamkl[confluent]'`. Neither makes streamkl quicker than the other: the detector is what takes the time."""
    bootstrap_servers: Servers = ("localhost:9092",)
    """Brokers to ask first."""
    group_id: Annotated[str, Field(min_length=1, max_length=249)] = "streamkl"
    """Consumer group; instances of one group share the partitions."""
    group_instance_id: Annotated[str | None, Field(min_length=1, max_length=249, examples=["streamkl-0"])] = None
    """Name of this instance in the group, unique and the same over restarts (a host, a pod): a restart has its partitions back at once."""
    client_id: Annotated[str, Field(min_length=1, max_length=249)] = "streamkl"
    """What the broker's logs and quotas call us."""
    topics: Topics = ("metrics",)
    """Topics to read."""
    topic_pattern: Pattern = ""
    """Regular expression over topic names, instead of `topics`."""
    events_topic: Topic = "anomalies"
    """Where episodes are written."""
    dead_letter_topic: Topic = "metrics.dead"
    """Where records go that cannot be judged, with the reason in their headers."""
    delivery: Literal["at_least_once", "exactly_once"] = "at_least_once"
    """`exactly_once`: results, state and offsets in one transaction; needs `group_instance_id` and `state.backend = "topic"`.
    `at_least_once`: after a crash results may come twice, with equal ids."""
    commit_interval_seconds: Annotated[Real, Field(ge=0.05, le=60), Unit("seconds")] = 1.0
    """How often results are flushed and offsets committed."""
    snapshot_interval_seconds: Annotated[Real, Field(ge=0.05, le=3_600), Unit("seconds")] = 10.0
    """How often state is saved; after a crash so much is read again. More seldom where packing would take over a fifth of the time."""
    session_timeout_seconds: Annotated[Real, Field(ge=1, le=300), Unit("seconds")] = 10.0
    """Silence after which the group gives our partitions to another instance."""
    startup: Literal["wait", "exit"] = "wait"
    """Broker unreachable or topic missing at start: `wait` for it, or `exit` with an error."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How the connection is protected."""
    ssl_cafile: Annotated[Path | None, Field(examples=["ca.pem"])] = None
    """Authority that signed the broker's certificate; without it the system's."""
    ssl_certfile: Annotated[Path | None, Field(examples=["client.pem"])] = None
    """Our certificate, where the broker asks for one."""
    ssl_keyfile: Annotated[Path | None, Field(examples=["client.key"])] = None
    """Its key."""
    ssl_password: SecretStr | None = None
    """Password of the key."""
    sasl_mechanism: Annotated[
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None, Field(examples=["SCRAM-SHA-512"])
    ] = None
    """How we log in, where `security_protocol` begins with SASL."""
    sasl_username: Annotated[str | None, Field(min_length=1, examples=["streamkl"])] = None
    """User name to log in with; with `sasl_oauth_token_url` the client id."""
    sasl_password: SecretStr | None = None
    """Password to log in with; with `sasl_oauth_token_url` the client secret."""
    sasl_oauth_token_url: Annotated[TokenUrl | None, Field(examples=["https://login.example.com/oauth2/token"])] = None
    """OAUTHBEARER: where a token is asked for, with client credentials; renewed before it expires."""
    sasl_oauth_scope: Annotated[str | None, Field(min_length=1, examples=["kafka"])] = None
    """What is asked for there."""
    sasl_oauth_token_path: Annotated[Path | None, Field(examples=["/var/run/secrets/kafka/token"])] = None
    """OAUTHBEARER: a file that holds a token, read anew for each connection, instead of `sasl_oauth_token_url`."""

    def mistakes(self) -> Iterator[Mistake]:
        """Topics and protection that contradict one another."""
        yield from self._topic_mistakes()
        yield from self._login_mistakes()
        if self.delivery == "exactly_once" and self.group_instance_id is None:
            fix = 'missing; delivery = "exactly_once" needs it; try the name of the host or pod, it has to be the same after a restart'
            yield Mistake(("group_instance_id", "delivery"), fix)
        yield from self._certificate_mistakes()
        if self.session_timeout_seconds <= self.commit_interval_seconds:
            fix = f"must be more than commit_interval_seconds ({self.commit_interval_seconds}); try 10.0"
            yield Mistake(("session_timeout_seconds", "commit_interval_seconds"), fix)

    def _topic_mistakes(self) -> Iterator[Mistake]:
        default = type(self).model_fields["topics"].default
        if self.topic_pattern and self.topics not in (default, ()):
            yield Mistake(("topic_pattern", "topics"), "cannot stand beside topics; remove one of them")
        if not self.topic_pattern and not self.topics:
            yield Mistake(("topics", "topic_pattern"), 'is empty; try ["metrics"], or set topic_pattern')
        if self.events_topic == self.dead_letter_topic:
            yield Mistake(("dead_letter_topic", "events_topic"), 'must differ from events_topic; try "metrics.dead"')
        for option in ("events_topic", "dead_letter_topic"):
            name = getattr(self, option)
            if self.topic_pattern and re.match(self.topic_pattern, name):
                fix = f'matches {option} ("{name}"), so that we would read what we write; try a pattern that ends in "$"'
                yield Mistake(("topic_pattern", option), fix)
            elif not self.topic_pattern and name in self.topics:
                yield Mistake((option, "topics"), "is one of topics, so that we would read what we write; choose another name")

    def _login_mistakes(self) -> Iterator[Mistake]:
        protocol, mechanism = self.security_protocol, self.sasl_mechanism
        fixes = {
            "sasl_mechanism": 'try "SCRAM-SHA-512"',
            "sasl_username": 'try "streamkl"',
            "sasl_password": "set STREAMKL_KAFKA__SASL_PASSWORD, or STREAMKL_KAFKA__SASL_PASSWORD_FILE",
        }
        from_file = mechanism == "OAUTHBEARER" and self.sasl_oauth_token_path is not None
        for option, fix in fixes.items():
            given, wanted = getattr(self, option) is not None, protocol.startswith("SASL")
            if given and wanted and from_file and option != "sasl_mechanism":
                yield Mistake((option, "sasl_oauth_token_path"), "has no effect with sasl_oauth_token_path; remove one of them")
            elif wanted and not given and not (from_file and option != "sasl_mechanism"):
                yield Mistake((option, "security_protocol"), f'missing; security_protocol = "{protocol}" needs it; {fix}')
            if given and not wanted:
                useless = f'has no effect with security_protocol = "{protocol}"; remove it, or choose "SASL_SSL"'
                yield Mistake((option, "security_protocol"), useless)
        yield from self._token_mistakes()

    def _token_mistakes(self) -> Iterator[Mistake]:
        options = {name: getattr(self, name) for name in ("sasl_oauth_token_url", "sasl_oauth_token_path", "sasl_oauth_scope")}
        if self.sasl_mechanism != "OAUTHBEARER":
            for option, value in options.items():
                if value is not None:
                    fix = 'has no effect without sasl_mechanism = "OAUTHBEARER"; remove it, or choose that'
                    yield Mistake((option, "sasl_mechanism"), fix)
            return
        url, path, scope = options.values()
        if url is None and path is None:
            fix = 'missing; sasl_mechanism = "OAUTHBEARER" needs it, or sasl_oauth_token_path; try "https://login.example.com/oauth2/token"'
            yield Mistake(("sasl_oauth_token_url", "sasl_mechanism"), fix)
        if url is not None and path is not None:
            yield Mistake(("sasl_oauth_token_path", "sasl_oauth_token_url"), "cannot stand beside sasl_oauth_token_url; remove one of them")
        if scope is not None and url is None:
            yield Mistake(("sasl_oauth_scope", "sasl_oauth_token_url"), "has no effect without sasl_oauth_token_url; remove it")

    def _certificate_mistakes(self) -> Iterator[Mistake]:
        protocol = self.security_protocol
        for option in ("ssl_cafile", "ssl_certfile", "ssl_keyfile", "ssl_password"):
            if getattr(self, option) is not None and not protocol.endswith("SSL"):
                fix = 'remove it, or choose "SSL" or "SASL_SSL"'
                yield Mistake((option, "security_protocol"), f'has no effect with security_protocol = "{protocol}"; {fix}')
        pairs = (("ssl_certfile", "ssl_keyfile"), ("ssl_keyfile", "ssl_certfile"), ("ssl_keyfile", "ssl_password"))
        for needed, by in pairs:
            if getattr(self, needed) is None and getattr(self, by) is not None:
                yield Mistake((needed, by), f"missing; {by} is of no use without it")
