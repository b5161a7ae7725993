"""From a town's configuration to the tables that kernels read. Names become numbers here, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from townlet_core.config.agents import Agent, Job, Needs, Personality, Schedule, Step
from townlet_core.config.checks import WINDOW
from townlet_core.config.events import CORE_EVENTS
from townlet_core.config.expression import parse
from townlet_core.config.ground import Ground, affordances_present, kinds_present, lay_ground
from townlet_core.config.regions import Regions
from townlet_core.config.scenario import Scenario
from townlet_core.config.scenario import Town as TownConfig
from townlet_core.config.town import Affordance, Perturbation, Thing
from townlet_core.world import records as rec
from townlet_core.world.features import channel_names, feature_names
from townlet_core.world.flow import crowding, flow_fields, nearest_things
from townlet_core.world.kernel import records
from townlet_core.world.rules.rewards import REWARD_TERMS

UTILITIES = {"none": rec.NO_UTILITY, "power": rec.POWER, "water": rec.WATER}
TROUBLES = {"price_spike": rec.NO_UTILITY, "power_outage": rec.POWER, "water_outage": rec.WATER}
NEED_NAMES = ("hunger", "hygiene", "energy")


@dataclass(frozen=True)
class ActionTable:
    """The actions of a scenario, in the order of their ids."""

    names: tuple[str, ...]  # "wait", "move north", "request fridge", "start eat_meal", ...
    lookup: dict[str, int]  # the action as JSON with sorted keys -> id


@dataclass(frozen=True)
class CompiledTown:
    """A town ready to be played: tables for the kernels, names for people."""

    config: TownConfig
    tables: rec.Tables
    actions: ActionTable
    features: tuple[str, ...]  # names of the features, in order
    channels: tuple[str, ...]  # names of the map's planes, in order
    map_shape: tuple[int, int, int]  # planes, rows, columns
    events: tuple[str, ...]
    terms: tuple[str, ...]  # reward terms
    slots: tuple[str, ...]  # id of the agent of each slot
    kinds: tuple[str, ...]
    affordances: tuple[str, ...]
    things: tuple[str, ...]
    places: dict[object, int]  # thing id, job id as ("job", id), or tile -> row of `route` and `steps`
    horizon: int


def compile_town(config: TownConfig) -> CompiledTown:
    """Compile a checked configuration."""
    scenario, ground = config.scenario, lay_ground(config.scenario)
    kinds, names = kinds_present(config), affordances_present(config)
    named = tuple(dict.fromkeys(e for n in names if (e := config.manifest.affordances[n].event) is not None))
    events = (*CORE_EVENTS, *named)
    agents = (*scenario.agents, *_made_agents(scenario))
    places = {place: row for row, (place, *_) in enumerate(_places(scenario, ground))}
    variant = scenario.features.observation
    channels = channel_names(variant, kinds)
    actions = _action_table(kinds, names)
    return CompiledTown(
        config=config,
        tables=_tables(config, ground, kinds, names, events, agents, places, len(actions.names)),
        actions=actions,
        features=feature_names(variant),
        channels=channels,
        map_shape=(len(channels), 2 * WINDOW[variant] + 1, 2 * WINDOW[variant] + 1),
        events=events,
        terms=tuple(REWARD_TERMS),
        slots=tuple(agent.id for agent in agents),
        kinds=kinds,
        affordances=names,
        things=tuple(thing.id for thing in ground.things),
        places=places,
        horizon=scenario.scenario.ticks,
    )


def _action_table(kinds: tuple[str, ...], affordances: tuple[str, ...]) -> ActionTable:
    actions: list[dict[str, str]] = [{"kind": "wait"}]
    actions += [{"kind": "move", "direction": direction} for direction in ("north", "east", "south", "west")]
    actions += [{"kind": "release"}, {"kind": "chat"}]
    actions += [{"kind": "request", "object_kind": kind} for kind in kinds]
    actions += [{"kind": "start", "affordance": affordance} for affordance in affordances]
    names = tuple(" ".join(action.values()) for action in actions)
    return ActionTable(names, {json.dumps(action, sort_keys=True): i for i, action in enumerate(actions)})


def _made_agents(scenario: Scenario) -> Iterator[Agent]:
    people = scenario.population
    for n in range(people.count):
        job = people.jobs[n % len(people.jobs)] if people.jobs else None
        yield Agent(id=f"{people.prefix}_{n + 1}", job=job, needs=Needs(), personality=Personality())


def _places(scenario: Scenario, ground: Ground) -> Iterator[tuple[object, int, int, int]]:
    """Everything that can be walked to: (key, x, y, radius of what counts as being there)."""
    at = {thing.id: thing.at for thing in ground.things}
    for thing in ground.things:
        yield thing.id, *thing.at, 1
    for job in scenario.jobs:
        yield ("job", job.id), *(at[job.place] if isinstance(job.place, str) else job.place), job.radius
    targets = (step.to for agent in scenario.agents for step in _steps(agent.schedule))
    for tile in dict.fromkeys(target for target in targets if isinstance(target, tuple)):
        yield tile, *tile, 0


def _steps(schedule: Schedule | None) -> tuple[Step, ...]:
    return schedule.steps if schedule else ()


def _table(dtype: np.dtype[np.void], rows: list[dict[str, object]]) -> NDArray[np.void]:
    table = np.zeros(len(rows), dtype)
    for i, row in enumerate(rows):
        assert row.keys() == set(dtype.names or ()), row.keys() ^ set(dtype.names or ())
        for field, value in row.items():
            table[field][i] = value
    return records(table)


def _tables(
    config: TownConfig, ground: Ground, kinds: tuple[str, ...], names: tuple[str, ...], events: tuple[str, ...],
    agents: tuple[Agent, ...], places: dict[object, int], n_actions: int,
) -> rec.Tables:  # fmt: skip
    scenario, manifest = config.scenario, config.manifest
    number = {kind: k for k, kind in enumerate(kinds)}
    affordances = [manifest.affordances[name] for name in names]
    things = [(number[thing.kind], *thing.at) for thing in ground.things]
    base = _base(ground, things)
    solid = base & rec.SOLID_BIT > 0
    spots = list(_places(scenario, ground))
    route, steps = flow_fields(solid, [(x, y, radius) for _, x, y, radius in spots])
    ops = [(op.code, op.value) for a in affordances if a.requires is not None for op in parse(a.requires)]
    radius = WINDOW[scenario.features.observation]
    rows = np.array([y for _, _, y in things], np.int16)
    return rec.Tables(
        params=_table(rec.PARAMS, [_params(scenario, len(kinds), n_actions)]),
        spots=_table(rec.SPOT, [_spot(config, number, thing) for thing in ground.things]),
        offers=_table(rec.OFFER, list(_offers(affordances, number, events))),
        ops=records(np.array(ops, rec.OP)),
        jobs=_table(rec.JOB, [_job(job, ground, places) for job in scenario.jobs]),
        slots=_table(rec.SLOT, [_slot(scenario, agent, i >= len(scenario.agents)) for i, agent in enumerate(agents)]),
        troubles=_table(rec.TROUBLE, [_trouble(trouble) for trouble in scenario.perturbations]),
        ground=np.pad(base, rec.PAD, constant_values=rec.SOLID_BIT),
        floor=np.array(list(Regions(ground).main_tiles()), np.int16).reshape(-1, 2),
        route=route,
        steps=steps,
        nearest=nearest_things(steps, [k for k, _, _ in things], len(kinds)),
        serves=_serves(affordances),
        row_from=np.searchsorted(np.sort(rows), np.arange(ground.height + 1)).astype(np.int16),
        row_things=np.argsort(rows, kind="stable").astype(np.int16),
        crowd=crowding(base & rec.OBJECT_BIT > 0, radius),
        clock=_clock(scenario.clock.ticks_per_day),
    )


def _base(ground: Ground, things: list[tuple[int, int, int]]) -> NDArray[np.uint8]:
    """[H, W] bits of each tile without agents."""
    base = np.array(ground.walls, np.uint8) * np.uint8(rec.SOLID_BIT)
    for kind, x, y in things:
        base[y, x] = rec.SOLID_BIT | rec.OBJECT_BIT | ((kind + 1) << rec.KIND_SHIFT)
    return base


def _clock(day: int) -> NDArray[np.float32]:
    angle = np.arange(day) / day * 2 * np.pi
    return np.stack([np.sin(angle), np.cos(angle)], 1).astype(np.float32)


def _spot(config: TownConfig, number: dict[str, int], thing: Thing) -> dict[str, object]:
    stock = config.manifest.kinds[thing.kind].stock
    row: dict[str, object] = {"kind": number[thing.kind], "x": thing.at[0], "y": thing.at[1]}
    if stock is None:
        return row | {"stock": thing.stock or 0, "capacity": 30_000, "restock": 0, "every": 1}
    initial = stock.initial if thing.stock is None else thing.stock
    return row | {"stock": initial, "capacity": stock.capacity, "restock": stock.restock, "every": stock.every_ticks}


def _offers(
    affordances: list[Affordance], number: dict[str, int], events: tuple[str, ...]
) -> Iterator[dict[str, object]]:
    code = 0
    for a in affordances:
        ops = len(parse(a.requires)) if a.requires is not None else 0
        makes = number.get(a.makes.kind, rec.NOTHING) if a.makes else rec.NOTHING
        yield {
            "kind": number[a.kind],
            "duration": a.duration_ticks,
            "effect": [getattr(a.effects, need) for need in NEED_NAMES],
            "price": a.price,
            "uses": a.uses_stock,
            "makes": makes,
            "amount": a.makes.amount if a.makes else 0,
            "utility": UTILITIES[a.utility],
            "event": rec.NOTHING if a.event is None else events.index(a.event),
            "shared": a.shared,
            "code": code,
            "ops": ops,
        }
        code += ops


def _job(job: Job, ground: Ground, places: dict[object, int]) -> dict[str, object]:
    at = {thing.id: thing.at for thing in ground.things}
    x, y = at[job.place] if isinstance(job.place, str) else job.place
    return {
        "start": job.start, "finish": job.end, "x": x, "y": y, "radius": job.radius, "place": places["job", job.id],
        "wage": job.wage, "fine": job.late_fine, "grace": job.grace_ticks, "cutoff": job.absent_after_ticks,
    }  # fmt: skip


def _slot(scenario: Scenario, agent: Agent, made: bool) -> dict[str, object]:
    x, y = agent.at or (rec.NOTHING, rec.NOTHING)
    job = [job.id for job in scenario.jobs].index(agent.job) if agent.job is not None else rec.NOTHING
    return {
        "enters": agent.arrives_tick, "x": x, "y": y, "job": job, "made": made, "wallet": agent.wallet,
        "needs": [getattr(agent.needs, need) for need in NEED_NAMES],
        "extroversion": agent.personality.extroversion, "forgiveness": agent.personality.forgiveness,
        "ambition": agent.personality.ambition,
    }  # fmt: skip


def _trouble(trouble: Perturbation) -> dict[str, object]:
    return {
        "kind": TROUBLES[trouble.kind],
        "at": rec.NEVER if trouble.at_tick is None else trouble.at_tick,
        "every": rec.NEVER if trouble.every_ticks is None else trouble.every_ticks,
        "chance": trouble.chance or 0.0,
        "duration": trouble.duration_ticks,
        "factor": trouble.factor,
    }


def _serves(affordances: list[Affordance]) -> NDArray[np.int16]:
    """[N_NEEDS, M] affordances that serve each need, the largest effect first."""
    serves = np.full((rec.N_NEEDS, len(affordances)), rec.NOTHING, np.int16)
    for need, name in enumerate(NEED_NAMES):
        effects = np.array([getattr(a.effects, name) for a in affordances])
        useful = [m for m in np.argsort(-effects, kind="stable") if effects[m] > 0]
        serves[need, : len(useful)] = useful
    return serves


def _params(s: Scenario, kinds: int, actions: int) -> dict[str, object]:
    """The one record of numbers that rules use."""
    need = [getattr(s.needs, name) for name in NEED_NAMES]
    hybrid = s.features.observation != "compact"
    return {
        "day": s.clock.ticks_per_day, "dawn": s.clock.start_tick, "horizon": s.scenario.ticks,
        "kinds": kinds, "actions": actions,
        "social_rewards": s.features.social_rewards,
        "lifecycle": s.features.lifecycle, "replace": s.lifecycle.replace,
        "radius": WINDOW[s.features.observation], "social_slots": hybrid,
        "kind_planes": s.features.observation == "full",
        "decay": [n.decay for n in need], "weight": [n.weight for n in need],
        "faint_below": s.lifecycle.faint_below, "faint_after": s.lifecycle.faint_after_ticks,
        "max_absences": s.lifecycle.max_absences, "replace_after": s.lifecycle.replace_after_ticks,
        "cooldown": s.queues.cooldown_ticks, "ghost_after": s.queues.ghost_step_after,
        "age_weight": s.queues.age_weight, "makers_first": s.queues.makers_first,
        "conflict": s.rivalry.conflict, "ghost_factor": s.rivalry.ghost_factor, "chat_failure": s.rivalry.chat_failure,
        "takeover_rivalry": s.rivalry.takeover, "rivalry_decay": s.rivalry.decay, "avoid": s.rivalry.avoid_threshold,
        "polite": s.trust.polite, "polite_relief": s.trust.polite_relief, "chat_trust": s.trust.chat,
        "chat_familiarity": s.trust.chat_familiarity, "meal_trust": s.trust.shared_meal,
        "help_trust": s.trust.late_help, "takeover_trust": s.trust.takeover, "trust_decay": s.trust.decay,
        "familiarity_decay": s.trust.familiarity_decay,
        "chat_range": s.chat.range, "chat_cooldown": s.chat.cooldown_ticks, "chat_base": s.chat.base_success,
        "chat_gain": s.chat.trust_gain, "chat_loss": s.chat.rivalry_loss, "meal_range": s.meals.range,
        "takeover_bonus": s.takeover.bonus, "survival": s.rewards.survival, "needs_scale": s.rewards.needs_scale,
        "wage_rate": s.rewards.wage_rate, "punctuality": s.rewards.punctuality, "lateness": s.rewards.lateness,
        "absence": s.rewards.absence, "social_rate": s.rewards.social_rate, "faint": s.rewards.faint,
        "eviction": s.rewards.eviction, "shaping": s.rewards.shaping_scale,
        "discount": s.rewards.shaping_discount, "commute": s.rewards.commute,
        "bound": s.rewards.clip,
    }  # fmt: skip
