"""Schedules: each kind of step lasts until it is done or given up, then comes the next."""

from __future__ import annotations

from typing import Any

import pytest

from tests.towns import Scripted, town

Steps = list[dict[str, Any]]
MOVE: dict[str, Any] = {"do": "move", "to": [2, 0]}
EAT: dict[str, Any] = {"do": "start", "object": "fridge_1", "affordance": "eat"}


def follows(*rows: str, steps: Steps, agents: dict[str, Any] | None = None, **more: Any) -> Scripted:
    """Anna follows the steps once; everybody else waits for ever, unless told otherwise."""
    still = {"steps": [{"do": "wait", "ticks": 1000}]}
    names = {"a": "anna", "b": "ben", "c": "cara"}
    people: dict[str, Any] = {
        name: {"schedule": still} for letter, name in names.items() if any(letter in row for row in rows)
    }
    sections = {"queues": {"cooldown_ticks": 0, "ghost_step_after": 1000}, **more.pop("sections", {})}
    people["anna"] = {"schedule": {"cycle": False, **more, "steps": steps}}
    for name, values in (agents or {}).items():
        people[name] = {**people[name], **values}
    return Scripted(town(*rows, agents=people, **sections))


def deeds(stage: Scripted, ticks: int, name: str = "anna") -> list[str]:
    """What an agent does, tick by tick."""
    return [stage.play().deed(name) for _ in range(ticks)]


def test_a_move_walks_until_it_is_there() -> None:
    assert deeds(follows("a...", steps=[MOVE]), 4) == ["move east", "move east", "wait", "wait"]


def test_a_move_to_a_thing_walks_up_to_it() -> None:
    stage = follows("a..F", steps=[{"do": "move", "to": "fridge_1"}])
    assert deeds(stage, 4) == ["move east", "move east", "wait", "wait"]


def test_a_start_walks_asks_and_uses_to_the_end_before_the_next_step() -> None:
    stage = follows("a..F", steps=[EAT, {"do": "move", "to": [0, 0]}])
    # eating takes 3 ticks, of which the first is that of the start
    expected = [
        "move east",
        "move east",
        "request fridge",
        "start eat",
        "wait",
        "wait",
        "move west",
        "move west",
        "wait",
    ]
    assert deeds(stage, 9) == expected


def test_a_start_waits_its_turn() -> None:
    stage = follows("aF", ".b", steps=[EAT])
    with stage.changing():
        stage.agent("ben").holds, stage.thing("fridge_1").holder = 0, stage.slot("ben")
    assert deeds(stage, 4) == ["request fridge", "wait", "wait", "wait"]
    with stage.changing():
        stage.agent("ben").holds, stage.thing("fridge_1").holder = -1, -1
    assert deeds(stage, 3) == ["wait", "start eat", "wait"]


def test_a_request_is_done_when_the_thing_is_reserved() -> None:
    stage = follows(
        "a.F", steps=[{"do": "request", "object": "fridge_1"}, {"do": "wait", "ticks": 2}, {"do": "release"}]
    )
    assert deeds(stage, 6) == ["move east", "request fridge", "wait", "wait", "release", "wait"]


def test_a_request_for_one_thing_lets_go_of_another() -> None:
    steps = [{"do": "request", "object": "fridge_1"}, {"do": "request", "object": "bed_1"}]
    stage = follows("FaB", steps=steps)
    assert deeds(stage, 4) == ["request fridge", "release", "request bed", "wait"]
    assert stage.holder("bed_1") == "anna"


def test_a_start_leaves_the_queue_of_another_thing() -> None:
    steps: Steps = [{"do": "request", "object": "bed_1", "max_ticks": 2}, EAT]
    stage = follows("FaB", "..b", steps=steps)
    with stage.changing():
        stage.agent("ben").holds, stage.thing("bed_1").holder = stage.town.things.index("bed_1"), stage.slot("ben")
    assert deeds(stage, 5) == ["request bed", "wait", "release", "request fridge", "start eat"]


def test_another_thing_of_the_kind_that_the_request_brings_will_do() -> None:
    stage = follows("FaF", steps=[{**EAT, "object": "fridge_2"}])
    assert deeds(stage, 4) == ["request fridge", "start eat", "wait", "wait"]
    assert stage.agent("anna").finished == 1


def test_a_wait_takes_so_many_ticks() -> None:
    assert deeds(follows("a..", steps=[{"do": "wait", "ticks": 3}, MOVE]), 5) == ["wait"] * 3 + ["move east"] * 2


@pytest.mark.parametrize(
    ("dawn", "until", "waits"),
    [
        pytest.param(0, 4, 4, id="later today"),
        pytest.param(6, 2, 6, id="tomorrow: 4 ticks to midnight and 2 more"),
        pytest.param(3, 3, 0, id="now"),
    ],
)
def test_a_wait_until_a_time_of_day_lasts_to_its_next_coming(dawn: int, until: int, waits: int) -> None:
    clock = {"ticks_per_day": 10, "start_tick": dawn}
    stage = follows("a..", steps=[{"do": "wait", "until_tick": until}, MOVE], sections={"clock": clock})
    assert deeds(stage, waits + 1) == ["wait"] * waits + ["move east"]


def test_a_release_with_nothing_to_let_go_of_takes_a_tick_and_goes_on() -> None:
    assert deeds(follows("a..", steps=[{"do": "release"}, MOVE]), 2) == ["wait", "move east"]


def test_a_chat_waits_for_company() -> None:
    stage = follows("a....b", steps=[{"do": "chat"}, MOVE], agents={"ben": {"schedule": WEST}})
    # ben is in range 2 as tick 3 begins
    assert deeds(stage, 5) == ["wait", "wait", "wait", "chat", "move east"]


WEST = {"steps": [{"do": "move", "to": [2, 0]}, {"do": "wait", "ticks": 1000}]}


def test_a_chat_may_be_with_somebody_by_name() -> None:
    away = {"schedule": {"cycle": False, "steps": [{"do": "wait", "ticks": 2}, {"do": "move", "to": [5, 0]}]}}
    # cara, two tiles off, is nearest only once ben has gone farther
    stage = follows("c.ab..", steps=[{"do": "chat", "agent": "cara"}], agents={"ben": away})
    assert deeds(stage, 6) == ["wait"] * 4 + ["chat", "wait"]
    assert stage.tie("cara", "anna") is not None


@pytest.mark.parametrize(
    ("step", "tries"),
    [
        pytest.param({"do": "move", "to": [1, 0]}, ["wait"] * 3, id="move"),
        pytest.param({"do": "chat"}, ["wait"] * 3, id="chat"),
        pytest.param({"do": "start", "object": "bed_1", "affordance": "sleep"}, None, id="start"),
    ],
)
def test_a_step_that_cannot_be_done_is_given_up_after_its_ticks(step: dict[str, Any], tries: list[str] | None) -> None:
    steps: Steps = [{**step, "max_ticks": 3}, {"do": "move", "to": [0, 1]}]
    stage = follows("a#..", "...B", steps=steps, agents={"anna": RESTED})
    done = deeds(stage, 5)
    assert done[3] == "move south" if tries else done[3:] == ["move west", "move west"]
    assert tries is None or done[:3] == tries


RESTED = {"needs": {"hunger": 0.5, "hygiene": 0.5, "energy": 1.0}}  # sleeping is not allowed


def test_a_use_that_is_going_on_is_not_given_up() -> None:
    stage = follows("aB.", steps=[{"do": "start", "object": "bed_1", "affordance": "sleep", "max_ticks": 2}])
    assert deeds(stage, 6) == ["request bed", "start sleep", "wait", "wait", "wait", "wait"]
    assert stage.agent("anna").finished == 1


def test_a_cycle_begins_again_and_no_cycle_ends() -> None:
    steps = [{"do": "move", "to": [1, 0]}, {"do": "move", "to": [0, 0]}]
    assert deeds(follows("a.", steps=steps, cycle=True), 5) == ["move east", "move west"] * 2 + ["move east"]
    assert deeds(follows("a.", steps=steps), 5) == ["move east", "move west", "wait", "wait", "wait"]


def test_a_schedule_begins_at_its_tick_and_counts_from_there() -> None:
    stage = follows("a..", steps=[{"do": "wait", "ticks": 2}, MOVE], from_tick=3)
    assert deeds(stage, 6) == ["wait"] * 5 + ["move east"]


def test_a_schedule_begins_anew_with_each_episode() -> None:
    stage = follows("a..", steps=[MOVE], sections={"ticks": 4})
    assert deeds(stage, 8) == ["move east", "move east", "wait", "wait"] * 2


def test_a_newcomer_in_the_same_place_has_no_schedule() -> None:
    starving = {"needs": {"hunger": 0.0, "hygiene": 1.0, "energy": 1.0}}
    rules = {"lifecycle": {"faint_after_ticks": 2}}
    stage = follows("aF", steps=[EAT], agents={"anna": starving}, sections=rules, cycle=True)
    assert deeds(stage, 2) == ["request fridge", "start eat"]
    assert stage.agent("anna").life == 2
    stage.agent("anna").needs[:] = 1  # wants for nothing
    assert not {"request fridge", "start eat"} & set(deeds(stage, 6))


def test_who_gives_a_thing_up_leaves_its_queue_and_lets_go_of_it() -> None:
    # Ben holds the fridge for ever. Anna asks at tick 0, gives up in tick 5, and is not served afterwards.
    stage = follows("aFb", steps=[{**EAT, "max_ticks": 5}, {"do": "wait", "ticks": 50}])
    stage.tick(ben="request fridge")
    assert deeds(stage, 7) == ["request fridge", "wait", "wait", "wait", "wait", "release", "wait"]
    assert stage.queue("fridge_1") == set()
    # Nobody has power to cook: what anna holds she lets go of.
    out = {"kind": "power_outage", "at_tick": 0, "duration_ticks": 900}
    cook = {"do": "start", "object": "stove_1", "affordance": "cook", "max_ticks": 3}
    stage = follows("aC", steps=[cook, {"do": "wait", "ticks": 50}], sections={"perturbations": [out]})
    assert (deeds(stage, 4)[-1], stage.holder("stove_1")) == ("release", None)


def test_a_schedule_begins_again_with_every_episode_for_those_who_come_later_too() -> None:
    stage = follows("a...", steps=[MOVE], agents={"anna": {"arrives_tick": 2}}, sections={"ticks": 6})
    episode = ["wait", "wait", "move east", "move east", "wait", "wait"]
    assert deeds(stage, 12) == episode * 2
