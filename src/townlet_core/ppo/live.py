"""The policy acting in the town: worlds that go on from epoch to epoch, and what it did there, ready to learn from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from townlet_core.config.ppo import PPO
from townlet_core.policy.decision import Observation
from townlet_core.policy.learned import LearnedPolicy
from townlet_core.policy.marks import Marks
from townlet_core.policy.network import ActorCritic, penalty_of
from townlet_core.ppo.advantages import gae, lambdas, next_values
from townlet_core.ppo.facts import Facts, Ledger
from townlet_core.ppo.update import Batch, Columns, moments_of
from townlet_core.rollout.collect import Player
from townlet_core.rollout.frames import Frames, new_frames, turn_over
from townlet_core.world.town import CompiledTown
from townlet_core.world.worlds import Worlds

SEEN = Observation._fields


def head_starts(town: CompiledTown, worlds: int, *, stagger: bool) -> NDArray[np.int64]:
    """Choose how many ticks each world runs ahead before learning begins: spread over the episode, the first most."""
    if not stagger:
        return np.zeros(worlds, np.int64)
    return (worlds - 1 - np.arange(worlds)) * town.horizon // worlds


class Part:
    """Some of the worlds, played by one thread.

    Args:
        ahead: [W] ticks that each world runs ahead, no world more than the one before it.
        tiles: keep packed tiles too, for a capture.
    """

    def __init__(
        self,
        town: CompiledTown,
        policy: LearnedPolicy,
        settings: PPO,
        *,
        ahead: NDArray[np.int64],
        first_world: int,
        seed: int,
        ticks: int,
        tiles: bool = False,
    ) -> None:
        self.settings = settings
        self.ticks = ticks
        self.player = Player(Worlds(town, len(ahead), seed=seed, first_world=first_world), policy)
        self.frames = new_frames(town, len(ahead), ticks, planes=True, tiles=tiles)
        self.policy = policy
        self.player.worlds.begin(self.frames)
        self.player.run_ahead(self.frames, ahead)
        self.ledger = Ledger(town, ahead)
        self._row = 0  # of the frames, in which what is seen now stands

    def collect(self) -> tuple[Batch, Facts]:
        """Play the next ticks; the batch looks into the frames, which the next call overwrites."""
        frames = self.frames
        if self._row:
            turn_over(frames)
        self.player.play(frames, 0, self.ticks)
        self._row = self.ticks
        advantages = self._advantages()
        returns = advantages + frames.values
        return _batch(frames, advantages, returns, self.policy.network), self.ledger.take(frames, advantages, returns)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Give all that decides on what comes next, as plain arrays."""
        state = {f"world.{name}": _as_bytes(array) for name, array in self.player.worlds.state._asdict().items()}
        seen = {f"seen.{name}": getattr(self.frames, name)[self._row].copy() for name in SEEN}
        return {**state, **seen, **{f"ledger.{name}": array.copy() for name, array in self.ledger.state().items()}}

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on from a state.

        Raises:
            KeyError, ValueError: it is not the state of such a part.
        """
        for name, array in self.player.worlds.state._asdict().items():
            _fill(array, state[f"world.{name}"])
        for name in SEEN:
            getattr(self.frames, name)[0] = state[f"seen.{name}"]
        self._row = 0
        self.player.worlds.go_on(self.frames)
        for name, array in self.ledger.state().items():
            array[...] = state[f"ledger.{name}"]

    def _advantages(self) -> NDArray[np.float32]:
        """[T, W, A]"""
        frames, settings = self.frames, self.settings
        shape = frames.values.shape[1:]
        bootstrap = self.policy.values(
            frames.map[-1].reshape(-1, frames.map.shape[-1]), frames.features[-1].reshape(-1, frames.features.shape[-1])
        )
        values = np.concatenate([frames.values, bootstrap.reshape(1, *shape)])
        terminated, truncated = frames.terminated == 1, frames.truncated == 1
        if settings.at_horizon == "end":
            terminated, truncated = terminated | truncated, np.zeros_like(truncated)
        after = next_values(values, self._last_values(truncated), terminated, truncated)
        ended = terminated | truncated
        lam = lambdas(choices_of(frames.action_mask), settings.gae_lambda)
        advantages = gae(frames.rewards, frames.values, after, ended, gamma=settings.gamma, lam=lam)
        return advantages.astype(np.float32, copy=False)

    def _last_values(self, truncated: NDArray[np.bool_]) -> NDArray[np.float32]:
        """[T, W, A] values of the last observations of lives that were cut off, 0 elsewhere."""
        frames = self.frames
        values = np.zeros(truncated.shape, np.float32)
        at = np.nonzero(truncated)
        if len(at[0]):
            rows = frames.end_row[at]
            values[at] = self.policy.values(frames.end_map[at[1], rows], frames.end_features[at[1], rows])
        return values


def choices_of(action_mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Say where more than one action is allowed."""
    choices: NDArray[np.bool_] = action_mask.sum(-1) > 1
    return choices


def _as_bytes(records: NDArray[np.generic]) -> NDArray[np.uint8]:
    return np.frombuffer(records.tobytes(), np.uint8)


def _fill(records: NDArray[np.generic], data: NDArray[np.generic]) -> None:
    """Put bytes back into records.

    Raises:
        ValueError: there are more or fewer of them.
    """
    if data.dtype != np.uint8 or data.nbytes != records.nbytes:
        raise ValueError(f"{data.nbytes} bytes for {records.nbytes} bytes of records")
    records[...] = np.frombuffer(data.tobytes(), records.dtype).reshape(records.shape)


def _batch(
    frames: Frames, advantages: NDArray[np.float32], returns: NDArray[np.float32], network: ActorCritic
) -> Batch:
    """Give what was played as tensors [T, B, ...], without copying where the device is this processor."""
    device = network.head.weight.device

    def tensor(array: NDArray[np.generic]) -> Tensor:
        flat = torch.from_numpy(array.reshape(len(array), -1, *array.shape[3:]))
        if device.type == "cuda":
            return flat.pin_memory().to(device, non_blocking=True)
        return flat

    weights = frames.alive.astype(np.float32)
    choices = weights * choices_of(frames.action_mask[:-1])
    flat = (len(weights), -1)
    seen = network.look(frames.map[:-1])
    return Batch(
        map=seen if isinstance(seen, Marks) else seen.view(*flat, seen.shape[-1]),
        features=tensor(frames.features[:-1]),
        penalty=penalty_of(tensor(frames.action_mask[:-1])),
        actions=tensor(frames.actions).long(),
        columns=torch.stack(
            Columns(
                old_log_probs=tensor(frames.log_probs),
                advantages=tensor(advantages),
                returns=tensor(returns),
                old_values=tensor(frames.values),
                weights=tensor(weights),
                choices=tensor(choices),
            )
        ),
        moments=moments_of(advantages.reshape(flat), weights.reshape(flat), choices.reshape(flat)),
    )
