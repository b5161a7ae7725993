"""The ground of a town: walls and the things that stand on it, whether drawn or listed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from townlet_core.config.scenario import Scenario, Town
from townlet_core.config.town import Thing, TownMap

WALL = "#"
FLOOR = "."
DRAWN_ID = re.compile(r".+_[1-9][0-9]*")  # what the things of a drawing are called


class Ground(NamedTuple):
    """Where one can walk and what stands where. Things are solid; agents stand on floor."""

    width: int  # tiles from west to east
    height: int  # tiles from north to south
    walls: tuple[tuple[bool, ...], ...]  # [y][x]
    things: tuple[Thing, ...]  # the drawn ones in reading order, then the listed ones


def lay_ground(scenario: Scenario) -> Ground:
    """Read the drawing of a scenario, or measure its open field. Expects a map that can be laid."""
    rows = scenario.map.rows
    things = (*drawn_things(scenario.map), *scenario.objects)
    if rows is not None:
        return Ground(len(rows[0]), len(rows), tuple(tuple(tile == WALL for tile in row) for row in rows), things)
    width, height = scenario.map.width, scenario.map.height
    assert width is not None
    assert height is not None
    return Ground(width, height, ((False,) * width,) * height, things)


def drawn_things(drawing: TownMap) -> Iterator[Thing]:
    """Name the things drawn in a map <kind>_<n>, counted from 1 in reading order."""
    seen: Counter[str] = Counter()
    for y, row in enumerate(drawing.rows or ()):
        for x, letter in enumerate(row):
            kind = drawing.legend.get(letter)
            if kind is not None:
                seen[kind] += 1
                yield Thing.model_construct(id=f"{kind}_{seen[kind]}", kind=kind, at=(x, y), stock=None)


def kinds_present(town: Town) -> tuple[str, ...]:
    """List the kinds of which the town has a thing, in the order of the manifest."""
    present = {thing.kind for thing in (*drawn_things(town.scenario.map), *town.scenario.objects)}
    return tuple(kind for kind in town.manifest.kinds if kind in present)


def affordances_present(town: Town) -> tuple[str, ...]:
    """List the affordances that some thing of the town offers, in the order of the manifest."""
    kinds = set(kinds_present(town))
    return tuple(name for name, affordance in town.manifest.affordances.items() if affordance.kind in kinds)
