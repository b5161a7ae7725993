"""`townlet telemetry explain`: when a run changed, and what moved with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from townlet_cli.options import path_of
from townlet_cli.render import json_text, note, put, uncut_table_text
from townlet_core.errors import UsageError

if TYPE_CHECKING:
    from townlet_core.telemetry.explaining.explanation import Against, Explanation, Moved, Setting

MOST_ROWS = 4  # keys of a group that are shown
GROUPS = ("loss", "agents", "reward_terms", "events", "returns", "learning", "town", "signal", "settings", "other")


def explain(
    log: Annotated[
        Path,
        typer.Argument(metavar="LOG", parser=path_of, help="Telemetry log, with its segments; - is standard input."),
    ],
    against: Annotated[
        Path | None,
        typer.Option(
            "--against", metavar="LOG", parser=path_of, help="Tell how the run differs from the last run of this log."
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric",
            "-m",
            metavar="KEY",
            help="Key whose changes are looked for; otherwise ep_return_mean, or what stands for it in the log.",
        ),
    ] = None,
    at: Annotated[
        float | None,
        typer.Option(
            "--at", metavar="EPOCH", help="Explain this epoch, in place of the plainest change of the metric."
        ),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(
            "--run", metavar="RUN", help="Explain this run, not the last one: its run_id, or its number from 1."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Tell when a run changed, which losses, agents, terms of the reward and events moved then, and what did first.

    It also says what it cannot tell. Ends with 0 whether something has changed or not.
    """
    if against is not None and str(log) == str(against) == "-":
        raise UsageError("standard input can be read once", where="--against")
    from townlet_core.telemetry.explaining.explain import explain as look_into

    found = look_into(log, run=run, metric=metric, at=at, against=against)
    put(json_text(found, indent=2) if as_json else "\n\n".join(_parts(found)))
    if found.runs > 1 and run is None:
        note(f"{log} holds {found.runs:,} runs; this is the last: --run chooses another")


def _parts(found: Explanation) -> Iterator[str]:
    """Lay out an explanation, the verdict first."""
    first, last = found.epochs
    yield f"{found.log}: run {found.run}, epochs {first:,.0f} to {last:,.0f}\n" + "\n".join(found.verdict)
    if found.changes:
        rows = [
            (f"{each.epoch:,.0f}", _span(each.low, each.high), each.kind, each.before, each.after, _effect(each.effect))
            for each in found.changes
        ]
        yield f"changes of {found.metric}\n" + _table(("epoch", "95 %", "kind", "before", "after", "effect"), rows)
    if found.moved:
        yield f"what moved about epoch {found.explained:,.0f}\n{_moved_table(found.moved)}{_aside(found)}"
    if found.settings:
        yield "settings that changed within the run\n" + _settings_table(found.settings)
    if found.against is not None:
        yield from _against(found.against)
    yield "what this cannot tell\n" + "\n".join(f"- {each}" for each in found.undecided)


def _moved_table(moved: Sequence[Moved]) -> str:
    rows: list[tuple[object, ...]] = []
    for group in GROUPS:
        for each in [each for each in moved if each.group == group][:MOST_ROWS]:
            row = (group, each.key, each.before, each.after)
            when = (
                () if each.changed_at is None else (f"{each.changed_at:,.0f}", _span(each.low, each.high), each.order)
            )
            rows.append((*row, _effect(each.effect), *when))
    is_change = moved[0].changed_at is not None
    head = ("before", "after", "effect", "epoch", "95 %", "order") if is_change else ("there", "here", "effect")
    text = _table(("group", "key", *head), rows, words=2)
    return text + (f"\n... and {len(moved) - len(rows)} more with --json" if len(moved) > len(rows) else "")


def _aside(found: Explanation) -> str:
    """Add what is no row: the parts of the loss, and who fared worst."""
    from townlet_core.telemetry.explaining.wording import number

    text = ""
    if found.loss_parts:
        parts = ", ".join(
            f"{part.key} {'+' if part.difference > 0 else ''}{number(part.difference)}" for part in found.loss_parts
        )
        text += f"\nadded to loss_total: {parts}"
    if found.worst_agent is not None:
        before, after = found.worst_agent.before, found.worst_agent.after
        text += f"\nworst agent: {before}" + (" before and after" if before == after else f" before, {after} after")
    return text


def _against(found: Against) -> Iterator[str]:
    there = f"there: {found.log}, run {found.run}"
    if found.settings:
        yield f"settings that differ ({there})\n" + _settings_table(found.settings, ("there", "here"))
    if found.moved:
        since = "in all epochs" if found.parted_at is None else f"from epoch {found.parted_at:,.0f}"
        yield f"what differs {since} ({there})\n" + _moved_table(found.moved)


def _settings_table(settings: Sequence[Setting], sides: tuple[str, str] = ("before", "after")) -> str:
    rows = [
        (each.key, "all" if each.epoch is None else f"{each.epoch:,.0f}", _short(each.before), _short(each.after))
        for each in settings
    ]
    return _table(("key", "epoch", *sides), rows, words=1)


def _short(value: Any) -> object:
    """Show enough of a hash to tell it from another."""
    return "–" if value is None else f"{value[:12]}..." if isinstance(value, str) and len(value) > 40 else value


def _span(low: float | None, high: float | None) -> str:
    return f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"


def _effect(effect: float | None) -> str:
    return "all" if effect is None else f"{effect:+,.1f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]], *, words: int = 0) -> str:
    """Lay out a table: words to the left, numbers to the right."""
    from rich.table import Table

    from townlet_core.telemetry.explaining.wording import number

    table = Table(box=None, pad_edge=False)
    for place, title in enumerate(head):
        is_word = place < words or title in ("kind", "order")
        table.add_column(title, justify="left" if is_word else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(number(each) if isinstance(each, float) else str(each) for each in row))
    return uncut_table_text(table)
