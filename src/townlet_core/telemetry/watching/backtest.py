"""How often rules would have fired on a log that is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field

from townlet_core.schema import StrictModel
from townlet_core.telemetry.watching.events import Event
from townlet_core.telemetry.watching.rules import Rule, Severity
from townlet_core.telemetry.watching.watch import Watch, read_once


class RuleTried(StrictModel):
    """What a rule came to on a log."""

    rule: str = Field(description="title of the rule")
    metric: str = Field(description="its metric")
    severity: Severity = Field(description="of the rule")
    looked_at: int = Field(description="records that had the metric; of a rule about a missing key, all")
    breaches: int = Field(description="records that broke the rule")
    fired: int = Field(description="how often it began to fire")
    epochs_firing: int = Field(description="records at which it fired")
    first_file: str | None = Field(description="where it first began to fire: file")
    first_line: int | None = Field(description="its line")
    first_epoch: int | None = Field(description="its epoch")
    state: Literal["ok", "FIRING"] = Field(description="at the end of the log")


@dataclass
class Backtest:
    """What all rules came to."""

    records: int
    runs: int
    rules: list[RuleTried]
    warnings: list[str]
    notes: list[str]


@dataclass
class _Count:
    looked_at: int = 0
    breaches: int = 0
    fired: int = 0
    epochs_firing: int = 0
    first_file: str | None = None
    first_line: int | None = None
    first_epoch: int | None = None


@dataclass
class _Counting:
    """Counts events by rule."""

    rules: Sequence[Rule]
    counts: dict[str, _Count]
    firing: set[str] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def take(self, events: Sequence[Event]) -> None:
        """Count what a line has come to."""
        is_record = False
        for event in events:
            if event.type == "record":
                is_record = True
                self.runs.add(event.run)
                for rule in self.rules:
                    self.counts[rule.title].looked_at += rule.missing or rule.metric in event.values
                for breach in event.breaches:
                    self.counts[breach.rule].breaches += 1
            elif event.type == "alert":
                count = self.counts[event.rule]
                count.fired += 1
                if count.fired == 1:
                    count.first_file, count.first_line, count.first_epoch = event.file, event.line, event.epoch
                self.firing.add(event.rule)
            elif event.type == "resolved":
                self.firing.discard(event.rule)
            elif event.type == "warning":
                place = "" if event.file is None else f"{event.file}:{event.line}: "
                (self.notes if event.is_note else self.warnings).append(f"{place}{event.what}")
        for title in self.firing if is_record else ():
            self.counts[title].epochs_firing += 1


def backtest(
    log: Path, rules: Sequence[Rule], *, run: str | None = None, own: Sequence[Rule] | None = None
) -> Backtest:
    """Let rules see a log from its first record to its last.

    Args:
        own: those that somebody wrote, as of Watch.

    Raises:
        InputError: the log or a baseline cannot be read, or there is no record, or not the run.
    """
    watch = Watch(log, rules, own=own, run=run)
    counting = _Counting(rules, {rule.title: _Count() for rule in rules})
    counting.take(watch.begin())
    for line in read_once(log):
        counting.take(watch.take(line))
    counting.take(watch.end("read"))
    tried = [
        RuleTried(
            rule=rule.title,
            metric=rule.metric,
            severity=rule.severity,
            state="FIRING" if rule.title in counting.firing else "ok",
            **vars(counting.counts[rule.title]),
        )
        for rule in rules
    ]
    return Backtest(watch.records, len(counting.runs), tried, counting.warnings, counting.notes)
