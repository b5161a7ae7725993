"""Suites for tests: who listens to them, and short words for running them."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from townlet_core.rollout.request import CaptureRequest
from townlet_core.rollout.running import Rules
from townlet_core.rollout.suite import SuiteRequest, run_suite
from townlet_core.rollout.workers import Workers
from townlet_core.samples.suite_report import SuiteEntry, SuiteReport

FIELD = """\
name: {name}
description: Somebody is alone in a field.
scenario: {{ticks: {ticks}}}
seed: 3
map: {{width: 5, height: 5}}
agents:
  - {{id: anna, at: [1, 1]}}
"""
TIMES = re.compile(r'"capture_timestamp": "[^"]*"')
BROKEN = "name: [\n"
LONG = 1_000_000  # ticks that take several seconds
RULES = {"retries", "timeout", "fail_fast"}
OF_A_SUITE = {"seeds", "resume"}


def write_field(folder: Path, name: str, *, ticks: int = 20) -> str:
    """Write a small town; give the path."""
    path = folder / f"{name}.yaml"
    path.write_text(FIELD.format(name=name, ticks=ticks), encoding="utf-8")
    return str(path)


def write_broken(folder: Path, name: str = "broken") -> str:
    path = folder / f"{name}.yaml"
    path.write_text(BROKEN, encoding="utf-8")
    return str(path)


class Listener:
    """Hears of a suite what its user would see.

    Args:
        on_advance: called with the name of each capture that tells of its progress.
        on_change: called with each entry that changes.
    """

    def __init__(
        self,
        on_advance: Callable[[str], None] | None = None,
        on_change: Callable[[SuiteEntry], None] | None = None,
    ) -> None:
        self.notes: list[str] = []
        self.statuses: list[tuple[str, str]] = []
        self.report: SuiteReport | None = None
        self._names: list[str] = []
        self._on_advance = on_advance
        self._on_change = on_change

    def noted(self, text: str) -> None:
        self.notes.append(text)

    def began(self, report: SuiteReport) -> None:
        self._names = [entry.name for entry in report.captures]

    def changed(self, number: int, entry: SuiteEntry) -> None:
        self.statuses.append((entry.name, entry.status))
        if self._on_change is not None:
            self._on_change(entry)

    def advanced(self, number: int, done: int, total: int) -> None:
        assert 0 <= done <= total
        if self._on_advance is not None:
            self._on_advance(self._names[number])

    def ended(self, report: SuiteReport) -> None:
        self.report = report


def run(
    workers: Workers, root: Path, *sources: str, listener: Listener | None = None, **options: Any
) -> dict[str, SuiteEntry]:
    """Run a suite; give what has become of each capture, by name."""
    rules = Rules(**{name: options.pop(name) for name in RULES & set(options)})
    more = {name: options.pop(name) for name in OF_A_SUITE & set(options)}
    every = CaptureRequest(source="", output=root, **options)
    report = run_suite(SuiteRequest(sources, root, every, rules, **more), workers, listener or Listener())
    return {entry.name: entry for entry in report.captures}


def saved(root: Path) -> SuiteReport:
    return SuiteReport.model_validate_json((root / "suite.json").read_bytes())


def statuses(entries: dict[str, SuiteEntry]) -> dict[str, str]:
    return {name: entry.status for name, entry in entries.items()}


def process_in(log: Path) -> int:
    """Read from a log which process made the last attempt."""
    found = re.findall(r"by process (\d+) on", log.read_text(encoding="utf-8"))
    return int(found[-1])


def is_alive(process: int) -> bool:
    """Say whether a process runs; one that has ended and that nobody has asked about does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def children_of(process: int) -> list[int]:
    """Give the processes that one has started, and those that these have."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == process:
                found += [int(entry.name), *children_of(int(entry.name))]
    return found


def wait_until(what: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it does not come about"
        time.sleep(0.02)


def kill_once(root: Path, number: int) -> Callable[[str], None]:
    """Make what sends a signal to the process of the first capture that tells of its progress."""
    sent: list[str] = []

    def send(name: str) -> None:
        if not sent:
            sent.append(name)
            os.kill(process_in(root / f"{name}.log"), number)

    return send


def contents(folder: Path) -> dict[str, str]:
    """Give the JSON files of a capture without the time at which it was made, and what hashes that."""
    found = {}
    for path in folder.glob("*.json"):
        text = TIMES.sub("", path.read_text())
        if path.name.endswith("_seal.json"):
            seal = json.loads(text)
            seal["files"] = {name: seal["files"][name] for name in seal["files"] if not name.endswith("_manifest.json")}
            text = json.dumps(seal)
        found[path.name] = text
    return found
