"""Bearer tokens for SASL OAUTHBEARER: asked of an identity provider with client credentials, or read from a file that somebody renews."""

import base64
import http.client
import json
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Protocol

from streamkl.errors import SourceError

ANSWER_SECONDS = 5.0  # the client's connections wait meanwhile
LARGEST_ANSWER = 256 * 2**10  # bytes; the same for a file
RENEW_AT = 0.8  # of a token's life
SHORT_LIFE_SECONDS = 60.0  # where the provider does not say how long a token lives
_SPACE = " \t\r\n"


class TokenError(SourceError):
    """There is no token at the moment; the line says why and shows no secret."""


class Tokens(Protocol):
    """Where bearer tokens come from."""

    def token(self) -> str:
        """One that is worth something for a while. Raises TokenError."""
        ...

    def seconds(self) -> float:
        """How long the one just given is worth something; another is to be asked for when RENEW_AT of it is over."""
        ...


class TokenFile:
    """A token in a file, read anew for each connection, since somebody else renews it."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = Path(fspath(path))

    def token(self) -> str:
        """The token. TokenError, which never shows it, where there is none."""
        try:
            with self._path.open("rb") as file:
                held = file.read(LARGEST_ANSWER)
            return _checked(held.decode("ascii").strip(_SPACE))
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "no token in it"
            raise TokenError(f"kafka.sasl_oauth_token_path = {str(self._path)!r}: {why}", transient=True) from None

    def seconds(self) -> float:
        """Unknown: so it is looked for another one soon."""
        return SHORT_LIFE_SECONDS


class TokenEndpoint:
    """A token of an OAuth 2 provider (RFC 6749, client credentials), kept until most of its life is over. Threads may share it.

    Redirects are not followed: the credentials are for this address only. With https its certificate and host name are checked.
    """

    def __init__(self, url: str, client_id: str, client_secret: str, scope: str | None) -> None:
        self._url = url
        self._scope = scope
        pair = f"{urllib.parse.quote(client_id, safe='')}:{urllib.parse.quote(client_secret, safe='')}"
        self._authorization = "Basic " + base64.b64encode(pair.encode()).decode()
        self._opener = urllib.request.build_opener(_NoRedirect, urllib.request.HTTPSHandler(context=ssl.create_default_context()))
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = self._ends_at = float("-inf")

    def token(self) -> str:
        """The token; ANSWER_SECONDS at most where it has to be asked for. TokenError, which shows no secret, if there is none.

        One whose time to be renewed has come is given on as long as it lives, where there is no other.
        """
        with self._lock:
            if time.monotonic() >= self._renew_at:
                try:
                    self._renew()
                except TokenError:
                    if time.monotonic() >= self._ends_at:
                        raise
            return self._token

    def seconds(self) -> float:
        """What is left of the token's life."""
        return max(0.0, self._ends_at - time.monotonic())

    def _renew(self) -> None:
        asked, answer = time.monotonic(), self._ask()
        try:
            self._token = _checked(answer["access_token"])
            life = max(0.0, float(answer.get("expires_in") or SHORT_LIFE_SECONDS))
        except (KeyError, TypeError, ValueError):
            raise self._refusal("its answer holds no usable token") from None
        self._renew_at, self._ends_at = asked + RENEW_AT * life, asked + life

    def _ask(self) -> Any:
        form = {"grant_type": "client_credentials"} | ({"scope": self._scope} if self._scope else {})
        headers = {"Authorization": self._authorization, "Accept": "application/json"}
        request = urllib.request.Request(self._url, urllib.parse.urlencode(form).encode(), headers)  # noqa: S310 - https, or loopback
        try:
            with self._opener.open(request, timeout=ANSWER_SECONDS) as answer:
                return json.loads(answer.read(LARGEST_ANSWER))
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(f"answers {error.code}: check kafka.sasl_username and kafka.sasl_password") from None
        except (OSError, http.client.HTTPException) as error:
            raise self._refusal(f"cannot be reached ({getattr(error, 'reason', None) or type(error).__name__})") from None
        except ValueError:
            raise self._refusal("its answer is no JSON") from None

    def _refusal(self, why: str) -> TokenError:
        return TokenError(f"kafka.sasl_oauth_token_url = {self._url!r}: {why}", transient=True)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Never."""


def _checked(token: Any) -> str:
    """RFC 6750: what a token may consist of. Anything else could forge fields of the login. Raises ValueError."""
    if not isinstance(token, str) or not token or not all(each.isalnum() or each in "-._~+/=" for each in token) or not token.isascii():
        raise ValueError("not a token")
    return token
