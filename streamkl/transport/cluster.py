"""Where a cluster is and how we authenticate: the settings that every client shares. No client is opened here."""

import ssl
from dataclasses import dataclass, field
from ipaddress import ip_address
from os import PathLike, fspath
from urllib.parse import urlsplit

from streamkl.errors import ConfigError
from streamkl.transport.tokens import TokenEndpoint, TokenFile, Tokens

DEFAULT_PORT = 9092


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the cluster is and how we authenticate. Plain values; passwords never show in `repr`.

    `bootstrap_servers` are "host:port" ("[::1]:9092" for IPv6; without a port: 9092). `security_protocol` is one of PLAINTEXT, SSL,
    SASL_PLAINTEXT, SASL_SSL. With TLS the broker's certificate and host name are always checked, at TLS 1.2 or newer.

    >>> "secret" in repr(Cluster(bootstrap_servers=("broker:9092",), client_id="streamkl", sasl_password="secret"))
    False
    """

    bootstrap_servers: tuple[str, ...]
    client_id: str
    security_protocol: str = "PLAINTEXT"
    ssl_cafile: str | PathLike[str] | None = None  # PEM; None: the authorities that the system trusts
    ssl_certfile: str | PathLike[str] | None = None  # our certificate, PEM
    ssl_keyfile: str | PathLike[str] | None = None  # None: the key is in ssl_certfile
    ssl_password: str | None = field(default=None, repr=False)  # of the key
    sasl_mechanism: str | None = None  # PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    sasl_oauth_token_url: str | None = None  # OAUTHBEARER: asked with sasl_username and sasl_password
    sasl_oauth_scope: str | None = None
    sasl_oauth_token_path: str | PathLike[str] | None = None  # or a file

    @property
    def encrypted(self) -> bool:
        """Whether the connection is TLS."""
        return self.security_protocol in {"SSL", "SASL_SSL"}

    def exposed(self) -> list[str]:
        """Servers off this machine to which everything goes in the clear, logins included; none with TLS. Raises ConfigError."""
        return [] if self.encrypted else [host for host, _ in self.addresses() if host != "localhost" and not _is_loopback(host)]

    def addresses(self) -> list[tuple[str, int]]:
        """(host, port) of each bootstrap server. Raises ConfigError on one that cannot be read."""
        return [_address(server) for server in self.bootstrap_servers]

    def servers(self) -> list[str]:
        """The same as "host:port", with brackets around an IPv6 address. Raises ConfigError."""
        return [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.addresses()]

    def ssl_context(self) -> ssl.SSLContext | None:
        """The context of every connection, or None without TLS. Raises ConfigError where a file is missing or wrong."""
        if not self.encrypted:
            return None
        try:
            context = ssl.create_default_context(cafile=fspath(self.ssl_cafile) if self.ssl_cafile else None)
        except OSError as error:
            raise ConfigError(
                [f"kafka.ssl_cafile = {str(self.ssl_cafile)!r}: not a readable PEM file of certificates ({error})"]
            ) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.ssl_certfile:
            self._load_own_certificate(context, self.ssl_certfile)
        return context

    def _load_own_certificate(self, context: ssl.SSLContext, certfile: str | PathLike[str]) -> None:
        password = self.ssl_password or ""
        keyfile = fspath(self.ssl_keyfile) if self.ssl_keyfile else None
        try:
            # A function, because OpenSSL asks on the terminal where an encrypted key comes without a password.
            context.load_cert_chain(fspath(certfile), keyfile, lambda: password)
        except (OSError, ValueError) as error:
            problem = f"kafka.ssl_certfile = {str(certfile)!r}: cannot be loaded with kafka.ssl_keyfile and kafka.ssl_password ({error})"
            raise ConfigError([problem]) from error

    def tokens(self) -> Tokens | None:
        """Where tokens for OAUTHBEARER come from; None with other mechanisms."""
        if self.sasl_mechanism != "OAUTHBEARER":
            return None
        if self.sasl_oauth_token_path:
            return TokenFile(self.sasl_oauth_token_path)
        return TokenEndpoint(self.sasl_oauth_token_url or "", self.sasl_username or "", self.sasl_password or "", self.sasl_oauth_scope)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _address(server: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{server}")
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        host, port = None, 0
    if not host or server != parts.netloc or parts.username:
        raise ConfigError([f"kafka.bootstrap_servers = {server!r}: write host:port, for example localhost:9092"])
    return host, port
