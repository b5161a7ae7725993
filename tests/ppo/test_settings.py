"""Every setting has an effect: changed alone, it changes the weights that a tiny training ends with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from tests.rollout.kitchens import KITCHEN, take
from townlet_core.config.ppo import TrainingSettings
from townlet_core.ppo.processes import Processes
from townlet_core.ppo.request import TrainRequest, prepare
from townlet_core.ppo.train import Mode, Plan, Trainer

# Steps are large, so that three epochs are enough for ratios to be clipped.
SMALL = (
    "network.hidden=[8]",
    "ppo.learning_rate=0.02",
    "ppo.rollout_ticks=16",
    "ppo.minibatches=2",
    "replay.batch=64",
    "mixed.warm_start_epochs=1",
)


class Change(NamedTuple):
    """A setting changed, and under what its effect shows."""

    key: str
    value: str
    mode: Mode = "rollout"
    under: tuple[str, ...] = ()
    behaviour: str = "scripted"  # who was captured


VTRACE = ("replay.method=vtrace",)
CHANGES = [
    Change("ppo.learning_rate", "0.01"),
    Change("ppo.anneal", "none"),
    Change("ppo.adam_eps", "0.01"),
    Change("ppo.rollout_ticks", "12"),
    Change("ppo.update_epochs", "3"),
    Change("ppo.minibatches", "4"),
    Change("ppo.gamma", "0.5"),
    Change("ppo.gae_lambda", "0.5"),
    Change("ppo.at_horizon", "end"),
    Change("ppo.clip_range", "0.01"),
    Change("ppo.value_clip_range", "0.01"),
    Change("ppo.entropy_coef", "0.1"),
    Change("ppo.entropy_coef_final", "0.1"),
    Change("ppo.value_coef", "1.0"),
    Change("ppo.max_grad_norm", "0.01"),
    Change("ppo.normalize_advantages", "false"),
    Change("ppo.target_kl", "1e-6"),
    Change("ppo.stagger", "false"),
    Change("network.encoder", "conv"),
    Change("network.hidden", "[4]"),
    Change("network.activation", "tanh"),
    Change("network.channels", "4", under=("network.encoder=patch",)),
    Change("replay.method", "clone", "replay"),
    Change("replay.batch", "32", "replay"),
    Change("replay.block", "4", "replay"),
    Change("replay.temperature", "2.0", "replay"),
    Change("replay.critic_epochs", "1", "replay", behaviour="random"),
    Change("replay.max_weight", "1.1", "replay"),
    Change("replay.sharpness", "0", "replay", behaviour="random"),
    Change("replay.anchor_epochs", "1", "replay", ("replay.method=anchored",)),
    Change("replay.rho_clip", "0.5", "replay", VTRACE, "random"),
    Change("replay.c_clip", "0.5", "replay", VTRACE, "random"),
    Change("mixed.warm_start_epochs", "2", "mixed"),
    Change("mixed.replay_ratio", "1.0", "mixed"),
    Change("mixed.replay_coef", "1.0", "mixed"),
    Change("mixed.replay_coef_final", "0.5", "mixed"),
]
ELSEWHERE = {"replay.memory_mb", "ppo.parts"}  # change where captures are held and who plays which worlds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A kitchen, and captures of two of its policies, each under its name."""
    base = tmp_path_factory.mktemp("kitchen")
    (base / "kitchen.yaml").write_text(KITCHEN)
    for policy in ("scripted", "random"):
        take(base / "kitchen.yaml", policy, policy=policy)
    yield base
    weights.cache_clear()


def plan_of(folder: Path, mode: Mode, behaviour: str, *overrides: str) -> Plan:
    request = TrainRequest(
        str(folder / "kitchen.yaml"),
        mode=mode,
        captures=() if mode == "rollout" else (folder / behaviour,),
        epochs=3,
        worlds=None if mode == "replay" else 2,
        overrides=(*SMALL, *overrides),
    )
    return replace(prepare(request, Processes(), torch.device("cpu")).plan, threads=1)


@cache
def weights(folder: Path, mode: Mode, behaviour: str, *overrides: str) -> bytes:
    """Train three epochs; give the bytes of the weights."""
    trainer = Trainer(plan_of(folder, mode, behaviour, *overrides), Processes())
    assert len(list(trainer.epochs())) == 3
    return b"".join(parameter.detach().numpy().tobytes() for parameter in trainer.learner.parameters)


def test_the_list_of_settings_is_whole() -> None:
    sections = TrainingSettings().model_dump()
    every = [f"{section}.{key}" for section, keys in sections.items() for key in keys]
    assert sorted([change.key for change in CHANGES] + list(ELSEWHERE)) == sorted(every)


@pytest.mark.parametrize("change", CHANGES, ids=[change.key for change in CHANGES])
def test_a_setting_changes_what_is_learned(folder: Path, change: Change) -> None:
    as_it_was = weights(folder, change.mode, change.behaviour, *change.under)
    changed = weights(folder, change.mode, change.behaviour, *change.under, f"{change.key}={change.value}")
    assert changed != as_it_was


def test_what_is_said_again_changes_nothing(folder: Path) -> None:
    """Else the test above would pass for any setting."""
    said_again = weights(folder, "rollout", "scripted", "ppo.gamma=0.995", "replay.block=1")
    assert said_again == weights(folder, "rollout", "scripted")


def test_captures_of_more_than_memory_mb_are_kept_in_files(folder: Path) -> None:
    take(folder / "kitchen.yaml", "many", worlds=12, ticks=200, policy="random")
    for megabytes, spilled in ((1, True), (64, False)):
        plan = plan_of(folder, "replay", "many", f"replay.memory_mb={megabytes}")
        assert plan.dataset is not None
        with plan.dataset as dataset:
            assert dataset.spilled == spilled


def test_parts_of_enough_agents_play_the_worlds(folder: Path) -> None:
    """Four agents a world: 64 worlds make up to four parts of 64 agents, two worlds one part."""
    for worlds, parts, made in ((64, 2, 2), (64, 8, 4), (2, 2, 1)):
        plan = replace(plan_of(folder, "rollout", "scripted", f"ppo.parts={parts}"), worlds=worlds)
        trainer = Trainer(plan, Processes())
        assert [len(part.ledger.tick) for part in trainer.parts.values()] == [worlds // made] * made
