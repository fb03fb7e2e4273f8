"""The same three targets under atheris, which looks for inputs that reach new lines. It is no dependency: `pip install atheris`."""

import sys
import tempfile
from pathlib import Path

from streamkl.errors import ConfigError, SnapshotError


def run(target: str, runs: int, seed: int) -> None:
    """So many inputs, then the process ends: 0, or with the input that something unexpected was raised over."""
    import atheris  # noqa: PLC0415 - only here, and seldom installed

    import streamkl.core.absence  # noqa: PLC0415 - compiled code cannot be watched, so it comes before
    import streamkl.core.bank  # noqa: F401, PLC0415

    with atheris.instrument_imports(include=["streamkl.engine", "streamkl.transport", "streamkl.config", "streamkl.units"]):
        from streamkl.config import load  # noqa: PLC0415
        from streamkl.engine.codec import Codec  # noqa: PLC0415
        from streamkl.transport import chunks  # noqa: PLC0415 - imported so that it is instrumented
        from tests.fuzz import chunks as stored  # noqa: PLC0415
        from tests.fuzz import configs, records  # noqa: PLC0415
    codecs = [Codec(mapping) for mapping in records.MAPPINGS.values()]
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    path = folder / "streamkl.toml"

    def record(raw: bytes) -> None:
        for codec in codecs:
            message = records.Message("metrics", 0, 0, records.NOW_MS, raw[:20], raw, (("h", raw[:9]),))
            decoded = codec.decode([message])
            assert len(decoded.points) or decoded.rejected

    def chunk(raw: bytes) -> None:
        for made in (raw, chunks.MAGIC + raw):
            try:
                chunks.read(made)
            except SnapshotError:
                continue

    def config(raw: bytes) -> None:
        path.write_bytes(raw)
        try:
            load(path)
        except ConfigError as error:
            assert error.problems

    written = (*records.WRITTEN, *records.LINES, *(good % (1, 1_700_000_000, 0.5) for good in records.GOOD.values()))
    targets = {"records": (record, written), "chunks": (chunk, stored.corpus()), "configs": (config, configs.corpus())}
    one, seeds = targets[target]
    for number, raw in enumerate(seeds):
        (folder / f"seed-{number}").write_bytes(raw)
    atheris.Setup([sys.argv[0], f"-runs={runs}", f"-seed={seed}", "-max_len=4096", str(folder)], one)
    atheris.Fuzz()
