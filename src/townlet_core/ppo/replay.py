"""Learning from captures: what each captured action is worth, and the losses of batches of them.

A script has no log-probabilities, so nothing here takes a captured log-probability for one unless the capture says that
it is true: advantage-weighted regression and cloning can do without, the anchored form uses those of its own clone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from townlet_core.config.ppo import PPO, Replay
from townlet_core.dataset.packed import Observations
from townlet_core.dataset.replay import Dataset
from townlet_core.policy.network import log_policy, penalty_of
from townlet_core.ppo.advantages import explained_variance, gae, lambdas, retrace, vtrace
from townlet_core.ppo.critic import Critic
from townlet_core.ppo.gradients import gradients
from townlet_core.ppo.learner import Learner, Loss, Slopes
from townlet_core.ppo.losses import Minibatch, regression, surrogate
from townlet_core.ppo.method import choose_method, cloned_first
from townlet_core.ppo.weights import Floats, regression_weights, standardised

VALUE_ROWS = 8192  # rows whose values are computed at a time
MOST_PASSES = 2**20  # of the captures in one epoch: keeps the keys of epochs apart
MOST_LANES = 256  # lives that are scanned side by side


class Estimates(NamedTuple):
    """What the network, and the critic where there is one, says of each row; all [steps]."""

    values: Floats
    log_probs: Floats  # of the action taken
    worth: Floats  # of the action taken, to the critic; else the value
    expected: Floats  # mean of what actions are worth to the critic, over the policy's own choice; else the value


class Judged(NamedTuple):
    """What each row of a dataset is worth to the network as it is now; all [steps]."""

    weights: Floats  # what a policy loss multiplies by: weights of a regression, or advantages of PPO
    returns: Floats
    values: Floats
    log_probs: Floats  # that PPO compares with; zeros, and never read, for a regression
    advantages: Floats  # before they are turned into weights

    def explained(self) -> float | None:
        """Share of the variance of the returns that the values explain."""
        return explained_variance(self.values, self.returns)


class ReplayBuffer:
    """A dataset in the hands of a learner.

    Args:
        parts: losses that a gradient step is made of, all processes together.
        own: which of them are this process's.
        alone: nothing else is learned from.
    """

    def __init__(
        self,
        dataset: Dataset,
        learner: Learner,
        settings: Replay,
        *,
        seed: int,
        parts: int,
        own: range,
        alone: bool = True,
    ) -> None:
        self.dataset = dataset
        self.learner = learner
        self.settings = settings
        self.method = choose_method(settings, dataset, alone=alone)
        self.seed = seed
        self.parts = parts
        self.own = own
        self.device = learner.gradient.device
        self._lanes = list(_lanes(dataset))
        self.choices = self._find_choices()  # [steps] bool: more than one action was allowed
        self.anchor: Floats | None = None  # log-probabilities under the clone
        self.critic = Critic(learner) if self.method == "retrace" else None

    def judge(self, epoch: int) -> Judged:
        """Work out what every row is worth now; `epoch` counts passes from 1."""
        now = self._estimates()
        cloning = self.method == "clone" or epoch <= cloned_first(self.method, self.settings)
        if self.method == "anchored" and not cloning and self.anchor is None:
            self.anchor = now.log_probs.copy()
        advantages, returns = self._advantages(now, by_critic=self.method == "retrace" and not cloning)
        if self.method == "vtrace":
            return Judged(self._standard(advantages), returns, now.values, self.dataset.log_probs, advantages)
        if self.method == "anchored" and not cloning:
            assert self.anchor is not None
            return Judged(self._standard(advantages), returns, now.values, self.anchor, advantages)
        weights = np.ones_like(advantages)
        if self.choices.any():
            told = self.dataset.log_probs[self.choices]
            worth = np.zeros_like(told) if cloning else advantages[self.choices]
            weights[self.choices] = regression_weights(worth, told, self.settings)
        return Judged(weights, returns, now.values, np.zeros_like(now.values), advantages)

    def judged_before(self, weights: Floats, log_probs: Floats, zeros: Floats) -> Judged:
        """Put together what an earlier judgement left for policy losses, which look at nothing else."""
        return Judged(weights, zeros, zeros, log_probs, zeros)

    def _standard(self, advantages: Floats) -> Floats:
        """Scale the advantages of choices to mean 0 and deviation 1."""
        standard = np.zeros_like(advantages)
        if self.choices.any():
            standard[self.choices] = standardised(advantages[self.choices])
        return standard

    def steps(self, judged: Judged, epoch: int, entropy_coef: float) -> Iterator[list[Loss]]:
        """Give the losses of one pass: for each gradient step a loss a part, together the mean over a batch."""
        ppo = self.learner.settings
        for rows in self.dataset.passes(
            seed=self.seed, epoch=epoch, batch=self.settings.batch, block=self.settings.block
        ):
            if self.critic is not None:
                self.critic.step(self.dataset, judged.returns, self._cuts(rows), len(rows))
            yield self._parts_of(judged, rows, 1.0, ppo, entropy_coef)

    def policy_losses(self, judged: Judged, batch: int, coefficient: float, epoch: int) -> Iterator[list[Loss]]:
        """Give policy losses of batches without end, times a coefficient, for steps that learn from the town too."""
        ppo = self.learner.settings.model_copy(update={"value_coef": 0.0})
        for number in itertools.count():
            key = epoch * MOST_PASSES + number
            for rows in self.dataset.passes(seed=self.seed, epoch=key, batch=batch, block=self.settings.block):
                yield self._parts_of(judged, rows, coefficient, ppo, 0.0)

    def compares(self, epoch: int) -> bool:
        """Say whether a pass compares with log-probabilities, so that KL and clip fraction mean something."""
        return self.method == "vtrace" or (self.method == "anchored" and epoch > self.settings.anchor_epochs)

    def _parts_of(
        self, judged: Judged, rows: NDArray[np.int64], coefficient: float, ppo: PPO, entropy_coef: float
    ) -> list[Loss]:
        """Give the losses of this process's parts of a batch; those of all processes sum to its mean."""
        chosen = int(self.choices[rows].sum())
        shares = coefficient / len(rows), coefficient / chosen if chosen else 0.0
        return [partial(self._loss, judged, cut, shares, ppo, entropy_coef) for cut in self._cuts(rows)]

    def _cuts(self, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Give this process's parts of a batch."""
        cuts = np.array_split(rows, self.parts)
        return [cuts[part] for part in self.own]

    def _loss(
        self,
        judged: Judged,
        rows: NDArray[np.int64],
        shares: tuple[float, float],
        ppo: PPO,
        entropy_coef: float,
        slopes: Slopes,
        threads: int,
    ) -> Tensor:
        seen = self.dataset.observations(rows)
        batch = Minibatch(
            map=self.learner.network.look(seen.map),
            features=self._tensor(seen.features),
            penalty=penalty_of(self._tensor(seen.action_mask)),
            actions=self._tensor(self.dataset.actions[rows]),
            old_log_probs=self._tensor(judged.log_probs[rows]),
            advantages=self._tensor(judged.weights[rows]),
            returns=self._tensor(judged.returns[rows]),
            old_values=self._tensor(judged.values[rows]),
            weights=torch.full((len(rows),), shares[0], device=self.device),
            choices=self._tensor(self.choices[rows]).to(torch.float32) * shares[1],
        )
        term = surrogate if self.anchor is not None or self.method == "vtrace" else regression
        return gradients(self.learner.network, batch, ppo, entropy_coef, term, slopes=slopes, threads=threads)

    def _tensor(self, array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    def _find_choices(self) -> NDArray[np.bool_]:
        choices = np.empty(self.dataset.steps, np.bool_)
        for low in range(0, len(choices), VALUE_ROWS):
            rows = np.arange(low, min(low + VALUE_ROWS, len(choices)))
            choices[rows] = self.dataset.observations(rows).action_mask.sum(1) > 1
        return choices

    def _estimates(self) -> Estimates:
        """Look at every row with the network as it is."""
        steps = self.dataset.steps
        columns = np.empty((len(Estimates._fields), steps), np.float32)

        @torch.inference_mode()
        def estimate(low: int) -> None:
            rows = np.arange(low, min(low + VALUE_ROWS, steps))
            columns[:, rows] = self._look(self.dataset.observations(rows), self.dataset.actions[rows])

        self.learner.each(estimate, range(0, steps, VALUE_ROWS))
        return Estimates(*columns)

    def _look(self, seen: Observations, actions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Give the fields of Estimates, [4, n]."""
        network = self.learner.network
        marks, features = network.look(seen.map), self._tensor(seen.features)
        logits, values = network(marks, features)
        policy = log_policy(logits, penalty_of(self._tensor(seen.action_mask)))
        taken = self._tensor(actions).unsqueeze(1)
        worth = expected = values
        if self.critic is not None:
            worths = self.critic.worth(marks, features)
            worth, expected = worths.gather(1, taken).squeeze(1), (policy.exp() * worths).sum(1)
        log_probs = policy.gather(1, taken).squeeze(1)
        columns: NDArray[np.float32] = torch.stack([values, log_probs, worth, expected]).cpu().numpy()
        return columns

    @torch.inference_mode()
    def _last(self) -> Estimates:
        """Look at the last observations, after which nothing was done, as with the first action. Fields are [lives]."""
        lives = np.arange(len(self.dataset.lives))
        pieces = []
        for low in range(0, len(lives), VALUE_ROWS):
            seen = self.dataset.last_observations(lives[low : low + VALUE_ROWS])
            pieces.append(self._look(seen, np.zeros(len(seen.features), np.int64)))
        return Estimates(*np.concatenate(pieces, axis=1))

    def _advantages(self, now: Estimates, *, by_critic: bool) -> tuple[Floats, Floats]:
        """Give advantages and returns [steps], life by life."""
        ppo, dataset = self.learner.settings, self.dataset
        values = now.expected if by_critic else now.values
        seen_last = self._last()
        last = seen_last.expected if by_critic else seen_last.values
        advantages, returns = np.empty_like(values), np.empty_like(values)
        columns = (values, dataset.rewards, now.worth, now.log_probs - dataset.log_probs)
        over = dataset.terminated | dataset.truncated
        for lives, rows in self._lanes:
            there = rows >= 0
            value, reward, worth, drift = (np.where(there, column[rows], np.float32(0)) for column in columns)
            ended = there & over[rows]
            after = np.zeros_like(value)
            after[:-1] = value[1:]
            after = np.where(ended, np.where(dataset.terminated[rows], np.float32(0), last[lives]), after)
            after[~there] = 0
            # one step of lambda a choice: see advantages.lambdas; the last tick of a life is traced no further
            following = np.concatenate([self.choices[rows], np.zeros((1, rows.shape[1]), np.bool_)])
            lam = lambdas(following, ppo.gae_lambda)
            if by_critic:
                target = retrace(reward, worth, after, ended, drift, gamma=ppo.gamma, lam=lam)
                advantage = target - value
            elif self.method == "vtrace":
                target, advantage = vtrace(
                    reward, value, after, ended, drift, gamma=ppo.gamma, lam=lam,
                    rho_clip=self.settings.rho_clip, c_clip=self.settings.c_clip,
                )  # fmt: skip
            else:
                advantage = gae(reward, value, after, ended, gamma=ppo.gamma, lam=lam)
                target = advantage + value
            advantages[rows[there]], returns[rows[there]] = advantage[there], target[there]
        return advantages, returns


def _lanes(dataset: Dataset) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Put lives of about the same length side by side: their numbers [B] and their rows [T, B], -1 after their end."""
    lengths = np.array([life.stop - life.first for life in dataset.lives])
    order = np.argsort(lengths, kind="stable")
    at = 0
    while at < len(order):
        most = int(lengths[order[at]]) * 2
        group = [life for life in order[at : at + MOST_LANES] if lengths[life] <= most]
        lives = np.array(group)
        firsts = np.array([dataset.lives[life].first for life in group])
        ticks = np.arange(lengths[lives].max())[:, None]
        yield lives, np.where(ticks < lengths[lives], firsts + ticks, -1)
        at += len(group)
