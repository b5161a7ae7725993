"""`townlet rollout`: run a town and keep what happened."""

from __future__ import annotations

from typing import Annotated

import typer

from townlet_cli.options import Config, Force, Json, OutputFolder, Overrides
from townlet_cli.progress import progress
from townlet_cli.render import put

app = typer.Typer(help="Run a town and keep what happened.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def rollout() -> None:
    """Keep this a group: with one command alone, typer would make it the command."""


@app.command()
def capture(
    config: Config,
    output: OutputFolder,
    ticks: Annotated[
        int | None,
        typer.Option(
            "--ticks", "-t", metavar="N", min=1, help="Ticks to run, in place of the scenario's own scenario.ticks."
        ),
    ] = None,
    prefix: Annotated[
        str, typer.Option("--prefix", metavar="NAME", help="What the names of all files begin with.")
    ] = "rollout_sample",
    agent: Annotated[str | None, typer.Option("--agent", metavar="ID", help="Keep this agent's samples only.")] = None,
    auto_seed_agents: Annotated[
        bool,
        typer.Option("--auto-seed-agents", help="Place alice and bob, and what they need, in a town without agents."),
    ] = False,
    compress: Annotated[bool, typer.Option("--compress", help="Compress the arrays.")] = False,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            "-s",
            metavar="N",
            min=0,
            max=2**63 - 1,
            help="Seed of all randomness, in place of the scenario's.",
        ),
    ] = None,
    worlds: Annotated[
        int, typer.Option("--worlds", "-w", metavar="N", min=1, help="Worlds to run, each with its own luck.")
    ] = 1,
    policy: Annotated[
        str,
        typer.Option(
            "--policy", "-p", metavar="NAME", help="Who acts: scripted (schedules, needs and jobs) or random."
        ),
    ] = "scripted",
    threads: Annotated[
        int,
        typer.Option(
            "--threads", metavar="N", min=1, max=1024, help="Threads to run on; the result does not depend on it."
        ),
    ] = 1,
    overrides: Overrides = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Capture what each agent of a town saw, did and got, as a dataset.

    Writes one NPZ and one JSON for each life of an agent, and a manifest, metrics and a seal for the whole. The folder
    is either complete or as it was before.
    """
    from townlet_core.rollout.capture import CaptureRequest
    from townlet_core.rollout.capture import capture as run

    request = CaptureRequest(
        source=config,
        output=output,
        ticks=ticks,
        prefix=prefix,
        agent=agent,
        auto_seed_agents=auto_seed_agents,
        compress=compress,
        seed=seed,
        worlds=worlds,
        policy=policy,
        force=force,
        overrides=tuple(overrides or ()),
        threads=threads,
    )
    with progress("capturing") as on_progress:
        report = run(request, on_progress=on_progress)
    if as_json:
        put(report.model_dump_json(indent=2))
