"""The network, its optimiser, and how the gradients of parts become one step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from townlet_core.config.ppo import PPO
from townlet_core.policy.network import ActorCritic
from townlet_core.policy.saved import Arrays

P = TypeVar("P")
R = TypeVar("R")
Slopes = Mapping[Tensor, Tensor]  # where the derivative by each parameter is written
Loss = Callable[[Slopes, int], Tensor]  # writes its derivatives, with a number of threads, and gives its outcome
Reduce = Callable[[Tensor], None]  # replaces a tensor by its sum over all processes


def settle_thread() -> None:
    """Keep matrix products on the calling thread: parts are what runs side by side."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


@contextmanager
def settled_thread() -> Iterator[None]:
    """Do the same for the calling thread, for a while."""
    threads = torch.get_num_threads()
    settle_thread()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)


@contextmanager
def dividing(threads: int) -> Iterator[None]:
    """Let torch divide what the calling thread computes among some threads of its own, for a while.

    They go on looking for work for some milliseconds, in the way of all other threads.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Learner:
    """Takes gradient steps. The sum over parts has a fixed order, so the result does not depend on who takes which.

    Within the products of a part that is alone, one thread and several can differ in the last bits.

    Args:
        threads: parts differentiated at a time; a part that is alone has its products divided among them.
        reduce: sums a gradient over processes; None where there is one.
    """

    def __init__(self, network: ActorCritic, settings: PPO, *, threads: int = 1, reduce: Reduce | None = None) -> None:
        self.network = network
        self.settings = settings
        self.threads = threads
        self.parameters = list(network.parameters())
        flat = torch.nn.Parameter(torch.cat([parameter.detach().reshape(-1) for parameter in self.parameters]))
        for parameter, view in self._views(flat.data).items():
            parameter.data = view  # from here on part of one vector, on which Adam takes one step, not many
        self._flat = flat
        flat.grad = self.gradient = torch.zeros_like(flat.data)
        self._room = [(self.gradient, self._views(self.gradient))]  # for the gradients of as many losses
        self.optimizer = torch.optim.Adam([flat], lr=settings.learning_rate, eps=settings.adam_eps, fused=True)
        self._pool = ThreadPoolExecutor(threads, initializer=settle_thread) if threads > 1 else None
        self._reduce = reduce

    def twin(self, network: ActorCritic) -> Learner:
        """Give a learner of another network, with the same settings, threads and processes."""
        twin = Learner(network, self.settings, reduce=self._reduce)
        twin.threads, twin._pool = self.threads, self._pool
        return twin

    @property
    def rate(self) -> float:
        """The step size."""
        rate: float = self.optimizer.param_groups[0]["lr"]
        return rate

    def moments(self) -> Arrays:
        """Give what Adam remembers, by names of its own."""
        kept = self.optimizer.state_dict()["state"]
        return {f"{n}.{name}": moment.cpu().numpy() for n, each in kept.items() for name, moment in each.items()}

    def remember(self, moments: Arrays) -> None:
        """Put back what Adam remembered."""
        state: dict[int, dict[str, Tensor]] = {}
        for key, array in moments.items():
            number, name = key.split(".")
            state.setdefault(int(number), {})[name] = torch.from_numpy(array.copy())
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})

    def weights(self) -> NDArray[np.float32]:
        """Give all parameters, one after another."""
        weights: NDArray[np.float32] = self._flat.detach().cpu().numpy()
        return weights

    def take_weights(self, weights: NDArray[np.float32]) -> None:
        """Replace all parameters.

        Raises:
            ValueError: these are not as many.
        """
        if weights.shape != tuple(self._flat.shape):
            raise ValueError(f"{weights.shape} weights for a network of {tuple(self._flat.shape)}")
        self._flat.data.copy_(torch.from_numpy(weights.copy()))

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def set_rate(self, learning_rate: float) -> None:
        """Choose the step size from now on."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate

    def each(self, action: Callable[[P], R], parts: Sequence[P]) -> list[R]:
        """Do something for each part, side by side where there are threads; give the results in the order of parts."""
        if self._pool is None or len(parts) < 2:
            return [action(part) for part in parts]
        return list(self._pool.map(action, parts))

    def step(self, losses: Sequence[Loss], also: Sequence[Loss] = ()) -> Tensor:
        """Take one step down the gradient of the sum of some losses.

        Args:
            also: further losses, of which nothing but the policy loss is told.

        Returns:
            [8] the fields of Outcome summed over this process's `losses`, the policy loss of `also`, and the gradient's
            norm before clipping.
        """
        parts = [*losses, *also]
        while len(self._room) < len(parts):
            more = torch.zeros_like(self.gradient)
            self._room.append((more, self._views(more)))
        threads = self.threads if len(parts) == 1 else 1  # what is alone has all threads for its products

        def differentiate(number: int) -> Tensor:
            return parts[number](self._room[number][1], threads)

        told, *outcomes = self.each(differentiate, range(len(parts)))
        further = torch.zeros_like(told[0])
        for number, outcome in enumerate(outcomes, start=1):
            self.gradient += self._room[number][0]
            if number < len(losses):
                told = told + outcome
            else:
                further = further + outcome[0]
        if self._reduce is not None:
            self._reduce(self.gradient)
        norm = torch.linalg.vector_norm(self.gradient)
        if self.settings.max_grad_norm is not None:
            self.gradient.mul_((self.settings.max_grad_norm / (norm + 1e-6)).clamp(max=1.0))
        with dividing(threads):
            self.optimizer.step()
        return torch.cat([told, torch.stack([further, norm])])

    def _views(self, flat: Tensor) -> dict[Tensor, Tensor]:
        """Give the part of a flat vector that belongs to each parameter."""
        parts = torch.split(flat, [parameter.numel() for parameter in self.parameters])
        return {parameter: part.view_as(parameter) for parameter, part in zip(self.parameters, parts, strict=True)}
