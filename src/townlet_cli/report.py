"""What `townlet rollout capture` shows of a capture: a table of metrics, the events, and where it all lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from townlet_cli.render import counted, fits, note, put, table_text, warn

if TYPE_CHECKING:
    from rich.table import Table

    from townlet_core.rollout.report import CaptureReport, SampleReport

MOST_ROWS = 20
EVENT, COUNT = "event_", "_count"

# Title of a column -> metric that it shows. On a narrow terminal the last ones are left out.
SHOWN = {
    "reward": "reward_sum",
    "mean": "reward_mean",
    "entropy": "action_entropy",
    "blocked": "action_blocked_ratio",
    "rivalry": "rivalry_max_max",
    "late": "lateness_mean",
}


def show_capture(report: CaptureReport) -> None:
    """Print the tables, and where the capture lies."""
    left_out = len(report.samples) - MOST_ROWS
    more = [f"... and {left_out:,} more, in the metrics file"] if left_out > 0 else []
    tables = table_text(_metrics_table_that_fits(report), *more, *_events_table(report))
    counts = counted(report.worlds, "world"), counted(len(report.samples), "sample")
    size = f"{', '.join(counts)}, {report.agent_steps:,} agent-steps"
    put(f"{tables}\n{report.scenario}: {report.ticks:,} ticks, {size}, {report.seconds:.2f} s\n{report.manifest}")


def remark(report: CaptureReport) -> None:
    """Print what is good to know about a capture, and what makes it doubtful."""
    for each in report.notes:
        note(each)
    for warning in report.warnings:
        warn(warning.text)


def _metrics_table_that_fits(report: CaptureReport) -> Table:
    """Show as many metrics as there is room for."""
    titles = list(SHOWN)
    while len(titles) > 1 and not fits(_metrics_table(report, titles)):
        titles.pop()
    return _metrics_table(report, titles)


def _metrics_table(report: CaptureReport, titles: list[str]) -> Table:
    """Show each sample in a row, up to MOST_ROWS of them."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("agent", no_wrap=True)
    if report.worlds > 1:
        table.add_column("world", justify="right", no_wrap=True)
    for title in ("ticks", *titles, "events"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("end", no_wrap=True)
    for sample in report.samples[:MOST_ROWS]:
        table.add_row(
            sample.agent,
            *([str(sample.world)] if report.worlds > 1 else []),
            f"{sample.ticks:,}",
            *(_number(sample.metrics[SHOWN[title]]) for title in titles),
            f"{sum(_events(sample).values()):,.0f}",
            "ended" if sample.metrics["terminated"] else "cut",
        )
    return table


def _events_table(report: CaptureReport) -> list[Table | str]:
    """Show what happened, and how often, over all samples; nothing where nothing did."""
    from rich.table import Table

    totals: dict[str, float] = {}
    for sample in report.samples:
        for event, count in _events(sample).items():
            totals[event] = totals.get(event, 0) + count
    table = Table("event", box=None, pad_edge=False)
    table.add_column("count", justify="right")
    for event, total in totals.items():
        if total:
            table.add_row(event, f"{total:,.0f}")
    return ["", table, ""] if table.row_count else [""]


def _events(sample: SampleReport) -> dict[str, float]:
    """Take the counts of events out of a sample's metrics."""
    named = {name: count for name, count in sample.metrics.items() if name.startswith(EVENT) and name.endswith(COUNT)}
    return {name.removeprefix(EVENT).removesuffix(COUNT): count for name, count in named.items() if count is not None}


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.3f}"
