"""`townlet train`: learn a policy, from the town, from captures or from both."""

from __future__ import annotations

import typer

from townlet_cli.options import Config, Force, Json, Seed
from townlet_cli.render import note, put_json
from townlet_cli.training_options import (
    CaptureDirs,
    CheckpointDir,
    Device,
    Epochs,
    EvalEvery,
    EvalWorlds,
    KeepCheckpoints,
    LiveWorlds,
    Log,
    LogFrequency,
    LogMaxEntries,
    Mode,
    Processes,
    ReplayManifests,
    Resume,
    RolloutAutoSeed,
    RolloutTicks,
    SaveDir,
    SaveEvery,
    Settings,
    TrainingOverrides,
)
from townlet_cli.watching import show_report, watching

INTERRUPTED = 130

app = typer.Typer(help="Learn a policy.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def train() -> None:
    """Keep this a group: with one command alone, typer would make it the command."""


@app.command()
def ppo(
    context: typer.Context,
    config: Config,
    mode: Mode = None,
    capture_dirs: CaptureDirs = None,
    replay_manifests: ReplayManifests = None,
    epochs: Epochs = None,
    rollout_ticks: RolloutTicks = None,
    worlds: LiveWorlds = None,
    save_dir: SaveDir = None,
    auto_seed_agents: RolloutAutoSeed = False,
    log: Log = None,
    log_frequency: LogFrequency = 1,
    log_max_entries: LogMaxEntries = None,
    checkpoint_dir: CheckpointDir = None,
    save_every: SaveEvery = None,
    keep_checkpoints: KeepCheckpoints = None,
    resume: Resume = None,
    seed: Seed = None,
    device: Device = "auto",
    settings: Settings = None,
    overrides: TrainingOverrides = None,
    eval_every: EvalEvery = None,
    eval_worlds: EvalWorlds = None,
    nproc: Processes = 1,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Train a policy by proximal policy optimisation: acting in the town, learning from captures, or both.

    All agents share one network. Where it is interrupted (Ctrl-C) or asked to end (SIGTERM) it finishes the epoch and
    keeps what there is; --resume goes on from there. Ends with 4 where learning diverges; the last checkpoint is good.
    """
    if nproc != 1:
        from townlet_cli.launch import launch

        raise SystemExit(launch(nproc, context))  # what there is to say, they have said
    from townlet_core.ppo.request import TrainRequest
    from townlet_core.ppo.run import train as run
    from townlet_core.world.compiling import notice_compiling

    request = TrainRequest(
        source=config,
        mode=mode,
        captures=(*(capture_dirs or ()), *(replay_manifests or ())),
        epochs=epochs,
        rollout_ticks=rollout_ticks,
        worlds=worlds,
        seed=seed,
        device=device,
        settings=settings,
        overrides=tuple(overrides or ()),
        save_dir=save_dir,
        auto_seed_agents=auto_seed_agents,
        log=log,
        log_frequency=log_frequency,
        log_max_entries=log_max_entries,
        checkpoint_dir=checkpoint_dir,
        save_every=save_every,
        keep=keep_checkpoints,
        resume=resume,
        eval_every=eval_every,
        eval_worlds=eval_worlds,
        force=force,
    )
    with notice_compiling(_tell_of_compiling), watching() as on_epoch:
        report = run(request, on_epoch=on_epoch, on_note=note)
    if report is None:
        return  # another process tells
    put_json(report, indent=2) if as_json else show_report(report)
    if report.ended == "interrupted":
        raise typer.Exit(INTERRUPTED)


def _tell_of_compiling() -> None:
    note("compiling the kernels of the simulation (once; about half a minute) ...")
