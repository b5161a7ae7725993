"""What no single value can show: ids that must differ, names that must exist, times that must come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from townlet_core.config.agents import Agent, Job
from townlet_core.config.events import CORE_EVENTS
from townlet_core.config.expression import parse
from townlet_core.config.flaw import Flaw, unknown
from townlet_core.config.ground import drawn_things
from townlet_core.config.possible import can_hold, condition_ranges
from townlet_core.config.scenario import Scenario
from townlet_core.config.tokens import ExpressionError
from townlet_core.config.town import Affordance, AffordanceManifest, Perturbation
from townlet_core.documents.nodes import Path

MOST_AGENTS = 10_000
LONGEST_DAY = 100_000
MOST_KINDS = 15  # a tile's byte has four bits for the kind
MOST_AFFORDANCES = 200  # actions have a number each
MOST_THINGS = 4096
MOST_WAYS = 64_000_000  # places x tiles: each place has a map of the ways to it, of five bytes a tile
WINDOW = {"hybrid": 5, "full": 5, "compact": 2}  # tiles around an agent that each variant shows


def check_manifest(manifest: AffordanceManifest) -> Iterator[Flaw]:
    """Report what does not fit together in an affordance manifest."""
    for name, kind in manifest.kinds.items():
        if kind.stock is not None and kind.stock.initial > kind.stock.capacity:
            clause = f"{kind.stock.initial} {kind.stock.item} do not fit into the capacity of {kind.stock.capacity}"
            yield Flaw(("kinds", name, "stock", "initial"), clause)
    for name, affordance in manifest.affordances.items():
        path = ("affordances", name)
        if affordance.kind not in manifest.kinds:
            yield unknown((*path, "kind"), "kind", affordance.kind, manifest.kinds)
            continue
        yield from _check_stock(manifest, affordance, path)
        if affordance.requires is not None:
            yield from _check_condition(manifest, affordance, affordance.requires, (*path, "requires"))
        if affordance.event in CORE_EVENTS:
            clause = f"'{affordance.event}' is an event of the rules, so finishing {name} would be counted as one"
            yield Flaw((*path, "event"), clause, "choose another name")


def _check_stock(manifest: AffordanceManifest, affordance: Affordance, path: Path) -> Iterator[Flaw]:
    stock = manifest.kinds[affordance.kind].stock
    if affordance.uses_stock and stock is None:
        clause = f"the kind '{affordance.kind}' has no stock, so this could never be started"
        yield Flaw((*path, "uses_stock"), clause, f"give kinds.{affordance.kind} a stock")
    elif stock is not None and affordance.uses_stock > stock.capacity:
        clause = f"the kind '{affordance.kind}' holds at most {stock.capacity}, so this could never be started"
        yield Flaw((*path, "uses_stock"), clause)
    makes = affordance.makes
    if makes is not None and makes.kind not in manifest.kinds:
        yield unknown((*path, "makes", "kind"), "kind", makes.kind, manifest.kinds)
    elif makes is not None and manifest.kinds[makes.kind].stock is None:
        clause = f"the kind '{makes.kind}' has no stock, so what is made would be lost"
        yield Flaw((*path, "makes", "kind"), clause, f"give kinds.{makes.kind} a stock")


def _check_condition(manifest: AffordanceManifest, affordance: Affordance, requires: str, path: Path) -> Iterator[Flaw]:
    try:
        ops = parse(requires)
    except ExpressionError as error:
        yield Flaw(path, f"column {error.column} of the condition: {error.problem}", error.hint)
        return
    if not can_hold(ops, condition_ranges(manifest, affordance, LONGEST_DAY)):
        yield Flaw(path, "this condition can never hold, so the affordance could never be started")


def check_scenario(scenario: Scenario, manifest: AffordanceManifest | None) -> Iterator[Flaw]:
    """Report what does not fit together in a scenario, its ground apart.

    Args:
        manifest: None where it cannot be read; what refers to it is then left unchecked.
    """
    yield from _check_ids(scenario)
    yield from _check_times(scenario)
    for number, job in enumerate(scenario.jobs):
        yield from _check_job(job, scenario.clock.ticks_per_day, ("jobs", number))
    yield from _check_jobs(scenario)
    yield from _check_size(scenario)
    for number, perturbation in enumerate(scenario.perturbations):
        yield from _check_perturbation(perturbation, scenario.scenario.ticks, ("perturbations", number))
    if scenario.chat.range > WINDOW[scenario.features.observation]:
        clause = f"agents talk to those they see, and the {scenario.features.observation} observation shows"
        clause += f" {WINDOW[scenario.features.observation]} tiles around, so this would do no more than that"
        yield Flaw(("chat", "range"), clause)
    if manifest is not None:
        yield from _check_kinds(scenario, manifest)


def _check_ids(scenario: Scenario) -> Iterator[Flaw]:
    drawn = [thing.id for thing in drawn_things(scenario.map)]
    prefix, count = scenario.population.prefix, scenario.population.count
    yield from _duplicates("agents", "an agent", [agent.id for agent in scenario.agents])
    yield from _duplicates("objects", "an object", [thing.id for thing in scenario.objects], drawn)
    yield from _duplicates("jobs", "a job", [job.id for job in scenario.jobs])
    for number, agent in enumerate(scenario.agents):
        start, _, rest = agent.id.rpartition("_")
        if start == prefix and rest.isdigit() and str(int(rest)) == rest and 1 <= int(rest) <= count:
            clause = f"duplicate id '{agent.id}': the population makes an agent of this name"
            yield Flaw(("agents", number, "id"), clause, "choose another population.prefix")
    if len(scenario.agents) + count > MOST_AGENTS:
        clause = f"with {len(scenario.agents)} listed agents this makes more than the {MOST_AGENTS} a town can hold"
        yield Flaw(("population", "count"), clause)


def _duplicates(section: str, owner: str, ids: Sequence[str], drawn: Sequence[str] = ()) -> Iterator[Flaw]:
    owners = dict.fromkeys(drawn, "a thing drawn in the map")
    for number, name in enumerate(ids):
        if name in owners:
            yield Flaw((section, number, "id"), f"duplicate id '{name}': {owners[name]} has it already")
        owners.setdefault(name, f"{owner} above")


def _check_times(scenario: Scenario) -> Iterator[Flaw]:
    day, horizon = scenario.clock.ticks_per_day, scenario.scenario.ticks
    if scenario.clock.start_tick >= day:
        clause = f"a day has {day} ticks, so an episode could not begin at its tick {scenario.clock.start_tick}"
        yield Flaw(("clock", "start_tick"), clause)
    for number, agent in enumerate(scenario.agents):
        if agent.arrives_tick >= horizon:
            yield Flaw(("agents", number, "arrives_tick"), f"the episode has {horizon} ticks, so the agent never comes")
        yield from _check_schedule_times(agent, day, horizon, ("agents", number, "schedule"))


def _check_schedule_times(agent: Agent, day: int, horizon: int, path: Path) -> Iterator[Flaw]:
    if agent.schedule is None:
        return
    if agent.schedule.from_tick >= horizon:
        yield Flaw((*path, "from_tick"), f"the episode has {horizon} ticks, so this schedule can never start")
    for number, step in enumerate(agent.schedule.steps):
        if step.until_tick is not None and step.until_tick >= day:
            yield Flaw((*path, "steps", number, "until_tick"), f"a day has {day} ticks, so this wait would never end")


def _check_job(job: Job, day: int, path: Path) -> Iterator[Flaw]:
    length = job.end - job.start
    if job.end > day:
        yield Flaw(
            (*path, "end"), f"a day has {day} ticks, so the shift would never end", "a shift lies within one day"
        )
    if length <= 0:
        clause = f"the shift begins at {job.start}, so ending at {job.end} nobody could ever work it"
        yield Flaw((*path, "end"), clause, "a shift lies within one day")
    elif job.grace_ticks >= length:
        clause = f"the shift has {length} ticks, so with {job.grace_ticks} of grace nobody could ever be late"
        yield Flaw((*path, "grace_ticks"), clause)
    if job.absent_after_ticks <= job.grace_ticks:
        clause = f"with {job.grace_ticks} ticks of grace an agent would be absent while it is still on time"
        yield Flaw((*path, "absent_after_ticks"), clause, "make it more than grace_ticks")


def _check_jobs(scenario: Scenario) -> Iterator[Flaw]:
    known = [job.id for job in scenario.jobs]
    for number, agent in enumerate(scenario.agents):
        if agent.job is not None and agent.job not in known:
            yield unknown(("agents", number, "job"), "job", agent.job, known)
    things = [thing.id for thing in (*drawn_things(scenario.map), *scenario.objects)]
    for number, job in enumerate(scenario.jobs):
        if isinstance(job.place, str) and job.place not in things:
            yield unknown(("jobs", number, "place"), "object", job.place, things)
    for number, name in enumerate(scenario.population.jobs):
        if name not in known:
            yield unknown(("population", "jobs", number), "job", name, known)


def _check_size(scenario: Scenario) -> Iterator[Flaw]:
    """Report a town whose maps of the ways to each place would not fit into memory."""
    drawing, things = scenario.map, sum(1 for _ in drawn_things(scenario.map)) + len(scenario.objects)
    tiles = sum(map(len, drawing.rows)) if drawing.rows is not None else (drawing.width or 0) * (drawing.height or 0)
    steps = [step for agent in scenario.agents if agent.schedule is not None for step in agent.schedule.steps]
    places = things + len(scenario.jobs) + len({step.to for step in steps if isinstance(step.to, tuple)})
    if things > MOST_THINGS:
        clause = f"{things} things are more than the {MOST_THINGS} that a town can hold"
        yield Flaw(("objects",) if scenario.objects else ("map", "rows"), clause, "leave some out")
    elif places * tiles > MOST_WAYS:
        clause = f"the ways to {places} places on {tiles} tiles would take over {5 * MOST_WAYS >> 20} MiB of memory"
        yield Flaw(("map",), clause, "make the map smaller, or leave out things, jobs or tiles that schedules go to")


def _check_perturbation(perturbation: Perturbation, horizon: int, path: Path) -> Iterator[Flaw]:
    at, chance = perturbation.at_tick, perturbation.chance
    if at is None and chance is None:
        yield Flaw(path, "neither at_tick nor chance is given, so this would never happen", "give one of them")
    elif at is not None and chance is not None:
        yield Flaw(path, "both at_tick and chance are given, so it is unclear when this happens", "give one of them")
    elif at is not None and at >= horizon:
        yield Flaw((*path, "at_tick"), f"the episode has {horizon} ticks, so this would never happen")
    if perturbation.every_ticks is not None and at is None:
        yield Flaw((*path, "every_ticks"), "without at_tick it is unclear when this first happens", "give at_tick")
    if perturbation.kind != "price_spike" and perturbation.factor != Perturbation.model_fields["factor"].default:
        yield Flaw((*path, "factor"), f"a {perturbation.kind} has no prices to multiply, so this would do nothing")


def _check_kinds(scenario: Scenario, manifest: AffordanceManifest) -> Iterator[Flaw]:
    for letter, kind in scenario.map.legend.items():
        if kind not in manifest.kinds:
            yield unknown(("map", "legend", letter), "kind", kind, manifest.kinds)
    for number, thing in enumerate(scenario.objects):
        path = ("objects", number)
        if thing.kind not in manifest.kinds:
            yield unknown((*path, "kind"), "kind", thing.kind, manifest.kinds)
            continue
        stock = manifest.kinds[thing.kind].stock
        if thing.stock is not None and stock is None:
            yield Flaw((*path, "stock"), f"the kind '{thing.kind}' has no stock, so nothing could be done with it")
        elif thing.stock is not None and stock is not None and thing.stock > stock.capacity:
            yield Flaw((*path, "stock"), f"{thing.stock} do not fit into the capacity of {stock.capacity}")
    present = {thing.kind for thing in (*drawn_things(scenario.map), *scenario.objects)} & set(manifest.kinds)
    if len(present) > MOST_KINDS:
        clause = f"{len(present)} kinds of things are more than the {MOST_KINDS} that an observation can tell apart"
        yield Flaw(("map", "legend") if scenario.map.legend else ("objects",), clause, "leave some kinds out")
    offered = sum(affordance.kind in present for affordance in manifest.affordances.values())
    if offered > MOST_AFFORDANCES:
        clause = f"{offered} affordances are offered, more than the {MOST_AFFORDANCES} that actions can be numbered for"
        yield Flaw(("affordances",), clause, "leave out some kinds of things, or some affordances")
