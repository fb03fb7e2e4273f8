"""A broker that asks for certificates, passwords and permissions, with keys made for the occasion."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
    UserScramCredentialUpsertion,
)

from streamkl.broker.launcher import Broker, free_port
from streamkl.broker.properties import Node

USER, PASSWORD = "alice", "correct-horse"
CANARY = "canary-battery-staple"  # a wrong password that must never show
KEYSTORE, PKCS8 = Encoding.PEM, PrivateFormat.PKCS8


class Secured(NamedTuple):
    """The broker, where its listeners are (host:port), and which certificates belong to it."""

    broker: Broker
    plaintext: str  # clients without a name may do everything here
    ssl: str
    sasl_plaintext: str
    sasl_ssl: str
    authority: Path
    stranger: Path  # an authority that signed nothing here


@contextmanager
def secured_broker(folder: Path) -> Iterator[Secured]:
    """Runs while the block does. SCRAM and PLAIN know USER, who may do nothing until `permit`."""
    names = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
    node = Node(1, free_port(), free_port())
    ports = {"PLAINTEXT": node.port, **{name: free_port() for name in names[1:]}}
    listeners = ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
    authority, keystore, stranger = certificates(folder)
    properties = {
        "listeners": f"{listeners},CONTROLLER://127.0.0.1:{node.controller_port}",
        "advertised.listeners": listeners,
        "listener.security.protocol.map": ",".join(f"{name}:{name}" for name in names) + ",CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keystore),
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    for name in ("sasl_plaintext", "sasl_ssl"):
        login = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
        properties[f"listener.name.{name}.plain.sasl.jaas.config"] = login
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        properties[f"listener.name.{name}.scram-sha-256.sasl.jaas.config"] = scram
    with Broker(nodes=[node], properties=properties) as broker:
        with KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin:
            admin.alter_user_scram_credentials([UserScramCredentialUpsertion(USER, "SCRAM-SHA-256", PASSWORD, iterations=4096)])
        yield Secured(broker, *(f"127.0.0.1:{ports[name]}" for name in names), authority, stranger)


def permit(admin: KafkaAdminClient, kind: ResourceType, name: str, *operations: ACLOperation) -> None:
    """Let USER do so much with one topic or group."""
    resource = ResourcePattern(kind, name, ACLResourcePatternType.LITERAL)
    admin.create_acls([ACL(f"User:{USER}", "*", operation, ACLPermissionType.ALLOW, resource) for operation in operations])


def certificates(folder: Path) -> tuple[Path, Path, Path]:
    """An authority, a broker's key and certificate signed by it, and another authority: PEM files."""
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    stranger.cert_pem.write_to_path(str(folder / "stranger.pem"))
    own = authority.issue_cert("127.0.0.1")
    key = load_pem_private_key(own.private_key_pem.bytes(), None).private_bytes(KEYSTORE, PKCS8, NoEncryption())
    (folder / "broker.pem").write_bytes(key + b"".join(each.bytes() for each in own.cert_chain_pems))
    return folder / "authority.pem", folder / "broker.pem", folder / "stranger.pem"
