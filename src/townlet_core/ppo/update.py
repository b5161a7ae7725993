"""One epoch of PPO: passes over what was collected, in minibatches of whole ticks of all agents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from townlet_core.config.ppo import PPO
from townlet_core.policy.marks import Marks
from townlet_core.ppo.gradients import gradients
from townlet_core.ppo.learner import Learner, Loss, Reduce, Slopes
from townlet_core.ppo.losses import Minibatch, Outcome, surrogate

KL_SLACK = 1.5  # of target_kl, as in Stable-Baselines3
SMALL = 1e-8  # added to the deviation of advantages


class Scaling(NamedTuple):
    """What makes the sums of a minibatch means."""

    share: float  # of a transition
    choice_share: float  # of a transition in which there was a choice
    mean: float  # that is taken from advantages
    factor: float  # by which they are multiplied then


class Columns(NamedTuple):
    """What there is one number of for each transition, each [T, B]."""

    old_log_probs: Tensor
    advantages: Tensor
    returns: Tensor
    old_values: Tensor
    weights: Tensor  # 1 where somebody lived, else 0
    choices: Tensor  # 1 where somebody had a choice, else 0


class Batch(NamedTuple):
    """What one part of the agents did in T ticks; B agents side by side."""

    map: Tensor | Marks  # [T, B, planes * rows * columns], or the list of it, tick after tick
    features: Tensor  # [T, B, F]
    penalty: Tensor  # [T, B, N]
    actions: Tensor  # [T, B]
    columns: Tensor  # [6, T, B] a stack of Columns, so that all are taken in one step
    moments: NDArray[np.float64]  # [T, 4] see moments_of

    def take(self, ticks: Tensor, scaling: Scaling) -> Minibatch:
        """Take whole ticks."""
        columns = Columns(*self.columns.index_select(1, ticks).flatten(1))
        return Minibatch(
            self.map.take(ticks, self.actions.shape[1]) if isinstance(self.map, Marks) else _take(self.map, ticks),
            _take(self.features, ticks),
            _take(self.penalty, ticks),
            _take(self.actions, ticks),
            *columns._replace(
                advantages=(columns.advantages - scaling.mean) * scaling.factor,
                weights=columns.weights * scaling.share,
                choices=columns.choices * scaling.choice_share,
            ),
        )


class Updated(NamedTuple):
    """What an epoch of learning came to, means over its gradient steps unless said otherwise."""

    updates: int  # gradient steps
    outcome: Outcome  # floats
    further_loss: float  # policy loss of what was learned from beside
    clip_fraction_max: float
    entropy_std: float  # between gradient steps
    grad_norm: float
    grad_norm_max: float
    kl_max: float  # largest |k1| of a step


def moments_of(
    advantages: NDArray[np.floating], weights: NDArray[np.floating], choices: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Give [T, 4]: for each tick the number of agents who lived, of those who had a choice, and sums over the latter of
    the advantage and its square.
    """
    a, c = advantages.astype(np.float64), choices.astype(np.float64)
    return np.stack([weights.sum(1, dtype=np.float64), c.sum(1), (c * a).sum(1), (c * a * a).sum(1)], axis=1)


def minibatches(ticks: int, settings: PPO, *, key: Sequence[int]) -> Iterator[list[NDArray[np.int64]]]:
    """Shuffle the ticks anew for each pass and deal them into minibatches.

    Args:
        key: what the order depends on, such as seed and epoch.
    """
    for number in range(settings.update_epochs):
        order = np.random.default_rng([*key, number]).permutation(ticks)
        yield np.array_split(order, settings.minibatches)


def scaling(moments: NDArray[np.float64], *, normalize: bool) -> Scaling:
    """Find out how a minibatch is scaled.

    Args:
        moments: [4] of the whole minibatch, all parts and processes together.
        normalize: bring the advantages of choices to mean 0 and deviation 1, the unbiased one.
    """
    lived, count, total, squares = moments.tolist()
    share, choice_share = (1 / number if number else 0.0 for number in (lived, count))
    if not normalize or count < 2:
        return Scaling(share, choice_share, 0.0, 1.0)
    mean = total / count
    variance = max(squares - count * mean * mean, 0.0) / (count - 1)
    return Scaling(share, choice_share, mean, 1 / (variance**0.5 + SMALL))


def update(
    learner: Learner,
    batches: Sequence[Batch],
    *,
    entropy_coef: float,
    key: Sequence[int],
    reduce: Reduce | None = None,
    also: Iterator[Sequence[Loss]] | None = None,
) -> Updated:
    """Learn from what an epoch has collected.

    Args:
        batches: one a part, all of the same ticks.
        key: what the order of minibatches depends on.
        reduce: sums a tensor over all processes, which must call this together.
        also: further losses for each gradient step, such as those of captures.
    """
    settings = learner.settings
    moments = torch.from_numpy(np.sum([batch.moments for batch in batches], axis=0))
    if reduce is not None:
        reduce(moments)
    known, device = moments.numpy(), batches[0].actions.device
    steps: list[Tensor] = []
    lived: list[bool] = []
    for dealt in minibatches(len(known), settings, key=key):
        before = len(steps)
        for ticks in dealt:
            told = known[ticks].sum(0)
            if also is None and not told[0]:
                continue  # nobody lived: Adam would go on in its old direction, for no reason
            rows = torch.from_numpy(ticks).to(device)
            scale = scaling(told, normalize=settings.normalize_advantages)
            losses = [partial(_part_loss, learner, batch, rows, scale, entropy_coef) for batch in batches]
            steps.append(learner.step(losses, next(also) if also is not None else ()))
            lived.append(bool(told[0]))
        if settings.target_kl is not None and any(lived[before:]):
            kl = torch.stack(steps[before:])[lived[before:], Outcome._fields.index("k3")].mean()
            if reduce is not None:
                reduce(kl)
            if float(kl) > KL_SLACK * settings.target_kl:
                break
    return summarise(steps, reduce, lived=lived)


def _take(part: Tensor, ticks: Tensor) -> Tensor:
    return part.index_select(0, ticks).flatten(0, 1)


def _part_loss(
    learner: Learner, batch: Batch, rows: Tensor, scale: Scaling, entropy_coef: float, slopes: Slopes, threads: int
) -> Tensor:
    taken = batch.take(rows, scale)
    return gradients(learner.network, taken, learner.settings, entropy_coef, surrogate, slopes=slopes, threads=threads)


def summarise(steps: Sequence[Tensor], reduce: Reduce | None = None, *, lived: Sequence[bool] | None = None) -> Updated:
    """Put the outcomes of gradient steps together, each `[8]` as Learner.step gives them.

    This is the one moment of an epoch at which a device is waited for.

    Args:
        lived: whether anybody lived in what each step learned from, as in all of them where None; what was learned
            from beside is told of all steps, all else of those.
    """
    if not steps:
        return Updated(0, Outcome(*[0.0] * len(Outcome._fields)), *[0.0] * 6)  # type: ignore[arg-type]
    table = torch.stack(tuple(steps))
    outcomes, norms = table[:, :-1].contiguous(), table[:, -1]
    if reduce is not None:
        reduce(outcomes)
    told = outcomes.to("cpu", torch.float64).numpy()
    norm = norms.to("cpu", torch.float64).numpy()
    fresh = told[list(lived), :-1] if lived is not None and any(lived) else told[:, :-1]
    by_name = dict(zip(Outcome._fields, fresh.T, strict=True))
    return Updated(
        updates=len(told),
        outcome=Outcome(*fresh.mean(0).tolist()),
        further_loss=float(told[:, -1].mean()),
        clip_fraction_max=float(by_name["clip_fraction"].max()),
        entropy_std=float(by_name["entropy"].std()),
        grad_norm=float(norm.mean()),
        grad_norm_max=float(norm.max()),
        kl_max=float(np.abs(by_name["k1"]).max()),
    )
