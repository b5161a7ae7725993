"""The scripted rule in tight places: it asks only for what can be had, and people make room for each other."""

from __future__ import annotations

from tests.towns import Scripted, town

HUNGRY = {"needs": {"hunger": 0.4, "hygiene": 1.0, "energy": 1.0}}
TIRED = {"needs": {"hunger": 0.6, "hygiene": 1.0, "energy": 0.1}}
CONTENT = {"needs": {"hunger": 1.0, "hygiene": 1.0, "energy": 1.0}}
JOB = {"id": "baker", "place": [4, 0], "radius": 2, "start": 8, "end": 60, "grace_ticks": 1, "absent_after_ticks": 30}


def test_who_stands_between_an_empty_fridge_and_a_full_one_eats_from_the_full_one() -> None:
    stage = Scripted(town("FaF", agents={"anna": HUNGRY}))
    with stage.changing():
        stage.thing("fridge_1").stock = 0
    stage.play()
    assert (stage.deed("anna"), stage.holder("fridge_2")) == ("request fridge", "anna")
    stage.play()
    assert (stage.deed("anna"), int(stage.thing("fridge_2").stock)) == ("start eat", 2)


def test_an_empty_fridge_is_waited_for_only_where_there_is_no_other() -> None:
    stage = Scripted(town("aF", "b.", agents={"anna": HUNGRY, "ben": CONTENT}))
    with stage.changing():
        stage.thing("fridge_1").stock = 0
    stage.tick(anna="request fridge")
    assert stage.holder("fridge_1") == "anna", "she may, though the script does not"


def test_who_is_tired_on_shift_does_not_ask_for_a_bed_that_may_not_be_slept_in() -> None:
    # Sleep requires 'not on_shift'. Asking and letting go in turn would go on for ever.
    stage = Scripted(town("B.a.F", agents={"anna": {**TIRED, "job": "baker"}}, jobs=[{**JOB, "start": 0}]))
    deeds = [stage.play().deed("anna") for _ in range(30)]
    assert "request bed" not in deeds
    assert "start eat" in deeds, "a meal gives a little energy"


def test_workers_move_up_so_that_the_last_one_gets_in() -> None:
    # The place is [4, 0] and whoever is within two tiles is at work: the first two would block the corridor at [2, 0].
    agents = {name: {**CONTENT, "job": "baker"} for name in ("anna", "ben", "cara")}
    stage = Scripted(town("cba....", agents=agents, jobs=[JOB]))
    stage.play(12)
    assert [stage.at(name)[0] for name in ("anna", "ben", "cara")] == [4, 3, 2]
    assert all(stage.agent(name).shift == 1 for name in agents), "all three are on time"


def test_a_dear_meal_that_can_be_paid_is_eaten_all_the_same() -> None:
    # 450 of money cost the script 13,500 ticks a meal of 0.4: nothing else feeds anna, and she can pay
    manifest = {
        "kinds": {"fridge": {"stock": {"item": "meals", "initial": 9}}},
        "affordances": {"eat": {"kind": "fridge", "duration_ticks": 3, "effects": {"hunger": 0.4}, "price": 450.0}},
    }
    rich = {**HUNGRY, "wallet": 1000.0}
    stage = Scripted(town("a.F", agents={"anna": rich}, manifest=manifest))
    deeds = [stage.play().deed("anna") for _ in range(4)]
    assert "start eat" in deeds
