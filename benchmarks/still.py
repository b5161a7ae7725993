"""A town that stands still: what was seen in it is there beforehand, so that learning alone takes time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from townlet_core.config.load import load_town
from townlet_core.config.ppo import PPO, TrainingSettings
from townlet_core.policy.decision import find_policy
from townlet_core.policy.network import Shape
from townlet_core.ppo.learner import settle_thread
from townlet_core.ppo.processes import Processes
from townlet_core.ppo.train import Plan, Trainer
from townlet_core.rollout.collect import Player, draw_luck
from townlet_core.rollout.frames import Frames
from townlet_core.world.town import compile_town

THREADS = 2
EPOCHS = 1_000_000  # more than any run has, so that the learning rate hardly falls
TICKS, PASSES, MINIBATCHES = 128, 4, 4  # of the comparison, like for like


class Seen(NamedTuple):
    """What a random policy saw and got in the town: T ticks of B agents, for those who learn beside Townlet."""

    observations: NDArray[np.float32]  # [T + 1, B, D] map, then features
    masks: NDArray[np.bool_]  # [T + 1, B, N]
    rewards: NDArray[np.float32]  # [T, B]
    ended: NDArray[np.bool_]  # [T, B] the life ended or was cut off


def trainer(settings: TrainingSettings, *, worlds: int, ticks: int) -> Trainer:
    """Make a trainer in poc_hybrid, as `townlet train ppo` makes it."""
    town = compile_town(load_town("poc_hybrid"))
    plan = Plan(
        mode="rollout",
        town=town,
        dataset=None,
        settings=settings,
        shape=Shape(town.map_shape, len(town.features), len(town.actions.names)),
        epochs=EPOCHS,
        worlds=worlds,
        ticks=ticks,
        seed=1,
        device=torch.device("cpu"),
        threads=THREADS,
    )
    return Trainer(plan, Processes())


class StillPlayer(Player):
    """Asks the policy for actions and does not play them: what they would lead to is in the frames already."""

    def play(self, frames: Frames, first: int, ticks: int) -> None:
        """Let the policy decide on each tick."""
        for t in range(first, first + ticks):
            self.worlds.each(draw_luck, self._luck)
            decision = self.policy.decide(self._seen(frames, t), self._luck)  # type: ignore[union-attr]
            frames.actions[t], frames.log_probs[t], frames.values[t] = decision


class Still:
    """Townlet's own trainer in a town that stands still, and all that it does in an epoch but the play."""

    def __init__(self, agents: int) -> None:
        settings = TrainingSettings(ppo=PPO(rollout_ticks=TICKS, update_epochs=PASSES, minibatches=MINIBATCHES))
        slots = len(compile_town(load_town("poc_hybrid")).slots)
        self.trainer = trainer(settings, worlds=agents // slots, ticks=TICKS)
        self._epochs = self.trainer.epochs()
        for part in self.trainer.parts.values():
            worlds = part.player.worlds
            Player(worlds, find_policy("random")).play(part.frames, 0, TICKS)
            part.player = StillPlayer(worlds, self.trainer.policy)

    def seen(self) -> Seen:
        """Give what is in the frames of all parts side by side."""
        frames = [part.frames for part in self.trainer.parts.values()]
        over = [each.terminated | each.truncated for each in frames]
        views = [np.concatenate([each.map, each.features], axis=-1) for each in frames]
        return Seen(
            _side_by_side(views),
            _side_by_side([each.action_mask for each in frames]) == 1,
            _side_by_side([each.rewards for each in frames]),
            _side_by_side(over) == 1,
        )

    def iterate(self) -> None:
        """Collect and learn once."""
        settle_thread()
        next(self._epochs)


def _side_by_side(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """Put [T, W, A, ...] of parts together as [T, B, ...]."""
    return np.concatenate([part.reshape(len(part), -1, *part.shape[3:]) for part in parts], axis=1)
