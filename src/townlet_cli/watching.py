"""What `townlet train` shows while it runs, and of a run when it is done."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from townlet_cli.render import put, table_text, tell

if TYPE_CHECKING:
    from townlet_core.ppo.run import TrainReport

Values = dict[str, Any]
LINE_SECONDS = 10.0  # at least so long between two lines in a pipe, the first and the last apart

WORDED = (
    ("ep_return_mean", "return", 2),
    ("eval_return_mean", "eval return", 2),
    ("approx_kl", "KL", 4),
    ("loss_entropy", "entropy", 3),
)  # key, title, decimal places


@contextmanager
def watching() -> Iterator[Callable[[Values], None]]:
    """Lend what to call with the values of each epoch: a live line on a terminal, a line now and then in a pipe."""
    if os.environ.get("RANK", "0") != "0":
        yield lambda _: None
        return
    if not sys.stderr.isatty():
        yield _Lines().show
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), refresh_per_second=8, transient=True) as live:
        began = time.monotonic()

        def show(values: Values) -> None:
            live.update(_panel(values, began))

        yield show


class _Lines:
    """Tells of epochs in lines."""

    def __init__(self) -> None:
        self._last = -LINE_SECONDS

    def show(self, values: Values) -> None:
        now = time.monotonic()
        if now - self._last >= LINE_SECONDS or values["epoch"] == values["epochs_planned"]:
            self._last = now
            tell(" · ".join(_words(values)))


def _words(values: Values) -> Iterator[str]:
    """Word an epoch: what there is to say of it."""
    yield f"epoch {values['epoch']:,}/{values['epochs_planned']:,}"
    yield f"{values['steps']:,} steps"
    for name, title, places in WORDED:
        if values.get(name) is not None:
            yield f"{title} {values[name]:.{places}f}"
    yield f"{values['sps']:,.0f} steps/s"
    left = (values["epochs_planned"] - values["epoch"]) * values["epoch_duration_sec"]
    if left:
        yield f"{time_words(left)} left"


def _panel(values: Values, began: float) -> Any:
    """Draw the live view: how far the run is, and what the last epoch came to."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    done, planned = values["epoch"], values["epochs_planned"]
    head = Table.grid(padding=(0, 1))
    head.add_row(
        f"{values['scenario']} ({values['data_mode']})",
        ProgressBar(total=planned, completed=done, width=30),
        f"{done:,}/{planned:,}",
        f"{time_words(time.monotonic() - began)} gone",
        f"{time_words((planned - done) * values['epoch_duration_sec'])} left",
    )
    return Group(head, "  " + " · ".join(list(_words(values))[1:-1]))


def time_words(seconds: float) -> str:
    """Word a time: 1:05 or 2:03:04."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


SHOWN = {
    "return of episodes": "ep_return_mean",
    "return of evaluation": "eval_return_mean",
    "policy loss": "loss_policy",
    "value loss": "loss_value",
    "entropy": "loss_entropy",
    "KL (k3)": "approx_kl",
    "clip fraction": "clip_fraction",
    "explained variance": "explained_variance",
    "gradient norm": "grad_norm",
}


def show_report(report: TrainReport) -> None:
    """Print what the last epoch came to, and where everything lies."""
    from rich.table import Table

    table = Table(f"epoch {report.epochs:,}", box=None, pad_edge=False)
    table.add_column("", justify="right")
    for title, name in SHOWN.items():
        if report.last.get(name) is not None:
            table.add_row(title, f"{report.last[name]:,.4f}")
    lines = [
        f"{report.scenario}, {report.mode}: {report.epochs:,} of {report.epochs_planned:,} epochs ({report.ended}), "
        f"{report.steps:,} steps, {report.steps_per_second:,.0f} steps/s, {report.seconds:.1f} s"
    ]
    places = {"log": report.log, "checkpoint": report.checkpoint, "best": report.best, "capture": report.capture}
    lines += [f"{what:<11}{place}" for what, place in places.items() if place is not None]
    put(f"{table_text(table)}\n\n" + "\n".join(lines))
