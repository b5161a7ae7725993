"""A log as CSV or as JSON a line, under our names or those of other programs; it has its name when it is complete."""

from __future__ import annotations

import codecs
import csv
import json
import marshal
import math
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from townlet_core.drafts import complete
from townlet_core.errors import OutputError
from townlet_core.telemetry.checks import Check, Record
from townlet_core.telemetry.exporting.names import RENAMED, Names
from townlet_core.telemetry.problems import Problem
from townlet_core.telemetry.stream import is_file_of

NOT_FINITE: Final = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}

Visit = Callable[[Record, str], None]


@dataclass
class Exported:
    """What came of a log."""

    records: int = 0
    left_out: int = 0  # records without a step
    problems: int = 0  # lines and values of the log that were left out
    runs: int = 0


def to_csv(log: Path, file: Path, *, run: str | None = None, names: Names = "townlet", force: bool = False) -> Exported:
    """Write a row for each record, a column for each key; what a record lacks is empty.

    All columns are known only at the end of the log, which may be read but once: rows are kept in a file until then.

    Raises:
        InputError: the log cannot be read.
        OutputError: the file is there already, is of the log, or cannot be written.
    """
    columns: dict[str, None] = {"run": None}
    made = Exported()

    def keep(record: Record, name: str) -> None:
        row = {"run": name, **_renamed(record, names)}
        columns.update(dict.fromkeys(row))
        marshal.dump([row.get(column) for column in columns], rows)

    with _new_file(file, log, force=force) as draft, tempfile.TemporaryFile() as rows:
        read(log, run, made, keep)
        rows.seek(0)
        writer = csv.writer(draft, lineterminator="\n")
        writer.writerow(columns)
        for _ in range(made.records):
            row = marshal.load(rows)
            writer.writerow(row + [None] * (len(columns) - len(row)))
    return made


def to_jsonl(
    log: Path, file: Path, *, run: str | None = None, names: Names = "townlet", force: bool = False
) -> Exported:
    """Write an object a line for each record.

    Raises:
        InputError: the log cannot be read.
        OutputError: the file is there already, is of the log, or cannot be written.
    """
    made = Exported()
    with _new_file(file, log, force=force) as draft:

        def write(record: Record, name: str) -> None:
            plain = {key: _plain(value) for key, value in _renamed(record, names).items()}
            draft.write(json.dumps({"run": name, **plain}, allow_nan=False) + "\n")

        read(log, run, made, write)
    return made


def read(log: Path, run: str | None, made: Exported, visit: Visit) -> None:
    """Visit each record with the name of its run; what is wrong in the log is left out and counted.

    Raises:
        InputError: the log cannot be read, has no record, or not the run.
    """

    def count(problem: Problem) -> None:
        made.problems += not problem.is_warning

    def take(record: Record, *_: object) -> None:
        made.records += 1
        run_id = record.get("run_id") or f"run_{str(check.summary.run).split()[0]}"
        if run_id not in names:
            names[run_id] = _free_name(run_id, set(names.values()))
        visit(record, names[run_id])

    names: dict[str, str] = {}

    check = Check(log, run=run, report=count, visit=take)
    found = check.run()
    found.demand_a_record()
    made.runs = found.runs


def _free_name(run_id: str, taken: set[str]) -> str:
    """Make a name of a folder of that of a run: nothing that leads out of it, is hidden, or is another run's."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", run_id).lstrip(".")[:100] or "run"
    free = (f"{name}_{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(each for each in free if each not in taken)


def _renamed(record: Record, names: Names) -> dict[str, Any]:
    """Give the numbers and words of a record by another program's names; what is no number is told by its name."""
    table = RENAMED[names]
    odd = record.get("nonfinite") or {}
    found: dict[str, Any] = {}
    for key, value in record.items():
        if key == "nonfinite":
            continue
        if key in odd:
            value = NOT_FINITE[odd[key]]
        other = table.get(key)
        if other is None:
            found[key] = value
        else:
            found[other.name] = value if value is None or other.factor == 1 else value * other.factor
    return found


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def _new_file(file: Path, log: Path, *, force: bool) -> Iterator[codecs.StreamWriter]:
    """Lend a text file to write to, unless that would replace something that it must not."""
    if is_file_of(log, file):
        raise OutputError("is a file of the log itself", where=str(file), hint="name another file")
    if file.is_file() and not force:
        raise OutputError("is there already", where=str(file), hint="name another file, or replace it with --force")
    with complete(file) as open_file:
        yield codecs.getwriter("utf-8")(open_file)
