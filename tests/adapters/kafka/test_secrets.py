"""Secrets planted in a whole life of the service, and of what fails in it, are found again nowhere: logs, errors, state, topics, pages."""

import base64
import traceback
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, load_pem_private_key
from kafka.admin import ACLOperation, KafkaAdminClient, ResourceType
from trustme import CA
from typer.testing import CliRunner

from streamkl.broker.launcher import free_port
from streamkl.cli import app
from tests.adapters.kafka.secure import CANARY, PASSWORD, USER, Secured, permit
from tests.system.service import Place, metrics, wait_until
from tests.system.test_service import page

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]
OF_THE_KEY, WRONG_FOR_THE_KEY = "canary-of-the-key", "canary-that-opens-nothing"
PLANTED = (PASSWORD, CANARY, OF_THE_KEY, WRONG_FOR_THE_KEY)


@pytest.fixture
def place(secured: Secured, tmp_path: Path) -> Iterator[Place]:
    """A service that logs in by password, over TLS, with a certificate whose key is encrypted."""
    secured.broker.start()
    opened = Place(secured.plaintext, tmp_path)
    opened.create("metrics", "anomalies", "dead")
    with KafkaAdminClient(bootstrap_servers=secured.plaintext) as admin:
        for topic in opened.topics.values():
            permit(admin, ResourceType.TOPIC, topic, ACLOperation.ALL)
        permit(admin, ResourceType.GROUP, f"group-{opened.name}", ACLOperation.ALL)
    own = CA().issue_cert("client.test")
    key = load_pem_private_key(own.private_key_pem.bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(OF_THE_KEY.encode()))
    (tmp_path / "client.key").write_bytes(locked)
    own.cert_chain_pems[0].write_to_path(str(tmp_path / "client.pem"))
    opened.options |= {
        "kafka.bootstrap_servers": f'["{secured.sasl_ssl}"]',
        "kafka.security_protocol": '"SASL_SSL"',
        "kafka.ssl_cafile": f'"{secured.authority}"',
        "kafka.ssl_certfile": f'"{tmp_path / "client.pem"}"',
        "kafka.ssl_keyfile": f'"{tmp_path / "client.key"}"',
        "kafka.sasl_mechanism": '"PLAIN"',
        "kafka.sasl_username": f'"{USER}"',
        "kafka.startup": '"exit"',
        "http.port": str(free_port()),
    }
    yield opened
    opened.close()


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The right ones: one in a variable, one in a file that a variable names."""
    path = tmp_path / "key-password"
    path.write_text(OF_THE_KEY + "\n")
    path.chmod(0o400)
    monkeypatch.setenv("STREAMKL_KAFKA__SASL_PASSWORD", PASSWORD)
    monkeypatch.setenv("STREAMKL_KAFKA__SSL_PASSWORD_FILE", str(path))
    return path


def forms(secret: str) -> set[bytes]:
    """As it is, and as somebody might write it down on the way."""
    raw = secret.encode()
    coded = {base64.b64encode(each).rstrip(b"=")[:-1] for each in (raw, b"\0" + USER.encode() + b"\0" + raw, f"{USER}:{secret}".encode())}
    return {raw, raw[::-1], raw.hex().encode(), urllib.parse.quote(secret).encode(), repr(raw)[2:-1].encode(), *coded}


def assert_clean(what: str, shown: bytes) -> None:
    for secret in PLANTED:
        for form in forms(secret):
            assert form not in shown, f"{what} shows {secret!r} as {form!r}"


def command(*arguments: str, **environment: str) -> bytes:
    """Everything that a command says, in this process; where it raises, with the traceback that Python would print."""
    result = CliRunner().invoke(app, arguments, prog_name="streamkl", env=environment)
    raised = [] if result.exc_info is None or isinstance(result.exception, SystemExit) else traceback.format_exception(*result.exc_info)
    return (result.stdout + result.stderr + "".join(raised)).encode()


def test_the_search_finds_what_is_there() -> None:
    for shown in (PASSWORD.encode(), base64.b64encode(f"{USER}:{CANARY}".encode()), repr(OF_THE_KEY).encode()):
        with pytest.raises(AssertionError, match="shows"):
            assert_clean("a line", b"before " + shown + b" after")


def test_a_service_that_works_shows_no_secret_anywhere(place: Place, secrets: Path, secured: Secured) -> None:
    place.publish([*metrics(0, 700), b"{no json", b"\xff", *metrics(700, 40, shift=40.0)])
    place.start()
    place.wait_until_read()
    port = int(place.options["http.port"])
    for path in ("metrics", "healthz", "readyz"):
        assert_clean(path, page(port, f"/{path}")[1].encode())
    assert_clean("the command line", Path(f"/proc/{place.processes[-1].pid}/cmdline").read_bytes())
    secured.broker.kill()  # and what is said while the broker is away, and when it comes back
    wait_until(lambda: "kafka client" in place.log() or "failed" in place.log(), 60, place.log, place.processes[-1])
    secured.broker.start()
    assert place.stop() in (0, 1)
    assert place.events()
    for message in place.read("anomalies") + place.read("dead"):
        assert_clean("a topic", b"\n".join([message.key or b"", message.value or b"", repr(message.headers).encode()]))
    for file in sorted(place.directory.rglob("*")):
        if file.is_file() and file.name not in ("key-password", "client.key"):
            assert_clean(str(file), file.read_bytes())
    assert any(file.suffix == ".state" for file in place.directory.rglob("*"))


def test_what_fails_shows_no_secret_even_with_its_traceback(place: Place, secrets: Path) -> None:
    config = str(place.config())
    wrong_login = command("--debug", "run", config, STREAMKL_KAFKA__SASL_PASSWORD=CANARY)
    assert b"refuses user 'alice' (PLAIN)" in wrong_login
    secrets.chmod(0o600)
    secrets.write_text(WRONG_FOR_THE_KEY)
    wrong_key = command("--debug", "run", config)
    assert b"cannot be loaded with kafka.ssl_keyfile and kafka.ssl_password" in wrong_key
    both = command("--debug", "check", config, STREAMKL_KAFKA__SSL_PASSWORD=WRONG_FOR_THE_KEY)
    assert b"cannot stand beside ssl_password" in both
    misplaced = place.directory / "misplaced.toml"
    misplaced.write_text(f'{Path(config).read_text()}kafka.sasl_password = "{CANARY}"\nkafka.ssl_password = ["{WRONG_FOR_THE_KEY}"]\n')
    written = command("--debug", "check", str(misplaced))
    assert b"a secret does not belong in this file" in written
    for what, shown in {"login": wrong_login, "key": wrong_key, "both": both, "file": written}.items():
        assert b"Traceback" in shown
        assert_clean(what, shown)


def test_other_commands_that_log_in_show_no_secret(place: Place, secrets: Path) -> None:
    place.publish([*metrics(0, 100)])
    config, topic = str(place.config()), place.topics["metrics"]
    shown = {
        "check": command("check", config),
        "explain": command("explain", "--topic", topic, "--offset", "50", "-c", config),
        "wrong": command("explain", "--topic", topic, "--offset", "50", "-c", config, STREAMKL_KAFKA__SASL_PASSWORD=CANARY),
    }
    assert b"50 of 500" in shown["explain"] or b"51 of 500" in shown["explain"]
    assert b"refuses user" in shown["wrong"]
    for what, text in shown.items():
        assert_clean(what, text)
