"""The scenarios of a few people with schedules: each does what its description says, tick by tick."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests.scenarios.stories import Story, tell


def story(name: str) -> Any:
    """Make a fixture that captures a scenario once for all tests of this file."""

    @pytest.fixture(scope="module", name=name)
    def captured(tmp_path_factory: pytest.TempPathFactory) -> Story:
        return tell(name, tmp_path_factory.mktemp("stories") / name)

    return captured


kitchen_breakfast = story("kitchen_breakfast")
queue_conflict = story("queue_conflict")
employment_punctuality = story("employment_punctuality")
rivalry_decay = story("rivalry_decay")
observation_baseline = story("observation_baseline")


def test_breakfast_is_cooked_and_eaten_and_shared(kitchen_breakfast: Story) -> None:
    # Both start to cook at tick 10, for 40 ticks. The fridge is theirs then; they step up to it and start to eat at
    # tick 51, for 15. Ben, who has had the first shower, is 5 ticks ahead the second time.
    assert kitchen_breakfast.everybody("meal_cooked") == {"alice": [49, 185], "ben": [49, 180]}
    assert kitchen_breakfast.everybody("meal_eaten") == {"alice": [65, 201], "ben": [65, 196]}
    # Alice's use ends first in tick 65, with Ben still at his.
    assert kitchen_breakfast.everybody("shared_meal") == {"alice": [65], "ben": [196]}
    assert set(kitchen_breakfast.everybody("shower_taken")) == {"alice", "ben"}
    for name, chats in (("alice", 1), ("ben", 2)):  # at the end alice is still in the shower
        talk = [kitchen_breakfast.everybody(event).get(name, []) for event in ("chat_success", "chat_failure")]
        assert sum(map(len, talk)) == chats, name


def test_breakfast_costs_what_its_parts_cost(kitchen_breakfast: Story) -> None:
    # Two of each: ingredients 0.15, a meal 0.4, a shower 0.2; they had 2.
    for person in kitchen_breakfast.people.values():
        assert person.wallet(-1) == pytest.approx(2 - 2 * (0.15 + 0.4 + 0.2), abs=0.001)


def test_breakfast_makes_them_less_hungry(kitchen_breakfast: Story) -> None:
    # Alice: 0.5 - 66 ticks of 0.004 + 0.1 for tasting + 0.4 for eating.
    hunger = kitchen_breakfast.people["alice"].feature("need_hunger")
    assert hunger[66] == pytest.approx(0.5 - 66 * 0.004 + 0.5, abs=1e-5)
    assert all(min(person.feature("need_energy")) > 0.3 for person in kitchen_breakfast.people.values())


def test_relief_at_breakfast_sums_to_how_much_better_off_they_end(kitchen_breakfast: Story) -> None:
    # Alice's weighted squares of what is missing are 0.5^2 * 1 + 0.4^2 * 0.6 + 0 at first, less what they are at last.
    alice = kitchen_breakfast.people["alice"]
    last = [alice.feature(f"need_{need}")[-1] for need in ("hunger", "hygiene", "energy")]
    missing = sum(weight * (1 - need) ** 2 for weight, need in zip((1.0, 0.6, 0.8), last, strict=True))
    assert sum(alice.term("shaping")) == pytest.approx(0.25 + 0.096 - missing, abs=1e-4)


def test_the_shower_is_contested_and_who_stalls_is_rotated(queue_conflict: Story) -> None:
    assert set(queue_conflict.everybody("queue_conflict")) == {"anna", "ben", "cara"}
    # Cara holds the shower from tick 1 on and does not start. Anna queues at tick 5: stalled at 5, 6 and 7.
    assert queue_conflict.people["anna"].when("queue_conflict")[0] == 5
    assert queue_conflict.people["cara"].when("ghost_step")[0] == 7
    assert queue_conflict.people["anna"].when("affordance_start")[0] == 8
    assert set(queue_conflict.everybody("ghost_step")) == {"cara"}
    assert len(queue_conflict.everybody("handover")) == 3


def test_nobody_is_interrupted_in_the_shower(queue_conflict: Story) -> None:
    assert not queue_conflict.everybody("affordance_fail")
    uses = sorted(use for person in queue_conflict.people.values() for use in person.uses())
    assert len(uses) >= 6
    assert all(last - first == 29 for first, last in uses), "30 ticks each"
    assert all(end < begin for (_, end), (begin, _) in pairwise(uses)), "one after the other"
    for person in queue_conflict.people.values():
        assert not np.any(person.feature("use_remaining")[person.when("ghost_step")])


def test_on_both_days_one_clerk_is_on_time_and_the_other_late(employment_punctuality: Story) -> None:
    # The shift begins at ticks 60 and 300; there are 5 ticks of grace; Bob comes at 85, and at 324 on the second day.
    assert employment_punctuality.everybody("shift_on_time") == {"ann": [60, 300]}
    assert employment_punctuality.everybody("shift_late") == {"bob": [65, 305]}
    assert employment_punctuality.everybody("late_help") == {"ann": [85, 324]}
    assert not employment_punctuality.everybody("shift_absent")


def test_being_late_costs_a_fine_and_the_wages_of_the_time_away(employment_punctuality: Story) -> None:
    ann, bob = employment_punctuality.people["ann"], employment_punctuality.people["bob"]
    assert (bob.wallet(65), bob.wallet(66)) == (2.0, 1.7), "the fine is 0.3"
    # From tick 85 to 159 Bob is there: 75 ticks of 0.02; a meal afterwards costs 0.4.
    assert bob.wallet(160) == pytest.approx(1.7 + 75 * 0.02, abs=0.001)
    assert bob.wallet(305) == pytest.approx(3.2 - 0.4, abs=0.001)
    assert bob.wallet(306) == pytest.approx(2.8 - 0.3, abs=0.001)
    # On the second day he is there from 324 to 399.
    assert bob.wallet(-1) == pytest.approx(2.5 + 76 * 0.02 - 0.4, abs=0.001)
    assert ann.wallet(-1) == pytest.approx(2 + 2 * (100 * 0.02 - 0.4), abs=0.001)
    assert np.flatnonzero(bob.term("lateness")).tolist() == [65, 305]
    assert not ann.term("lateness").any()
    assert bob.feature("lateness_counter")[[65, 66, 306]].tolist() == pytest.approx([0, 1 / 4, 2 / 5])


def test_rivalry_rises_above_the_threshold_and_decays_to_nothing(rivalry_decay: Story) -> None:
    # Tick 2: Eli asks for what Dana holds, 0.3. Tick 3: a ghost step, 0.3 x 1.5. Each tick takes 0.006.
    # Tick 33: an orderly handover takes 0.05. What a tick brings is seen in the next.
    quarrel = 0.3 + 0.45 - 2 * 0.006
    relieved = quarrel - 30 * 0.006 - 0.05
    assert (rivalry_decay.people["eli"].when("queue_conflict"), rivalry_decay.everybody("ghost_step")) == (
        [2],
        {"dana": [3]},
    )
    for person in rivalry_decay.people.values():
        rivalry = person.feature("rivalry_max")
        assert rivalry[:5] == pytest.approx([0, 0, 0, 0.294, quarrel], abs=1e-5)
        assert rivalry[34] == pytest.approx(relieved, abs=1e-5)
        assert rivalry.max() == pytest.approx(0.738, abs=1e-5)
        # 0.508 - 2 x 0.006 is the first below 0.5; 85 x 0.006 the first above 0.508.
        assert np.flatnonzero(person.feature("rivalry_avoid_count")).tolist() == list(range(4, 36))
        assert np.flatnonzero(rivalry).tolist() == list(range(3, 34 + 85))


def test_the_neighbours_keep_apart_and_shower_in_peace_when_it_is_over(rivalry_decay: Story) -> None:
    showers = rivalry_decay.everybody("shower_taken")
    assert {name: len(ticks) for name, ticks in showers.items()} == {"dana": 2, "eli": 2}
    assert len(rivalry_decay.everybody("queue_conflict")) == 1
    assert set(rivalry_decay.everybody("bench_sat")) == {"dana", "eli"}


def test_nothing_happens_in_the_baseline(observation_baseline: Story) -> None:
    iris = observation_baseline.people["iris"].sample
    assert not iris.events.any()
    assert not iris.actions.any(), "she only waits"
    assert observation_baseline.warnings() == {"only_waits", "no_events"}


def test_the_rewards_of_the_baseline_are_those_of_falling_needs(observation_baseline: Story) -> None:
    # Needs fall from 0.9 by 0.004, 0.002 and 0.003 a tick.
    # A tick brings 0.04 for living, less 0.05 x the weighted squares of what is missing.
    missing = 0.1 + np.outer(np.arange(1, 61), [0.004, 0.002, 0.003])
    by_hand = 0.04 - 0.05 * (missing**2 @ [1.0, 0.6, 0.8])
    iris = observation_baseline.people["iris"]
    assert iris.sample.rewards == pytest.approx(by_hand, abs=1e-6)
    assert iris.sample.truncated.tolist() == [False] * 59 + [True]
