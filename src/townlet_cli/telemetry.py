"""`townlet telemetry`: look at the logs of training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlet_cli import telemetry_rules
from townlet_cli.options import path_of, whole_number
from townlet_cli.render import note, put
from townlet_cli.telemetry_explain import explain
from townlet_cli.telemetry_export import export
from townlet_cli.telemetry_plot import plot
from townlet_cli.telemetry_summary import summary
from townlet_cli.telemetry_watch import LOG_HELP, Log, watch
from townlet_core.errors import UsageError

app = typer.Typer(help="Look at the logs of training.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def telemetry() -> None:
    """Keep this a group, however many commands it has."""


@app.command()
def validate(
    logs: Annotated[list[Path], typer.Argument(metavar="LOG...", parser=path_of, help=LOG_HELP)],
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="Check this run only: its run_id, or its number from 1.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings be findings too.")] = False,
    max_errors: Annotated[
        int | None,
        typer.Option(
            "--max-errors", metavar="N", parser=whole_number, help="Show the first N of a log; all are counted."
        ),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            metavar="FILE",
            parser=path_of,
            help="Tell how far each key drifts from this: a JSON object, a log (the means of its last run), "
            "a capture's metrics file, or the folder of a capture.",
        ),
    ] = None,
    relative: Annotated[
        bool, typer.Option("--relative", help="Let drift be a share of the baseline, not a difference.")
    ] = False,
    drift_threshold: Annotated[
        float | None,
        typer.Option("--drift-threshold", metavar="X", help="Let more drift than this be a finding, of any key."),
    ] = None,
    tolerances: Annotated[
        list[str] | None,
        typer.Option("--tolerance", metavar="KEY=X", help="The same of one key, whatever the threshold; repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line instead of text.")] = False,
) -> None:
    """Check telemetry logs, of this program and of its predecessor, and report every problem with its place.

    Ends with 0 if all is well, with 1 if there is a finding, and with 3 if a log cannot be checked.
    """
    from townlet_cli.validating import Validation, validate_logs

    wanted = Validation(
        run=run,
        strict=strict,
        most=max_errors,
        baseline=baseline,
        relative=relative,
        threshold=drift_threshold,
        tolerances=tuple(tolerances or ()),
        as_json=as_json,
    )
    raise typer.Exit(validate_logs(logs, wanted))


@app.command()
def migrate(
    log: Log,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", parser=path_of, help="New file for all of its records.")
    ],
) -> None:
    """Turn a log of version 1.0 into one of version 1.1.

    What version 1.0 did not say is null, and migrated_from says why. A log with problems is refused.
    """
    if str(output) == "-":
        raise UsageError("must be a file, which appears when all of the log was well", where="--output")
    from townlet_core.telemetry.migrate import migrate as turn

    done = turn(log, output)
    if not done.migrated:
        note("no record was of version 1.0")
    put(f"{output}: {done.records:,} record{'s' if done.records != 1 else ''}, {done.migrated:,} of them migrated")


for command in (watch, summary, plot, explain, export):
    app.command()(command)
app.add_typer(telemetry_rules.app, name="rules")
