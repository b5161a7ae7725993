"""Checks of the ways: there is room for everybody, and agents can walk to what is there for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from townlet_core.config.agents import Agent, Job, Step
from townlet_core.config.flaw import Flaw
from townlet_core.config.ground import drawn_things, lay_ground
from townlet_core.config.regions import Regions
from townlet_core.config.scenario import Scenario
from townlet_core.config.town import Thing
from townlet_core.documents.nodes import Path


class _Ways(NamedTuple):
    """Who starts where, and from where one gets to what. Regions are numbers."""

    regions: Regions
    main: int | None  # the largest region, the first of several: there random tiles are drawn
    room: int  # tiles of it
    homes: dict[str, set[int]]  # listed agent -> where it may start
    everyone: set[int]  # where somebody may start
    things: dict[str, set[int]]  # thing -> from where it can be used
    jobs: dict[str, set[int]]  # job -> from where its place can be kept


def check_reach(scenario: Scenario) -> Iterator[Flaw]:
    """Report what nobody can get to, or not the agent that has to. Expects places without flaws."""
    ways = _survey(scenario)
    yield from _check_room(scenario, ways)
    yield from _check_things(scenario, ways)
    for number, job in enumerate(scenario.jobs):
        if not ways.jobs[job.id] & ways.everyone and not _thing_is_lost(job, ways):
            near = {0: "to it", 1: "within a tile of it"}.get(job.radius, f"within {job.radius} tiles of it")
            clause = f"no agent can get {near}, so nobody could do this job"
            yield Flaw(("jobs", number, "place"), clause)
    for number, agent in enumerate(scenario.agents):
        yield from _check_agent(agent, ways, ("agents", number))


def _survey(scenario: Scenario) -> _Ways:
    ground = lay_ground(scenario)
    regions = Regions(ground)
    sizes = regions.sizes()
    main = regions.main
    homes = {agent.id: _home(agent, regions, main) for agent in scenario.agents}
    strangers = scenario.population.count > 0 or not scenario.agents
    everyone = set[int]().union(*homes.values(), {main} if strangers and main is not None else ())
    tiles = {thing.id: thing.at for thing in ground.things}
    things = {name: regions.within(*at, 1) for name, at in tiles.items()}
    jobs = {}
    for job in scenario.jobs:
        at = tiles.get(job.place) if isinstance(job.place, str) else job.place
        jobs[job.id] = regions.within(*at, job.radius) if at is not None else everyone
    return _Ways(regions, main, 0 if main is None else sizes[main], homes, everyone, things, jobs)


def _home(agent: Agent, regions: Regions, main: int | None) -> set[int]:
    region = regions.at(*agent.at) if agent.at is not None else main
    return {region} if region is not None else set()


def _check_room(scenario: Scenario, ways: _Ways) -> Iterator[Flaw]:
    """Report more agents than tiles; only those of the largest floor count if any agent may be put on a random one."""
    count = len(scenario.agents) + scenario.population.count
    drawn = scenario.population.count > 0 or any(agent.at is None or agent.arrives_tick for agent in scenario.agents)
    replaced = scenario.features.lifecycle and scenario.lifecycle.replace
    if count > ways.room and (drawn or replaced):
        where = "of the map" if ways.room == ways.regions.floor else "of the largest floor, where newcomers begin"
        clause = f"{count} agents do not fit on the {ways.room} free tiles {where}"
        yield Flaw(("population", "count") if scenario.population.count else ("agents",), clause)


def _check_things(scenario: Scenario, ways: _Ways) -> Iterator[Flaw]:
    drawn: list[tuple[Thing, Path]] = [(thing, ("map", "rows", thing.at[1])) for thing in drawn_things(scenario.map)]
    listed: list[tuple[Thing, Path]] = [
        (thing, ("objects", number, "at")) for number, thing in enumerate(scenario.objects)
    ]
    for thing, path in (*drawn, *listed):
        if not ways.things[thing.id] & ways.everyone:
            x, y = thing.at
            clause = f"'{thing.id}' at [{x}, {y}] can be reached by no agent, so nobody could use it"
            yield Flaw(path, clause, "leave a free tile beside it, a diagonal one will do, with a way to the agents")


def _thing_is_lost(job: Job, ways: _Ways) -> bool:
    return isinstance(job.place, str) and not ways.things.get(job.place, set()) & ways.everyone


def _check_agent(agent: Agent, ways: _Ways, path: Path) -> Iterator[Flaw]:
    home = ways.homes[agent.id]
    near = ways.jobs.get(agent.job, set()) if agent.job is not None else set()
    if near & ways.everyone and not near & home:
        yield Flaw(
            (*path, "job"), f"{agent.id} cannot walk to the place of '{agent.job}', so it would always be absent"
        )
    for number, step in enumerate(agent.schedule.steps if agent.schedule is not None else ()):
        yield from _check_step(agent, step, ways, (*path, "schedule", "steps", number))


def _check_step(agent: Agent, step: Step, ways: _Ways, path: Path) -> Iterator[Flaw]:
    home = ways.homes[agent.id]
    for key, name in (("object", step.object), ("to", step.to)):
        if isinstance(name, str):
            near = ways.things.get(name, set())
            if near & ways.everyone and not near & home:
                yield Flaw((*path, key), f"{agent.id} cannot walk to '{name}', so this step could never be done")
    if isinstance(step.to, tuple) and ways.regions.at(*step.to) not in home:
        x, y = step.to
        yield Flaw((*path, "to"), f"{agent.id} cannot walk to [{x}, {y}], so this step could never be done")
