"""How a watch is shown: to programs as JSON, in a pipe as lines, on a terminal as a view that lives."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from townlet_cli.render import counted, note, put, put_json, warn

if TYPE_CHECKING:
    from townlet_core.telemetry.watching.events import Alert, BreachSeen, Ended, Event, RecordSeen, Resolved, Warned
    from townlet_core.telemetry.watching.rules import Rule

ENDINGS = {
    "read": "read to its end",
    "finished": "the run is finished",
    "failed fast": "ended at the first alert",
    "interrupted": "interrupted",
}


class Shown(Protocol):
    """Shows what a watch tells."""

    def event(self, event: Event) -> None:
        """Show the next thing."""


@contextmanager
def shown(log: Path, rules: Sequence[Rule], *, follow: bool, as_json: bool) -> Iterator[Shown]:
    """Lend what shows a watch."""
    if as_json:
        yield _JsonLines()
    elif not sys.stdout.isatty() or os.environ.get("TERM") in (None, "", "dumb"):
        yield _Lines()
    else:
        from townlet_cli.telemetry_view import View

        with View(log, rules, follow=follow) as view:
            yield view


class _JsonLines:
    """Shows a watch to programs."""

    def event(self, event: Event) -> None:
        put_json(event)


class _Lines:
    """Shows a watch in a pipe: a line a record, and one for each breach."""

    def event(self, event: Event) -> None:
        if event.type == "warning":
            (note if event.is_note else warn)(warning_words(event))
        elif event.type == "record":
            put(record_words(event))
            for breach in event.breaches:
                if not breach.fires:  # else an alert follows
                    put(breach_words(event, breach))
        elif event.type == "alert":
            put(alert_words(event))
        elif event.type == "resolved":
            put(resolved_words(event))
        else:
            put(end_words(event))


def record_words(record: RecordSeen) -> str:
    """Word a record."""
    values = [f"{metric} {number(value)}" for metric, value in record.values.items()]
    states = [each.state for each in record.breaches]
    found = [f"{states.count(state)} {state}" for state in ("FIRING", "pending") if state in states]
    state = ", ".join(found) or "ok"
    return " · ".join((f"{record.file}:{record.line}: {epoch_words(record)}: {state}", *values))


def breach_words(record: RecordSeen, breach: BreachSeen) -> str:
    """Word a breach that is no alert, or not a new one."""
    name = _name(breach.rule, breach.metric)
    return f"{record.file}:{record.line}: {epoch_words(record)}: {breach.state}: {name}{breach.what}"


def alert_words(alert: Alert) -> str:
    """Word an alert."""
    place = alert.log if alert.file is None else f"{alert.file}:{alert.line}"
    epoch = "" if alert.epoch is None else f" epoch {alert.epoch:,.0f}:"
    advice = f"\n  {alert.message}" if alert.message else ""
    often = f" ({alert.breaches} epochs)" if alert.breaches > 1 else ""
    name = _name(alert.rule, alert.metric)
    return f"{place}:{epoch} ALERT ({alert.severity}): {name}{alert.what}{often}{advice}"


def resolved_words(resolved: Resolved) -> str:
    """Word the end of an alert."""
    since = "" if resolved.since is None else f", which fired since epoch {resolved.since:,.0f}"
    why = " (another run begins)" if resolved.why == "new run" else ""
    epoch = "" if resolved.epoch is None else f" epoch {resolved.epoch:,.0f}:"
    return f"{resolved.file}:{resolved.line}:{epoch} resolved: {resolved.rule}{since}{why}"


def warning_words(warned: Warned) -> str:
    """Word a warning."""
    line = "" if warned.line is None else f":{warned.line}"
    return warned.what if warned.file is None else f"{warned.file}{line}: {warned.what}"


def end_words(ended: Ended) -> str:
    """Word the end."""
    counts = [counted(ended.records, "record"), counted(ended.alerts, "alert"), counted(ended.warnings, "warning")]
    still = f"; firing still: {', '.join(ended.firing)}" if ended.firing else ""
    return f"{ENDINGS[ended.reason]}: {', '.join(counts)}{still}"


def epoch_words(record: RecordSeen) -> str:
    """Word which epoch of how many a record is of."""
    if record.epoch is None:
        return "epoch ?"
    planned = "" if record.epochs_planned is None else f"/{record.epochs_planned:,.0f}"
    return f"epoch {record.epoch:,.0f}{planned}"


def number(value: float | None, digits: int = 4) -> str:
    """Show a number in few characters; one in the thousands keeps all of its digits before the point."""
    if value is None:
        return "–"
    return f"{value:.0f}" if 10**digits <= abs(value) < 10**7 else f"{value:.{digits}g}"


def _name(rule: str, metric: str | None) -> str:
    """Give the name of a rule, if that is not what it demands."""
    return "" if metric is not None and rule.startswith((metric, f"|{metric}|")) else f"{rule}: "
