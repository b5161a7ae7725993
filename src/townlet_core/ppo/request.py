"""What is asked of a training, and all that can be checked of it before it begins."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch

from townlet_core.config.load import config_hash
from townlet_core.config.ppo import Replay, TrainingSettings
from townlet_core.config.settings import load_settings, refuse_strays, split_overrides
from townlet_core.dataset.replay import Dataset, open_dataset
from townlet_core.errors import InputError, UsageError
from townlet_core.policy.network import Shape
from townlet_core.policy.saved import first_difference
from townlet_core.ppo.method import choose_method, cloned_first
from townlet_core.ppo.processes import Processes
from townlet_core.ppo.train import Mode, Plan
from townlet_core.rollout.placeholders import load_inhabited
from townlet_core.rollout.workers import usable_cores
from townlet_core.samples.manifest import find_manifest
from townlet_core.world.town import CompiledTown, compile_town

EPOCHS = 100
KEEP = 5
EVAL_WORLDS = 16
AGENTS = 256  # that play side by side unless --worlds says otherwise
MOST_EPOCHS = 100_000_000
MOST_TICKS = 1_000_000
MOST_WORLDS = 100_000
MOST_SEED = 2**63 - 1


@dataclass(frozen=True)
class TrainRequest:
    """What to train on, how, and what to keep of it. None stands for what was not asked for."""

    source: str  # path of a configuration, or name of a scenario
    mode: Mode | None = None  # None: replay where captures are given, else rollout
    captures: tuple[Path, ...] = ()  # folders or manifests
    epochs: int | None = None
    rollout_ticks: int | None = None
    worlds: int | None = None
    seed: int | None = None
    device: str = "auto"
    settings: str | None = None  # path or name
    overrides: tuple[str, ...] = ()  # key.path=value, of the scenario or of the settings
    save_dir: Path | None = None  # capture of all that is collected
    auto_seed_agents: bool = False
    log: Path | None = None
    log_frequency: int = 1
    log_max_entries: int | None = None
    checkpoint_dir: Path | None = None
    save_every: int | None = None
    keep: int | None = None  # checkpoints
    resume: Path | None = None
    eval_every: int | None = None
    eval_worlds: int | None = None
    force: bool = False


@dataclass(frozen=True)
class Prepared:
    """A request that has been checked."""

    request: TrainRequest
    plan: Plan
    scenario_name: str
    config_hash: str
    action_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    map_channels: tuple[str, ...]
    capture_hashes: tuple[str, ...]
    notes: list[str] = field(default_factory=list)


def prepare(
    request: TrainRequest, processes: Processes, device: torch.device, settings: TrainingSettings | None = None
) -> Prepared:
    """Check a request, and load all that it names.

    Args:
        settings: those of the checkpoint that is gone on from; else those that the request names.

    Raises:
        TownletError: with the place, the problem and what to do.
    """
    _check_numbers(request)
    mode = _mode(request)
    of_scenario, of_settings = split_overrides(request.overrides)
    refuse_strays(of_scenario)
    settings = settings or load_settings(request.settings, of_settings)
    config, notes = load_inhabited(request.source, of_scenario, auto_seed_agents=request.auto_seed_agents)
    town, own_hash = compile_town(config), config_hash(config)
    dataset = None
    if mode != "rollout":
        dataset = open_dataset(request.captures, memory_bytes=settings.replay.memory_mb * 2**20)
    fits = dataset is None or _check_agrees(dataset, town, mode, request)
    epochs = EPOCHS if request.epochs is None else request.epochs
    ticks = settings.ppo.rollout_ticks if request.rollout_ticks is None else request.rollout_ticks
    worlds = max(1, -(-AGENTS // len(town.slots))) if request.worlds is None else request.worlds
    _check_settings(settings, mode, epochs, ticks, worlds, processes)
    if dataset is not None:
        notes += _notes_on(dataset, mode, settings.replay, epochs, own_hash, fits=fits)
    plan = Plan(
        mode=mode,
        town=town if fits else None,
        dataset=dataset,
        settings=settings,
        shape=_shape(town, None if fits else dataset),
        epochs=epochs,
        worlds=worlds if mode != "replay" else 0,
        ticks=ticks,
        seed=config.scenario.seed if request.seed is None else request.seed,
        device=device,
        threads=max(1, min(settings.ppo.parts, usable_cores() // processes.size)),
        keep_tiles=request.save_dir is not None,
    )
    return Prepared(
        request=request,
        plan=plan,
        scenario_name=config.scenario.name,
        config_hash=own_hash,
        action_names=town.actions.names if dataset is None or fits else dataset.action_names,
        feature_names=town.features if dataset is None or fits else dataset.feature_names,
        map_channels=town.channels if dataset is None or fits else dataset.map_channels,
        capture_hashes=tuple(_manifest_hashes(request.captures)),
        notes=notes,
    )


def choose_device(name: str) -> torch.device:
    """Find the device that a word means: auto, cpu, cuda or cuda:n.

    Raises:
        UsageError: it means none, or there is no such device here.
    """
    there = torch.cuda.is_available()
    if name == "auto":
        name = "cuda" if there else "cpu"
    if name == "cpu":
        return torch.device("cpu")
    kind, _, number = name.partition(":")
    if kind != "cuda" or (":" in name and not number.isdigit()):
        raise UsageError(f"'{name}' is no device", where="--device", hint="known are auto, cpu, cuda and cuda:n")
    if not there:
        raise UsageError("there is no CUDA device here", where="--device", hint="use --device cpu, or auto")
    if number and int(number) >= torch.cuda.device_count():
        raise UsageError(f"there are {torch.cuda.device_count()} CUDA devices", where=f"--device {name}")
    local = os.environ.get("LOCAL_RANK", "0")
    return torch.device("cuda", int(number or local))


def _mode(request: TrainRequest) -> Mode:
    """Settle what is learned from, and refuse options that contradict each other."""
    mode: Mode = request.mode or ("replay" if request.captures else "rollout")
    if mode != "rollout" and not request.captures:
        hint = "give --capture-dir, which 'townlet rollout capture' has filled"
        raise UsageError(f"{mode} learns from captures, and none is given", where="--mode", hint=hint)
    if mode == "rollout" and request.captures:
        hint = "leave --capture-dir out, or use --mode replay or --mode mixed"
        raise UsageError("rollout learns from the town alone, and captures are given", where="--mode", hint=hint)
    if mode == "replay":
        given = {
            "--rollout-ticks": request.rollout_ticks,
            "--worlds": request.worlds,
            "--rollout-save-dir": request.save_dir,
        }
        for option, value in given.items():
            if value is not None:
                hint = "leave it out, or use --mode mixed"
                raise UsageError("replay does not play the town, so this has no effect", where=option, hint=hint)
    return mode


def _check_numbers(request: TrainRequest) -> None:
    """Refuse options that nothing can meet."""
    numbers = (
        ("--epochs", request.epochs, 1, MOST_EPOCHS),
        ("--rollout-ticks", request.rollout_ticks, 1, MOST_TICKS),
        ("--worlds", request.worlds, 1, MOST_WORLDS),
        ("--seed", request.seed, 0, MOST_SEED),
        ("--ppo-log-frequency", request.log_frequency, 1, MOST_EPOCHS),
        ("--ppo-log-max-entries", request.log_max_entries, 1, MOST_EPOCHS),
        ("--save-every", request.save_every, 1, MOST_EPOCHS),
        ("--keep-checkpoints", request.keep, 1, MOST_EPOCHS),
        ("--eval-every", request.eval_every, 1, MOST_EPOCHS),
        ("--eval-worlds", request.eval_worlds, 1, MOST_WORLDS),
    )
    for option, number, least, most in numbers:
        if number is not None and not least <= number <= most:
            raise UsageError(f"must be a whole number from {least} to {most}, found {number}", where=option)
    nowhere = request.checkpoint_dir is None and request.resume is None
    in_vain = (
        ("--save-every", request.save_every is not None and nowhere, "--checkpoint-dir"),
        ("--keep-checkpoints", request.keep is not None and nowhere, "--checkpoint-dir"),
        ("--ppo-log-frequency", request.log_frequency != 1 and request.log is None, "--ppo-log"),
        ("--ppo-log-max-entries", request.log_max_entries is not None and request.log is None, "--ppo-log"),
        ("--eval-worlds", request.eval_worlds is not None and request.eval_every is None, "--eval-every"),
    )
    for option, vain, needs in in_vain:
        if vain:
            raise UsageError(f"has no effect without {needs}", where=option, hint=f"give {needs}")


def _check_settings(
    settings: TrainingSettings, mode: Mode, epochs: int, ticks: int, worlds: int, processes: Processes
) -> None:
    """Refuse settings that contradict each other or the request."""
    if mode != "replay":
        if settings.ppo.minibatches > ticks:
            problem = f"{settings.ppo.minibatches} minibatches of whole ticks cannot be made of {ticks} ticks"
            hint = f"use --set ppo.minibatches={ticks}, or more --rollout-ticks"
            raise UsageError(problem, where="ppo.minibatches", hint=hint)
        if worlds < processes.size:
            problem = f"{worlds} worlds cannot be shared by {processes.size} processes"
            raise UsageError(problem, where="--worlds", hint=f"give --worlds {processes.size} or more")
    if mode == "mixed" and settings.mixed.warm_start_epochs >= epochs:
        problem = f"{settings.mixed.warm_start_epochs} epochs of warm start leave none of {epochs} for the town"
        hint = "give more --epochs, or --set mixed.warm_start_epochs=..."
        raise UsageError(problem, where="mixed.warm_start_epochs", hint=hint)


def _check_agrees(dataset: Dataset, town: CompiledTown, mode: Mode, request: TrainRequest) -> bool:
    """Compare captures with the town; false where they are the predecessor's, of another kind of town.

    Raises:
        InputError: they are of a town with other actions, features or maps; with the first difference by name.
    """
    if not dataset.is_ours and mode == "replay" and request.eval_every is None:
        return False
    name, where = town.config.scenario.name, str(request.captures[0])
    lists = (
        ("action", dataset.action_names, town.actions.names),
        ("feature", dataset.feature_names, town.features),
        ("map channel", dataset.map_channels, town.channels),
    )
    for what, own, others in lists:
        difference = first_difference(what, own, others, "capture")
        if difference is not None:
            hint = "give the configuration that was captured"
            raise InputError(f"was not captured in the town {name}: {difference}", where=where, hint=hint)
    if dataset.map_shape != town.map_shape:
        problem = f"shows a map of {dataset.map_shape}; in the town {name} it is {town.map_shape}"
        raise InputError(problem, where=where)
    return True


def _shape(town: CompiledTown, dataset: Dataset | None) -> Shape:
    """Give the sizes of the town, or of captures that are of no town."""
    if dataset is None:
        return Shape(town.map_shape, len(town.features), len(town.actions.names))
    return Shape(dataset.map_shape, len(dataset.feature_names), len(dataset.action_names))


def _notes_on(
    dataset: Dataset, mode: Mode, settings: Replay, epochs: int, own_hash: str, *, fits: bool
) -> Iterator[str]:
    """Say what is good to know of captures."""
    if not fits:
        yield "the captures are the predecessor's: their actions are not this town's, and it is not played"
    if set(dataset.config_hashes) - {own_hash}:
        yield "captures are of another configuration of this town, such as other rewards or other ticks"
    if mode == "replay":
        first = cloned_first(choose_method(settings, dataset), settings)
        if epochs <= first:
            yield f"these epochs only clone what was captured: advantages count after the first {first} of a run"


def _manifest_hashes(places: tuple[Path, ...]) -> Iterator[str]:
    for place in places:
        manifest = find_manifest(place) if place.is_dir() else place
        yield hashlib.sha256(manifest.read_bytes()).hexdigest()
