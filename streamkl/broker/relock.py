"""Writes the list of locked jars anew: `python -m streamkl.broker.relock`, to be run when the versions below change."""

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from streamkl.broker.fetch import downloader
from streamkl.broker.jars import LOCK_NAME, Jar, sha256

COORDINATES = (
    "org.apache.kafka:kafka_2.13:4.3.1",  # 4.4.0 names a kafka-tools-api that was never published
    "org.slf4j:slf4j-simple:1.7.36",  # Kafka asks for no log binding, and dies in silence without one; same version as its slf4j-api
)


def resolve() -> list[Jar]:
    """The dependency tree as jgo resolves it, each jar downloaded and hashed. Takes about 20 s and asks the registry."""
    from jgo.maven import MavenContext  # noqa: PLC0415  # a developer's tool: the module stays importable without jgo

    jars = []
    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder) / "tree")
        inputs, transitive = context.resolver.resolve([context.create_dependency(each) for each in COORDINATES])
        runtime = [dependency for dependency in transitive if dependency.scope in {"compile", "runtime"}]
        download = downloader(Path(folder) / "jars")
        for artifact in (dependency.artifact for dependency in (*inputs, *runtime)):
            jar = Jar(f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}", 0, "")
            path = download(jar)
            jars.append(Jar(jar.coordinate, path.stat().st_size, sha256(path)))
    return jars


def main() -> None:
    """Resolve and overwrite the list beside this module."""
    jars = resolve()
    target = Path(__file__).with_name(LOCK_NAME)
    target.write_text(json.dumps([asdict(jar) for jar in jars], indent=2) + "\n", encoding="utf-8")
    sys.stderr.write(f"{target}: {len(jars)} jars, {sum(jar.size for jar in jars) / 1e6:.1f} MB\n")


if __name__ == "__main__":
    main()
