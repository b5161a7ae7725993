"""`townlet rollout`: run a town and keep what happened."""

from __future__ import annotations

import typer

from townlet_cli.options import (
    AgentIds,
    AutoSeedAgents,
    Compress,
    Config,
    Force,
    Json,
    Noise,
    OutputFolder,
    Overrides,
    Policy,
    Prefix,
    Seed,
    Threads,
    Ticks,
    Worlds,
)
from townlet_cli.progress import progress
from townlet_cli.render import put_json, tell_of_compiling
from townlet_cli.report import remark, show_capture
from townlet_cli.rollout_diff import diff
from townlet_cli.rollout_export import export
from townlet_cli.rollout_merge import merge
from townlet_cli.rollout_play import play
from townlet_cli.rollout_repair import repair
from townlet_cli.rollout_show import show
from townlet_cli.rollout_suite import suite
from townlet_cli.rollout_verify import verify

app = typer.Typer(help="Run a town and keep what happened.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def rollout() -> None:
    """Keep this a group: with one command alone, typer would make it the command."""


@app.command()
def capture(
    config: Config,
    output: OutputFolder,
    ticks: Ticks = None,
    prefix: Prefix = "rollout_sample",
    agents: AgentIds = None,
    auto_seed_agents: AutoSeedAgents = False,
    compress: Compress = False,
    seed: Seed = None,
    worlds: Worlds = 1,
    policy: Policy = "scripted",
    noise: Noise = 0.0,
    threads: Threads = 1,
    overrides: Overrides = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Capture what each agent of a town saw, did and got, as a dataset.

    Writes one NPZ and one JSON for each life of an agent, and a manifest, metrics and a seal for the whole. Where it
    fails, or is interrupted or ended, the folder is as it was before; after a kill -9 or a power cut, the next capture
    into the folder puts it right first.
    """
    from townlet_core.rollout.capture import capture as run
    from townlet_core.rollout.request import CaptureRequest
    from townlet_core.world.compiling import notice_compiling

    request = CaptureRequest(
        source=config,
        output=output,
        ticks=ticks,
        prefix=prefix,
        agents=tuple(agents or ()),
        auto_seed_agents=auto_seed_agents,
        compress=compress,
        seed=seed,
        worlds=worlds,
        policy=policy,
        noise=noise,
        force=force,
        overrides=tuple(overrides or ()),
        threads=threads,
    )
    with notice_compiling(tell_of_compiling), progress("capturing") as on_progress:
        report = run(request, on_progress=on_progress)
    if as_json:
        put_json(report, indent=2)
    else:
        show_capture(report)
    remark(report)


for command in (suite, show, play, verify, diff, merge, repair, export):
    app.command()(command)
