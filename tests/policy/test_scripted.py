"""The scripted rule: urgent needs, then work, then the other needs, then company; it keeps out of rivals' queues."""

from __future__ import annotations

from typing import Any

import pytest

from tests.towns import Scripted, town

CONTENT = {"needs": {"hunger": 1.0, "hygiene": 1.0, "energy": 1.0}}
HUNGRY = {"needs": {"hunger": 0.4, "hygiene": 1.0, "energy": 1.0}}
STARVING = {"needs": {"hunger": 0.1, "hygiene": 1.0, "energy": 1.0}}
JOB = {"id": "baker", "place": [0, 0], "radius": 0, "start": 20, "end": 60, "grace_ticks": 1, "absent_after_ticks": 30}


def deeds(stage: Scripted, ticks: int, name: str = "anna") -> list[str]:
    return [stage.play().deed(name) for _ in range(ticks)]


def test_who_is_hungry_walks_to_the_fridge_and_eats() -> None:
    stage = Scripted(town("a...F", agents={"anna": HUNGRY}))
    assert deeds(stage, 7) == ["move east"] * 3 + ["request fridge", "start eat", "wait", "wait"]
    assert stage.events("anna") == {"affordance_finish": 1, "meal_eaten": 1}


@pytest.mark.parametrize(("need", "kind"), [("hunger", "fridge"), ("hygiene", "shower"), ("energy", "bed")])
def test_the_need_that_is_met_least_comes_first(need: str, kind: str) -> None:
    needs = {"hunger": 0.5, "hygiene": 0.5, "energy": 0.5, need: 0.25}
    stage = Scripted(town("FaB", ".S.", agents={"anna": {"needs": needs}}))
    assert deeds(stage, 1) == [f"request {kind}"]


def test_who_wants_for_nothing_asks_for_nothing() -> None:
    stage = Scripted(town("FaB", ".S.", agents={"anna": CONTENT}))
    assert not [deed for deed in deeds(stage, 30) if deed.startswith(("request", "start"))]


def test_who_cannot_pay_does_not_ask() -> None:
    stage = Scripted(town("aF", agents={"anna": {**HUNGRY, "wallet": 0.25}}))
    assert "request fridge" not in deeds(stage, 10)


def test_workers_are_at_work_when_the_shift_begins() -> None:
    stage = Scripted(town("." * 9 + "a", agents={"anna": {**CONTENT, "job": "baker"}}, jobs=[JOB]))
    stage.play(20)
    assert stage.at("anna") == (0, 0)
    stage.play()
    assert stage.events("anna") == {"shift_on_time": 1}
    stage.play(39)
    assert stage.at("anna") == (0, 0)
    assert stage.agent("anna").present == 40


@pytest.mark.parametrize(("person", "leaves"), [(HUNGRY, False), (STARVING, True)])
def test_only_an_urgent_need_comes_before_work(person: dict[str, Any], leaves: bool) -> None:
    stage = Scripted(town("a.....F", agents={"anna": {**person, "job": "baker"}}, jobs=[JOB]))
    with stage.changing():
        stage.world.tick = 30
        stage.agent("anna").shift, stage.agent("anna").arrived = 1, 1
    stage.play(8)
    assert (stage.at("anna") != (0, 0)) == leaves


def test_who_goes_to_work_lets_go_of_what_is_held() -> None:
    stage = Scripted(town("aF", agents={"anna": {**HUNGRY, "job": "baker"}}, jobs=[JOB]))
    with stage.changing():
        stage.world.tick, stage.agent("anna").holds, stage.thing("fridge_1").holder = 30, 0, 0
    assert deeds(stage, 2)[0] == "release"


@pytest.mark.parametrize(("rivalry", "goes"), [(0.5, "move west"), (0.8, "move east")])
def test_who_can_choose_keeps_away_from_a_rivals_queue(rivalry: float, goes: str) -> None:
    # the near fridge, to the west, is used by ben, a rival from 0.7 on; the far one is free
    stage = Scripted(town("bF..a" + "." * 12 + "F", agents={"anna": HUNGRY, "ben": CONTENT}))
    with stage.changing():
        stage.agent("ben").holds, stage.agent("ben").doing, stage.agent("ben").left = 0, 0, 100
        stage.thing("fridge_1").holder = stage.slot("ben")
        stage.set_tie("anna", "ben", rivalry=rivalry)
    assert deeds(stage, 1) == [goes]


def test_a_shorter_queue_is_worth_a_few_steps() -> None:
    stage = Scripted(town("bF.a..F", agents={"anna": HUNGRY, "ben": CONTENT}))
    with stage.changing():
        stage.agent("ben").holds, stage.agent("ben").doing, stage.agent("ben").left = 0, 0, 100
        stage.thing("fridge_1").holder = stage.slot("ben")
    # west: 1 step and two uses of 3 ticks, ben's and hers; east: 2 steps and one
    assert deeds(stage, 1) == ["move east"]


def test_rivals_are_not_talked_to() -> None:
    for rivalry, talks in ((0.5, True), (0.8, False)):
        stage = Scripted(town("ab", agents={"anna": CONTENT, "ben": CONTENT}, chat={"cooldown_ticks": 0}))
        stage.set_tie("anna", "ben", rivalry=rivalry)
        stage.set_tie("ben", "anna", rivalry=1.0)
        assert ("chat" in deeds(stage, 4)) == talks


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(("a.b..F", "......"), id="somebody stands in the way"),
        pytest.param(("......", "a.b..F", "......"), id="with room on both sides"),
        pytest.param(("a..#..F", "...b...", "...#..."), id="somebody stands in a door"),
    ],
)
def test_whoever_stands_in_the_way_is_walked_around(rows: tuple[str, ...]) -> None:
    sections: dict[str, Any] = {"agents": {"anna": HUNGRY, "ben": CONTENT}}
    if any("#" in row for row in rows):
        sections["agents"]["ben"] = HUNGRY  # he goes to eat as well, and so makes room
    stage = Scripted(town(*rows, **sections)).play(40)
    assert stage.agent("anna").finished >= 1


def test_two_who_meet_head_on_pass_each_other() -> None:
    stage = Scripted(town("F.a...b.S", ".........", agents={"anna": DIRTY, "ben": HUNGRY})).play(30)
    assert stage.agent("anna").finished >= 1
    assert stage.agent("ben").finished >= 1


DIRTY = {"needs": {"hunger": 1.0, "hygiene": 0.4, "energy": 1.0}}


def test_the_script_never_asks_for_what_the_mask_forbids() -> None:
    stage = Scripted("poc_hybrid")
    for _ in range(400):
        stage.play()
        assert not any("invalid_action" in stage.events(name) for name in stage.town.slots)


def test_a_deterministic_policy_has_the_log_probability_0() -> None:
    stage = Scripted("poc_hybrid").play(5)
    assert not stage.frames.log_probs.any()
