"""Disturbances: on time, again and again, or by chance, and everywhere the same for the same seed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.towns import Stage, town


def ticks_without(what: str, ticks: int, *perturbations: dict[str, Any], seed: int = 0, world: int = 0) -> list[int]:
    """The ticks during which there is no power or water, or during which prices are raised."""
    stage = Stage(town("a", perturbations=list(perturbations)), seed=seed, world=world)
    off = []
    for t in range(ticks):
        spiked, until = stage.world.spike != 1, {name: stage.world[f"{name}_until"] for name in ("power", "water")}
        off += [t] if (spiked if what == "spike" else until[what] > t) else []
        stage.tick()
    return off


@pytest.mark.parametrize(
    ("kind", "what"), [("power_outage", "power"), ("water_outage", "water"), ("price_spike", "spike")]
)
def test_a_disturbance_lasts_its_time_from_its_tick_on(kind: str, what: str) -> None:
    assert ticks_without(what, 12, {"kind": kind, "at_tick": 3, "duration_ticks": 4}) == [3, 4, 5, 6]
    others = {"power", "water", "spike"} - {what}
    assert not any(ticks_without(other, 12, {"kind": kind, "at_tick": 3, "duration_ticks": 4}) for other in others)


def test_a_disturbance_that_recurs_comes_every_so_many_ticks() -> None:
    again = {"kind": "power_outage", "at_tick": 1, "every_ticks": 5, "duration_ticks": 2}
    assert ticks_without("power", 14, again) == [1, 2, 6, 7, 11, 12]


def test_of_two_outages_the_later_end_counts() -> None:
    long = {"kind": "power_outage", "at_tick": 1, "duration_ticks": 6}
    short = {"kind": "power_outage", "at_tick": 3, "duration_ticks": 1}
    assert ticks_without("power", 12, long, short) == [1, 2, 3, 4, 5, 6]


def test_of_two_spikes_the_larger_counts_and_when_it_is_over_the_other_again() -> None:
    first = {"kind": "price_spike", "at_tick": 1, "duration_ticks": 9, "factor": 2.0}
    second = {"kind": "price_spike", "at_tick": 3, "duration_ticks": 1, "factor": 4.0}
    third = {"kind": "price_spike", "at_tick": 5, "duration_ticks": 2, "factor": 1.5}
    stage = Stage(town("a", perturbations=[first, second, third])).tick()
    assert (stage.world.spike, stage.sees("anna", "price_level")) == (2, 0.666667)  # 2 / 3
    factors = []
    for _ in range(10):
        stage.tick()
        factors.append(float(stage.world.spike))
    assert factors == [2, 4, 2, 2, 2, 2, 2, 2, 1, 1]  # at ticks 2 to 11


def test_a_sale_lowers_prices() -> None:
    sale = {"kind": "price_spike", "at_tick": 0, "duration_ticks": 1, "factor": 0.5}
    stage = Stage(town("a", perturbations=[sale]))
    assert stage.world.spike == 0.5
    assert stage.tick().world.spike == 1


def test_chance_comes_about_as_often_as_it_says_and_the_same_for_the_same_seed() -> None:
    rare = {"kind": "water_outage", "chance": 0.125, "duration_ticks": 1}
    drawn = [
        ticks_without("water", 800, rare, seed=seed, world=world) for seed, world in ((1, 0), (1, 0), (2, 0), (1, 1))
    ]
    assert drawn[0] == drawn[1]
    assert len({tuple(ticks) for ticks in drawn}) == 3
    # 800 draws of 1 / 8: 100 on average, with a deviation of 9.4
    assert all(60 < len(ticks) < 140 for ticks in drawn)


def test_two_disturbances_by_chance_are_drawn_apart() -> None:
    rare = {"chance": 0.25, "duration_ticks": 1}
    both = ({"kind": "power_outage", **rare}, {"kind": "water_outage", **rare})
    assert ticks_without("power", 100, *both) != ticks_without("water", 100, *both)


def test_agents_see_whether_there_is_power_and_water_and_what_prices_are() -> None:
    spike = {"kind": "price_spike", "at_tick": 1, "duration_ticks": 1, "factor": 3.0}
    outages = [{"kind": f"{u}_outage", "at_tick": 0, "duration_ticks": d} for u, d in (("power", 3), ("water", 2))]
    stage = Stage(town("a", perturbations=[spike, *outages]))
    seen = []
    for _ in range(4):
        seen.append(tuple(stage.sees("anna", feature) for feature in ("power_on", "water_on", "price_level")))
        stage.tick()
    # before ticks 0, 1, 2 and 3; a factor of 3 is 3 / 4, an ordinary price 1 / 2
    assert seen == [(0, 0, 0.5), (0, 0, 0.75), (0, 1, 0.5), (1, 1, 0.5)]


def test_each_episode_begins_without_those_of_the_last() -> None:
    long = {"kind": "power_outage", "at_tick": 2, "duration_ticks": 50}
    stage = Stage(town("a", perturbations=[long], ticks=4))
    power = []
    for _ in range(8):
        power.append(stage.sees("anna", "power_on"))
        stage.tick()
    assert power == [1, 1, 0, 0] * 2
