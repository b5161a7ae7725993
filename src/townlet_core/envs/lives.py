"""The lives that a town can see in an episode, by the ids that captures give them."""

from __future__ import annotations

from townlet_core.world.records import NOTHING
from townlet_core.world.town import CompiledTown


def life_id(slot: str, life: int) -> str:
    """Name a life: the first in a slot has the slot's id, the next are `<slot>.2`, `<slot>.3`, ..."""
    return slot if life == 1 else f"{slot}.{life}"


def possible_lives(town: CompiledTown) -> list[str]:
    """Name every life that can come in an episode: the first of every slot, then the second ones, and so on."""
    most = [most_lives(town, slot) for slot in range(len(town.slots))]
    return [
        life_id(name, life)
        for life in range(1, max(most, default=0) + 1)
        for name, lives in zip(town.slots, most, strict=True)
        if life <= lives
    ]


def most_lives(town: CompiledTown, slot: int) -> int:
    """Bound the lives of a slot in an episode, from the shortest that a life can be; 0 if nobody comes in time."""
    params = town.tables.params[0]
    left = town.horizon - int(town.tables.slots["enters"][slot])
    if left <= 0 or not params["lifecycle"] or not params["replace"]:
        return int(left > 0)
    return 1 + (left - 1) // (_shortest_life(town, slot) + int(params["replace_after"]))


def _shortest_life(town: CompiledTown, slot: int) -> int:
    """Give the ticks after which an agent can have fainted, or have missed too many shifts, at the earliest."""
    params, number = town.tables.params[0], int(town.tables.slots["job"][slot])
    fainted = int(params["faint_after"])
    if number == NOTHING:
        return fainted
    job = town.tables.jobs[number]
    missed = min(int(job["cutoff"]), int(job["finish"]) - int(job["start"]) - 1) + 1
    return min(fainted, (int(params["max_absences"]) - 1) * int(params["day"]) + missed)
