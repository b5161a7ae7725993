"""What `townlet rollout suite` shows: how far it is, a table of what has become of each capture, what is doubtful."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from townlet_cli.render import note, put, put_json, table_text, tell, warn

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID
    from rich.table import Table

    from townlet_core.rollout.running import Watcher
    from townlet_core.samples.suite_report import SuiteEntry, SuiteReport

MOST_ROWS = 100
MOST_WARNINGS = 20
MOST_BARS = 16
LOOKS = {"captured": "green", "kept": "cyan", "failed": "bold red", "stopped": "yellow"}


@contextmanager
def watching(*, as_json: bool) -> Iterator[Watcher]:
    """Lend who shows a suite: bars on a terminal, a line for each capture in a pipe."""
    if not sys.stderr.isatty():
        yield _Lines(as_json=as_json)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True, markup=False, highlight=False), transient=True) as bars:
        yield _Bars(bars, as_json=as_json)


class _Lines:
    """Tells of a suite in lines."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._total = self._done = 0

    def noted(self, text: str) -> None:
        note(text)

    def began(self, report: SuiteReport) -> None:
        self._total = len(report.captures)

    def changed(self, number: int, entry: SuiteEntry) -> None:
        if entry.status in LOOKS:
            self._done += 1
            tell(f"{self._done:,}/{self._total:,} {_words(entry)}")
        elif entry.status == "waiting":
            tell(f"{entry.name}: attempt {entry.attempts} failed: {entry.reason}")

    def advanced(self, number: int, done: int, total: int) -> None:
        """A pipe is not told of that."""

    def ended(self, report: SuiteReport) -> None:
        if self._as_json:
            put_json(report, indent=2)
        else:
            show_suite(report)
        remark_suite(report)


class _Bars(_Lines):
    """Shows a bar for the whole and one for each capture under way; says a line of what goes wrong."""

    def __init__(self, bars: Progress, *, as_json: bool) -> None:
        super().__init__(as_json=as_json)
        self._bars = bars
        self._whole = bars.add_task("loading", total=None)
        self._shown: dict[int, TaskID] = {}

    def began(self, report: SuiteReport) -> None:
        super().began(report)
        self._bars.update(self._whole, description=f"captures 0/{self._total:,}", total=self._total)

    def noted(self, text: str) -> None:
        self._bars.console.print(f"note: {text}")

    def changed(self, number: int, entry: SuiteEntry) -> None:
        if entry.status == "running":
            if len(self._shown) < MOST_BARS:
                self._shown[number] = self._bars.add_task(f"  {entry.name}", total=None)
            return
        if number in self._shown:
            self._bars.remove_task(self._shown.pop(number))
        if entry.status in LOOKS:
            self._done += 1
            self._bars.update(self._whole, description=f"captures {self._done:,}/{self._total:,}", advance=1)
        if entry.status in ("failed", "waiting"):
            self._bars.console.print(_words(entry), soft_wrap=True)

    def advanced(self, number: int, done: int, total: int) -> None:
        if number in self._shown:
            self._bars.update(self._shown[number], completed=done, total=total)

    def ended(self, report: SuiteReport) -> None:
        self._bars.stop()
        super().ended(report)


def _words(entry: SuiteEntry) -> str:
    """Say what has become of a capture in a line."""
    if entry.status in ("failed", "stopped", "waiting"):
        return f"{entry.name}: {entry.status}: {entry.reason}"
    size = f"{entry.samples:,} sample{'s' if entry.samples != 1 else ''}, {entry.ticks:,} ticks, {entry.seconds:.2f} s"
    return f"{entry.name}: {entry.status}: {size}" + (f" ({entry.reason})" if entry.reason else "")


def show_suite(report: SuiteReport) -> None:
    """Print a table of the captures, those that are not there first where there are many, and where it all lies."""
    entries = report.captures
    if len(entries) > MOST_ROWS:
        entries = tuple(sorted(entries, key=lambda entry: entry.status in ("captured", "kept")))[:MOST_ROWS]
    left_out = len(report.captures) - len(entries)
    more = [f"... and {left_out:,} more, in suite.json"] if left_out else []
    counts = ", ".join(f"{count:,} {status}" for status, count in report.counts().items())
    steps = sum(entry.agent_steps or 0 for entry in report.captures)
    put(f"{table_text(_table(entries), *more)}\n\n{counts}; {steps:,} agent-steps, {report.seconds:.2f} s")


def _table(entries: Sequence[SuiteEntry]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("scenario", no_wrap=True)
    table.add_column("seed", justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for title in ("agents", "ticks", "seconds", "attempts"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("reason", overflow="fold")
    for entry in entries:
        table.add_row(
            entry.name.partition("/")[0],
            _number(entry.seed),
            Text(entry.status, style=LOOKS.get(entry.status, "")),
            _number(None if entry.agents is None else len(entry.agents)),
            _number(entry.ticks),
            "–" if entry.seconds is None else f"{entry.seconds:.2f}",
            f"{entry.attempts}",
            entry.reason or "",
        )
    return table


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def remark_suite(report: SuiteReport) -> None:
    """Print what makes captures doubtful, and how to go on where some are not there."""
    doubts = [f"{entry.name}: {text}" for entry in report.captures for text in entry.warnings]
    for doubt in doubts[:MOST_WARNINGS]:
        warn(doubt)
    if len(doubts) > MOST_WARNINGS:
        warn(f"and {len(doubts) - MOST_WARNINGS:,} more, in suite.json")
    if not report.all_well:
        note("each capture's log stands beside its folder; the same command with --resume makes what is not there")
