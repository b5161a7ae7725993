"""What a check of logs tells, one object at a time, as `townlet telemetry validate --json` writes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from townlet_core.errors import InputError
from townlet_core.schema import StrictModel, Told
from townlet_core.telemetry.baseline import Drift
from townlet_core.telemetry.checks import Summary, Tally
from townlet_core.telemetry.problems import Problem

VerdictOfAll = Literal["clean", "findings", "cannot check"]


class _Found(Told):
    type: str
    file: str = Field(description="file that it stands in")
    line: int = Field(description="line of that file")
    key: str | None = Field(description="key of the record; null: it is about all of the line")
    what: str = Field(description="what is wrong, in words")
    got: str | None = Field(description="what there is in the log; null where words have said so")


class ProblemFound(_Found):
    """Something that is wrong."""

    type: Literal["problem"] = "problem"


class DoubtFound(_Found):
    """Something that is doubtful: a finding with `--strict` alone."""

    type: Literal["warning"] = "warning"


class FileChecked(StrictModel):
    """What there is in a file of a log."""

    name: str = Field(description="the file")
    records: int = Field(description="records that can be read")
    problems: int = Field(description="how many there were, also of those that `--max-errors` leaves out")
    warnings: int = Field(description="the same of warnings")


class KeyDrift(StrictModel):
    """How far a key is from its baseline, where it is the furthest off."""

    key: str = Field(description="key of the record")
    baseline: float = Field(description="its value there")
    worst: float = Field(description="the value of the log that is the furthest off")
    epoch: int | None = Field(description="its epoch")
    drift: float | None = Field(
        description="by how much; with `--relative` as a share of the baseline; null: it has no bounds, as a share of 0"
    )
    limit: float | None = Field(description="most that it may be; null: anything")
    beyond: bool = Field(description="it is more: a problem tells of it too")


class LogChecked(Told):
    """A log, once all of it has been read."""

    type: Literal["log"] = "log"
    name: str = Field(description="the log as it was named")
    records: int = Field(description="records that can be read, of the run where `--run` names one")
    problems: int = Field(description="how many there were, also of those that `--max-errors` leaves out")
    warnings: int = Field(description="the same of warnings")
    runs: int = Field(description="runs that were looked at")
    epochs: tuple[int, int] | None = Field(description="the least and the most; null: no record has one")
    files: tuple[FileChecked, ...] = Field(description="the log and its segments, the oldest first")
    drift: tuple[KeyDrift, ...] = Field(description="with `--baseline`: its keys, the worst first; otherwise empty")


class Unchecked(Told):
    """A log that cannot be checked."""

    type: Literal["error"] = "error"
    where: str | None = Field(description="the file, or its line")
    problem: str = Field(description="what was found")
    hint: str | None = Field(description="what to do about it")


class AllChecked(Told):
    """Nothing more comes."""

    type: Literal["end"] = "end"
    verdict: VerdictOfAll = Field(description="of all logs, the worst")
    exit_code: int = Field(description="of the command")


Finding = ProblemFound | DoubtFound | LogChecked | Unchecked | AllChecked
FINDING: TypeAdapter[Finding] = TypeAdapter(Annotated[Finding, Field(discriminator="type")])


def of_problem(found: Problem) -> ProblemFound | DoubtFound:
    """Tell of a problem or a warning."""
    kind = DoubtFound if found.is_warning else ProblemFound
    return kind(file=str(found.file), line=found.line, key=found.key, what=found.what, got=found.got)


def of_error(error: InputError) -> Unchecked:
    """Tell why a log cannot be checked."""
    return Unchecked(where=error.where, problem=error.problem, hint=error.hint)


def of_log(summary: Summary, drifts: Sequence[Drift]) -> LogChecked:
    """Tell what a log came to."""
    return LogChecked(
        **_tally(summary),
        runs=summary.runs,
        epochs=None if summary.epochs is None else (int(summary.epochs[0]), int(summary.epochs[1])),
        files=tuple(FileChecked(**_tally(file)) for file in summary.files),
        drift=tuple(map(_drift, drifts)),
    )


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "name": str(tally.name),
        "records": tally.records,
        "problems": tally.problems,
        "warnings": tally.warnings,
    }


def _drift(drift: Drift) -> KeyDrift:
    assert drift.value is not None
    return KeyDrift(
        key=drift.key,
        baseline=drift.baseline,
        worst=float(drift.value),
        epoch=None if drift.epoch is None else int(drift.epoch),
        drift=_bounded(drift.amount),
        limit=_bounded(drift.limit),
        beyond=drift.is_beyond,
    )


def _bounded(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None
