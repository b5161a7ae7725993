"""The course of a suite: who is given what, and what is made of how it ended."""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from townlet_core.errors import OutputError
from townlet_core.rollout.suite_log import add_to_log
from townlet_core.rollout.task import Advanced, Began, Captured, Failed, News, Task
from townlet_core.rollout.workers import GRACE_SECONDS, Compiling, Workers
from townlet_core.samples.commit import clear_up, undisturbed
from townlet_core.samples.manifest import MANIFEST
from townlet_core.samples.provenance import printable, version_of
from townlet_core.samples.suite_report import Executor, State, SuiteEntry, SuiteReport, save_report

SAVE_SECONDS = 2.0  # between two drafts of suite.json, at least
STOPPED_BY_FAILURE = "another had failed"
INTERRUPTED = "the suite was interrupted"


@dataclass(frozen=True)
class Rules:
    """How a suite goes about it."""

    retries: int = 0  # more attempts at what has failed
    timeout: float | None = None  # seconds that an attempt may take
    fail_fast: bool = False  # end with the first that has failed
    executor: Executor = "local"


class Watcher(Protocol):
    """Who shows a suite to its user."""

    def noted(self, text: str) -> None:
        """Take what is good to know."""

    def began(self, report: SuiteReport) -> None:
        """Take what is to be done."""

    def changed(self, number: int, entry: SuiteEntry) -> None:
        """Take what has become of a capture."""

    def advanced(self, number: int, done: int, total: int) -> None:
        """Take how far a capture is."""

    def ended(self, report: SuiteReport) -> None:
        """Take what has become of all."""


class Run:
    """A suite while it runs."""

    def __init__(self, root: Path, tasks: list[Task], workers: Workers, watcher: Watcher, rules: Rules) -> None:
        self._root = root
        self._tasks = tasks
        self._workers = workers
        self._watcher = watcher
        self._rules = rules
        self._entries = [_entry(task) for task in tasks]
        self._waiting = deque(range(len(tasks)))
        self._running: dict[int, float | None] = {}  # task -> when it has to be done, by time.monotonic
        self._late: set[int] = set()  # tasks whose time is over
        self._stopped: str | None = None  # why the rest is not done
        self._began, self._clock = datetime.now(UTC), time.monotonic()
        self._saved = self._clock

    def to_the_end(self) -> SuiteReport:
        """Do all of it; what is under way when an exception comes is ended first.

        Raises:
            OutputError: suite.json cannot be written.
        """
        report = self._report("running")
        save_report(report, self._root)
        self._watcher.began(report)
        state: State = "interrupted"
        try:
            while self._waiting or self._running:
                self._step()
            state = "ended"
        finally:
            try:
                self._stop(INTERRUPTED)
                self._wait_for_the_last()
            finally:
                report = self._at_the_end(state)
        return report

    def _step(self) -> None:
        """Give out what there is to do, and take what comes."""
        while self._waiting and len(self._running) < self._workers.jobs:
            self._start(self._waiting.popleft())
        self._hear(self._patience())
        self._end_overdue()
        now = time.monotonic()
        if now - self._saved >= SAVE_SECONDS:
            self._saved = now
            with suppress(OutputError):  # it is told at the end, if it lasts
                save_report(self._report("running"), self._root)

    def _start(self, number: int) -> None:
        attempt = self._entries[number].attempts + 1
        self._running[number] = None  # its time begins when it does
        self._workers.start(number, replace(self._tasks[number], attempt=attempt))
        self._change(number, status="running", attempts=attempt)

    def _hear(self, seconds: float | None) -> None:
        for event in self._workers.hear(seconds):
            if isinstance(event, Compiling):
                self._watcher.noted("compiling the kernels of the simulation (once; about half a minute) ...")
            elif event.task in self._running:
                self._take(event.task, event.news)

    def _take(self, number: int, news: News) -> None:
        if isinstance(news, Began):
            limit = self._rules.timeout
            self._running[number] = None if limit is None else time.monotonic() + limit
        elif isinstance(news, Advanced):
            self._watcher.advanced(number, news.done, news.total)
        else:
            del self._running[number]
            if isinstance(news, Captured):
                self._change(number, **_facts(news))
            else:
                self._take_failure(number, news)
            self._late.discard(number)

    def _take_failure(self, number: int, news: Failed) -> None:
        """Note why an attempt failed, clear up after it, and see whether there is to be another."""
        entry, reason, limit = self._entries[number], news.reason, self._rules.timeout
        if news.died:
            self._clear_up(number)
            if number in self._late and limit is not None:
                reason = f"took longer than the {limit:g} s of --timeout"
            elif self._stopped is not None:
                self._change(number, status="stopped", reason=self._stopped)
                return
            self._add_to_log(number, f"attempt {entry.attempts} failed: {reason}")
        again = entry.attempts <= self._rules.retries and not news.is_final and self._stopped is None
        told = {"reason": reason, "failures": (*entry.failures, reason), "seconds": news.seconds or None}
        self._change(number, status="waiting" if again else "failed", **told)
        if again:
            self._waiting.append(number)
        elif self._rules.fail_fast:
            self._stop(STOPPED_BY_FAILURE)

    def _stop(self, why: str) -> None:
        """Begin nothing more, and end what is under way."""
        if self._stopped is None:
            self._stopped = why
            while self._waiting:
                self._change(self._waiting.popleft(), status="stopped", reason=why)
            for number in self._running:
                self._workers.stop(number)

    def _wait_for_the_last(self) -> None:
        """Take how those end that have been stopped."""
        until = time.monotonic() + 2 * GRACE_SECONDS
        while self._running and time.monotonic() < until:
            self._hear(until - time.monotonic())

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for number, until in self._running.items():
            if until is not None and until <= now and number not in self._late:
                self._late.add(number)
                self._workers.stop(number)

    def _patience(self) -> float:
        """Give the seconds until somebody's time is over, or suite.json is to be written."""
        dates = [until for number, until in self._running.items() if until is not None and number not in self._late]
        return max(0.0, min([time.monotonic() + SAVE_SECONDS, *dates]) - time.monotonic())

    def _clear_up(self, number: int) -> None:
        """Remove what a process that died has left half done; where that cannot be, the next capture does it."""
        with suppress(OutputError):
            clear_up(self._tasks[number].request.output)

    def _add_to_log(self, number: int, text: str) -> None:
        """Write what the process itself could not."""
        with suppress(OutputError):
            add_to_log(self._tasks[number].log, text)

    def _change(self, number: int, **changes: Any) -> None:
        entry = self._entries[number] = self._entries[number].model_copy(update=changes)
        self._watcher.changed(number, entry)

    def _report(self, state: State) -> SuiteReport:
        return SuiteReport(
            tool_version=version_of("townlet"),
            state=state,
            executor=self._rules.executor,
            jobs=self._workers.jobs,
            began=self._began.isoformat(timespec="seconds"),
            seconds=time.monotonic() - self._clock,
            captures=tuple(self._entries),
        )

    def _at_the_end(self, state: State) -> SuiteReport:
        """Write and tell what has become of all."""
        for number in self._running:  # nobody can say any more how they end
            self._change(number, status="stopped", reason=self._stopped)
        report = self._report(state)
        try:
            with undisturbed():  # whoever is impatient by now would leave half of it
                save_report(report, self._root)
        finally:
            self._watcher.ended(report)
        return report


def _entry(task: Task) -> SuiteEntry:
    """Tell what there is to tell of a capture before it is made."""
    name = printable(task.name)
    return SuiteEntry(
        name=name,
        config=printable(task.request.source),
        seed=task.request.seed,
        manifest=f"{name}/{task.request.prefix}{MANIFEST}",
        log=f"{name}.log",
    )


def _facts(made: Captured) -> dict[str, Any]:
    """Give what a capture that is there adds to its entry."""
    facts = {field.name: getattr(made, field.name) for field in fields(made)}
    return facts | {"status": "kept" if facts.pop("kept") else "captured"}
