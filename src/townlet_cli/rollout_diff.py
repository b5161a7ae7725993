"""`townlet rollout diff`: where two captures part, and how it spreads from there."""

from __future__ import annotations

from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated

import typer

from townlet_cli.options import Json, path_of
from townlet_cli.render import counted, fits, note, put, put_json, table_text, uncut_table_text

if TYPE_CHECKING:
    from rich.table import Table

    from townlet_core.samples.compare import Comparison, Spread

SAME, DIFFERENT = 0, 1
MOST_ROWS = 30
MOST_COLUMNS = 3
MOST_ONLY, MOST_SIGNS = 20, 200  # of what only one of them has


def diff(
    a: Annotated[Path, typer.Argument(metavar="A", parser=path_of, help="Folder of a capture, or its manifest.")],
    b: Annotated[Path, typer.Argument(metavar="B", parser=path_of, help="Folder of another, or its manifest.")],
    as_json: Json = False,
) -> None:
    """Find where two captures part: tick, agent, array and feature; and show how it spreads from there.

    Lives are compared by world and agent, ticks by their number, columns by their names, numbers by their bits. Ends
    with 0 if the captures are the same, with 1 if they differ, and with 3 if they cannot be compared.
    """
    from townlet_core.samples.compare import compare

    comparison = compare(a, b)
    if as_json:
        put_json(comparison, indent=2)
    else:
        _show(comparison)
    raise typer.Exit(DIFFERENT if comparison.differs else SAME)


def _show(comparison: Comparison) -> None:
    """Print the first difference, all that differs in the order in which it begins, and what only one of them has."""
    put(f"A: {comparison.a}\nB: {comparison.b}")
    if comparison.first is not None:
        put(f"\n{comparison.first.told('in A', 'in B')}")
        put(f"\n{_spread_table_that_fits(comparison)}")
        left_out = len(comparison.spread) - MOST_ROWS
        if left_out > 0:
            put(f"... and {left_out:,} more, with --json")
        put("")
    for words in comparison.only[:MOST_ONLY]:
        put(shorten(words, MOST_SIGNS, placeholder=" ... (all with --json)"))
    if len(comparison.only) > MOST_ONLY:
        put(f"... and {len(comparison.only) - MOST_ONLY:,} more, with --json")
    put(_summary(comparison))
    for words in comparison.settings:
        note(words)


def _summary(comparison: Comparison) -> str:
    compared = f"{counted(comparison.samples, 'life')} and {counted(comparison.ticks, 'agent-step')} compared"
    if not comparison.differs:
        return f"the same: {compared}"
    lives = len({(each.agent, each.world) for each in comparison.spread})
    arrays = len({each.array for each in comparison.spread})
    parts = [f"{lives} of {counted(comparison.samples, 'life')}", counted(arrays, "array")] if comparison.spread else []
    parts += [f"{counted(len(comparison.only), 'thing')} that only one has, or that cannot be compared"] * bool(
        comparison.only
    )
    return f"different: {', '.join(parts)}; {compared}"


def _spread_table_that_fits(comparison: Comparison) -> str:
    """Name as many columns as there is room for."""
    tables = [_spread_table(comparison, names) for names in range(MOST_COLUMNS, -1, -1)]
    fitting = next((table for table in tables if fits(table)), None)
    return table_text(fitting) if fitting is not None else uncut_table_text(tables[-1])


def _spread_table(comparison: Comparison, names: int) -> Table:
    from rich.table import Table

    worlds = any(each.world for each in comparison.spread)
    table = Table(box=None, pad_edge=False)
    table.add_column("from tick", justify="right", no_wrap=True)
    table.add_column("agent", no_wrap=True)
    if worlds:
        table.add_column("world", justify="right", no_wrap=True)
    table.add_column("array", no_wrap=True)
    table.add_column("ticks", justify="right", no_wrap=True)
    table.add_column("largest", justify="right", no_wrap=True)
    table.add_column("columns", no_wrap=True)
    for each in comparison.spread[:MOST_ROWS]:
        table.add_row(
            f"{each.first_tick:,}",
            each.agent,
            *([str(each.world)] if worlds else []),
            each.array,
            f"{each.ticks:,} of {each.of:,}",
            "" if each.largest is None else f"{each.largest:.3g}",
            _columns(each, names),
        )
    return table


def _columns(spread: Spread, names: int) -> str:
    """Name the first few columns, and count the others."""
    left_out = len(spread.columns) - names
    if not names:
        return str(len(spread.columns) or "")
    more = f" and {left_out} more" if left_out > 0 else ""
    return ", ".join(spread.columns[:names]) + more
