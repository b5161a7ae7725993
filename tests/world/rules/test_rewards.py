"""Rewards: every term by hand, their sum, its bound, and a shaping that telescopes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.towns import Stage, round6, town

NONE = {
    "survival": 0.0,
    "needs_scale": 0.0,
    "wage_rate": 0.0,
    "punctuality": 0.0,
    "lateness": 0.0,
    "absence": 0.0,
    "social_rate": 0.0,
    "faint": 0.0,
    "eviction": 0.0,
}
JOB = {
    "id": "baker",
    "place": [0, 0],
    "radius": 0,
    "start": 1,
    "end": 9,
    "wage": 0.25,
    "grace_ticks": 1,
    "absent_after_ticks": 3,
}
DAY = {"ticks_per_day": 10}


def terms(stage: Stage, name: str) -> dict[str, float]:
    """The terms that are not 0; that the reward is their sum is checked on the way."""
    found = {term: stage.term(name, term) for term in stage.town.terms}
    assert stage.reward(name) == round6(sum(found.values()))
    return {term: value for term, value in found.items() if value}


def rewarded(*rows: str, agents: dict[str, Any] | None = None, only: dict[str, float], **sections: Any) -> Stage:
    return Stage(town(*rows, agents=agents, rewards={**NONE, **only}, **sections))


def test_each_tick_lived_is_worth_survival() -> None:
    assert terms(rewarded("a", only={"survival": 0.25}).tick(), "anna") == {"survival": 0.25}


def test_unmet_needs_cost_their_weighted_squares() -> None:
    weights = {"hunger": 1.0, "hygiene": 0.5, "energy": 2.0}
    needs = {need: {"decay": 0.0, "weight": weight} for need, weight in weights.items()}
    people = {"anna": {"needs": {"hunger": 0.5, "hygiene": 0.0, "energy": 0.75}}}
    stage = rewarded("a", agents=people, needs=needs, only={"needs_scale": 0.25}).tick()
    # 0.25 * (1 * 0.5^2 + 0.5 * 1^2 + 2 * 0.25^2) = 0.25 * 0.875
    assert terms(stage, "anna") == {"needs": -0.21875}


def test_needs_are_counted_as_they_are_after_the_tick() -> None:
    needs = {need: {"decay": 0.25, "weight": 1.0} for need in ("hunger", "hygiene", "energy")}
    stage = rewarded("a", agents={"anna": {"needs": dict.fromkeys(needs, 1.0)}}, needs=needs, only={"needs_scale": 1.0})
    assert terms(stage.tick(), "anna") == {"needs": -0.1875}  # 3 * 0.25^2


def test_money_earned_is_rewarded_and_money_spent_is_not() -> None:
    stage = rewarded("aF", agents={"anna": {"job": "baker"}}, jobs=[JOB], clock=DAY, only={"wage_rate": 2.0})
    assert terms(stage.tick(anna="request fridge"), "anna") == {}
    assert terms(stage.tick(anna="start eat"), "anna") == {"wages": 0.5}  # 2 * 0.25, while 0.5 is paid


def test_being_at_work_on_time_is_rewarded_while_it_lasts() -> None:
    stage = rewarded("a.", agents={"anna": {"job": "baker"}}, jobs=[JOB], clock=DAY, only={"punctuality": 0.125})
    there = [terms(stage.tick(), "anna") for _ in range(2)]
    away = [terms(stage.tick(anna="move east"), "anna"), terms(stage.tick(anna="move west"), "anna")]
    assert (there, away) == ([{}, {"punctuality": 0.125}], [{}, {"punctuality": 0.125}])


def test_who_came_late_is_not_punctual() -> None:
    stage = rewarded(".a", agents={"anna": {"job": "baker"}}, jobs=[JOB], clock=DAY, only={"punctuality": 0.125})
    assert terms(stage.ticks(3).tick(anna="move west"), "anna") == {}
    assert stage.agent("anna").present == 1


def test_becoming_late_and_becoming_absent_cost_once() -> None:
    costs = {"lateness": 0.25, "absence": 0.75}
    stage = rewarded(".a", agents={"anna": {"job": "baker"}}, jobs=[JOB], clock=DAY, only=costs)
    # late at tick 1 + 1, absent at tick 1 + 3
    assert [terms(stage.tick(), "anna") for _ in range(6)] == [{}, {}, {"lateness": -0.25}, {}, {"lateness": -0.75}, {}]


@pytest.mark.parametrize(("social", "expected"), [(True, {"social": -0.25}), (False, {})])
def test_events_that_change_feelings_are_rewarded_if_the_scenario_says_so(
    social: bool, expected: dict[str, float]
) -> None:
    features = {"social_rewards": social}
    rivalry = {"decay": 0.0, "conflict": 0.125}
    stage = rewarded("aFb", features=features, rivalry=rivalry, only={"social_rate": 2.0}).tick(anna="request fridge")
    stage.tick(ben="request fridge")
    assert terms(stage, "anna") == terms(stage, "ben") == expected  # 2 * -0.125 on both sides


def test_fading_is_no_event_and_earns_nothing() -> None:
    stage = rewarded("ab", rivalry={"decay": 0.25}, only={"social_rate": 2.0})
    stage.set_tie("anna", "ben", rivalry=0.5)
    assert terms(stage.tick(), "anna") == {}


def test_fainting_costs_and_the_tick_of_it_is_not_survived() -> None:
    people = {"anna": {"needs": {"hunger": 0.0, "hygiene": 1.0, "energy": 1.0}}}
    lifecycle = {"faint_after_ticks": 2}
    stage = rewarded("a", agents=people, lifecycle=lifecycle, only={"survival": 0.25, "faint": 2.0})
    assert terms(stage.tick(), "anna") == {"survival": 0.25}
    assert terms(stage.tick(), "anna") == {"faint": -2.0}


def test_eviction_costs() -> None:
    stage = rewarded(
        ".a",
        agents={"anna": {"job": "baker"}},
        jobs=[JOB],
        clock=DAY,
        lifecycle={"max_absences": 1},
        only={"eviction": 3.0, "survival": 0.25},
    )
    assert terms(stage.ticks(5), "anna") == {"eviction": -3.0}


@pytest.mark.parametrize(("survival", "reward"), [(0.75, 0.5), (0.5, 0.5), (0.25, 0.25)])
def test_the_sum_is_held_within_the_bound_above(survival: float, reward: float) -> None:
    stage = rewarded("a", only={"survival": survival, "clip": 0.5}).tick()
    assert (stage.term("anna", "survival"), stage.reward("anna")) == (survival, reward)


def test_and_below() -> None:
    people = {"anna": {"needs": {"hunger": 0.0, "hygiene": 1.0, "energy": 1.0}}}
    stage = rewarded("a", agents=people, only={"needs_scale": 1.0, "clip": 0.5}).tick()
    assert (stage.term("anna", "needs"), stage.reward("anna")) == (-1.0, -0.5)


def test_shaping_is_the_discounted_potential_gained() -> None:
    shaping = {"shaping_scale": 2.0, "shaping_discount": 0.5}
    stage = rewarded("aF", only=shaping)
    # potential at first: -2 * 3 * 0.5^2 = -1.5
    assert terms(stage.tick(anna="request fridge"), "anna") == {"shaping": 0.75}  # 0.5 * -1.5 + 1.5
    stage.tick(anna="start eat").tick().tick()
    # hunger 1, hygiene 0.5, energy 0.625: -2 * (0.25 + 0.140625) = -0.78125
    assert round6(stage.agent("anna").potential) == -0.78125


def test_shaping_telescopes_over_a_life() -> None:
    """The discounted sum of a life is the negative of its first potential: nothing is to be won by shaping alone."""
    needs = {need: {"decay": 0.03125, "weight": 1.0} for need in ("hunger", "hygiene", "energy")}
    shaping = {"shaping_scale": 2.0, "shaping_discount": 0.75}
    stage = rewarded("aF", needs=needs, lifecycle={"faint_after_ticks": 3, "replace": False}, only=shaping)
    actions = ["request fridge", "start eat", "wait", "wait", "release"]
    gained, t = 0.0, 0
    while stage.agent("anna").alive:
        stage.tick(anna=actions[t] if t < len(actions) else "wait")
        gained += 0.75**t * float(stage.frames.terms[0, 0, 0, stage.town.terms.index("shaping")])
        t += 1
    assert t > 15
    assert gained == pytest.approx(1.5, abs=1e-5)


def way(stage: Stage, **actions: str) -> Any:
    return pytest.approx(terms(stage.tick(**actions), "anna").get("commute", 0.0), abs=1e-6)


def test_each_tile_of_the_way_to_work_costs_something_while_the_shift_runs() -> None:
    job = {**JOB, "start": 0, "end": 6}
    stage = rewarded("...a", agents={"anna": {"job": "baker"}}, jobs=[job], only={"commute": 0.5})
    # the workplace is the tile in the west; the sixth tick is the last of the shift
    assert [way(stage, anna=step) for step in ("move west", "move west", "wait")] == [-1, -0.5, -0.5]
    assert [way(stage, anna=step) for step in ("move west", "move east", "wait")] == [0, -0.5, 0]


def test_the_way_to_work_comes_to_count_in_the_sixty_ticks_before_the_shift() -> None:
    """Two tiles away; the cost does not end by being absent, only with the shift."""
    job = {**JOB, "start": 61, "end": 150, "absent_after_ticks": 20}
    anna, clock = {"anna": {"job": "baker"}}, {"ticks_per_day": 500}
    stage = rewarded("..a", agents=anna, jobs=[job], clock=clock, only={"commute": 1.0})
    assert way(stage) == 0  # the next tick is 1, sixty before the shift
    assert [-2 * n / 60 for n in range(1, 61)] == [way(stage) for _ in range(60)]
    assert [way(stage) for _ in range(88)] == [-2] * 88
    assert way(stage) == 0


def test_an_empty_place_earns_nothing() -> None:
    stage = rewarded("a.", agents={"ben": {"at": [1, 0], "arrives_tick": 3}}, only={"survival": 0.25}).tick()
    assert (terms(stage, "ben"), terms(stage, "anna")) == ({}, {"survival": 0.25})
    assert not np.any(stage.frames.terms[0, 0, stage.slot("ben")])
