"""Features: each by hand in one situation at least."""

from __future__ import annotations

from math import cos, pi, sin
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.towns import MANIFEST, Stage, round6, town
from townlet_core.world.features import AROUND, GOALS, PATHS, SELF, SOCIAL

JOB = {
    "id": "baker",
    "place": [0, 0],
    "radius": 0,
    "start": 2,
    "end": 8,
    "wage": 0.5,
    "grace_ticks": 1,
    "absent_after_ticks": 3,
}
DAY = {"ticks_per_day": 10}
WORK: dict[str, Any] = {"jobs": [JOB], "clock": DAY}
BAKER = {"anna": {"job": "baker"}}


def sees(stage: Stage, name: str, *features: str) -> tuple[float, ...]:
    return tuple(stage.sees(name, feature) for feature in features)


def test_needs_are_seen_as_they_are() -> None:
    stage = Stage(town("a", agents={"anna": {"needs": {"hunger": 0.25, "hygiene": 0.5, "energy": 0.75}}}))
    assert sees(stage, "anna", "need_hunger", "need_hygiene", "need_energy") == (0.25, 0.5, 0.75)


def test_money_is_squeezed_into_one() -> None:
    assert Stage(town("a", agents={"anna": {"wallet": 3.0}})).sees("anna", "wallet") == 0.75  # 3 / 4


def test_the_time_of_day_goes_round_in_a_circle() -> None:
    stage = Stage(town("a", clock={"ticks_per_day": 10, "start_tick": 3})).ticks(9)  # tick 12, of the day 2
    expected = (round6(sin(2 * pi * 2 / 10)), round6(cos(2 * pi * 2 / 10)))
    assert sees(stage, "anna", "time_sin", "time_cos") == pytest.approx(expected, abs=1e-6)


def test_the_progress_of_an_episode_is_the_share_of_its_ticks() -> None:
    assert Stage(town("a", ticks=8)).ticks(2).sees("anna", "episode_progress") == 0.25


def test_slots_tell_agents_apart() -> None:
    stage = Stage(town("abcd"))
    assert [stage.sees(name, "embedding_slot_norm") for name in stage.town.slots] == [0, 0.25, 0.5, 0.75]


def test_the_last_action_and_whether_it_was_allowed_are_seen() -> None:
    stage = Stage(town("a.F"))  # actions: seven fixed ones, request fridge, start eat: the last is 8
    assert sees(stage, "anna", "last_action_id", "last_action_success") == (0, 1)
    assert sees(stage.tick(anna="move east"), "anna", "last_action_id", "last_action_success") == (0.25, 1)  # 2 / 8
    assert sees(stage.tick(anna="move east"), "anna", "last_action_id", "last_action_success") == (0, 0)


def test_a_shift_is_seen_with_its_attendance_and_wages() -> None:
    stage = Stage(town(".a", agents=BAKER, **WORK))
    states = ("shift_pre", "shift_on_time", "shift_late", "shift_absent", "shift_post")
    assert sees(stage, "anna", *states, "on_shift", "attendance_ratio") == (1, 0, 0, 0, 0, 0, 0)
    stage.ticks(4)  # late in tick 3
    assert sees(stage, "anna", *states, "on_shift", "lateness_counter") == (0, 0, 1, 0, 0, 0, 0.25)  # 1 / (1 + 3)
    stage.tick(anna="move west")  # at work in tick 4, the third of the shift; 2 ticks' wages were withheld
    assert sees(stage, "anna", "attendance_ratio", "wages_withheld") == (0.333333, 0.5)  # 1 / 3; 1 / (1 + 1)
    assert sees(stage, "anna", *states, "on_shift") == (0, 0, 1, 0, 0, 1)  # late, and at work
    stage.ticks(3)
    assert sees(stage, "anna", *states, "on_shift") == (0, 0, 1, 0, 0, 0)  # tick 8 comes: the shift is over
    assert sees(stage.tick(), "anna", *states, "on_shift") == (0, 0, 0, 0, 1, 0)


def test_an_agent_sees_when_its_shift_begins_and_how_much_of_it_is_left() -> None:
    both = ("shift_begins_in", "shift_remaining")
    stage = Stage(town(".a", agents=BAKER, **WORK))  # from tick 2 to tick 8 of ten
    assert sees(stage, "anna", *both) == (0.2, 0)
    assert sees(stage.ticks(2), "anna", *both) == (0, 1)
    assert sees(stage.ticks(3), "anna", *both) == (0, 0.5)  # 3 of 6 ticks
    assert sees(stage.ticks(3), "anna", *both) == (0.4, 0)  # tick 8: the next one begins at tick 12


def test_who_has_no_job_waits_for_no_shift() -> None:
    assert sees(Stage(town("a", **WORK)), "anna", "shift_begins_in", "shift_remaining") == (1, 0)


def test_who_is_on_time_is_on_shift_and_who_is_absent_is_not() -> None:
    stage = Stage(town("a.b", agents={**BAKER, "ben": {"job": "baker"}}, **WORK)).ticks(3)
    assert sees(stage, "anna", "shift_on_time", "on_shift") == (1, 1)
    assert sees(stage, "ben", "shift_pre", "on_shift") == (1, 0)
    assert sees(stage.ticks(3), "ben", "shift_absent", "on_shift") == (1, 0)


def test_a_use_is_seen_with_what_is_left_of_it() -> None:
    stage = Stage(town("aFb")).tick(anna="request fridge", ben="request fridge")
    watched = ("reservation_active", "in_queue", "use_remaining")
    assert (sees(stage, "anna", *watched), sees(stage, "ben", *watched)) == ((1, 0, 0), (0, 1, 0))
    assert sees(stage.tick(anna="start eat"), "anna", *watched) == (1, 0, 0.666667)  # 2 of 3 ticks
    assert sees(stage.tick(), "anna", *watched) == (1, 0, 0.333333)
    assert sees(stage.tick(), "anna", *watched) == (0, 0, 0)


def way(stage: Stage, goal: str) -> tuple[float, str]:
    """How far a goal is, as seen by anna, and the direction of the next step."""
    steps = [d for d in ("north", "east", "south", "west") if stage.sees("anna", f"path_{goal}_{d}")]
    return stage.sees("anna", f"distance_{goal}"), " ".join(steps)


def test_ways_lead_around_walls_to_what_serves_a_need() -> None:
    # to the tile below the fridge: 2 south, 2 east, 1 north; d / (d + 10)
    stage = Stage(town("a#F", ".#.", "..."))
    assert way(stage, "hunger") == (0.333333, "south")  # 5 / 15
    assert way(stage, "hygiene") == (1, "")  # there is no shower
    assert stage.sees("anna", "served_hunger") == 1
    assert stage.sees("anna", "served_hygiene") == 0
    stage.ticks(2, anna="move south").tick(anna="move east")
    assert way(stage, "hunger") == (0.166667, "east")  # 2 / 12


def test_there_is_no_step_where_one_has_arrived() -> None:
    assert way(Stage(town("aF")), "hunger") == (0, "")


def test_the_way_to_work_leads_into_its_radius() -> None:
    stage = Stage(town("....a", agents=BAKER, jobs=[{**JOB, "radius": 1}], clock=DAY))
    assert way(stage, "work") == (0.230769, "west")  # 3 / 13
    assert way(Stage(town("....a")), "work") == (1, "")


@pytest.mark.parametrize(
    ("wallet", "stock", "hunger", "energy"),
    [
        # energy: the bed, 3 to the west, is better than a meal; a meal is all there is for hunger
        pytest.param(2.0, 3, (1, 0.090909, "east"), (1, 0.230769, "west"), id="all can be had"),
        pytest.param(
            0.25, 3, (0, 0.090909, "east"), (1, 0.230769, "west"), id="no money: the way is shown all the same"
        ),
        pytest.param(2.0, 0, (0, 0.090909, "east"), (1, 0.230769, "west"), id="no meals"),
    ],
)
def test_what_can_be_had_now_is_served(wallet: float, stock: int, hunger: Any, energy: Any) -> None:
    stage = Stage(town("B...a.F"))
    with stage.changing():
        stage.agent("anna").wallet, stage.thing("fridge_1").stock = wallet, stock
    assert (stage.sees("anna", "served_hunger"), *way(stage, "hunger")) == hunger
    assert (stage.sees("anna", "served_energy"), *way(stage, "energy")) == energy


def test_the_second_best_is_shown_when_the_best_cannot_be_had() -> None:
    washing = {"kind": "shower", "duration_ticks": 1, "effects": {"energy": 0.75}, "utility": "water"}
    manifest = {**MANIFEST, "affordances": {**MANIFEST["affordances"], "bathe": washing}}
    cut = [{"kind": "water_outage", "at_tick": 0, "duration_ticks": 2}]
    stage = Stage(town("B..a.S", manifest=manifest, perturbations=cut))
    assert way(stage, "energy") == (0.166667, "west")  # two to the bed: 2 / 12
    assert way(stage.ticks(2), "energy") == (0.090909, "east")  # one step to the shower


def test_the_best_is_shown_where_none_can_be_had() -> None:
    offers = {
        "small": {"kind": "bed", "effects": {"hygiene": 0.25}},
        "big": {"kind": "shower", "effects": {"hygiene": 0.5}},
    }
    costly = {name: {**offer, "duration_ticks": 1, "price": 9.0} for name, offer in offers.items()}
    stage = Stage(town("B..a.S", manifest={"kinds": {"bed": {}, "shower": {}}, "affordances": costly}))
    assert (stage.sees("anna", "served_hygiene"), *way(stage, "hygiene")) == (0, 0.090909, "east")


def test_the_neighbourhood_is_counted_in_shares_of_the_window() -> None:
    stage = Stage(town("a..b.F", "c....F"))
    # a window of 121 tiles: two others, two things; ben is 3 tiles away, cara 1
    assert sees(stage, "anna", "neighbor_agent_ratio", "neighbor_object_ratio") == (round6(2 / 121), round6(2 / 121))
    assert stage.sees("anna", "nearest_agent_distance") == round6(1 / 6)
    assert stage.sees("anna", "reserved_tile_ratio") == 0
    with stage.changing():
        stage.thing("fridge_1").holder, stage.agent("ben").holds = 1, 0
    assert stage.sees("anna", "reserved_tile_ratio") == round6(1 / 121)


def test_nobody_near_is_as_far_as_can_be() -> None:
    stage = Stage(town("a.....b"))
    assert sees(stage, "anna", "nearest_agent_distance", "neighbor_agent_ratio") == (1, 0)


def test_feelings_are_summed_up_over_all_others() -> None:
    stage = Stage(town("abcd", rivalry={"avoid_threshold": 0.5}))
    with stage.changing():
        stage.set_tie("anna", "ben", rivalry=0.5, trust=-0.25, familiarity=0.5)
        stage.set_tie("anna", "cara", rivalry=0.25, trust=0.625, familiarity=0.25)
    names = ("rivalry_max", "rivalry_avoid_count", "social_rivalry_mean", "social_trust_mean", "social_trust_max")
    # sums over the three others: rivals 1, rivalry 0.75, trust 0.375, familiarity 0.75
    assert sees(stage, "anna", *names, "social_familiarity_mean") == (0.5, 0.333333, 0.25, 0.125, 0.625, 0.25)
    assert sees(stage, "dora", *names, "social_familiarity_mean") == (0,) * 6


def test_distrust_alone_shows_no_highest_trust() -> None:
    stage = Stage(town("ab"))
    with stage.changing():
        stage.set_tie("anna", "ben", trust=-0.5)
    assert sees(stage, "anna", "social_trust_max", "social_trust_mean") == (0, -0.5)


def slot(stage: Stage, number: int) -> list[float]:
    return [stage.sees("anna", f"social_slot{number}_d{d}") for d in range(11)]


def test_the_strongest_ties_stand_first_with_what_is_seen_of_them() -> None:
    people = {"anna": {"job": "baker"}, "cara": {"job": "baker"}}
    rows = ("a...", "..b.", "....", "c...", "....")
    stage = Stage(
        town(*rows, agents=people, jobs=[{**JOB, "place": [3, 4]}], clock=DAY, rivalry={"avoid_threshold": 0.5})
    )
    with stage.changing():
        stage.set_tie("anna", "ben", rivalry=0.25, trust=-0.25, familiarity=0.125)  # strength 0.625
        stage.set_tie("anna", "cara", rivalry=0.5, trust=0.25, familiarity=0.0)  # strength 0.75
    # cara, slot 2 of 3: 3 / 3; she is 0 of 4 columns and 3 of 5 rows away: 3 / 6; seen, not using, same job, a rival
    assert slot(stage, 0) == [1, 0.5, 0.25, 0, 0, 0.6, 0.5, 1, 0, 1, 1]
    # ben, slot 1: 2 / 3; 2 of 4 columns, 1 of 5 rows, 2 / 6
    assert slot(stage, 1) == [0.666667, 0.25, -0.25, 0.125, 0.5, 0.2, 0.333333, 1, 0, 0, 0]
    assert slot(stage, 2) == slot(stage, 3) == [0] * 11


def test_who_is_out_of_sight_is_known_and_not_seen() -> None:
    stage = Stage(town("a.....bF"))
    with stage.changing():
        stage.set_tie("anna", "ben", trust=0.5)
    stage.tick(ben="request fridge").tick(ben="start eat")
    assert slot(stage, 0) == [1, 0, 0.5, 0, 0, 0, 1, 0, 0, 0, 0]
    stage.tick(anna="move east")
    assert slot(stage, 0)[4:9] == [0.625, 0, 0.833333, 1, 1]  # 5 of 8 columns; 5 / 6; seen; eating


def test_of_more_ties_than_slots_the_four_strongest_are_shown_in_order() -> None:
    stage = Stage(town("a......", population={"count": 5}))
    strengths = {"citizen_1": 0.25, "citizen_2": 0.125, "citizen_3": 0.5, "citizen_4": 0.375, "citizen_5": 0.25}
    with stage.changing():
        for name, trust in strengths.items():
            stage.set_tie("anna", name, trust=trust)
    shown = [round(6 * slot(stage, number)[0]) - 1 for number in range(4)]
    assert [stage.town.slots[other] for other in shown] == ["citizen_3", "citizen_4", "citizen_1", "citizen_5"]


def test_the_compact_variant_has_no_social_slots() -> None:
    assert not set(SOCIAL) & set(Stage(town("ab", features={"observation": "compact"})).town.features)


def test_this_file_leaves_no_feature_out() -> None:
    told = set(SELF) | set(PATHS) | set(AROUND) | set(SOCIAL)
    assert told == set(Stage(town("ab")).town.features)
    tests = "".join(file.read_text() for file in Path(__file__).parent.rglob("test_*.py"))
    stems = {"path_": GOALS, "distance_": GOALS, "served_": GOALS, "social_slot": ()}
    assert not [name for name in told if name not in tests and not name.startswith(tuple(stems))]


def test_features_stay_near_one() -> None:
    stage = Stage("poc_hybrid").ticks(5)
    seen = stage.frames.features[0, 0]
    assert np.isfinite(seen).all()
    assert np.abs(seen).max() <= 1
