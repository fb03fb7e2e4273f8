"""Which jars a broker is made of, and the proof that the ones on disk are those: nothing here reaches the network."""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import platformdirs

from streamkl.errors import BrokerError

LOCK_NAME = "jars.json"  # written by `python -m streamkl.broker.relock`


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked jar: its Maven coordinate `group:artifact:version`, its size in bytes and its SHA-256 in hex."""

    coordinate: str
    size: int
    sha256: str

    @property
    def file(self) -> str:
        """The file's name. `Jar("org.slf4j:slf4j-api:1.7.36", 0, "").file` is `slf4j-api-1.7.36.jar`."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def locked() -> tuple[Jar, ...]:
    """The committed list, in class path order."""
    entries = json.loads(resources.files(__package__).joinpath(LOCK_NAME).read_text(encoding="utf-8"))
    return tuple(Jar(**entry) for entry in entries)


def cache_folder() -> Path:
    """Where downloads are kept: `$STREAMKL_CACHE`, else the user's cache folder. It may not exist yet."""
    override = os.environ.get("STREAMKL_CACHE")
    root = Path(override).expanduser().absolute() if override else platformdirs.user_cache_path("streamkl")
    return root / "broker"


def jars_folder() -> Path:
    """The folder that holds the jars of the committed list and no others; named after the list's content."""
    digest = hashlib.sha256("".join(jar.sha256 for jar in locked()).encode()).hexdigest()
    return cache_folder() / f"jars-{digest[:12]}"


def sha256(path: Path) -> str:
    """The file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def missing(folder: Path, jars: tuple[Jar, ...]) -> tuple[Jar, ...]:
    """The jars of the list that are not in the folder (their content is not looked at)."""
    return tuple(jar for jar in jars if not (folder / jar.file).is_file())


def verify(folder: Path, jars: tuple[Jar, ...]) -> list[Path]:
    """Compare the folder with the list and return the class path.

    Raises BrokerError that names every jar which is missing, altered, or not in the list. Reads every byte: about 0.1 s.
    """
    problems = [f"{jar.file} is missing" for jar in missing(folder, jars)]
    present = [jar for jar in jars if (folder / jar.file).is_file()]
    with ThreadPoolExecutor() as pool:  # hashing releases the interpreter lock
        found = pool.map(lambda jar: sha256(folder / jar.file), present)
        problems += [
            f"{jar.file} is not the locked one (SHA-256 {actual}, locked {jar.sha256})"
            for jar, actual in zip(present, found, strict=True)
            if actual != jar.sha256
        ]
    known = {jar.file for jar in jars}
    problems += [f"{path.name} is not in the list" for path in sorted(folder.glob("*.jar")) if path.name not in known]
    if problems:
        raise BrokerError(
            f"The broker's jars in {folder} cannot be trusted: {'; '.join(problems)}. Delete that folder to fetch them again."
        )
    return [folder / jar.file for jar in jars]
