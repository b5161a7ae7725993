"""What `townlet telemetry validate` does with each log, and what it shows of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from townlet_cli.render import counted, note, problem, put, put_json, uncut_table_text, warn
from townlet_core.errors import InputError, UsageError

if TYPE_CHECKING:
    from townlet_core.telemetry.baseline import Comparison, Drift
    from townlet_core.telemetry.checks import Summary, Tally
    from townlet_core.telemetry.findings import VerdictOfAll
    from townlet_core.telemetry.problems import Problem

CLEAN, FINDING = 0, 1
VERDICTS: Mapping[int, VerdictOfAll] = {CLEAN: "clean", FINDING: "findings", InputError.exit_code: "cannot check"}


@dataclass(frozen=True)
class Validation:
    """What the user wants."""

    run: str | None
    strict: bool
    most: int | None  # problems of a log that are shown
    baseline: Path | None
    relative: bool
    threshold: float | None
    tolerances: tuple[str, ...]
    as_json: bool


def validate_logs(logs: Sequence[Path], wanted: Validation) -> int:
    """Check logs one after the other; give the exit code, the worst of theirs.

    Raises:
        UsageError: the options make no sense.
        InputError: the baseline cannot be read.
    """
    from townlet_core.telemetry.stream import told_apart

    if wanted.most is not None and wanted.most < 0:
        raise UsageError(f"must be at least 0, found {wanted.most}", where="--max-errors")
    compare = _comparisons(wanted)
    own, beside = told_apart(logs)
    for file in beside:
        note(f"{file} lies beside its log, and is none")
    show = _JsonLines(wanted) if wanted.as_json else _Text(wanted)
    codes = [_validate(log, wanted, show, compare()) for log in own]
    show.end(max(codes))
    return max(codes)


def _validate(log: Path, wanted: Validation, show: _Text, comparison: Comparison | None) -> int:
    """Check one log and show what there is to say of it."""
    from townlet_core.telemetry.checks import Check

    show.begin()
    visit = None if comparison is None else comparison.visit
    try:
        summary = Check(log, run=wanted.run, report=show.problem, visit=visit).run()
        drifts = [] if comparison is None else comparison.result(log)
    except InputError as error:
        show.error(error)
        return error.exit_code
    for drift in drifts:
        if drift.is_beyond:
            found = drift.problem()
            summary.count(found)
            show.problem(found)
    show.summary(summary, drifts)
    return FINDING if summary.problems or (wanted.strict and summary.warnings) else CLEAN


def _comparisons(wanted: Validation) -> Callable[[], Comparison | None]:
    """Give what makes a fresh comparison for each log."""
    from townlet_core.telemetry.baseline import Comparison, read_baseline, unknown_tolerance

    tolerances = dict(_tolerance(words) for words in wanted.tolerances)
    if wanted.threshold is not None and not wanted.threshold >= 0:
        raise UsageError(f"must be at least 0, found {wanted.threshold:g}", where="--drift-threshold")
    if wanted.baseline is None:
        given = {
            "--relative": wanted.relative,
            "--drift-threshold": wanted.threshold is not None,
            "--tolerance": bool(tolerances),
        }
        for option in (option for option, is_given in given.items() if is_given):
            raise UsageError("is about a baseline", where=option, hint="name one with --baseline")
        return lambda: None
    baseline = read_baseline(wanted.baseline)
    if baseline.doubt:
        warn(baseline.doubt)
    unknown = unknown_tolerance(tolerances, baseline.values)
    if unknown:
        raise UsageError(unknown, where="--tolerance")
    return lambda: Comparison(
        baseline.values, relative=wanted.relative, threshold=wanted.threshold, tolerances=tolerances
    )


def _tolerance(words: str) -> tuple[str, float]:
    key, _, number = words.rpartition("=")
    try:
        limit = float(number)
    except ValueError:
        limit = math.nan
    if not key or not limit >= 0:
        raise UsageError(f"must be KEY=X with X at least 0, found '{words}'", where="--tolerance")
    return key, limit


class _Text:
    """Shows the check to people."""

    def __init__(self, wanted: Validation) -> None:
        self._wanted = wanted
        self._shown = self._found = 0  # problems of the log

    def begin(self) -> None:
        self._shown = self._found = 0

    def problem(self, found: Problem) -> None:
        self._found += 1
        if self._wanted.most is None or self._shown < self._wanted.most:
            self._shown += 1
            self._put_problem(found)

    def error(self, error: InputError) -> None:
        problem(error)

    def summary(self, summary: Summary, drifts: Sequence[Drift]) -> None:
        left_out = self._found - self._shown
        if left_out:
            put(f"... and {left_out:,} more")
        if drifts:
            put(f"\n{_drift_table(drifts, self._wanted)}")
            put("")
        if len(summary.files) > 1:
            for file in summary.files:
                put(f"  {file.name}: {counted(file.records, 'record')}, {_verdict(file)}")
        put(f"{summary.name}: {_verdict(summary)}: {', '.join(_facts(summary))}")

    def end(self, code: int) -> None:
        """There is nothing more to say."""

    def _put_problem(self, found: Problem) -> None:
        put(str(found))


class _JsonLines(_Text):
    """Shows the check to programs: an object a line, as townlet_core.telemetry.findings has them."""

    def error(self, error: InputError) -> None:
        from townlet_core.telemetry.findings import of_error

        super().error(error)
        put_json(of_error(error))

    def summary(self, summary: Summary, drifts: Sequence[Drift]) -> None:
        from townlet_core.telemetry.findings import of_log

        put_json(of_log(summary, drifts))

    def end(self, code: int) -> None:
        from townlet_core.telemetry.findings import AllChecked

        put_json(AllChecked(verdict=VERDICTS[code], exit_code=code))

    def _put_problem(self, found: Problem) -> None:
        from townlet_core.telemetry.findings import of_problem

        put_json(of_problem(found))


def _verdict(tally: Tally) -> str:
    words = [counted(tally.problems, "problem")] if tally.problems else []
    words += [counted(tally.warnings, "warning")] if tally.warnings else []
    return ", ".join(words) or "ok"


def _facts(summary: Summary) -> list[str]:
    files = f" in {len(summary.files):,} files" if len(summary.files) > 1 else ""
    facts = [counted(summary.records, "record") + files]
    if summary.runs:
        facts.append(f"run {summary.run}" if summary.runs == 1 else counted(summary.runs, "run"))
    if summary.epochs is not None:
        least, most = summary.epochs
        facts.append(f"epochs {least:,.0f} to {most:,.0f}" if most > least else f"epoch {least:,.0f}")
    return facts


def _drift_table(drifts: Sequence[Drift], wanted: Validation) -> str:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("key", no_wrap=True)
    for title in ("baseline", "worst", "epoch", "drift", "limit"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for drift in drifts:
        table.add_row(
            drift.key,
            f"{drift.baseline:.6g}",
            "–" if drift.value is None else f"{drift.value:.6g}",
            "–" if drift.epoch is None else f"{drift.epoch:,.0f}",
            drift.words(drift.amount),
            "" if drift.limit is None else drift.words(drift.limit),
            "beyond" if drift.is_beyond else "",
        )
    return f"drift from {wanted.baseline}\n{uncut_table_text(table)}"
