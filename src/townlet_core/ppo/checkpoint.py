"""Checkpoints: folders from which a training goes on as if it had never stopped, and whose policy can act.

A checkpoint is written under a hidden name and renamed when all of it is on the disk, so that whatever has the name of
a checkpoint is whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from safetensors.numpy import save

from townlet_core.config.load import config_hash
from townlet_core.config.ppo import TrainingSettings
from townlet_core.errors import InputError, OutputError
from townlet_core.policy.learned import build_network
from townlet_core.policy.saved import (
    POLICY_JSON,
    WEIGHTS,
    SavedPolicy,
    checkpoints_in,
    find_checkpoint,
    read_model,
    read_policy,
    read_tensors,
)
from townlet_core.ppo.train import Mode, Trainer
from townlet_core.samples.provenance import Versions, version_of, versions
from townlet_core.samples.putting import sync
from townlet_core.schema import StrictModel
from townlet_core.world import records

SCHEMA_VERSION: Final = 1
TRAINING_JSON, STATE = "training.json", "training.safetensors"
HIDDEN = ".townlet-checkpoint-"
Count = Annotated[int, Field(ge=0)]
Arrays = dict[str, NDArray[Any]]


class SavedTraining(StrictModel):
    """The file training.json: what is needed beside the policy to go on."""

    schema_version: Literal[1] = Field(SCHEMA_VERSION, description="version of this file's format")
    versions: Versions = Field(description="of the program and its libraries")
    torch_version: str = Field(description="version of torch")
    run_id: str = Field(description="the run")
    mode: Mode = Field(description="what is learned from")
    settings: TrainingSettings = Field(description="the settings")
    seed: Count = Field(description="seed of all randomness")
    worlds: Count = Field(description="worlds played; 0 where none is")
    rollout_ticks: Count = Field(description="ticks collected an epoch")
    processes: Annotated[int, Field(ge=1)] = Field(description="processes that trained together")
    captures: tuple[str, ...] = Field(description="sha256 of the manifests of the captures learned from")
    epochs_planned: Annotated[int, Field(ge=1)] = Field(description="epochs of the whole run")
    epoch: Count = Field(description="epochs done")
    steps: Count = Field(description="transitions taken in")
    cycle_id: Count = Field(description="collections so far")
    log_offset: Count = Field(description="log_stream_offset of the last record written before this")
    eval_return_mean: float | None = Field(
        None, description="mean return of the evaluation after this epoch, if there was one"
    )
    state_layout: str = Field(description="hash of the layout of the town's records")
    state_sha256: str = Field(description="hash of the bytes of training.safetensors")


def save_checkpoint(trainer: Trainer, folder: Path, facts: Mapping[str, Any]) -> Path | None:
    """Write a checkpoint of the epoch just done. All processes call this.

    Args:
        facts: the fields of SavedTraining and SavedPolicy that the trainer does not know.

    Raises:
        OutputError: it cannot be written; the earlier ones are as they were.
    """
    state = _state(trainer)
    return trainer.processes.first(lambda: _make(trainer, folder, state, facts))


def _make(trainer: Trainer, folder: Path, state: Arrays, facts: Mapping[str, Any]) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _write(trainer, folder, state, facts)
    except OSError as error:
        problem = f"cannot be written: {(error.strerror or str(error)).lower()}"
        raise OutputError(problem, where=str(folder), hint="earlier checkpoints are good") from error


def _write(trainer: Trainer, folder: Path, state: Arrays, facts: Mapping[str, Any]) -> Path:
    plan = trainer.plan
    network = {name: tensor.cpu().numpy() for name, tensor in trainer.learner.network.state_dict().items()}
    weights, tensors = save(network), save(state)
    config = plan.town.config if plan.town is not None else None
    policy = SavedPolicy(
        tool_version=version_of("townlet"),
        run_id=facts["run_id"],
        epoch=trainer.epoch,
        steps=trainer.steps,
        scenario_name=facts["scenario_name"],
        config=config.model_dump(mode="json") if config is not None else None,
        config_hash=config_hash(config) if config is not None else None,
        map_shape=plan.shape.map,
        map_channels=facts["map_channels"],
        feature_names=facts["feature_names"],
        action_names=facts["action_names"],
        network=plan.settings.network,
        weights_sha256=hashlib.sha256(weights).hexdigest(),
    )
    training = SavedTraining(
        versions=versions(),
        torch_version=torch.__version__,
        run_id=facts["run_id"],
        mode=plan.mode,
        settings=plan.settings,
        seed=plan.seed,
        worlds=plan.worlds,
        rollout_ticks=plan.ticks,
        processes=trainer.processes.size,
        captures=facts["captures"],
        epochs_planned=plan.epochs,
        epoch=trainer.epoch,
        steps=trainer.steps,
        cycle_id=trainer.cycle,
        log_offset=facts["log_offset"],
        eval_return_mean=facts["eval_return_mean"],
        state_layout=state_layout(),
        state_sha256=hashlib.sha256(tensors).hexdigest(),
    )
    files = {
        WEIGHTS: weights,
        STATE: tensors,
        TRAINING_JSON: training.model_dump_json(indent=2).encode() + b"\n",
        POLICY_JSON: policy.model_dump_json(indent=2).encode() + b"\n",
    }
    return _commit(folder, f"epoch_{trainer.epoch:06}", files)


def _commit(folder: Path, name: str, files: Mapping[str, bytes]) -> Path:
    """Write files into a folder that gets its name when they are all on the disk."""
    hidden = Path(tempfile.mkdtemp(prefix=HIDDEN, dir=folder))
    try:
        for file, data in files.items():
            with (hidden / file).open("xb") as target:
                target.write(data)
                target.flush()
                os.fsync(target.fileno())
        sync(hidden)
        hidden.chmod(0o755)
        if (folder / name).exists():
            remove(folder / name)
        os.rename(hidden, folder / name)
        sync(folder)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return folder / name


def remove(checkpoint: Path) -> None:
    """Remove a checkpoint, which first loses its name, so that a half removed one is none."""
    hidden = Path(tempfile.mkdtemp(prefix=HIDDEN, dir=checkpoint.parent))
    os.rename(checkpoint, hidden / checkpoint.name)
    shutil.rmtree(hidden)


def clear_hidden(folder: Path) -> None:
    """Remove what killed runs have left half written."""
    for rest in folder.glob(f"{HIDDEN}*"):
        shutil.rmtree(rest, ignore_errors=True)


def state_layout() -> str:
    """Hash the layout of the records that worlds consist of: bytes of another layout mean something else."""
    kinds = (records.WORLD, records.AGENT, records.THING, records.TIE)
    return hashlib.sha256(repr([kind.descr for kind in kinds]).encode()).hexdigest()


def _state(trainer: Trainer) -> Arrays:
    """Give all tensors that a training goes on from, those of all processes together."""
    own = {f"part.{number}.{name}": a for number, part in trainer.parts.items() for name, a in part.state().items()}
    state: Arrays = {name: a for each in trainer.processes.gather(own) for name, a in each.items()}
    state |= {f"adam.{name}": a for name, a in trainer.learner.moments().items()}
    if trainer.buffer is not None and trainer.buffer.critic is not None:
        critic = trainer.buffer.critic.learner
        state |= {"critic.weights": critic.weights()} | {f"critic.adam.{n}": a for n, a in critic.moments().items()}
    if trainer.buffer is not None and trainer.buffer.anchor is not None:
        state["replay.anchor"] = trainer.buffer.anchor
    if trainer.mixed_in is not None:
        state["replay.weights"] = trainer.mixed_in.weights
        state["replay.log_probs"] = trainer.mixed_in.log_probs
    return {name: np.ascontiguousarray(array) for name, array in state.items()}


def read_training(place: Path) -> tuple[Path, SavedTraining]:
    """Read what a checkpoint says of its training; gives its folder too.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    folder = find_checkpoint(place)
    return folder, read_model(SavedTraining, folder / TRAINING_JSON, SCHEMA_VERSION)


def restore(trainer: Trainer, folder: Path, saved: SavedTraining) -> None:
    """Put a trainer into the state of a checkpoint. The plan must be the checkpoint's.

    Raises:
        InputError: damaged, or written by a Townlet whose towns have other records.
    """
    if saved.state_layout != state_layout():
        raise InputError(
            "was written by another version of Townlet, whose towns had other records",
            where=str(folder),
            hint=f"go on with Townlet {saved.versions.townlet}, or start anew",
        )
    policy, weights = read_policy(folder)
    if (policy.run_id, policy.epoch, policy.steps) != (saved.run_id, saved.epoch, saved.steps):
        raise InputError(f"is not of the same epoch as {TRAINING_JSON} beside it", where=str(folder / POLICY_JSON))
    trainer.learner.network.load_state_dict(build_network(policy, weights, folder).state_dict())
    state = read_tensors(folder / STATE, saved.state_sha256)
    try:
        trainer.learner.remember(_under(state, "adam."))
        for number, part in trainer.parts.items():
            own = _under(state, f"part.{number}.")
            packed, kept = part.frames.tiles.shape[-1], own["seen.tiles"]
            if packed and not kept.shape[-1]:
                hint = "leave it out, or capture with 'townlet rollout capture --policy'"
                raise InputError(
                    "was made without --rollout-save-dir, so none can begin here", where=str(folder), hint=hint
                )
            part.restore({**own, "seen.tiles": kept[..., :packed]})
        _restore_replay(trainer, state)
    except (KeyError, ValueError) as error:
        problem = f"its tensors are not those of this training: {error}"
        raise InputError(problem, where=str(folder / STATE)) from error
    trainer.epoch, trainer.steps, trainer.cycle = saved.epoch, saved.steps, saved.cycle_id


def _under(state: Mapping[str, NDArray[Any]], prefix: str) -> Arrays:
    """Give the tensors whose names begin so, by the rest of the name."""
    return {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}


def _restore_replay(trainer: Trainer, state: Mapping[str, NDArray[Any]]) -> None:
    if trainer.buffer is None:
        return
    if trainer.buffer.critic is not None:
        trainer.buffer.critic.learner.take_weights(state["critic.weights"])
        trainer.buffer.critic.learner.remember(_under(state, "critic.adam."))
    if "replay.anchor" in state:
        trainer.buffer.anchor = state["replay.anchor"].copy()
    if "replay.weights" in state:
        weights = state["replay.weights"].copy()
        zeros = np.zeros_like(weights)
        trainer.mixed_in = trainer.buffer.judged_before(weights, state["replay.log_probs"].copy(), zeros)


def in_the_way(folder: Path, resume: Path | None, *, force: bool) -> list[Path]:
    """List the checkpoints in a folder that a run has to replace: of an earlier one, or newer than where it goes on.

    Args:
        resume: what the run goes on from; None where it begins.

    Raises:
        OutputError: there are some and force is not given, or it is no folder.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError("is not a folder", where=str(folder), hint="name a folder with --checkpoint-dir")
    found = checkpoints_in(folder)
    problem, todo = "holds checkpoints of an earlier run", f"go on from it with --resume {folder}, "
    origin = find_checkpoint(resume) if resume is not None else None
    own = [origin is not None and checkpoint.samefile(origin) for checkpoint in found]
    if any(own):
        found = found[own.index(True) + 1 :]
        problem, todo = f"holds newer checkpoints than {resume}", ""
    if found and not force:
        hint = f"{todo}choose another --checkpoint-dir, or give --force to replace them"
        raise OutputError(f"{problem} ({found[-1].name})", where=str(folder), hint=hint)
    return found
