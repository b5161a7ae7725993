"""What there is to tell of an epoch in the town, in sums that parts and processes add up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet_core.rollout.frames import Frames
from townlet_core.samples.metrics import MEASURED_FEATURES
from townlet_core.world.kernel import kernel
from townlet_core.world.records import N_NEEDS
from townlet_core.world.town import CompiledTown

Column = NDArray[np.float64]


class Facts(NamedTuple):
    """Sums over what a part of the worlds did in an epoch; those of all parts are added."""

    sums: dict[str, Column]
    returns: Column  # [episodes, A] return of each agent's place in episodes that ended, from their first tick on
    lengths: Column  # [lives] ticks of lives that ended


def add_up(parts: Sequence[Facts]) -> Facts:
    """Put the facts of parts together."""
    sums = {name: np.sum([part.sums[name] for part in parts], axis=0) for name in parts[0].sums}
    returns, lengths = (np.concatenate([part[field] for part in parts]) for field in (1, 2))
    return Facts(sums, returns, lengths)


class Ledger:
    """Follows lives and episodes of one part of the worlds from epoch to epoch.

    Args:
        ticks: [W] tick of the episode at which each world is when this begins.
    """

    def __init__(self, town: CompiledTown, ticks: NDArray[np.int64]) -> None:
        self.town = town
        worlds, slots = len(ticks), len(town.slots)
        self.tick = ticks.astype(np.int64)
        self.earned = np.zeros((worlds, slots))  # in the present episode
        self.age = np.zeros((worlds, slots), np.int64)  # of the present life
        self.whole = ticks == 0  # worlds whose present episode has been followed from its beginning
        self.known = np.zeros((worlds, slots), np.bool_)  # lives that have been followed from their beginning
        self.known[:] = self.whole[:, None]

    def state(self) -> dict[str, NDArray[Any]]:
        """Give the arrays that this consists of, by name."""
        return {name: getattr(self, name) for name in ("tick", "earned", "age", "whole", "known")}

    def take(self, frames: Frames, advantages: NDArray[np.float32], returns: NDArray[np.float32]) -> Facts:
        """Take the next epoch."""
        ended, lengths = self._follow(frames)
        return Facts(_sums(self.town, frames, advantages, returns), ended, lengths)

    def _follow(self, frames: Frames) -> tuple[Column, Column]:
        """Add up episodes and lives; give the returns [episodes, A] and lengths [lives] of those that end."""
        over = frames.terminated | frames.truncated
        finished, returns = np.zeros(over.shape[:2], np.bool_), np.zeros(over.shape)
        lived = np.zeros(over.shape, np.int64)
        follow(
            frames.rewards,
            frames.alive,
            over,
            self.town.horizon,
            self.tick,
            self.earned,
            self.age,
            self.whole,
            self.known,
            finished,
            returns,
            lived,
        )
        return returns[finished], lived[lived > 0].astype(np.float64)


@kernel
def follow(
    rewards: Any, alive: Any, over: Any, horizon: int,
    tick: Any, earned: Any, age: Any, whole: Any, known: Any,
    finished: Any, returns: Any, lived: Any,
) -> None:  # fmt: skip
    """Lead a ledger through an epoch.

    Args:
        finished: [T, W] false; becomes true at the last tick of an episode that has been followed from its beginning.
        returns: [T, W, A] to be filled with returns there.
        lived: [T, W, A] zeros; becomes the ages of lives, followed from their beginning, at their last tick.
    """
    for t in range(rewards.shape[0]):
        for w in range(rewards.shape[1]):
            for a in range(rewards.shape[2]):
                earned[w, a] += rewards[t, w, a]
                age[w, a] += alive[t, w, a]
                if over[t, w, a] == 1:
                    if known[w, a]:
                        lived[t, w, a] = age[w, a]
                    age[w, a] = 0
                    known[w, a] = True
            tick[w] += 1
            if tick[w] >= horizon:
                if whole[w]:
                    finished[t, w] = True
                for a in range(rewards.shape[2]):
                    returns[t, w, a] = earned[w, a]
                    earned[w, a] = 0
                    known[w, a] = True
                whole[w] = True
                tick[w] = 0


def _sums(
    town: CompiledTown, frames: Frames, advantages: NDArray[np.float32], returns: NDArray[np.float32]
) -> dict[str, Column]:
    """Add up an epoch. What is not alive has reward 0, no events and no terms."""
    alive = frames.alive == 1
    rewards = frames.rewards[alive].astype(np.float64)
    a, r = advantages[alive].astype(np.float64), returns[alive].astype(np.float64)
    errors = r - frames.values[alive]
    bound = np.float32(town.config.scenario.rewards.clip)
    return {
        "steps": np.array([len(rewards)], np.float64),
        "reward": _powers(rewards),
        "advantage": _powers(a),
        "reward_advantage": np.array([(rewards * a).sum()]),
        "returns": _powers(r),
        "errors": _powers(errors),
        "clipped": np.array([(np.abs(frames.rewards[alive]) >= bound).sum()], np.float64),
        "terms": frames.terms.sum((0, 1, 2), dtype=np.float64),
        "events": frames.events.sum((0, 1, 2), dtype=np.float64),
        "slot_reward": frames.rewards.sum((0, 1), dtype=np.float64),
        "slot_steps": alive.sum((0, 1), dtype=np.float64),
        "used": np.bincount(frames.actions[alive], minlength=len(town.actions.names)).astype(np.float64),
        "allowed": frames.action_mask[:-1].sum((0, 1, 2), dtype=np.float64),
        "lives_ended": np.array([frames.terminated.sum()], np.float64),
        "needs": frames.features[:-1][..., :N_NEEDS].sum((0, 1, 2), dtype=np.float64),
        **_conflict(town, frames, alive),
    }


def _powers(values: Column) -> Column:
    """Give sum and sum of squares."""
    return np.array([values.sum(), (values * values).sum()])


def _conflict(town: CompiledTown, frames: Frames, alive: NDArray[np.bool_]) -> dict[str, Column]:
    """Add up, over agents, the mean and the largest of each rivalry feature in the epoch, and count the agents."""
    lived = alive.sum(0)
    here = lived > 0
    sums = {"agents": np.array([here.sum()], np.float64)}
    for name in MEASURED_FEATURES[:2]:
        column = frames.features[:-1, ..., town.features.index(name)] * alive
        means = column.sum(0, dtype=np.float64)[here] / lived[here]
        sums[name] = np.array([means.sum(), column.max(0)[here].sum(dtype=np.float64)])
    return sums
