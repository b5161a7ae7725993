"""Requirements: the machine of the kernels agrees with the plain evaluation of conditions, whatever the situation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.towns import Stage, town
from townlet_core.config.expression import MAX_DEPTH, Variable, evaluate, parse
from townlet_core.config.tokens import ExpressionError
from townlet_core.world.kernel import records
from townlet_core.world.records import ABSENT, LATE, NOTHING, ON_TIME, OP, POST, PRE
from townlet_core.world.rules.requirements import is_met

JOB = {"id": "baker", "place": [0, 0], "start": 20, "end": 60, "grace_ticks": 2, "absent_after_ticks": 9}
MACHINE: Any = is_met  # kernels bear no types
STAGE: list[Stage] = []  # one for all examples, which set its records by hand

AMOUNTS = st.sampled_from(
    ["hunger", "hygiene", "energy", "wallet", "price", "stock", "tick_of_day", "0.5", "1", "3", "0"]
)
SUMS = st.recursive(
    AMOUNTS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda three: f"({' '.join(three)})"),
        inner.map(lambda text: f"-({text})"),
    ),
    max_leaves=4,
)
COMPARISONS = st.tuples(SUMS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), SUMS).map(" ".join)
CONDITIONS = st.recursive(
    st.one_of(COMPARISONS, st.sampled_from(["on_shift", "power", "water", "true", "false"])),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda three: f"({' '.join(three)})"),
        inner.map(lambda text: f"not ({text})"),
    ),
    max_leaves=4,
)
EIGHTHS = st.integers(0, 8).map(lambda n: n / 8)
SITUATIONS = st.fixed_dictionaries(
    {
        "needs": st.tuples(EIGHTHS, EIGHTHS, EIGHTHS),
        "wallet": st.integers(0, 40).map(lambda n: n / 8),
        "price": st.integers(0, 16).map(lambda n: n / 8),
        "stock": st.integers(0, 9),
        "tick": st.integers(0, 199),
        "shift": st.sampled_from([PRE, ON_TIME, LATE, ABSENT, POST]),
        "job": st.sampled_from([0, NOTHING]),
        "power_until": st.integers(0, 199),
        "water_until": st.integers(0, 199),
    }
)


def stage() -> Stage:
    if not STAGE:
        STAGE.append(
            Stage(
                town(
                    "aF", agents={"anna": {"job": "baker"}}, jobs=[JOB], clock={"ticks_per_day": 100, "start_tick": 10}
                )
            )
        )
    return STAGE[0]


def run(text: str, now: dict[str, Any]) -> bool:
    """Ask the kernels' machine."""
    here = stage()
    me, thing, world = here.agent("anna"), here.thing("fridge_1"), here.world
    me.needs[:], me.wallet, me.shift, me.job, thing.stock = (
        now[k] for k in ("needs", "wallet", "shift", "job", "stock")
    )
    world.tick, world.power_until, world.water_until = (now[key] for key in ("tick", "power_until", "water_until"))
    ops = records(np.array([(op.code, op.value) for op in parse(text)], OP))
    tables = here.town.tables._replace(ops=ops)
    state = here.worlds.state
    offer = tables.offers[0].copy()
    offer["code"], offer["ops"] = 0, len(ops)
    stack = np.zeros(MAX_DEPTH, np.float32)
    row = (state.agents[0, 0], state.things[0, 0], offer, np.float32(now["price"]), state.worlds[0], tables, stack)
    return bool(MACHINE(*row))


def meaning(now: dict[str, Any]) -> dict[Variable, float | bool]:
    """What each variable stands for."""
    time = (now["tick"] + 10) % 100
    return {
        Variable.hunger: now["needs"][0],
        Variable.hygiene: now["needs"][1],
        Variable.energy: now["needs"][2],
        Variable.wallet: now["wallet"],
        Variable.price: now["price"],
        Variable.stock: now["stock"],
        Variable.tick_of_day: time,
        Variable.on_shift: now["job"] != NOTHING and 20 <= time < 60 and now["shift"] in (PRE, ON_TIME, LATE),
        Variable.power: now["tick"] >= now["power_until"],
        Variable.water: now["tick"] >= now["water_until"],
    }


QUIET: dict[str, Any] = {
    "needs": (0.5, 0.25, 0.75),
    "wallet": 2.0,
    "price": 0.5,
    "stock": 3,
    "tick": 130,
    "shift": ON_TIME,
    "job": 0,
    "power_until": 131,
    "water_until": 130,
}


@settings(max_examples=300, deadline=None)
@given(CONDITIONS, SITUATIONS)
@example("stock / 0 > 1", QUIET)
@example("0 / 0 == 0 / 0", QUIET)
@example("not (on_shift or power) and water", QUIET)
def test_the_machine_agrees_with_the_plain_evaluation(text: str, now: dict[str, Any]) -> None:
    try:
        ops = parse(text)
    except ExpressionError:
        return  # too long or too deep
    plain = evaluate(ops, meaning(now))
    with np.errstate(all="ignore"):
        assert run(text, now) == plain


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("hunger == 0.5 and hygiene == 0.25 and energy == 0.75", True),
        ("wallet - price == 1.5", True),
        ("stock * 2 > 6", False),
        ("tick_of_day == 40", True),  # tick 130 of an episode that began at 10, in days of 100
        ("on_shift", True),
        ("power", False),  # off until tick 131
        ("water", True),
        ("hunger < 0.5 or hygiene < 0.5", True),
        ("not on_shift and water", False),
        ("-hunger + 1 >= 0.5", True),
    ],
)
def test_conditions_by_hand(text: str, holds: bool) -> None:
    assert run(text, QUIET) == holds


@pytest.mark.parametrize(("shift", "on"), [(PRE, True), (ON_TIME, True), (LATE, True), (ABSENT, False), (POST, False)])
def test_who_missed_the_shift_or_is_off_is_not_on_shift(shift: int, on: bool) -> None:
    assert run("on_shift", {**QUIET, "shift": shift}) == on


def test_the_price_in_a_condition_is_that_of_the_moment() -> None:
    careful = {"kind": "shower", "duration_ticks": 1, "price": 1.0, "requires": "wallet >= 2 * price"}
    manifest = {"kinds": {"shower": {}}, "affordances": {"wash": careful}}
    spike = [{"kind": "price_spike", "at_tick": 1, "duration_ticks": 1, "factor": 1.5}]
    here = Stage(town("aS", manifest=manifest, perturbations=spike)).tick(anna="request shower")
    assert "start wash" not in here.may("anna")  # 3 would be needed, and there are 2
    assert "start wash" in here.tick().may("anna")  # 2 for a wash at 1


def test_an_affordance_without_a_condition_is_always_met() -> None:
    here = Stage(town("aS")).tick(anna="request shower")
    assert "start wash" in here.may("anna")
