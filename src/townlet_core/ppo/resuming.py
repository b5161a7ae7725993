"""Going on from a checkpoint: its settings take the place of what is asked for, and what contradicts it is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from townlet_core.config.settings import split_overrides
from townlet_core.errors import InputError, UsageError
from townlet_core.policy.saved import CHECKPOINT, POLICY_JSON, SavedPolicy, read_model
from townlet_core.policy.saved import SCHEMA_VERSION as POLICY_VERSION
from townlet_core.ppo.checkpoint import SavedTraining, read_training
from townlet_core.ppo.processes import Processes
from townlet_core.ppo.request import Prepared, TrainRequest


def taken_up(request: TrainRequest) -> tuple[TrainRequest, SavedTraining | None, Path | None]:
    """Complete a request by the checkpoint that it goes on from; gives that too, and its folder.

    Raises:
        UsageError: it asks for something else than the checkpoint was trained with.
        InputError: there is no checkpoint, or it cannot be read.
    """
    if request.resume is None:
        return request, None, None
    folder, saved = read_training(request.resume)
    if not CHECKPOINT.fullmatch(folder.name):
        folder = folder.resolve()  # a link to one, or the folder that one stands in
    _, of_settings = split_overrides(request.overrides)
    asked = {
        "--mode": (request.mode, saved.mode),
        "--seed": (request.seed, saved.seed),
        "--worlds": (request.worlds, saved.worlds),
        "--rollout-ticks": (request.rollout_ticks, saved.rollout_ticks),
        "--settings": (request.settings, None),
        "--set": (of_settings or None, None),
    }
    for option, (wanted, had) in asked.items():
        if wanted is not None and wanted != had:
            trained = f"was trained with {had}" if had is not None else "has settings of its own"
            raise UsageError(f"{folder} {trained}", where=option, hint="leave it out, or begin a run anew")
    replays = saved.mode == "replay"
    here = folder.parent if CHECKPOINT.fullmatch(folder.name) else None
    if here is None and request.checkpoint_dir is None:
        problem = "is a checkpoint by another name, so where the next ones go is not known"
        raise UsageError(problem, where=str(folder), hint="name their folder with --checkpoint-dir")
    completed = replace(
        request,
        resume=folder,  # and none that another training has made there by the time that this one writes
        mode=saved.mode,
        seed=saved.seed,
        worlds=None if replays else saved.worlds,
        rollout_ticks=None if replays else saved.rollout_ticks,
        epochs=saved.epochs_planned if request.epochs is None else request.epochs,
        checkpoint_dir=here if request.checkpoint_dir is None else request.checkpoint_dir,
    )
    return completed, saved, folder


def check_same(prepared: Prepared, saved: SavedTraining, processes: Processes, folder: Path) -> None:
    """Refuse to go on in another town, with other captures or other parts.

    Raises:
        InputError: naming what differs.
    """
    policy = read_model(SavedPolicy, folder / POLICY_JSON, POLICY_VERSION)
    town = prepared.plan.town
    if town is not None and policy.config_hash != prepared.config_hash:
        problem = f"was trained in another town: the configuration of {policy.scenario_name} was not what it is now"
        hint = "give the same configuration and the same --set, or begin a run anew"
        raise InputError(problem, where=str(folder), hint=hint)
    if saved.captures != prepared.capture_hashes:
        hint = "give the same --capture-dir in the same order"
        raise InputError("was trained with other captures", where=str(folder), hint=hint)
    parts = prepared.plan.parts
    if max(parts, saved.processes) != max(parts, processes.size):
        problem = f"was trained by {saved.processes} processes, which divide its worlds otherwise"
        raise InputError(problem, where=str(folder), hint=f"give --nproc {saved.processes}")
