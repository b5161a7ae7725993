"""Queues: who asked first is served first, stalled holders are sent to the back, users are left in peace."""

from __future__ import annotations

from typing import Any

import pytest

from tests.towns import Stage, town

# Three around a fridge.
ROWS = ("a.b", ".F.", "c..")


def queues(**rules: Any) -> dict[str, Any]:
    return {"cooldown_ticks": 0, "ghost_step_after": 3, "age_weight": 0.1, **rules}


def stage(*rows: str, agents: dict[str, dict[str, Any]] | None = None, rivalry: Any = None, **rules: Any) -> Stage:
    more: dict[str, Any] = {"rivalry": {"decay": 0.0, "conflict": 0.125, "ghost_factor": 2.0, **(rivalry or {})}}
    trust = {"decay": 0.0, "familiarity_decay": 0.0, "polite": 0.25, "polite_relief": 0.0625}
    return Stage(town(*(rows or ROWS), agents=agents, queues=queues(**rules), trust=trust, **more))


def wait_in_line(**rules: Any) -> Stage:
    """Anna holds the fridge; ben waits since tick 1, cara since tick 2."""
    return stage(**rules).tick(anna="request fridge").tick(ben="request fridge").tick(cara="request fridge")


def test_a_free_thing_is_reserved_in_the_tick_in_which_it_is_asked_for() -> None:
    alone = stage().tick(anna="request fridge")
    assert (alone.holder("fridge_1"), alone.queue("fridge_1"), alone.events("anna")) == ("anna", set(), {})


def test_of_two_who_ask_at_once_the_lower_slot_is_served_and_the_other_has_a_conflict() -> None:
    both = stage().tick(anna="request fridge", ben="request fridge")
    assert (both.holder("fridge_1"), both.queue("fridge_1")) == ("anna", {"ben"})
    assert (both.events("anna"), both.events("ben")) == ({}, {"queue_conflict": 1})


def test_asking_for_what_somebody_holds_breeds_rivalry_on_both_sides_scaled_by_ambition() -> None:
    # 0.125 times 0.5 + ambition: 1.5 for anna, 0.5 for ben
    two = stage(agents={"anna": {"personality": {"ambition": 1.0}}, "ben": {"personality": {"ambition": 0.0}}})
    two.tick(anna="request fridge").tick(ben="request fridge")
    assert (two.feels("anna", "ben"), two.feels("ben", "anna")) == ((0.1875, 0, 0), (0.0625, 0, 0))


def test_a_conflict_is_with_the_holder_and_not_with_all_who_wait() -> None:
    line = wait_in_line()
    assert line.events("cara") == {"queue_conflict": 1}
    assert (line.feels("cara", "anna"), line.feels("cara", "ben")) == ((0.125, 0, 0), (0, 0, 0))


def test_a_request_chooses_the_shorter_queue_and_of_equals_the_lower_id() -> None:
    two = stage("FaF", "b.c").tick(anna="request fridge")
    assert (two.holder("fridge_1"), two.holder("fridge_2")) == ("anna", None)
    two = stage("F.F", "bac").tick(ben="request fridge").tick(anna="request fridge")
    assert (two.holder("fridge_1"), two.holder("fridge_2"), two.events("anna")) == ("ben", "anna", {})


def test_a_request_chooses_one_with_stock_before_an_empty_one() -> None:
    two = stage("FaF")
    two.thing("fridge_1").stock = 0
    assert two.tick(anna="request fridge").holder("fridge_2") == "anna"
    crowded = stage("FaF", "b.c")
    crowded.thing("fridge_1").stock = 0
    crowded.tick(cara="request fridge").tick(anna="request fridge")  # she would rather wait than hold an empty one
    assert (crowded.holder("fridge_1"), crowded.queue("fridge_2")) == (None, {"anna"})


def test_who_waits_may_release_but_not_ask_again() -> None:
    line = wait_in_line(ghost_step_after=9)
    assert "request fridge" not in line.may("ben") | line.may("anna")
    line.tick(ben="release")
    assert (line.queue("fridge_1"), line.thing("fridge_1").waiting) == ({"cara"}, 1)


def test_what_is_released_goes_to_who_has_waited_longest_without_thanks() -> None:
    line = wait_in_line().tick(anna="release")
    assert (line.holder("fridge_1"), line.queue("fridge_1")) == ("ben", {"cara"})
    assert (line.events("ben"), line.feels("ben", "anna")) == ({}, (0.125, 0, 0))


@pytest.mark.parametrize(
    ("tickets", "sinces", "weight", "winner"),
    [
        # priority = ticket - weight * (tick - since), the lowest first; the present tick is 10
        pytest.param((5, 4), (5, 4), 0.0, "cara", id="longest wait"),  # 5 and 4
        pytest.param((5, 5), (5, 5), 0.0, "ben", id="a tie goes to the lower slot"),
        pytest.param((5, 7), (5, 0), 0.0, "ben", id="without age only the ticket counts"),  # 5 and 7
        pytest.param((5, 7), (5, 0), 0.5, "cara", id="age outweighs the ticket"),  # 5 - 2.5 = 2.5 and 7 - 5 = 2
        pytest.param((5, 7), (5, 0), 0.25, "ben", id="age weighs too little"),  # 5 - 1.25 = 3.75 and 7 - 2.5 = 4.5
        pytest.param((5, 8), (8, 2), 0.5, "ben", id="equal, the lower slot"),  # 5 - 1 = 4 and 8 - 4 = 4
    ],
)
def test_the_order_of_service_is_the_ticket_less_a_weight_for_age(
    tickets: tuple[int, int], sinces: tuple[int, int], weight: float, winner: str
) -> None:
    line = wait_in_line(age_weight=weight, ghost_step_after=100).ticks(7)
    with line.changing():
        for name, ticket, since in zip(("ben", "cara"), tickets, sinces, strict=True):
            line.agent(name).ticket, line.agent(name).since = ticket, since
    assert line.now == 10
    assert line.tick(anna="release").holder("fridge_1") == winner


def test_who_was_served_after_a_use_to_the_end_thanks_for_the_orderly_wait() -> None:
    # eating takes 3 ticks; the rivalry of the conflict, 0.125, is relieved by 0.0625; trust grows by 0.25
    line = stage().tick(anna="request fridge").tick(anna="start eat").tick(ben="request fridge").tick()
    assert (line.holder("fridge_1"), line.events("ben"), line.events("anna")) == (
        "ben",
        {"handover": 1},
        {"affordance_finish": 1, "meal_eaten": 1},
    )
    assert line.feels("ben", "anna") == line.feels("anna", "ben") == (0.0625, 0.25, 0)


def test_a_holder_who_stalls_is_sent_to_the_back_after_some_ticks_of_others_waiting() -> None:
    line = wait_in_line()  # ticks 1 and 2 were stalled, since ben was waiting
    assert (line.holder("fridge_1"), line.thing("fridge_1").stalled) == ("anna", 2)
    line.tick()
    assert (line.holder("fridge_1"), line.queue("fridge_1")) == ("ben", {"anna", "cara"})
    assert (line.events("anna"), line.events("ben")) == ({"ghost_step": 1}, {})
    # ben's conflict at tick 1 gave 0.125; the ghost step gives 0.125 * 2 more on both sides
    assert line.feels("ben", "anna") == line.feels("anna", "ben") == (0.375, 0, 0)
    assert line.feels("cara", "anna") == (0.125, 0, 0)


def test_who_was_sent_to_the_back_comes_after_those_who_waited_then() -> None:
    line = wait_in_line(age_weight=0.0).tick()  # the ghost step of anna at tick 3
    line.tick(ben="release")
    assert (line.holder("fridge_1"), line.queue("fridge_1")) == ("cara", {"anna"})


def test_who_was_sent_to_the_back_keeps_the_age_of_the_first_request() -> None:
    # at tick 4: cara 2 - 2 * (4 - 2) = -2, anna 4 - 2 * (4 - 0) = -4
    line = wait_in_line(age_weight=2.0).tick()
    assert line.tick(ben="release").holder("fridge_1") == "anna"


def test_nobody_is_rotated_while_using_a_thing() -> None:
    line = stage(ghost_step_after=1)
    line.tick(anna="request fridge").tick(anna="start eat").tick(ben="request fridge", cara="request fridge")
    assert (line.holder("fridge_1"), line.events("anna"), line.thing("fridge_1").stalled) == ("anna", {}, 0)


def test_nobody_is_rotated_while_nobody_else_waits() -> None:
    alone = stage(ghost_step_after=1).tick(anna="request fridge").ticks(20)
    assert (alone.holder("fridge_1"), alone.thing("fridge_1").stalled) == ("anna", 0)


def test_the_ticks_of_stalling_are_counted_anew_once_nobody_waits() -> None:
    line = stage().tick(anna="request fridge").tick(ben="request fridge").tick()  # stalled for ticks 1 and 2
    line.tick(ben="release").tick(ben="request fridge").tick()  # again for 2 ticks
    assert line.holder("fridge_1") == "anna"
    assert line.tick().holder("fridge_1") == "ben"


def test_after_a_use_the_same_thing_is_closed_to_the_same_agent_for_the_cooldown() -> None:
    # the use ends at tick 3; from tick 3 + 4 on anna may ask again; ben may at once
    line = stage("aF.", "b..", cooldown_ticks=4)
    line.tick(anna="request fridge").tick(anna="start eat").ticks(2)
    assert (line.events("anna")["affordance_finish"], line.now) == (1, 4)
    open_at = []
    while line.now < 9:
        assert "request fridge" in line.may("ben")
        open_at += [line.now] if "request fridge" in line.may("anna") else []
        line.tick()
    assert open_at == [7, 8]


def test_a_cooldown_closes_one_thing_and_not_its_kind() -> None:
    line = stage("FaF", cooldown_ticks=50).tick(anna="request fridge").tick(anna="start eat").ticks(2)
    assert line.tick(anna="request fridge").holder("fridge_2") == "anna"


def test_without_relationships_conflicts_are_counted_and_felt_by_nobody() -> None:
    line = Stage(town(*ROWS, features={"relationships": False}))
    line.tick(anna="request fridge").tick(ben="request fridge")
    assert (line.events("ben"), line.feels("ben", "anna")) == ({"queue_conflict": 1}, (0, 0, 0))


def test_things_far_away_and_things_at_a_corner() -> None:
    assert "request fridge" in Stage(town("a.", ".F")).may("anna")
    assert "request fridge" not in Stage(town("a.F")).may("anna")
