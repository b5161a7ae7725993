"""Moments of small towns in words, tick by tick."""

from __future__ import annotations

import numpy as np
import pytest

from tests.towns import HALF, Stage, town
from townlet_core.rollout.playback import moment_of
from townlet_core.rollout.scene import Person, Scene, describe_moment, ground_of

OFFICE = {"id": "clerk", "place": [1, 0], "radius": 1, "start": 2, "end": 8, "wage": 0.1}


def scene(stage: Stage) -> Scene:
    return describe_moment(stage.town, moment_of(stage.worlds, stage.now, stage.frames.alive[0, 0], stage.frames))


def person(stage: Stage, name: str) -> Person:
    return next(person for person in scene(stage).people if person.name == name)


def test_the_ground_has_walls_and_things_in_their_places() -> None:
    ground = ground_of(Stage(town("#####", "#a.F#", "#S..#", "#####")).town)
    assert (ground.width, ground.height) == (5, 4)
    assert ground.walls.tolist()[1] == [True, False, False, False, True]  # a thing is no wall
    assert ground.things == ((0, 3, 1), (1, 1, 2))  # kind, x, y: a fridge, a shower
    assert ground.kinds[1].tolist() == [-1, -1, -1, 0, -1]


def test_people_are_told_with_what_they_are_at() -> None:
    """Anna asks for the shower, is given it, and has a shower that takes two ticks; then she walks off."""
    stage = Stage(town("aS..", "b..."))
    assert [each.deed for each in scene(stage).people] == ["idle", "idle"]
    stage.tick(anna="request shower", ben="request shower")
    assert (person(stage, "anna").deed, person(stage, "anna").thing) == ("has shower_1", 0)
    ben = person(stage, "ben")
    assert (ben.deed, ben.thing, ben.place) == ("waits for shower_1 (1st)", 0, 1)
    stage.tick(anna="start wash")
    anna = person(stage, "anna")
    assert (anna.deed, anna.done, anna.length, anna.told, anna.place) == ("wash", 1, 2, "wash 1/2", 0)
    stage.tick()
    stage.tick(anna="move south" if "move south" in stage.may("anna") else "wait")
    assert person(stage, "ben").deed == "has shower_1"
    assert (person(stage, "anna").length, person(stage, "anna").told) == (0, person(stage, "anna").deed)


@pytest.mark.parametrize(
    ("action", "deed"), [("move east", "walks east"), ("chat", "talks"), ("wait", "idle"), ("release", "idle")]
)
def test_the_last_action_tells_what_else_somebody_is_at(action: str, deed: str) -> None:
    stage = Stage(town("a..", "b.."))
    assert person(stage.tick(anna=action), "anna").deed == deed


def test_things_are_told_with_who_has_them_who_waits_and_what_is_in_them() -> None:
    """Cara comes after ben, so she is second; a fridge holds three meals, a shower nothing."""
    stage = Stage(town("aS.", "bcF"))
    stage.tick(anna="request shower")
    stage.tick(ben="request shower").tick(cara="request shower")
    fridge, shower = (scene(stage).things[stage.town.things.index(name)] for name in ("fridge_1", "shower_1"))
    assert (fridge.holder, fridge.queue, fridge.stock) == (None, (), 3)
    assert (shower.holder, shower.queue, shower.stock) == (0, (1, 2), None)
    assert person(stage, "cara").deed == "waits for shower_1 (2nd)"


def test_who_is_at_work_in_the_hours_works_and_the_shift_is_told() -> None:
    stage = Stage(town("a..b", agents={"anna": {"job": "clerk"}}, jobs=[OFFICE], clock={"ticks_per_day": 10}))
    assert (person(stage, "anna").job, person(stage, "anna").deed) == ("clerk", "idle")
    stage.ticks(3)
    assert (person(stage, "anna").shift, person(stage, "anna").deed) == ("on time", "works")
    assert (person(stage, "ben").job, person(stage, "ben").shift, person(stage, "ben").deed) == (None, None, "idle")


def test_what_happened_is_told_with_whom_it_happened_to() -> None:
    """That ben asked for what anna holds is a conflict; that she began to wash is seen anyway."""
    stage = Stage(town("aS", "b.")).tick(anna="request shower")
    stage.tick(anna="start wash", ben="request shower")
    assert [(each.who, each.what) for each in scene(stage).happenings] == [("ben", "queue conflict")]


def test_who_has_died_is_gone_but_told() -> None:
    stage = Stage(
        town(
            "ab",
            agents={"anna": HALF | {"needs": {"hunger": 0.0}}},
            lifecycle={"faint_after_ticks": 1, "replace": False},
        )
    ).tick()
    assert [each.name for each in scene(stage).people] == ["ben"]
    assert [(each.who, each.what) for each in scene(stage).happenings] == [("anna", "faint")]


def test_who_dies_and_is_replaced_in_one_tick_is_told_by_their_own_name() -> None:
    lifecycle = {"faint_after_ticks": 1, "replace_after_ticks": 0}
    stage = Stage(town("ab", agents={"anna": HALF | {"needs": {"hunger": 0.0}}}, lifecycle=lifecycle)).tick()
    assert [(each.who, each.what) for each in scene(stage).happenings] == [("anna", "faint")]
    assert [(each.name, each.deed) for each in scene(stage).people] == [("anna.2", "idle"), ("ben", "idle")]


def test_newcomers_have_the_names_of_captures() -> None:
    lifecycle = {"faint_after_ticks": 1, "replace": True, "replace_after_ticks": 1}
    stage = Stage(town("ab", agents={"anna": HALF | {"needs": {"hunger": 0.0}}}, lifecycle=lifecycle)).ticks(2)
    assert [each.name for each in scene(stage).people] == ["anna.2", "ben"]


@pytest.mark.parametrize(
    ("clock", "ticks", "told"),
    [
        pytest.param({}, 0, (1, "00:00"), id="midnight"),
        pytest.param({"start_tick": 425}, 1, (1, "07:06"), id="a tick is a minute"),
        pytest.param({"ticks_per_day": 24, "start_tick": 23}, 2, (2, "01:00"), id="a tick is an hour"),
    ],
)
def test_the_day_has_24_hours_however_many_ticks(clock: dict[str, int], ticks: int, told: tuple[int, str]) -> None:
    now = scene(Stage(town("a", clock=clock)).ticks(ticks))
    assert (now.day, now.time) == told


def test_outages_and_prices_are_told_to_all() -> None:
    troubles = [
        {"kind": "power_outage", "at_tick": 0, "duration_ticks": 5},
        {"kind": "price_spike", "at_tick": 0, "duration_ticks": 5, "factor": 1.5},
    ]
    assert scene(Stage(town("a", perturbations=troubles)).tick()).notices == ("no power", "prices × 1.5")


def test_every_moment_of_an_ordinary_town_can_be_told() -> None:
    """Whatever happens, everybody who lives is told once, on a tile of floor of their own."""
    from tests.towns import Scripted

    stage = Scripted("kitchen_breakfast")
    walls = ground_of(stage.town).walls
    for _ in range(60):
        stage.play()
        people = scene(stage).people
        assert len({(each.x, each.y) for each in people}) == len(people) == 2
        assert not any(walls[each.y, each.x] for each in people)
        assert all(np.array(each.needs).min() >= 0 for each in people)
