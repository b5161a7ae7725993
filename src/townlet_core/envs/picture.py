"""A town as text: a letter a tile, and below it what the letters mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from townlet_core.world.records import KIND_SHIFT, PAD, SOLID_BIT, State
from townlet_core.world.town import CompiledTown


def draw(town: CompiledTown, state: State, living: Mapping[str, int]) -> str:
    """Draw world 0: walls as #, things as the capital of their kind, agents as the small letter of their id.

    Args:
        living: the agents to draw, with their slots.
    """
    ground = town.tables.ground[PAD:-PAD, PAD:-PAD]
    capitals = [kind[0].upper() for kind in town.kinds]
    letters = np.full(ground.shape, ".")
    letters[ground & SOLID_BIT != 0] = "#"
    for number, capital in enumerate(capitals, start=1):
        letters[ground >> KIND_SHIFT == number] = capital
    for agent, slot in living.items():
        me = state.agents[0, slot]
        letters[me["y"], me["x"]] = agent[0]
    legend = (*_explain(capitals, town.kinds), *_explain([agent[0] for agent in living], living))
    return "\n".join([*("".join(row) for row in letters), *legend])


def _explain(letters: list[str], names: tuple[str, ...] | Mapping[str, int]) -> Iterator[str]:
    """Say what each letter stands for, a line a letter."""
    for letter in dict.fromkeys(letters):
        meant = [name for own, name in zip(letters, names, strict=True) if own == letter]
        yield f"{letter} {', '.join(meant)}"
