"""`townlet telemetry export`: a log for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from townlet_cli.options import path_of
from townlet_cli.render import counted, put, warn
from townlet_cli.telemetry_watch import Log
from townlet_core.errors import UsageError


def export(
    log: Log,
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUTPUT", parser=path_of, help="Folder for tensorboard, in which each run has its own; else a file."
        ),
    ],
    to: Annotated[
        Literal["tensorboard", "csv", "jsonl"],
        typer.Option("--to", help="What to write: event files of TensorBoard, or all records as CSV or JSON a line."),
    ],
    names: Annotated[
        Literal["townlet", "sb3", "cleanrl"],
        typer.Option("--names", help="Whose names: ours, those of Stable-Baselines3, or of CleanRL."),
    ] = "townlet",
    step: Annotated[
        Literal["steps", "epoch"] | None,
        typer.Option("--step", help="What TensorBoard's steps are: transitions learned from (steps), or epochs."),
    ] = None,
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="Export this run only: its run_id, or its number from 1.")
    ] = None,
    # no -f: that is --follow beside this command, in `watch`
    force: Annotated[bool, typer.Option("--force", help="Replace what an earlier call has left.")] = False,
) -> None:
    """Write a log for TensorBoard, or as CSV or JSON, under our names or those of other programs.

    What there is by that name already is left alone without --force. What is wrong in the log is left out.
    """
    if step is not None and to != "tensorboard":
        raise UsageError("is about tensorboard: every row has both", where="--step")
    if to == "tensorboard":
        from townlet_core.telemetry.exporting.tensorboard import to_tensorboard

        made = to_tensorboard(log, output, run=run, names=names, step=step or "steps", force=force)
    else:
        from townlet_core.telemetry.exporting.export import to_csv, to_jsonl

        made = (to_csv if to == "csv" else to_jsonl)(log, output, run=run, names=names, force=force)
    if made.problems:
        warn(f"{log}: {counted(made.problems, 'problem')}, left out: see 'townlet telemetry validate {log}'")
    if made.left_out:
        warn(f"{log}: {counted(made.left_out, 'record')} without {step or 'steps'}, left out")
    put(f"{output}: {counted(made.records - made.left_out, 'record')} of {counted(made.runs, 'run')}")
