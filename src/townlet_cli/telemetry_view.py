"""The live view of `townlet telemetry watch`: a row a metric, and alerts in the scrollback above it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from townlet_cli.view_columns import GAP, HEAD, TREND, Cells, chosen, layout, limit_words, room_of, shortened
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
    from rich.text import Text

    from townlet_core.telemetry.watching.events import Event, RecordSeen
    from townlet_core.telemetry.watching.rules import Rule

BARS, PLAIN_BARS = "▁▂▃▄▅▆▇█", "_.-=+*#@"
PLAIN_SIGNS = str.maketrans({"·": "|", "–": "-", "…": "~", "±": "+-"})  # for a terminal that has no others
STYLES = {"ok": "green", "pending": "yellow", "FIRING": "bold red"}
SIGNS = {"ok": "", "pending": "?", "FIRING": "!"}  # of states, where there is no room for words
RANK = {"ok": 0, "pending": 1, "FIRING": 2}
RECENT_EPOCHS = 10  # by which the time that is left is estimated


@dataclass
class _Row:
    """A metric: what it was, and the rules about it."""

    metric: str
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

    def range(self) -> str:
        """Word the least and the most."""
        return "" if self.least is None else f"{number(self.least, 3)} – {number(self.most, 3)}"


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
        self._is_plain = not self._console.encoding.lower().startswith("utf")
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
        self._stop()

    def event(self, event: Event) -> None:
        """Take in the next thing; print what is to stay in the scrollback."""
        if event.type == "record":
            self._see(event)
        elif event.type == "warning":
            kind, style = ("note", "dim") if event.is_note else ("warning", "yellow")
            self._say(f"{kind}: {warning_words(event)}", style)
        elif event.type == "alert":
            self._states[event.rule] = "FIRING"
            self._say(alert_words(event), "bold red" if event.severity == "critical" else "red")
        elif event.type == "resolved":
            self._states.pop(event.rule, None)
            self._say(resolved_words(event), "green")
        else:
            self._end()
            self._say(f"\n{end_words(event)}", "bold")

    def draw(self) -> RenderableType:
        """Draw how things stand."""
        from rich.console import Group

        head, rows = self._head(), [row for row in self._rows.values() if row.trend]
        if self._live is None:
            return Group("", head, "", self._table(rows, rows))
        taken = len(self._console.render_lines(head, pad=False))
        room = room_of(self._console.height - taken, len(rows))
        shown = [rows[each] for each in chosen([RANK.get(self._state(row), 0) for row in rows], room.rows)]
        parts = [head, self._table(shown, rows)] if shown or not rows else [head]
        if room.is_spaced:
            parts = [each for part in parts for each in ("", part)]
        return Group(*parts, *self._more([row for row in rows if row not in shown]))

    def _more(self, hidden: Sequence[_Row]) -> Iterator[Text]:
        """Say how many rows there is no room for, and how they stand."""
        if hidden:
            states = [self._state(row) for row in hidden]
            worse = [f", {states.count(state)} {state}" for state in ("FIRING", "pending") if state in states]
            dots = "..." if self._is_plain else "…"
            yield self._text(f"{dots} and {len(hidden)} more{''.join(worse)}", "dim")

    def _end(self) -> None:
        if self._live is not None:
            self._stop()
        elif self._record is not None:
            self._console.print(self.draw())

    def _stop(self) -> None:
        """Leave the view as it is at the end, and all of it: what scrolls away can be read."""
        if (live := self._live) is not None:
            self._live = None
            live.stop()

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
            row.limits[rule.title] = limit_words(rule)
        return rows

    def _say(self, words: str, style: str) -> None:
        self._console.print(self._text(words, style))

    def _text(self, words: str, style: str = "") -> Text:
        from rich.text import Text

        return Text(words.translate(PLAIN_SIGNS) if self._is_plain else words, style)

    def _head(self) -> RenderableType:
        record = self._record
        if record is None:
            return self._text(f"{self._log}: waiting for the first record", "dim")
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
        text = self._text(" · ".join(words))
        text.stylize("bold", 0, len(words[0]))
        if "FIRING" in self._states.values():
            text.append_text(self._text(" · FIRING", "bold red"))
        return text

    def _left(self, age: float) -> float | None:
        record = self._record
        if record is None or record.epochs_planned is None or record.epoch is None or not self._durations:
            return None
        each = sum(self._durations) / len(self._durations)
        return max(0.0, (record.epochs_planned - record.epoch) * each - min(age, each))

    def _table(self, shown: Sequence[_Row], rows: Sequence[_Row]) -> RenderableType:
        """Lay out the rows that are shown as if all were, so that columns stay where they are."""
        from rich.table import Table

        room = layout(self._console.width, [*map(self._cells, rows), HEAD])
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, GAP, 0, 0))
        table.add_column(HEAD.metric, no_wrap=True)
        table.add_column(HEAD.value, no_wrap=True, justify="right")
        if room.trend:
            table.add_column(f"last {room.trend}", no_wrap=True)
        if room.is_ranged:
            table.add_column(self._text(HEAD.range), no_wrap=True, justify="right")
        if room.has_limits:
            table.add_column(HEAD.limit, no_wrap=True)
        table.add_column(HEAD.state if room.is_worded else "", no_wrap=True)
        for row in shown:
            line = self._cells(row)
            style = STYLES[line.state] if line.state in ("pending", "FIRING") else ""
            cells = [self._text(shortened(line.metric, room.names), style), self._text(line.value, style)]
            cells += [self._text(self._spark(list(row.trend)[-room.trend :]), style or "cyan")] if room.trend else []
            cells += [self._text(line.range, "dim")] if room.is_ranged else []
            cells += [self._text(line.limit, "dim")] if room.has_limits else []
            state = line.state if room.is_worded else SIGNS.get(line.state, "")
            table.add_row(*cells, self._text(state, STYLES.get(line.state, "")))
        return table

    def _cells(self, row: _Row) -> Cells:
        return Cells(row.metric, number(row.last, 3), row.range(), self._limit(row), self._state(row))

    def _state(self, row: _Row) -> str:
        state = max((self._states.get(rule, "ok") for rule in row.limits), key=RANK.__getitem__, default="")
        return "null" if state == "ok" and row.last is None else state

    def _limit(self, row: _Row) -> str:
        """Give the limit of the rule about a metric with which it stands worst, and how many there are beside it."""
        if not row.limits:
            return ""
        worst = max(row.limits, key=lambda rule: RANK[self._states.get(rule, "ok")])
        more = f" +{len(row.limits) - 1}" if len(row.limits) > 1 else ""
        return row.limits[worst] + more

    def _spark(self, values: Sequence[float | None]) -> str:
        bars = PLAIN_BARS if self._is_plain else BARS
        known = [value for value in values if value is not None]
        least, most = min(known, default=0.0), max(known, default=0.0)
        step = (most - least) / (len(bars) - 1)
        return "".join(
            "x" if value is None else bars[round((value - least) / step) if step > 0 else 0] for value in values
        )
