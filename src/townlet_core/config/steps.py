"""Checks of schedules: each step has what its action needs and no more, names what exists, and can be done."""

from __future__ import annotations

from collections.abc import Iterator

from townlet_core.config.agents import Agent, Step
from townlet_core.config.expression import Variable, parse
from townlet_core.config.flaw import Flaw, unknown
from townlet_core.config.ground import drawn_things
from townlet_core.config.possible import can_hold, condition_ranges
from townlet_core.config.scenario import Scenario
from townlet_core.config.tokens import ExpressionError
from townlet_core.config.town import AffordanceManifest
from townlet_core.documents.nodes import Path

# What each action needs, and what it may have; any other key beside do is superfluous. A wait takes one of its two.
_NEEDS = {
    "move": ("to",),
    "request": ("object",),
    "start": ("object", "affordance"),
    "wait": ("ticks", "until_tick"),
    "release": (),
    "chat": (),
}
_MAY_HAVE = {"chat": ("agent",)}
_EXAMPLES = {
    "to": "as in 'to: [3, 2]' or 'to: fridge_1'",
    "object": "as in 'object: fridge_1'",
    "affordance": "as in 'affordance: eat_meal'",
}
_ENDLESS = ("wait",)  # steps that max_ticks says nothing about


def check_steps(scenario: Scenario, manifest: AffordanceManifest | None) -> Iterator[Flaw]:
    """Report steps of schedules that cannot be done.

    Args:
        manifest: None where it cannot be read; affordances are then left unchecked.
    """
    kinds = {thing.id: thing.kind for thing in (*drawn_things(scenario.map), *scenario.objects)}
    for number, agent in enumerate(scenario.agents):
        for place, step in enumerate(agent.schedule.steps if agent.schedule is not None else ()):
            path = ("agents", number, "schedule", "steps", place)
            yield from _check_keys(step, path)
            yield from _check_things(step, kinds, path)
            if step.agent is not None:
                yield from _check_agent(agent, step.agent, scenario, path)
            if manifest is not None and step.affordance is not None:
                yield from _check_affordance(step, step.affordance, kinds, manifest, path)
                yield from _check_possible(agent, step.affordance, scenario, manifest, path)


def _check_keys(step: Step, path: Path) -> Iterator[Flaw]:
    needs = _NEEDS[step.do]
    given = {key for key, value in step if key != "do" and value != Step.model_fields[key].default}
    if step.do == "wait" and len(given & set(needs)) != 1:
        found = "both are" if given & set(needs) else "neither is"
        yield Flaw(path, f"a wait needs either ticks or until_tick, {found} given")
    elif step.do != "wait":
        for key in needs:
            if key not in given:
                yield Flaw(path, f"to {step.do}, '{key}' is missing", _EXAMPLES[key])
    allowed = {*needs, *_MAY_HAVE.get(step.do, ()), *(() if step.do in _ENDLESS else ("max_ticks",))}
    for key in sorted(given - allowed):
        clause = f"means nothing in a step that does '{step.do}'"
        yield Flaw((*path, key), clause, _where_used(key), at_key=True)


def _where_used(key: str) -> str:
    users = [do for do, needs in _NEEDS.items() if key in needs or key in _MAY_HAVE.get(do, ())]
    return f"it belongs to {' and '.join(users)}" if users else "leave it out"


def _check_things(step: Step, kinds: dict[str, str], path: Path) -> Iterator[Flaw]:
    if step.object is not None and step.object not in kinds:
        yield unknown((*path, "object"), "object", step.object, kinds)
    if isinstance(step.to, str) and step.to not in kinds:
        yield unknown((*path, "to"), "object", step.to, kinds)


def _check_agent(me: Agent, other: str, scenario: Scenario, path: Path) -> Iterator[Flaw]:
    known = [agent.id for agent in scenario.agents]
    if other not in known:
        yield unknown((*path, "agent"), "agent", other, known)
    elif other == me.id:
        yield Flaw((*path, "agent"), f"{other} cannot chat with itself, so this step can never start")


def _check_affordance(
    step: Step, name: str, kinds: dict[str, str], manifest: AffordanceManifest, path: Path
) -> Iterator[Flaw]:
    if name not in manifest.affordances:
        yield unknown((*path, "affordance"), "affordance", name, manifest.affordances)
        return
    kind = kinds.get(step.object) if step.object is not None else None
    if kind is not None and kind in manifest.kinds and manifest.affordances[name].kind != kind:
        offers = [other for other, affordance in manifest.affordances.items() if affordance.kind == kind]
        hint = f"it offers {', '.join(offers)}" if offers else "it offers nothing"
        yield Flaw((*path, "affordance"), f"'{step.object}' is a {kind} and does not offer {name}", hint)


def _check_possible(
    agent: Agent, name: str, scenario: Scenario, manifest: AffordanceManifest, path: Path
) -> Iterator[Flaw]:
    affordance = manifest.affordances.get(name)
    if affordance is None or affordance.requires is None or affordance.kind not in manifest.kinds:
        return
    try:
        ops = parse(affordance.requires)
    except ExpressionError:
        return  # reported in the manifest
    ranges = condition_ranges(manifest, affordance, scenario.clock.ticks_per_day)
    if not can_hold(ops, ranges):
        clause = f"{name} requires '{affordance.requires}', which never holds here, so this step can never start"
        yield Flaw((*path, "affordance"), clause)
    elif agent.job is None and not can_hold(ops, ranges | {Variable.on_shift: (0.0, 0.0)}):
        clause = f"{name} requires '{affordance.requires}', and {agent.id} has no job, so this step can never start"
        yield Flaw((*path, "affordance"), clause)
