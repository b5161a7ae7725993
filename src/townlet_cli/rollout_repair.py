"""`townlet rollout repair`: keep what an interrupted or damaged capture has whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from townlet_cli.options import Json, path_of
from townlet_cli.render import counted, note, put, put_json, warn

if TYPE_CHECKING:
    from townlet_core.samples.kept import RepairReport

FINE, PARTLY = 0, 4
MOST_MISSING = 20
DONE = {
    "sound": "is sound; nothing was changed",
    "finished": "the interrupted capture was whole, and is in place now",
    "rebuilt": "is whole again",
    "partial": "is repaired in part",
}


def repair(
    folder: Annotated[Path, typer.Argument(metavar="DIR", parser=path_of, help="Folder that a capture went into.")],
    as_json: Json = False,
) -> None:
    """Keep the whole lives of a capture that was killed, or of which files were damaged or lost.

    A capture that is sound is left alone. What is kept is proven by the seal, or by checksums and metrics where there
    was none yet; the manifest tells what is missing, and damaged files are set aside. Ends with 0 if the capture is
    whole, with 4 if lives are missing, and with 3 if nothing can be kept.
    """
    from townlet_core.samples.repair import repair as run

    report = run(folder)
    if as_json:
        put_json(report, indent=2)
    else:
        _show(report)
    raise typer.Exit(PARTLY if report.outcome == "partial" else FINE)


def _show(report: RepairReport) -> None:
    for name in report.rebuilt:
        put(f"{name}: written anew")
    for each in report.missing[:MOST_MISSING]:
        put(f"missing: {each.what}: {each.why}")
    if len(report.missing) > MOST_MISSING:
        put(f"... and {len(report.missing) - MOST_MISSING:,} more, which the manifest lists")
    put(f"{report.place}: {DONE[report.outcome]}: {counted(report.samples, 'sample')}")
    for name in report.set_aside:
        warn(f"{name.rpartition('.damaged')[0]} was set aside as {name}")
    for words in report.notes:
        note(words)
