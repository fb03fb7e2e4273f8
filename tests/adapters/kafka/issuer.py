"""An identity provider for tests: it signs tokens, gives them to clients that know the secret, and publishes its key for the broker."""

import base64
import json
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT, SECRET = "streamkl", "canary-oauth-secret/with+signs"
AUDIENCE, ISSUER = "kafka", "https://issuer.test"


class Issuer:
    """`life` is how long its tokens live; `answer` is what it says instead of a token, where it is set; `asked` are the forms it got."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.life = 300.0
        self.audience = AUDIENCE
        self.answer: tuple[int, bytes] | None = None
        self.asked: list[dict[str, list[str]]] = []
        self.given: list[str] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"

    def key_set(self) -> str:
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "kid": "one", "use": "sig", "alg": "RS256", "n": _number(numbers.n), "e": _number(numbers.e)}
        return json.dumps({"keys": [key]})

    def token(self, subject: str = CLIENT) -> str:
        now = time.time()
        claims = {"iss": ISSUER, "aud": self.audience, "sub": subject, "iat": int(now) - 5, "exp": int(now + self.life), "scope": "kafka"}
        signed = b".".join(_text(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "one", "typ": "JWT"}, claims))
        signature = self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return b".".join([signed, _text(signature)]).decode()

    def respond(self, authorization: str, form: bytes) -> tuple[int, bytes]:
        self.asked.append(urllib.parse.parse_qs(form.decode()))
        if self.answer is not None:
            return self.answer
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode().split(":")
        if [urllib.parse.unquote(part) for part in pair] != [CLIENT, SECRET]:
            return 401, b'{"error":"invalid_client"}'
        self.given.append(self.token())
        return 200, json.dumps({"access_token": self.given[-1], "token_type": "Bearer", "expires_in": self.life}).encode()


@contextmanager
def serving() -> Iterator[Issuer]:
    """An issuer on loopback while the block runs."""
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"]))
            code, body = issuer.respond(self.headers.get("Authorization", ""), form)
            self.send_response(code)
            if code in (301, 302, 307):
                self.send_header("Location", issuer.url)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()


def write_key_set(issuer: Issuer, folder: Path) -> Path:
    path = folder / "keys.json"
    path.write_text(issuer.key_set())
    return path


def _text(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _number(value: int) -> str:
    return _text(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode()
