"""Jobs: the shift states through a day, wages, fines, and colleagues who help or take over."""

from __future__ import annotations

from typing import Any

import pytest

from tests.towns import NAMES, Stage, town
from townlet_core.world.records import ABSENT, LATE, ON_TIME, POST, PRE

# Work is on the tiles [0, 0] and [1, 0], from tick 5 to tick 15 of days of 20 ticks.
JOB = {
    "id": "baker",
    "place": [0, 0],
    "radius": 1,
    "start": 5,
    "end": 15,
    "wage": 0.25,
    "late_fine": 0.75,
    "grace_ticks": 2,
    "absent_after_ticks": 6,
}
STATES = {PRE: "pre", ON_TIME: "on_time", LATE: "late", ABSENT: "absent", POST: "post"}


def bakery(*rows: str, job: dict[str, Any] | None = None, **sections: Any) -> Stage:
    """Everybody drawn is a baker."""
    agents: dict[str, Any] = {name: {"job": "baker"} for c, name in NAMES.items() if any(c in row for row in rows)}
    for name, more in sections.pop("agents", {}).items():
        agents[name] = {"job": "baker", **agents.get(name, {}), **more}
    clock = {"ticks_per_day": 20, "start_tick": sections.pop("dawn", 0)}
    jobs = [{**JOB, **(job or {})}]
    return Stage(town(*rows, agents=agents, jobs=jobs, clock=clock, **sections))


def state(stage: Stage, name: str) -> str:
    return STATES[int(stage.agent(name).shift)]


def shift_of(stage: Stage, name: str, ticks: int, arrive_at: int | None = None) -> list[str]:
    """The state after each tick; the agent steps west, into the workplace, in tick arrive_at."""
    states = []
    for _ in range(ticks):
        stage.tick(**{name: "move west" if stage.now == arrive_at else "wait"})
        states.append(state(stage, name))
    return states


def test_who_is_there_when_the_shift_begins_is_on_time_until_it_ends_and_again_the_next_day() -> None:
    day = ["pre"] * 5 + ["on_time"] * 10 + ["post"] * 5
    assert shift_of(bakery("a"), "anna", 40) == day * 2


def test_a_shift_that_begins_with_the_day_is_worked_every_day() -> None:
    day = ["on_time"] * 15 + ["post"] * 5
    assert shift_of(bakery("a", job={"start": 0}), "anna", 60) == day * 3


def test_who_never_comes_is_late_then_absent_and_the_next_day_counts_anew() -> None:
    # start 5 + grace 2 = 7, start 5 + 6 = 11
    day = ["pre"] * 7 + ["late"] * 4 + ["absent"] * 4 + ["post"] * 5
    stage = bakery("..a")
    assert shift_of(stage, "anna", 40) == day * 2
    assert (stage.agent("anna").lates, stage.agent("anna").absences) == (2, 2)


@pytest.mark.parametrize(
    ("arrive_at", "states"),
    [
        pytest.param(7, ["on_time"] * 8, id="the last tick of the grace"),
        pytest.param(8, ["late"] * 8, id="one tick later"),
        pytest.param(11, ["late"] * 8, id="the last tick before absence"),
        pytest.param(12, ["late"] * 4 + ["absent"] * 4, id="too late"),
    ],
)
def test_the_grace_and_the_limit_of_absence_count_to_their_last_tick(arrive_at: int, states: list[str]) -> None:
    assert shift_of(bakery("..a"), "anna", 15, arrive_at)[7:] == states


def test_each_change_is_counted_once_in_its_tick() -> None:
    stage = bakery("..a")
    counted = []
    for tick in range(20):
        counted += [(tick, event) for event in stage.tick().events("anna")]
    assert counted == [(7, "shift_late"), (11, "shift_absent")]
    stage = bakery("a").ticks(5)
    assert [stage.tick().events("anna") for _ in range(2)] == [{"shift_on_time": 1}, {}]


@pytest.mark.parametrize(
    ("wallet", "left", "fined"),
    [pytest.param(2.0, 1.25, 0.75, id="the whole fine"), pytest.param(0.5, 0.0, 0.5, id="all there is")],
)
def test_becoming_late_costs_a_fine_as_far_as_there_is_money(wallet: float, left: float, fined: float) -> None:
    stage = bakery("..a", agents={"anna": {"wallet": wallet}}).ticks(8)
    assert (stage.agent("anna").wallet, stage.agent("anna").fined) == (left, fined)
    stage.ticks(7)
    assert stage.agent("anna").fined == fined  # absence is not fined again


def test_wages_are_paid_for_ticks_at_work_and_withheld_for_the_others() -> None:
    # ten ticks of shift: she is away in ticks 7 and 8 and back in tick 9
    stage = bakery(".a.").ticks(7).tick(anna="move east").tick().tick(anna="move west").ticks(7)
    me = stage.agent("anna")
    assert (me.due, me.present, me.earned, me.withheld, me.wallet) == (10, 8, 2.0, 0.5, 4.0)
    assert state(stage, "anna") == "post"


def test_who_is_late_is_paid_from_the_arrival_on_and_who_is_absent_is_not() -> None:
    stage = bakery("..a")
    shift_of(stage, "anna", 20, 9)  # ticks 9 to 14
    assert (stage.agent("anna").earned, stage.agent("anna").withheld) == (1.5, 1.0)
    stage = bakery("..a")
    shift_of(stage, "anna", 20, 12)
    assert (stage.agent("anna").earned, stage.agent("anna").withheld) == (0.0, 2.5)


def test_who_never_comes_to_a_short_shift_is_absent_in_its_last_tick() -> None:
    # ticks 5 to 14: late from 5 + 2 on, and absent in tick 14, long before 5 + 60
    stage = bakery("..a", job={"absent_after_ticks": 60})
    assert shift_of(stage, "anna", 16) == ["pre"] * 7 + ["late"] * 7 + ["absent"] + ["post"]
    assert stage.agent("anna").absences == 1


def test_work_is_within_the_radius_corners_too() -> None:
    stage = bakery("...", ".a.", "..b").ticks(6)
    assert (state(stage, "anna"), state(stage, "ben")) == ("on_time", "pre")


def test_work_can_be_at_a_thing() -> None:
    stage = bakery("Ca.b", job={"place": "stove_1"}).ticks(6)
    assert (state(stage, "anna"), state(stage, "ben")) == ("on_time", "pre")


def test_who_comes_late_trusts_the_colleague_who_kept_the_shift() -> None:
    stage = bakery("a.b", trust={"decay": 0, "familiarity_decay": 0, "late_help": 0.125}).ticks(9).tick(ben="move west")
    assert (stage.events("anna"), stage.events("ben")) == ({"late_help": 1}, {})
    assert (stage.feels("ben", "anna"), stage.feels("anna", "ben")) == ((0, 0.125, 0), (0, 0, 0))
    assert stage.ticks(3).feels("ben", "anna") == (0, 0.125, 0)  # once a shift


def test_a_colleague_who_was_on_time_and_has_left_helps_nobody() -> None:
    stage = bakery(".a.b").ticks(8).tick(anna="move east")  # on time until now, and off to [2, 0]
    assert state(stage, "anna") == "on_time"
    stage.ticks(3)  # tick 11: ben, who is late since tick 7, is absent
    assert (stage.events("ben"), stage.events("anna")) == ({"shift_absent": 1}, {})


def test_nobody_helps_who_is_late_themselves() -> None:
    stage = bakery("a.b").ticks(7)
    stage.agent("anna").shift = LATE
    stage.ticks(2).tick(ben="move west")
    assert (stage.agent("ben").arrived, stage.events("anna"), stage.feels("ben", "anna")) == (1, {}, (0, 0, 0))


def test_a_shift_of_somebody_absent_is_taken_over_for_a_bonus_with_mixed_feelings() -> None:
    stage = bakery(
        "ac..b",
        trust={"decay": 0, "familiarity_decay": 0, "takeover": 0.0625},
        rivalry={"decay": 0, "takeover": 0.25},
        takeover={"bonus": 0.5},
    ).ticks(11)
    earned = stage.agent("anna").earned
    stage.tick()
    assert stage.events("anna") == {"shift_takeover": 1}
    assert (stage.events("ben"), stage.events("cara")) == ({"shift_absent": 1}, {})
    assert stage.agent("anna").earned - earned == 0.75  # a tick's wage and the bonus
    assert (stage.feels("ben", "anna"), stage.feels("anna", "ben")) == ((0.25, 0, 0), (0, 0.0625, 0))


def test_each_colleague_takes_over_one_shift_and_the_next_day_another() -> None:
    # anna is at work; ben and cara stay away at the far end, and miss both days' shifts
    stage = bakery("a...bc", takeover={"bonus": 0.5}).ticks(12)
    absent = [stage.events(name).get("shift_absent", 0) for name in ("ben", "cara")]
    assert (absent, stage.events("anna")) == ([1, 1], {"shift_takeover": 1})
    taken = sum(stage.tick().events("anna").get("shift_takeover", 0) for _ in range(20))
    assert taken == 1


def test_nobody_takes_over_when_nobody_is_at_work() -> None:
    stage = bakery("..ab").ticks(12)
    assert stage.events("anna") == stage.events("ben") == {"shift_absent": 1}
    assert stage.feels("anna", "ben") == (0, 0, 0)


@pytest.mark.parametrize(
    ("arrives", "first"),
    [
        pytest.param(4, "pre", id="before the shift"),
        pytest.param(5, "on_time", id="as it begins"),
        pytest.param(6, "post", id="during the shift: off until tomorrow"),
    ],
)
def test_a_newcomer_works_from_the_first_shift_that_begins_while_they_are_there(arrives: int, first: str) -> None:
    stage = bakery("a.", agents={"ben": {"at": [1, 0], "arrives_tick": arrives}}).ticks(arrives + 1)
    assert state(stage, "ben") == first
    assert stage.agent("ben").due == {4: 0, 5: 1, 6: 0}[arrives]  # ticks of shifts
    stage.ticks(26 - stage.now)  # to the second day's tick 5
    assert stage.agent("ben").earned == {4: 2.75, 5: 2.75, 6: 0.25}[arrives]  # 0.25 a tick of ten, and of one
    assert (state(stage, "ben"), stage.agent("ben").lates) == ("on_time", 0)


def test_an_episode_that_begins_in_the_middle_of_a_shift_begins_with_it_off() -> None:
    assert shift_of(bakery("a", dawn=8), "anna", 20) == ["post"] * 7 + ["post"] * 5 + ["pre"] * 5 + ["on_time"] * 3


def test_agents_without_a_job_have_no_shift() -> None:
    stage = bakery("a.", agents={"ben": {"at": [1, 0], "job": None}})
    assert {stage.sees("ben", f"shift_{name}") for name in STATES.values()} == {0}
    assert stage.ticks(12).events("ben") == {}
    assert stage.agent("ben").due == 0
