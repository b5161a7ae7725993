"""What `townlet telemetry watch` does: read or follow the log, show what comes of it, tell of alerts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from townlet_cli.on_alert import OnAlert
from townlet_cli.render import json_text, note
from townlet_cli.watch_shown import Shown, shown
from townlet_core.errors import UsageError

if TYPE_CHECKING:
    from townlet_core.telemetry.watching.events import Event, Reason
    from townlet_core.telemetry.watching.rules import Rule
    from townlet_core.telemetry.watching.watch import Watch

INTERRUPTED = 130
LEAST_SECONDS = 0.01  # between two looks at a log


@dataclass(frozen=True)
class Wanted:
    """What the user wants."""

    log: Path
    follow: bool
    thresholds: Mapping[str, float]  # option -> limit
    rules: str | None  # file
    defaults: bool
    run: str | None
    stall: float | None
    fail_fast: bool
    on_alert: str | None
    interval: float
    as_json: bool


def watch_log(wanted: Wanted) -> int:
    """Watch a log; give the exit code.

    Raises:
        UsageError: the options make no sense.
        InputError: the log, the rules or a baseline cannot be read.
    """
    from townlet_core.telemetry.watching.watch import Watch

    _refuse(wanted)
    rules, own = rules_of(wanted.thresholds, wanted.rules, defaults=wanted.defaults)
    watch = Watch(wanted.log, rules, own=own, run=wanted.run, stall=wanted.stall)
    if wanted.rules is None and len(own) < len(rules):
        note(f"watching by {len(rules)} rules to start from; a threshold, or --rules, puts others in their place")
    with shown(wanted.log, rules, follow=wanted.follow, as_json=wanted.as_json) as show:
        return _Watching(wanted, watch, show).run()


def _refuse(wanted: Wanted) -> None:
    """Refuse options that make no sense.

    Raises:
        UsageError: names the first of them.
    """
    if wanted.stall is not None and not wanted.follow:
        raise UsageError("is about a log that is followed", where="--stall", hint="add --follow")
    if wanted.stall is not None and wanted.stall <= 0:
        raise UsageError(f"must be more than 0, found {wanted.stall:g}", where="--stall")
    if wanted.interval < LEAST_SECONDS:
        raise UsageError(f"must be at least {LEAST_SECONDS:g}, found {wanted.interval:g}", where="--interval")
    if wanted.on_alert is not None and not wanted.on_alert.strip():
        raise UsageError("is empty", where="--on-alert")


def rules_of(thresholds: Mapping[str, float], file: str | None, *, defaults: bool) -> tuple[list[Rule], list[Rule]]:
    """Give the rules to watch by, and those of them that somebody wrote.

    Raises:
        UsageError: an option and the file say the same.
        InputError: the file cannot be read, or is wrong.
    """
    from townlet_core.telemetry.watching.thresholds import DEFAULT, default_rules, rules_named, rules_of_option

    rules = [rule for option, limit in thresholds.items() for rule in rules_of_option(option, limit)]
    titles, own = {rule.title for rule in rules}, list(rules)
    for rule in rules_named(file) if file is not None else ():
        if rule.title in titles:
            raise UsageError(f"has the rule '{rule.title}', as has an option", where=file, hint="drop one of them")
        rules.append(rule)
    if rules or not defaults:
        return rules, own if file == DEFAULT else rules
    return default_rules(), []


class _Watching:
    """The watch of one log, and whom it tells."""

    def __init__(self, wanted: Wanted, watch: Watch, show: Shown) -> None:
        self._wanted, self._watch, self._show = wanted, watch, show
        self._command = OnAlert(wanted.on_alert) if wanted.on_alert is not None else None

    def run(self) -> int:
        """Watch until there is nothing more to watch."""
        try:
            self._tell(self._watch.begin())
            reason = self._follow() if self._wanted.follow else self._read()
            self._complain(self._command.finish() if self._command is not None else ())
        except KeyboardInterrupt:
            self._tell(self._watch.end("interrupted", interrupted=INTERRUPTED))
            return INTERRUPTED
        self._tell(self._watch.end(reason))
        return int(bool(self._watch.alerts))

    def _read(self) -> Reason:
        from townlet_core.telemetry.watching.watch import read_once

        for line in read_once(self._wanted.log):
            if self._tell(self._watch.take(line)):
                return "failed fast"
        return "read"

    def _follow(self) -> Reason:
        from townlet_core.telemetry.following.follow import Follower
        from townlet_core.telemetry.watching.watch import is_being_written

        with Follower(self._wanted.log) as follower:
            is_waiting = False
            while True:
                before = self._watch.records
                may_end = self._watch.is_finished and not is_being_written(self._wanted.log)
                for found in follower.poll():
                    if self._tell(self._watch.take(found)):
                        return "failed fast"
                if not follower.exists and not is_waiting:
                    is_waiting = True
                    note(f"waiting for {self._wanted.log}")
                self._tell(self._watch.awaited())
                if self._tell(self._watch.idle()):
                    return "failed fast"
                if may_end and self._watch.records == before:
                    return "finished"
                if follower.is_ended:
                    return "read"
                if self._command is not None:
                    self._complain(self._command.reap())
                time.sleep(self._wanted.interval)

    def _tell(self, events: Iterable[Event]) -> bool:
        """Show what a line has come to, and run the command; tell whether the watch is to end."""
        alerts = 0
        for event in events:
            self._show.event(event)
            if event.type == "alert":
                alerts += 1
                if self._command is not None:
                    self._complain(self._command.run(event.rule, json_text(event)))
        return self._wanted.fail_fast and alerts > 0

    def _complain(self, wrong: Iterable[str]) -> None:
        for what in wrong:
            self._show.event(self._watch.warn(what))
