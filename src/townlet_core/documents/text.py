"""The text of a file that people write, and all that is wrong with it as one error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from townlet_core.documents.nodes import Finding, Place, dotted
from townlet_core.errors import ConfigError, InputError, TownletError

MAX_BYTES = 16 * 2**20


def read_text(path: Path) -> str:
    """Read a file of UTF-8 text, with or without a byte order mark.

    Raises:
        InputError: it cannot be read, is too large or is something else than UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot be read: {(error.strerror or str(error)).lower()}", where=str(path)) from error
    if len(data) > MAX_BYTES:
        raise InputError(f"is larger than {MAX_BYTES >> 20} MiB", where=str(path), hint="is this a configuration?")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1) + 1
        place = Place(str(path), line, column)
        raise InputError("is not UTF-8", where=str(place), hint="save it as UTF-8") from error


def as_error(findings: list[Finding], file: str, overrides: Sequence[str] = ()) -> ConfigError:
    """Put the findings in order: those of the file, of the overrides, of a file that it names."""
    files = [file, *(f"--set {override}" for override in overrides)]
    ranks = {file: rank for rank, file in enumerate(files)}
    order = sorted(findings, key=lambda found: (ranks.get(found.place.file, len(ranks)), *found.place[1:]))
    return ConfigError(list(dict.fromkeys(map(_problem, order))))


def _problem(found: Finding) -> TownletError:
    where, key = str(found.place), dotted(found.path)
    if key and not where.startswith(f"--set {key}="):
        where = f"{where}: {key}"
    return TownletError(found.clause, where=where, hint=found.hint)
