"""Training, an epoch at a time: the town, the captures or both, and what each epoch came to."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from townlet_core.config.ppo import TrainingSettings
from townlet_core.dataset.replay import Dataset
from townlet_core.errors import DivergedError
from townlet_core.policy.learned import LearnedPolicy
from townlet_core.policy.network import ActorCritic, Shape
from townlet_core.ppo.facts import Facts, add_up
from townlet_core.ppo.learner import Learner
from townlet_core.ppo.live import Part, head_starts
from townlet_core.ppo.processes import Processes
from townlet_core.ppo.replay import Judged, ReplayBuffer
from townlet_core.ppo.update import Batch, Updated, summarise, update
from townlet_core.world.town import CompiledTown

Mode = Literal["rollout", "replay", "mixed"]
LEAST_AGENTS = 64  # in a part: with fewer, threads wait for each other longer than they work


@dataclass(frozen=True)
class Plan:
    """All that decides on a training."""

    mode: Mode
    town: CompiledTown | None  # None: the captures are not of any town that there is
    dataset: Dataset | None
    settings: TrainingSettings
    shape: Shape
    epochs: int
    worlds: int
    ticks: int  # collected an epoch
    seed: int
    device: torch.device
    threads: int = 1
    keep_tiles: bool = False  # for a capture of what is collected

    @property
    def parts(self) -> int:
        """Parts to play and differentiate side by side: fewer where they would be too small to be worth it."""
        agents = self.worlds * len(self.town.slots) if self.town is not None and self.worlds else LEAST_AGENTS * 1024
        return max(1, min(self.settings.ppo.parts, agents // LEAST_AGENTS))

    @property
    def warm_start(self) -> int:
        """Epochs that come before the policy first acts."""
        return self.settings.mixed.warm_start_epochs if self.mode == "mixed" else 0

    def learns_from_town(self, epoch: int) -> bool:
        """Say whether the policy acts in an epoch."""
        return self.mode != "replay" and epoch > self.warm_start

    def remaining(self, epoch: int) -> float:
        """Give the share of the planned epochs that is left when an epoch begins."""
        return 1 - (epoch - 1) / self.epochs

    def learning_rate(self, epoch: int) -> float:
        """Give the step size of an epoch."""
        ppo = self.settings.ppo
        return ppo.learning_rate * (self.remaining(epoch) if ppo.anneal == "linear" else 1.0)

    def entropy_coef(self, epoch: int) -> float:
        """Give the weight of the entropy in an epoch."""
        ppo = self.settings.ppo
        final = ppo.entropy_coef if ppo.entropy_coef_final is None else ppo.entropy_coef_final
        return final + (ppo.entropy_coef - final) * self.remaining(epoch)

    def replay_coef(self, epoch: int) -> float:
        """Give the weight of the captures' loss in an epoch that learns from the town too."""
        mixed = self.settings.mixed
        return mixed.replay_coef_final + (mixed.replay_coef - mixed.replay_coef_final) * self.remaining(epoch)


class Epoch(NamedTuple):
    """What an epoch came to."""

    number: int  # from 1
    updated: Updated
    facts: Facts | None  # of the town, where the policy acted
    judged: Judged | None  # of the captures, where they were learned from alone
    compared: bool  # whether KL and clip fraction mean something
    transitions: int
    seconds: float


class Trainer:
    """A training that goes on from where it is: `epoch` epochs are done, `steps` transitions taken in."""

    def __init__(self, plan: Plan, processes: Processes) -> None:
        self.plan = plan
        self.processes = processes
        self.epoch = 0
        self.steps = 0
        self.cycle = 0  # collections so far
        ppo = plan.settings.ppo
        generator = torch.Generator().manual_seed(plan.seed)
        network = ActorCritic(plan.shape, plan.settings.network, generator=generator).to(plan.device)
        reduce = processes.add if processes.size > 1 else None
        self.learner = Learner(network, ppo, threads=plan.threads, reduce=reduce)
        self.policy = LearnedPolicy(network, name="ppo", device=plan.device)
        many = max(plan.parts, processes.size)
        self.parts: dict[int, Part] = {}
        if plan.town is not None and plan.mode != "replay":
            many = min(many, plan.worlds)
            own = self._own(many)
            ahead = head_starts(plan.town, plan.worlds, stagger=ppo.stagger)
            for part in own:
                low, high = plan.worlds * part // many, plan.worlds * (part + 1) // many
                self.parts[part] = Part(
                    plan.town, self.policy, ppo, ahead=ahead[low:high], first_world=low, seed=plan.seed,
                    ticks=plan.ticks, tiles=plan.keep_tiles,
                )  # fmt: skip
        self.many = many  # parts of all processes together
        self.buffer: ReplayBuffer | None = None
        self.mixed_in: Judged | None = None  # captures as they were judged when the policy first acted
        if plan.dataset is not None:
            self.buffer = ReplayBuffer(
                plan.dataset, self.learner, plan.settings.replay, seed=plan.seed, parts=many, own=self._own(many),
                alone=plan.mode == "replay",
            )  # fmt: skip

    def epochs(self) -> Iterator[Epoch]:
        """Train through the planned epochs that are left.

        Raises:
            DivergedError: a loss or a gradient is not finite any more.
        """
        while self.epoch < self.plan.epochs:
            began = time.perf_counter()
            number = self.epoch + 1
            self.learner.set_rate(self.plan.learning_rate(number))
            result = self._from_town(number) if self.plan.learns_from_town(number) else self._from_captures(number)
            self._check(result)
            self.epoch = number
            self.steps += result.transitions
            self.cycle += result.facts is not None
            yield result._replace(seconds=time.perf_counter() - began)

    def close(self) -> None:
        """End the threads, and give back what the captures have spilled."""
        self.learner.close()
        if self.plan.dataset is not None:
            self.plan.dataset.close()

    def _own(self, many: int) -> range:
        """Give the parts that this process takes."""
        rank, size = self.processes.rank, self.processes.size
        return range(many * rank // size, many * (rank + 1) // size)

    def _from_town(self, number: int) -> Epoch:
        plan = self.plan
        collected = self.learner.each(_collect, list(self.parts.values()))
        facts = add_up([each for own in self.processes.gather([facts for _, facts in collected]) for each in own])
        also = self._mix_in(number) if self.buffer is not None else None
        updated = update(
            self.learner,
            [batch for batch, _ in collected],
            entropy_coef=plan.entropy_coef(number),
            key=[plan.seed, number],
            reduce=self.processes.add if self.processes.size > 1 else None,
            also=also,
        )
        return Epoch(number, updated, facts, None, True, int(facts.sums["steps"][0]), 0.0)

    def _mix_in(self, number: int) -> Iterator[Any]:
        """Give the losses of captures for each gradient step of an epoch in the town."""
        plan, buffer = self.plan, self.buffer
        assert buffer is not None
        assert plan.town is not None
        if self.mixed_in is None:
            self.mixed_in = buffer.judge(number)
        step = plan.worlds * len(plan.town.slots) * plan.ticks / plan.settings.ppo.minibatches
        batch = max(1, round(step * plan.settings.mixed.replay_ratio))
        return buffer.policy_losses(self.mixed_in, batch, plan.replay_coef(number), number)

    @np.errstate(over="ignore", invalid="ignore")  # see _check
    def _from_captures(self, number: int) -> Epoch:
        buffer = self.buffer
        assert buffer is not None
        judged = buffer.judge(number)
        steps = [self.learner.step(losses) for losses in buffer.steps(judged, number, self.plan.entropy_coef(number))]
        reduce = self.processes.add if self.processes.size > 1 else None
        updated = summarise(steps, reduce)
        return Epoch(number, updated, None, judged, buffer.compares(number), buffer.dataset.steps, 0.0)

    def _check(self, epoch: Epoch) -> None:
        """Stop where numbers have ceased to be numbers."""
        told: dict[str, Any] = {
            "the policy loss": epoch.updated.outcome.policy_loss,
            "the value loss": epoch.updated.outcome.value_loss,
            "the gradient": epoch.updated.grad_norm_max,
        }
        if self.buffer is not None and self.buffer.critic is not None:
            told["the gradient of the critic"] = float(self.buffer.critic.norm_max)
        for what, value in told.items():
            if not math.isfinite(value):
                raise DivergedError(
                    f"{what} is not finite any more ({value})",
                    where=f"epoch {epoch.number}",
                    hint="lower ppo.learning_rate, or look for rewards or features that are very large",
                )


@np.errstate(over="ignore", invalid="ignore")  # numbers that are none are told of once, by Trainer._check
def _collect(part: Part) -> tuple[Batch, Facts]:
    """Have a part play on."""
    return part.collect()
