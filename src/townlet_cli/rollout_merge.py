"""`townlet rollout merge`: hold captures to the golden metrics, and take over what is accepted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from townlet_cli.options import Json, path_of
from townlet_cli.render import counted, fits, note, problem, put, put_json, table_text
from townlet_core.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from townlet_core.samples.goldens import Change
    from townlet_core.samples.merge import MergeReport

SAME, CHANGED = 0, 1
GOLDEN = Path("docs/samples/rollout_scenario_stats.json")
# Columns that a narrow terminal does without, the first to go first.
OPTIONAL = ("Δ %", "tolerance", "Δ")


Root = Annotated[
    Path, typer.Argument(metavar="ROOT", parser=path_of, help="Folder with captures in it, or in folders below.")
]
Golden = Annotated[
    Path,
    typer.Option(
        "--golden",
        metavar="FILE",
        parser=path_of,
        help="Golden metrics. Beside them are their tolerances, and what was accepted and why.",
    ),
]
GoldenOutput = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", parser=path_of, help="File to write the result to, instead of the golden."
    ),
]
Include = Annotated[
    list[str] | None,
    typer.Option("--include", metavar="GLOB", help="Merge only scenarios of such names; repeatable."),
]
AllowTemplate = Annotated[
    bool, typer.Option("--allow-template", help="Merge scenarios whose names begin with '_', too.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Write nothing; end with 1 if something changed.")]
Accept = Annotated[
    list[str] | None,
    typer.Option(
        "--accept",
        metavar="SELECTOR",
        help="Take these new values: SCENARIO[/seed_N][/SAMPLE[/METRIC]], with * for any letters; repeatable.",
    ),
]
Reason = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Why what is accepted is right; it is kept.")
]


def merge(
    root: Root,
    golden: Golden = GOLDEN,
    output: GoldenOutput = None,
    include: Include = None,
    allow_template: AllowTemplate = False,
    dry_run: DryRun = False,
    accept: Accept = None,
    reason: Reason = None,
    as_json: Json = False,
) -> None:
    """Compare the metrics of captures with the golden ones, and take over those that are accepted.

    Every capture is verified first. What differs by no more than its tolerance is no change, and scenarios that are new
    need not be accepted. Ends with 0 if the golden agrees with the captures in the end, with 1 if something changed
    that nobody has accepted, and with 3 if a capture is not sound, or there is none.
    """
    from townlet_core.samples.merge import MergeRequest
    from townlet_core.samples.merge import merge as run

    report = run(
        MergeRequest(
            root=root,
            golden=golden,
            output=output,
            include=tuple(include or ()),
            allow_template=allow_template,
            dry_run=dry_run,
            accept=tuple(accept or ()),
            reason=reason,
        )
    )
    for each in report.notes:
        note(each)
    for refused in report.refused:
        problem(InputError(refused.problem, where=refused.where, hint=refused.hint))
    if as_json:
        put_json(report, indent=2)
    elif not report.refused:
        _show(report, dry_run=dry_run)
    if report.refused:
        raise typer.Exit(InputError.exit_code)
    accepted = any(change.taken for change in report.changes)
    raise typer.Exit(CHANGED if report.open or (dry_run and accepted) else SAME)


def _show(report: MergeReport, *, dry_run: bool) -> None:
    """Print a table for each sample that differs, and a line that sums up."""
    from townlet_core.samples.goldens import blocks

    for scenario, sample, changes in blocks(report.changes):
        put(f"{scenario}/{sample}\n{_table_that_fits(changes)}\n")
        put("")
    sums = ", ".join(f"{count:,} {kind}" for kind, count in report.counts.items())
    put(f"{counted(len(report.captures), 'scenario')}: {sums}")
    put(_verdict(report, dry_run=dry_run))


def _verdict(report: MergeReport, *, dry_run: bool) -> str:
    """Say what was done, or would be."""
    accepted = sum(change.taken for change in report.changes)
    waits = f"{counted(report.open, 'change')} to accept with --accept SELECTOR --reason TEXT"
    if dry_run:
        would = f"{report.output} would take {counted(accepted, 'metric')}" if accepted else "nothing would be written"
        return would + (f"; {waits}" if report.open else "")
    done = f"{report.output}: written" if report.written else f"{report.output}: left as it is"
    return done + (f"; {waits}" if report.open else "")


def _table_that_fits(changes: Sequence[Change]) -> str:
    """Show as many columns as there is room for. Of a sample that is new, or gone, the number of metrics is enough."""
    kinds = {change.kind for change in changes}
    if kinds in ({"added"}, {"removed"}) and len(changes) > 1:
        return f"{counted(len(changes), 'metric')} {_class(changes[0])}"
    tables = [_table(changes, OPTIONAL[left_out:]) for left_out in range(len(OPTIONAL) + 1)]
    return table_text(next((table for table in tables if fits(table)), tables[-1]))


def _table(changes: Sequence[Change], optional: Sequence[str]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("metric", no_wrap=True)
    for title in ("golden", "new", *(title for title in _cells(changes[0]) if title in optional)):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("class", no_wrap=True)
    for change in changes:
        table.add_row(
            change.metric,
            "" if change.kind == "added" else _number(change.golden),
            "" if change.kind == "removed" else _number(change.new),
            *(cell for title, cell in _cells(change).items() if title in optional),
            _class(change),
        )
    return table


def _cells(change: Change) -> dict[str, str]:
    """Give the cells of the optional columns, in their order."""
    return {
        "Δ": "" if change.difference is None else f"{change.difference:+.6g}",
        "Δ %": "" if change.relative is None else f"{100 * change.relative:+.3g}",
        "tolerance": "" if change.tolerance is None else f"{change.tolerance:.3g}",
    }


def _class(change: Change) -> str:
    return f"{change.kind}, taken" if change.taken else change.kind


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.8g}"
