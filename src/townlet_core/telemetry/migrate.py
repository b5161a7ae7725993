"""Turn a log of version 1.0 into one of 1.1, in which what 1.0 did not say is null."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from townlet_core.drafts import complete
from townlet_core.errors import InputError, OutputError
from townlet_core.telemetry.checks import Check
from townlet_core.telemetry.formats import MIGRATED_FROM
from townlet_core.telemetry.lines import Fault, lines, opened, parsed
from townlet_core.telemetry.problems import Problem
from townlet_core.telemetry.record import KEYS, VERSION, EpochRecord
from townlet_core.telemetry.stream import files_of

REQUIRED: Final = tuple(info.alias or name for name, info in EpochRecord.model_fields.items() if info.is_required())


class Migrated(NamedTuple):
    """What came of a log."""

    records: int
    migrated: int  # of these, that were of version 1.0


def migrate(log: Path, output: Path) -> Migrated:
    """Write all records of a log to one new file as version 1.1, numbered through; it appears when it is complete.

    The log is read but once: it may be standard input.

    Raises:
        InputError: the log cannot be read, or something is wrong with it.
        OutputError: the file is there already, or cannot be written.
    """
    if output.exists():
        raise _taken(output)
    check = Check(log, report=_refuse)
    records = migrated = offset = 0
    with complete(output) as file:
        if output.exists():  # somebody else was faster
            raise _taken(output)
        for segment, number, line in _lines(log, check):
            check.look(segment, number, line)  # raises what is wrong; a torn end passes
            record = line if isinstance(line, Fault) else parsed(line)
            if isinstance(record, Fault):
                continue
            records += 1
            if record["telemetry_version"] == 1.0:
                migrated += 1
                record = _as_1_1(record)
            offset = max(int(record["log_stream_offset"] or 0), offset + 1)
            record["log_stream_offset"] = offset
            file.write(json.dumps(record, separators=(",", ":"), allow_nan=False).encode() + b"\n")
        check.end()
    return Migrated(records, migrated)


def _taken(output: Path) -> OutputError:
    return OutputError("is there already", where=str(output), hint="name another file")


def _lines(log: Path, check: Check) -> Iterator[tuple[Path, int, bytes | Fault]]:
    """Give the lines of a log, and tell its check where each file begins."""
    for segment in files_of(log):
        check.begin(segment)
        with opened(segment) as handle:
            for number, line in lines(handle):
                yield segment, number, line


def _as_1_1(record: dict[str, Any]) -> dict[str, Any]:
    """Give a record all keys of version 1.1, in their order."""
    whole = {**dict.fromkeys(REQUIRED), **record, "telemetry_version": VERSION, MIGRATED_FROM: 1.0}
    known = {key: whole[key] for key in KEYS if key in whole}
    return {**known, **{key: value for key, value in whole.items() if key not in known}}


def _refuse(problem: Problem) -> None:
    if not problem.is_warning:
        raise InputError(problem.message, where=problem.place, hint="see 'townlet telemetry validate' for all of them")
