"""Checks of the ground: it has a shape, everything stands on a tile of its own, and agents can get to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from townlet_core.config.flaw import Flaw
from townlet_core.config.ground import FLOOR, WALL, Ground, drawn_things, lay_ground
from townlet_core.config.scenario import Scenario
from townlet_core.config.town import TownMap
from townlet_core.documents.nodes import Path


class _Spot(NamedTuple):
    """Something that must be on the ground."""

    at: tuple[int, int]
    path: Path


def check_map(drawing: TownMap) -> Iterator[Flaw]:
    """Report a map from which no ground can be laid."""
    size = {"width": drawing.width, "height": drawing.height}
    missing = [name for name, value in size.items() if value is None]
    if drawing.rows is None and missing:
        found = "neither rows nor width and height are" if len(missing) == 2 else f"without rows, {missing[0]} is not"
        yield Flaw(("map",), f"{found} given, so there is no ground to stand on", "draw rows, or give width and height")
    if drawing.rows is not None:
        for name, value in size.items():
            if value is not None:
                clause = "both rows and a size are given, so it is unclear how large the town is"
                yield Flaw(("map", name), clause, "the drawing has a size of its own: leave this out", at_key=True)
        yield from _check_rows(drawing.rows, drawing)
    used = set("".join(drawing.rows or ()))
    for letter, kind in drawing.legend.items():
        if letter not in used:
            clause = f"no row of the map has the letter '{letter}', so there would be no such {kind}"
            yield Flaw(("map", "legend", letter), clause, at_key=True)


def _check_rows(rows: tuple[str, ...], drawing: TownMap) -> Iterator[Flaw]:
    seen: set[str] = set()
    for y, row in enumerate(rows):
        if len(row) != len(rows[0]):
            clause = f"this row has {len(row)} tiles and the first has {len(rows[0])}, so the town has no straight edge"
            yield Flaw(("map", "rows", y), clause)
        for x, letter in enumerate(row):
            if letter not in (WALL, FLOOR) and letter not in drawing.legend and letter not in seen:
                seen.add(letter)
                what = f"the letter '{letter}'" if letter.isalpha() and letter.isascii() else f"the sign {letter!r}"
                hint = f"use '{WALL}' for wall, '{FLOOR}' for floor" + (
                    f", or give '{letter}' a kind in map.legend" if letter.isalpha() and letter.isascii() else ""
                )
                yield Flaw(("map", "rows", y), f"{what} of tile [{x}, {y}] has no meaning", hint)


def can_be_laid(drawing: TownMap) -> bool:
    """Say whether a map has the shape of a ground, whatever stands on it."""
    if drawing.rows is None:
        return drawing.width is not None and drawing.height is not None
    return len({len(row) for row in drawing.rows}) == 1


def check_places(scenario: Scenario) -> Iterator[Flaw]:
    """Report what is off the ground, in a wall or on the tile of something else. Expects a map that can be laid."""
    ground = lay_ground(scenario)
    stands = {thing.at: thing.id for thing in drawn_things(scenario.map)}
    for number, thing in enumerate(scenario.objects):
        path = ("objects", number, "at")
        yield from _check_tile(ground, _Spot(thing.at, path))
        if thing.at in stands:
            yield Flaw(path, f"'{stands[thing.at]}' stands on {_tile(thing.at)} already, so both would be in one place")
        stands.setdefault(thing.at, thing.id)
    yield from _check_agents(scenario, ground, stands)
    for spot in _targets(scenario):
        yield from _check_tile(ground, spot)
        if spot.path[0] == "agents" and spot.at in stands:
            clause = f"'{stands[spot.at]}' stands on {_tile(spot.at)}, so nobody can walk there"
            yield Flaw(spot.path, clause, f"write 'to: {stands[spot.at]}' to walk up to it")


def _check_agents(scenario: Scenario, ground: Ground, stands: dict[tuple[int, int], str]) -> Iterator[Flaw]:
    here: dict[tuple[tuple[int, int], int], str] = {}
    for number, agent in enumerate(scenario.agents):
        if agent.at is None:
            continue
        path = ("agents", number, "at")
        yield from _check_tile(ground, _Spot(agent.at, path))
        if agent.at in stands:
            yield Flaw(path, f"'{stands[agent.at]}' stands on {_tile(agent.at)}, so nobody can stand there")
        other = here.setdefault((agent.at, agent.arrives_tick), agent.id)
        if other != agent.id:
            yield Flaw(path, f"{other} begins on {_tile(agent.at)} too, and a tile has room for one")


def _targets(scenario: Scenario) -> Iterator[_Spot]:
    for number, job in enumerate(scenario.jobs):
        if isinstance(job.place, tuple):
            yield _Spot(job.place, ("jobs", number, "place"))
    for number, agent in enumerate(scenario.agents):
        for place, step in enumerate(agent.schedule.steps if agent.schedule is not None else ()):
            if isinstance(step.to, tuple):
                yield _Spot(step.to, ("agents", number, "schedule", "steps", place, "to"))


def _tile(at: tuple[int, int]) -> str:
    return f"[{at[0]}, {at[1]}]"


def _check_tile(ground: Ground, spot: _Spot) -> Iterator[Flaw]:
    x, y = spot.at
    if x >= ground.width or y >= ground.height:
        size = f"which has x from 0 to {ground.width - 1} and y from 0 to {ground.height - 1}"
        yield Flaw(spot.path, f"{_tile(spot.at)} lies off the map, {size}")
    elif ground.walls[y][x]:
        yield Flaw(spot.path, f"{_tile(spot.at)} lies inside a wall")
