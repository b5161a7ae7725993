"""The processes that train together: one, or those of torch.distributed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from townlet_core.errors import TownletError, UsageError

T = TypeVar("T")


class Processes:
    """This process among those that train together. All of them must make the same calls in the same order."""

    def __init__(self, rank: int = 0, size: int = 1, device: torch.device | None = None) -> None:
        self.rank = rank
        self.size = size
        self._device = device or torch.device("cpu")

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def add(self, tensor: Tensor) -> None:
        """Replace a tensor by its sum over all processes."""
        if self.size == 1:
            return
        shared = tensor.to(self._device)  # nccl adds up what lies on the devices
        dist.all_reduce(shared)
        if shared is not tensor:
            tensor.copy_(shared)

    def gather(self, item: T) -> list[T]:
        """Give the items of all processes, in the order of their ranks, to each of them."""
        if self.size == 1:
            return [item]
        items: list[T | None] = [None] * self.size
        dist.all_gather_object(items, item)
        return items  # type: ignore[return-value]

    def tell(self, item: T) -> T:
        """Give what the first process has to each of them."""
        if self.size == 1:
            return item
        items = [item]
        dist.broadcast_object_list(items, src=0)
        return items[0]

    def first(self, action: Callable[[], T]) -> T | None:
        """Have the first process do something alone. Where that is refused, all of them are, and none waits in vain.

        Returns:
            what came of it; None to the others.
        """
        if self.size == 1:
            return action()
        done, refusal = None, None
        if self.leads:
            try:
                done = action()
            except TownletError as error:
                refusal = error
        told = self.tell(None if refusal is None else (type(refusal), refusal.problem, refusal.where, refusal.hint))
        if told is not None:
            kind, problem, where, hint = told
            raise kind(problem, where=where, hint=hint) from refusal
        return done

    def leave(self) -> None:
        """Take leave of the others."""
        if self.size > 1:
            dist.destroy_process_group()


def join_processes(device: torch.device) -> Processes:
    """Join those whom the launcher has started with this one (RANK and WORLD_SIZE in the environment), if any.

    Raises:
        UsageError: the variables make no sense.
    """
    rank, size = os.environ.get("RANK"), os.environ.get("WORLD_SIZE")
    if rank is None and size is None:
        return Processes()
    if rank is None or size is None or not rank.isdigit() or not size.isdigit() or int(rank) >= int(size):
        problem = f"RANK is {rank!r} and WORLD_SIZE is {size!r}"
        raise UsageError(problem, where="environment", hint="unset both, or start with torchrun or --nproc")
    missing = [name for name in ("MASTER_ADDR", "MASTER_PORT") if not os.environ.get(name)]
    if int(size) > 1 and missing:
        hint = "a launcher sets it beside WORLD_SIZE: start with torchrun or --nproc"
        raise UsageError(f"{missing[0]} is not set, so the others cannot be found", where="environment", hint=hint)
    if int(size) > 1:
        # Optimisers import this. Once there is a group its functions keep it, and its threads abort us as we end.
        import torch.distributed.nn  # noqa: F401

        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Processes(int(rank), int(size), device)
