"""The live view of `townlet telemetry watch`: a row a metric, and alerts in the scrollback above it."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from townlet_cli.watch_shown import (
    alert_words,
    breach_words,
    end_words,
    epoch_words,
    number,
    resolved_words,
    warning_words,
)
from townlet_cli.watching import time_words

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from townlet_core.telemetry.events import Event, RecordSeen
    from townlet_core.telemetry.rules import Rule

TREND = 30  # values of a sparkline
LEAST_TREND = 8
RANGE_COLUMNS = 19
BARS, PLAIN_BARS = "▁▂▃▄▅▆▇█", "_.-=+*#@"
STYLES = {"ok": "green", "pending": "yellow", "FIRING": "bold red"}
RANK = {"ok": 0, "pending": 1, "FIRING": 2}
RECENT_EPOCHS = 10  # by which the time that is left is estimated


@dataclass
class _Row:
    """A metric: what it was, and the rules about it."""

    label: str
    limits: dict[str, str]  # title of a rule -> its limit in few characters
    last: float | None = None
    least: float | None = None
    most: float | None = None
    trend: deque[float | None] = field(default_factory=lambda: deque(maxlen=TREND))

    def see(self, value: float | None) -> None:
        self.last = value
        self.trend.append(value)
        if value is not None:
            self.least = value if self.least is None else min(self.least, value)
            self.most = value if self.most is None else max(self.most, value)


class View:
    """Shows a watch on a terminal."""

    def __init__(
        self,
        log: Path,
        rules: Sequence[Rule],
        *,
        follow: bool,
        console: Console | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        from rich.console import Console

        self._log, self._rules, self._clock = log, rules, clock
        self._console = console or Console(highlight=False, markup=False, emoji=False)
        self._live: Any = None
        self._follow = follow
        self._record: RecordSeen | None = None
        self._at = clock()  # when the last record was written
        self._durations: deque[float] = deque(maxlen=RECENT_EPOCHS)
        self._states: dict[str, str] = {}
        self._rows = self._fresh_rows()

    def __enter__(self) -> View:
        if self._follow:
            from rich.live import Live

            self._live = Live(console=self._console, get_renderable=self.draw, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def event(self, event: Event) -> None:
        """Take in the next thing; print what is to stay in the scrollback."""
        if event.type == "record":
            self._see(event)
        elif event.type == "warning":
            self._say(f"warning: {warning_words(event)}", "yellow")
        elif event.type == "alert":
            self._states[event.rule] = "FIRING"
            self._say(alert_words(event), "bold red" if event.severity == "critical" else "red")
        elif event.type == "resolved":
            self._states.pop(event.rule, None)
            self._say(resolved_words(event), "green")
        else:
            self._end()
            self._say(end_words(event), "bold")

    def draw(self) -> RenderableType:
        """Draw how things stand."""
        from rich.console import Group

        return Group("", self._head(), "", self._table())

    def _end(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
        elif self._record is not None:
            self._console.print(self.draw())

    def _see(self, record: RecordSeen) -> None:
        if self._record is not None and record.run != self._record.run:
            self._rows = self._fresh_rows()
            self._durations.clear()
        self._record = record
        written = None if record.time is None else datetime.fromisoformat(record.time).replace(tzinfo=UTC).timestamp()
        self._at = self._clock() if written is None else written
        if record.epoch_duration_sec is not None:
            self._durations.append(record.epoch_duration_sec)
        for metric, value in record.values.items():
            self._rows[metric].see(value)
        states = {breach.rule: breach.state for breach in record.breaches}
        for breach in record.breaches:
            if breach.state == "pending" and self._states.get(breach.rule) != "pending":
                self._say(breach_words(record, breach), "dim")
        firing = {rule: state for rule, state in self._states.items() if state == "FIRING"}
        self._states = states | firing

    def _fresh_rows(self) -> dict[str, _Row]:
        rows = {"ep_return_mean": _Row("ep_return_mean", {})}
        for rule in self._rules:
            row = rows.setdefault(rule.metric, _Row(rule.metric, {}))
            row.label = rule.looks_at if rule.amount else row.label
            row.limits[rule.title] = _limit(rule)
        return rows

    def _say(self, words: str, style: str) -> None:
        from rich.text import Text

        self._console.print(Text(words, style))

    def _head(self) -> RenderableType:
        from rich.text import Text

        record = self._record
        if record is None:
            return Text(f"{self._log}: waiting for the first record", "dim")
        age = max(0.0, self._clock() - self._at)
        words = [record.scenario or str(self._log), f"run {record.run}", epoch_words(record)]
        if record.sps is not None:
            words.append(f"{record.sps:,.0f} steps/s")
        if record.finished:
            words.append("finished")
        else:
            words.append(f"last record {time_words(age)} ago" if self._follow else f"written {time_words(age)} ago")
            left = self._left(age)
            words += [f"{time_words(left)} left"] if left is not None else []
        text = Text(" · ".join(words))
        text.stylize("bold", 0, len(words[0]))
        if "FIRING" in self._states.values():
            text.append(" · FIRING", "bold red")
        return text

    def _left(self, age: float) -> float | None:
        record = self._record
        if record is None or record.epochs_planned is None or record.epoch is None or not self._durations:
            return None
        each = sum(self._durations) / len(self._durations)
        return max(0.0, (record.epochs_planned - record.epoch) * each - min(age, each))

    def _table(self) -> RenderableType:
        from rich.table import Table
        from rich.text import Text

        rows = [row for row in self._rows.values() if row.trend]
        names = max([len(row.label) for row in rows], default=6)
        limits = max([len(self._shown_limit(row)) for row in rows], default=5)
        spare = self._console.width - min(names, 30) - limits - len("-0.0001234  pending  ") - 4
        ranged = spare - RANGE_COLUMNS - 2 >= LEAST_TREND
        trend = min(TREND, spare - (RANGE_COLUMNS + 2 if ranged else 0))
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        table.add_column("metric", no_wrap=True, overflow="ellipsis")
        table.add_column("value", justify="right", no_wrap=True)
        if trend >= LEAST_TREND:
            table.add_column(f"last {trend}", no_wrap=True)
        if ranged:
            table.add_column("least – most", no_wrap=True, justify="right")
        table.add_column("fires", no_wrap=True)
        table.add_column("state", no_wrap=True)
        for row in rows:
            state = self._state(row)
            style = STYLES[state] if state != "ok" else ""
            cells = [Text(row.label, style), Text(number(row.last), style)]
            if trend >= LEAST_TREND:
                cells.append(Text(self._spark(list(row.trend)[-trend:]), style or "cyan"))
            if ranged:
                cells.append(Text(f"{number(row.least)} – {number(row.most)}", "dim"))
            shown = Text(state, STYLES[state]) if row.limits else Text("")
            table.add_row(*cells, Text(self._shown_limit(row), "dim"), shown)
        return table

    def _state(self, row: _Row) -> str:
        return max((self._states.get(rule, "ok") for rule in row.limits), key=RANK.__getitem__, default="ok")

    def _shown_limit(self, row: _Row) -> str:
        """Give the limit of the rule about a metric with which it stands worst, and how many there are beside it."""
        if not row.limits:
            return ""
        worst = max(row.limits, key=lambda rule: RANK[self._states.get(rule, "ok")])
        more = f" +{len(row.limits) - 1}" if len(row.limits) > 1 else ""
        return row.limits[worst] + more

    def _spark(self, values: Sequence[float | None]) -> str:
        encoding = getattr(sys.stdout, "encoding", None) or "ascii"
        bars = BARS if encoding.lower().startswith("utf") else PLAIN_BARS
        known = [value for value in values if value is not None]
        least, most = min(known, default=0.0), max(known, default=0.0)
        step = (most - least) / (len(bars) - 1)
        return "".join(
            "x" if value is None else bars[round((value - least) / step) if step > 0 else 0] for value in values
        )


def _limit(rule: Rule) -> str:
    """Word in few characters what a rule fires at."""
    if rule.missing:
        return "missing"
    if rule.plateau_over is not None:
        return f"flat {rule.plateau_over}"
    sign = ">" if rule.above is not None else "<"
    if rule.window is not None or rule.baseline is not None:
        share = f"{'+' if rule.above is not None else '-'}{100 * rule.limit:.4g}%"
        return f"{share} of {'mean' if rule.window is not None else 'baseline'}"
    return f"{sign} {rule.limit:.4g}" + ("/epoch" if rule.change_over is not None else "")
