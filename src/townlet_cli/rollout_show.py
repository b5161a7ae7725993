"""`townlet rollout show`: what is in a capture, and what one agent did in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from townlet_cli.options import ALL_TICKS, CapturePlace, Json, TickRange, World
from townlet_cli.render import bar, fits, json_text, note, put, size, table_text, warn
from townlet_core.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from townlet_core.rollout.contents import CaptureContents
    from townlet_core.samples.ticks import TickRow

MOST_ROWS = 20
BAR_CELLS = 20


def show(
    place: CapturePlace,
    agent: Annotated[
        str | None,
        typer.Option("--agent", metavar="ID", help="Show what this agent did, tick by tick, instead of the whole."),
    ] = None,
    ticks: TickRange = None,
    world: World = None,
    as_json: Json = False,
) -> None:
    """Show what is in a capture: where it comes from, its samples and arrays, what was done and what happened.

    Reads captures of the predecessor too, and says what they lack. Seals are not checked.
    """
    from townlet_core.rollout.contents import read_contents, read_ticks

    if agent is None:
        for option, value in (("--ticks", ticks), ("--world", world)):
            if value is not None:
                raise UsageError("says which ticks of an agent to show, so it needs --agent", where=option)
        contents = read_contents(place)
        put(json_text(contents, indent=2) if as_json else _all(contents))
        for each in contents.notes:
            note(each)
        for warning in contents.warnings:
            warn(warning.text)
        return
    rows = list(read_ticks(place, agent, ticks or ALL_TICKS, world))
    if not rows:
        raise UsageError(f"{agent} did not live in any of these ticks", where="--ticks")
    put(json.dumps([row.model_dump() for row in rows], indent=2) if as_json else table_text(_ticks_table(rows)))


def _all(contents: CaptureContents) -> str:
    """Lay out all that is told of a capture."""
    from rich.text import Text

    parts: list[Table | Text | str] = [_facts_table(contents), "", _samples_table(contents)]
    left_out = len(contents.samples) - MOST_ROWS
    if left_out > 0:
        parts.append(f"... and {left_out:,} more, which --json lists")
    for table in (_arrays_table, _actions_table, _terms_table, _events_table):
        drawn = table(contents)
        parts += ["", drawn] if drawn.row_count else []
    return table_text(*parts)


def _facts_table(contents: CaptureContents) -> Table:
    """Say where a capture comes from, and what it lacks; what is not known has no row."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _facts(contents):
        table.add_row(Text(name, "bold" if name == "capture" else "dim"), text)
    return table


def _facts(contents: CaptureContents) -> Iterator[tuple[str, str]]:
    """Word what is known of a capture, a line each."""
    count = f"{len(contents.samples):,} sample" + ("" if len(contents.samples) == 1 else "s")
    yield "capture", f"{contents.manifest} ({count}, {contents.agent_steps:,} agent-steps, {size(contents.bytes)})"
    if contents.scenario is not None:
        yield "scenario", contents.scenario + (f": {contents.description}" if contents.description else "")
    if contents.config_path is not None:
        yield "config", contents.config_path + (f" (sha256 {contents.config_hash})" if contents.config_hash else "")
    if contents.policy is not None:
        yield "policy", f"{contents.policy.name} ({contents.policy.kind})"
    if contents.policy_hash is not None:
        yield "policy hash", contents.policy_hash
    if contents.seed is not None:
        yield "seed", str(contents.seed)
    if contents.ticks is not None:
        worlds = "" if contents.worlds is None else f" in {contents.worlds:,} world{'s' * (contents.worlds != 1)}"
        yield "ticks", f"{contents.ticks:,}{worlds}"
    if contents.captured is not None:
        yield "made", contents.captured + "".join(_by(contents))
    if contents.seal is not None:
        yield "seal", contents.seal
    if contents.form != "townlet":
        yield "format", f"that of the {contents.form} form" if "," in contents.form else f"that of the {contents.form}"
    for number, lack in enumerate(contents.lacks):
        yield "" if number else "lacks", lack


def _by(contents: CaptureContents) -> Iterator[str]:
    if contents.form == "townlet":
        yield f" by townlet {contents.tool_version}" if contents.tool_version else " by townlet"
        if contents.commit:
            yield f", commit {contents.commit[:12]}"


def _fitting(draw: Callable[[Sequence[str]], Table], *titles: str) -> Table:
    """Draw a table, and leave out as many columns as is needed: half a number would be a wrong one."""
    tables = (draw(titles[:count]) for count in range(len(titles)))
    return next((table for table in tables if fits(table)), draw(titles))


def _samples_table(contents: CaptureContents) -> Table:
    """Show each sample in a row, up to MOST_ROWS of them."""

    def draw(left_out: Sequence[str]) -> Table:
        return _samples_table_without(contents, left_out)

    return _fitting(draw, "size", "entropy", "mean", "events", "end", "from", "world")


def _samples_table_without(contents: CaptureContents, left_out: Sequence[str]) -> Table:
    """Show samples; what none of them says has no column."""
    from rich.table import Table

    samples = contents.samples
    columns: dict[str, list[str]] = {
        "agent": [sample.agent for sample in samples],
        "world": [str(sample.world) for sample in samples] if (contents.worlds or 1) > 1 else [],
        "from": [f"{sample.first_tick:,}" for sample in samples] if any(s.first_tick for s in samples) else [],
        "ticks": [f"{sample.ticks:,}" for sample in samples],
        "reward": [f"{sample.reward_sum:,.3f}" for sample in samples],
        "mean": [f"{sample.reward_mean:,.3f}" for sample in samples],
        "entropy": [f"{sample.action_entropy:,.3f}" for sample in samples],
        "events": [f"{sample.events:,}" for sample in samples if sample.events is not None],
        "end": [sample.end for sample in samples],
        "size": [size(sample.bytes) for sample in samples],
    }
    shown = {title: cells for title, cells in columns.items() if len(cells) == len(samples) and title not in left_out}
    table = Table(box=None, pad_edge=False)
    for title in shown:
        table.add_column(title, justify="left" if title in ("agent", "end") else "right", no_wrap=True)
    for row in list(zip(*shown.values(), strict=True))[:MOST_ROWS]:
        table.add_row(*row)
    return table


def _arrays_table(contents: CaptureContents) -> Table:
    """Show the arrays, T for the ticks of a life."""
    from rich.table import Table

    def draw(left_out: Sequence[str]) -> Table:
        table = Table(box=None, pad_edge=False)
        shown = [title for title in ("array", "type", "shape", "size") if title not in left_out]
        for title in shown:
            table.add_column(
                title, justify="right" if title == "size" else "left", no_wrap=title != "shape", overflow="fold"
            )
        for array in contents.arrays:
            some = f" in {array.samples:,}" if array.samples != len(contents.samples) else ""
            shape = " × ".join(map(str, array.shape)) + some
            cells = {"array": array.name, "type": array.dtype, "shape": shape, "size": size(array.bytes)}
            table.add_row(*(cells[title] for title in shown))
        return table

    return _fitting(draw, "size", "type")


def _actions_table(contents: CaptureContents) -> Table:
    """Show how often each action was chosen, as bars too."""
    from rich.table import Table

    def draw(left_out: Sequence[str]) -> Table:
        table = Table("action", box=None, pad_edge=False)
        table.add_column("count", justify="right", no_wrap=True)
        table.add_column("share", justify="right", no_wrap=True)
        cells = 0 if "bar" in left_out else BAR_CELLS
        table.add_column("", min_width=cells)
        for action, count in contents.actions.items():
            share = count / contents.agent_steps
            table.add_row(action, f"{count:,}", f"{share:.1%}", bar(share, cells) if cells else "")
        return table

    return _fitting(draw, "bar")


def _terms_table(contents: CaptureContents) -> Table:
    """Show what the terms of the reward come to."""
    from rich.table import Table

    table = Table("reward term", box=None, pad_edge=False)
    table.add_column("sum", justify="right")
    table.add_column("mean", justify="right")
    for term, total in contents.reward_terms.items():
        if total:
            table.add_row(term, f"{total:,.3f}", f"{total / contents.agent_steps:,.4f}")
    return table


def _events_table(contents: CaptureContents) -> Table:
    """Show what happened, and how often."""
    from rich.table import Table

    table = Table("event", box=None, pad_edge=False)
    table.add_column("count", justify="right")
    for event, count in contents.events.items():
        table.add_row(event, f"{count:,}")
    return table


def _ticks_table(rows: list[TickRow]) -> Table:
    """Show the ticks of a life, as much of each as there is room for: the last columns go first, but not the events."""
    titles = ("shift", "money", "state", "life", "hygiene", "energy", "hunger")
    return _fitting(lambda left_out: _ticks_table_without(rows, left_out), *titles)


def _ticks_table_without(rows: list[TickRow], left_out: Sequence[str]) -> Table:
    from rich.table import Table

    needs = list(rows[0].needs)
    columns = {
        "life": [row.agent for row in rows] if len({row.agent for row in rows}) > 1 else [],
        "tick": [f"{row.tick:,}" for row in rows],
        "action": [row.action + (" (not allowed)" if row.allowed is False else "") for row in rows],
        "reward": [f"{row.reward:,.4f}" for row in rows],
        **{need: [f"{row.needs[need]:.2f}" for row in rows] for need in needs},
        "money": [f"{row.money:,.2f}" for row in rows if row.money is not None],
        "shift": [row.shift or "" for row in rows] if any(row.shift for row in rows) else [],
        "state": [row.state for row in rows] if any(row.state for row in rows) else [],
        "events": [", ".join(_events(row)) for row in rows] if any(row.events for row in rows) else [],
    }
    shown = {title: cells for title, cells in columns.items() if len(cells) == len(rows) and title not in left_out}
    table = Table(box=None, pad_edge=False)
    for title in shown:
        right = title in ("tick", "reward", "money", *needs)
        table.add_column(title, justify="right" if right else "left", no_wrap=title != "events", overflow="fold")
    for row in zip(*shown.values(), strict=True):
        table.add_row(*row)
    return table


def _events(row: TickRow) -> Iterator[str]:
    for event, count in row.events.items():
        yield event if count == 1 else f"{event} ×{count}"
