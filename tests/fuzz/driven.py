"""Fuzzing led by coverage: `nox -s fuzz`, or `python -m tests.fuzz.driven READER [options of libFuzzer]`.

It needs atheris, which is in no extra. What it finds lies in the current folder as crash-*: make a test of it.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["townlet_core", "zipfile", "tomllib"]):
    from tests.fuzz.readers import READERS

from townlet_core.errors import TownletError


def main(name: str, options: list[str]) -> None:
    """Fuzz a reader, beginning with its valid file."""
    reader, folder = READERS[name], Path(tempfile.mkdtemp(prefix="townlet-fuzz-"))
    path = reader.valid(folder)
    seeds = folder / "seeds"
    seeds.mkdir()
    (seeds / "valid").write_bytes(path.read_bytes())

    def once(data: bytes) -> None:
        path.write_bytes(data)
        with suppress(TownletError):
            reader.read(path)

    atheris.Setup([sys.argv[0], *options, str(seeds)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
