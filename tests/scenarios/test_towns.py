"""The scenarios whose people follow their needs and their jobs: everybody lives a sensible life."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.scenarios.stories import Story, tell
from townlet_core.config.load import load_town
from townlet_core.policy.decision import find_policy
from townlet_core.rollout.collect import collect
from townlet_core.world.town import compile_town

FOOD = ("meal_eaten", "snack_eaten", "coffee_drunk")


@pytest.fixture(scope="module")
def poc_hybrid(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return tell("poc_hybrid", tmp_path_factory.mktemp("stories") / "poc_hybrid")


def test_the_small_town_is_as_described() -> None:
    town = compile_town(load_town("poc_hybrid"))
    assert 6 <= len(town.slots) <= 10
    assert town.tables.ground.shape == (48 + 10, 48 + 10), "48 x 48 and the frame"
    assert {"bed", "stall", "counter", "desk", "bench"} <= set(town.kinds), "homes, shop, cafe, office, park"


def test_everybody_in_the_small_town_eats_sleeps_washes_and_talks(poc_hybrid: Story) -> None:
    everybody = set(poc_hybrid.people)
    assert len(everybody) == 8
    assert set().union(*(poc_hybrid.everybody(event) for event in FOOD)) == everybody
    for event in ("slept", "shower_taken", "chat_success"):
        assert set(poc_hybrid.everybody(event)) == everybody


def test_everybody_in_the_small_town_works_on_both_days(poc_hybrid: Story) -> None:
    assert not poc_hybrid.everybody("shift_absent")
    for person in poc_hybrid.people.values():
        assert len(person.when("shift_on_time")) + len(person.when("shift_late")) == 2
        assert person.feature("attendance_ratio")[-1] > 0.7


def test_nobody_in_the_small_town_faints_in_any_of_many_worlds() -> None:
    town = compile_town(load_town("poc_hybrid"))
    (frames,) = collect(
        town, worlds=16, seed=1, policy=find_policy("scripted"), ticks=town.horizon, chunk_ticks=town.horizon
    )
    assert not frames.terminated.any()
    assert frames.alive.all()


def test_most_people_in_the_market_town_live_through_the_day() -> None:
    town = compile_town(load_town("market_town"))
    people = len(town.slots)
    assert people >= 200
    fainted = np.zeros(people)
    happened = np.zeros((people, len(town.events)))
    for frames in collect(town, worlds=2, seed=2, policy=find_policy("scripted"), ticks=town.horizon):
        fainted += frames.terminated.sum((0, 1))
        happened += frames.events.sum((0, 1))
    assert fainted.sum() <= 0.02 * 2 * people
    count = dict(zip(town.events, happened.T, strict=True))
    assert (np.sum([count[event] for event in FOOD], axis=0) > 0).mean() > 0.95
    for event in ("slept", "shower_taken", "chat_success", "affordance_finish"):
        assert (count[event] > 0).mean() > 0.95, event
    assert count["shift_absent"].sum() < 0.25 * (count["shift_on_time"] + count["shift_late"]).sum()


def test_a_life_in_the_market_town_can_be_captured(tmp_path: Path) -> None:
    story = tell("market_town", tmp_path / "market", agent="citizen_1")
    citizen = story.people["citizen_1"]
    assert len(citizen.when("shift_on_time")) + len(citizen.when("shift_late")) == 1
    assert citizen.uses()


def test_the_template_can_be_captured(tmp_path: Path) -> None:
    story = tell("_template", tmp_path / "template")
    assert story.people["anna"].when("shift_on_time") == [120]  # 9 o'clock, as the episode begins at 7
    assert {name: len(ticks) > 1 for name, ticks in story.everybody("meal_eaten").items()} == dict.fromkeys(
        ("anna", "ben"), True
    )
    assert not story.everybody("faint")
