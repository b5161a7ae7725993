"""Alice and bob, for a town in which nobody lives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from townlet_core.config.agents import Agent
from townlet_core.config.checks import check_scenario
from townlet_core.config.ground import affordances_present, kinds_present, lay_ground
from townlet_core.config.load import load_town
from townlet_core.config.places import check_places
from townlet_core.config.reach import check_reach
from townlet_core.config.regions import Regions
from townlet_core.config.scenario import Scenario, Town
from townlet_core.config.town import Affordance, Thing
from townlet_core.errors import InputError

NAMES = ("alice", "bob")
NEEDS = ("hunger", "hygiene", "energy")
WALLET = 20.0


def is_empty(town: Town) -> bool:
    """Say whether nobody lives in a town."""
    return not town.scenario.agents and not town.scenario.population.count


def load_inhabited(source: str, overrides: Sequence[str], *, auto_seed_agents: bool) -> tuple[Town, list[str]]:
    """Load a town that somebody lives in; give it with what is good to know of that.

    Args:
        auto_seed_agents: place alice and bob in it where nobody does.

    Raises:
        InputError: it cannot be read, or nobody lives there.
    """
    town = load_town(source, overrides)
    if not is_empty(town):
        return town, []
    if not auto_seed_agents:
        hint = "list some under agents, or give --auto-seed-agents"
        raise InputError("nobody lives in this town, so there is nothing to capture", where=source, hint=hint)
    return seed_agents(town), [f"nobody lives in this town: {' and '.join(NAMES)} were placed in it"]


def seed_agents(town: Town) -> Town:
    """Place alice and bob on free tiles, and with them what serves the needs that nothing in the town serves yet.

    Raises:
        InputError: there is no room for them.
    """
    for kind in _missing_kinds(town):
        town = _with(town, objects=(*town.scenario.objects, _placed(town.scenario, kind)))
    tiles = [at for at, _ in zip(Regions(lay_ground(town.scenario)).main_tiles(), NAMES, strict=False)]
    if len(tiles) < len(NAMES):
        raise _no_room(town.scenario, " and ".join(NAMES))
    agents = tuple(Agent(id=name, at=at, wallet=WALLET) for name, at in zip(NAMES, tiles, strict=True))
    town = _with(town, agents=agents)
    for check in (
        check_places(town.scenario),
        check_reach(town.scenario),
        check_scenario(town.scenario, town.manifest),
    ):
        for flaw in check:
            raise InputError(
                f"alice and bob cannot live there: {flaw.clause}", where=town.scenario.name, hint=flaw.hint
            )
    return town


def _with(town: Town, **changes: object) -> Town:
    """Change the scenario of a town."""
    return town.model_copy(update={"scenario": town.scenario.model_copy(update=changes)})


def _missing_kinds(town: Town) -> Iterator[str]:
    """Name the kinds of things that the town lacks: what serves a need best, and what fills that up again.

    Nothing is lacking for a need where something serves it half as well as the best would.
    """
    offered, present = set(affordances_present(town)), set(kinds_present(town))
    everything = town.manifest.affordances
    for need in NEEDS:
        gains = {name: float(getattr(each.effects, need)) for name, each in everything.items()}
        most = max(gains.values(), default=0.0)
        if most <= 0 or any(gains[name] >= most / 2 for name in offered):
            continue
        best = next(each for name, each in everything.items() if gains[name] == most)
        for kind in dict.fromkeys((best.kind, *_makers(best, everything))):
            if kind not in present:
                present.add(kind)
                yield kind


def _makers(affordance: Affordance, everything: dict[str, Affordance]) -> Iterator[str]:
    """Name the kinds that fill up the stock which an affordance uses."""
    for other in everything.values():
        if affordance.uses_stock and other.makes is not None and other.makes.kind == affordance.kind:
            yield other.kind


def _placed(scenario: Scenario, kind: str) -> Thing:
    """Put a thing on the first tile where it stands in nobody's way."""
    before = Regions(lay_ground(scenario))
    names = {thing.id for thing in lay_ground(scenario).things}
    name = next(name for n in range(1, len(names) + 2) if (name := f"{kind}_{n}") not in names)
    for at in before.main_tiles():
        thing = Thing(id=name, kind=kind, at=at)
        changed = scenario.model_copy(update={"objects": (*scenario.objects, thing)})
        after = Regions(lay_ground(changed))
        if len(after.sizes()) == len(before.sizes()) and after.within(*at, 1) and not any(check_reach(changed)):
            return thing
    raise _no_room(scenario, f"a {kind}")


def _no_room(scenario: Scenario, whom: str) -> InputError:
    return InputError(f"has no room for {whom}", where=scenario.name, hint="give the town a larger floor, or agents")
