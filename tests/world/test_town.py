"""Compiling a town: names become numbers, once, and stay what they are."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.towns import MANIFEST, Stage, town
from townlet_core.config.events import CORE_EVENTS
from townlet_core.config.find import list_scenarios
from townlet_core.config.load import load_town
from townlet_core.world.features import FEATURES
from townlet_core.world.records import FIRST_REQUEST, PAD
from townlet_core.world.town import compile_town


def test_actions_are_the_fixed_ones_then_requests_by_kind_then_starts_by_affordance() -> None:
    actions = compile_town(town("aBF")).actions
    assert actions.names == (
        "wait",
        "move north",
        "move east",
        "move south",
        "move west",
        "release",
        "chat",
        "request fridge",  # in the order of the manifest, which has the fridge before the bed
        "request bed",
        "start eat",
        "start sleep",
    )
    assert actions.names[FIRST_REQUEST] == "request fridge"


def test_actions_are_found_by_their_json_with_sorted_keys() -> None:
    actions = compile_town(town("aBF")).actions
    assert list(actions.lookup)[:2] == ['{"kind": "wait"}', '{"direction": "north", "kind": "move"}']
    assert actions.lookup['{"kind": "request", "object_kind": "fridge"}'] == 7
    assert actions.lookup['{"affordance": "sleep", "kind": "start"}'] == 10
    assert list(actions.lookup.values()) == list(range(11))
    assert all(json.dumps(json.loads(key), sort_keys=True) == key for key in actions.lookup)


def test_kinds_that_are_not_there_have_no_actions() -> None:
    assert compile_town(town("a")).actions.names[FIRST_REQUEST:] == ()


def test_events_are_the_core_ones_then_those_of_the_manifest_each_once() -> None:
    twice = {**MANIFEST["affordances"]["cook"], "event": "meal_eaten"}
    manifest = {**MANIFEST, "affordances": {**MANIFEST["affordances"], "cook": twice}}
    assert compile_town(town("aFCS", manifest=manifest)).events == (*CORE_EVENTS, "meal_eaten")
    assert compile_town(town("aS")).events == tuple(CORE_EVENTS)


def test_slots_are_the_agents_listed_then_those_made() -> None:
    compiled = compile_town(town("ab..", population={"count": 2, "prefix": "guest", "jobs": ["baker"]}, jobs=[JOB]))
    assert compiled.slots == ("anna", "ben", "guest_1", "guest_2")
    assert compiled.tables.slots["job"].tolist() == [-1, -1, 0, 0]
    assert compiled.tables.slots["made"].tolist() == [0, 0, 1, 1]


JOB = {"id": "baker", "place": [0, 0], "start": 1, "end": 9}


def test_jobs_of_made_agents_are_given_in_turn() -> None:
    jobs = [JOB, {**JOB, "id": "cook"}]
    made = compile_town(town(".....", population={"count": 3, "jobs": ["cook", "baker"]}, jobs=jobs))
    assert made.tables.slots["job"].tolist() == [1, 0, 1]


def test_the_ground_is_walls_and_things_in_a_frame_of_solid_tiles() -> None:
    ground = compile_town(town("a#F")).tables.ground
    assert ground.shape == (1 + 2 * PAD, 3 + 2 * PAD)
    # floor; a wall: solid 8; a thing of kind 0: solid 8, object 2, kind 1 * 16
    assert ground[PAD, PAD : PAD + 3].tolist() == [0, 8, 26]
    assert (np.delete(ground, PAD, 0) == 8).all()


def test_a_thing_may_have_another_stock_than_its_kind() -> None:
    listed = [{"id": "pantry", "kind": "fridge", "at": [1, 0], "stock": 5}]
    compiled = compile_town(town("a.F", objects=listed))
    assert compiled.things == ("fridge_1", "pantry")  # the drawn ones come first
    assert compiled.tables.spots["stock"].tolist() == [3, 5]


def test_what_serves_a_need_stands_in_the_order_of_its_effect() -> None:
    compiled = compile_town(town("aFBCS"))
    assert compiled.affordances == ("eat", "cook", "wash", "sleep")
    # energy: sleep + 0.5, then eat + 0.125; cooking takes some
    assert compiled.tables.serves.tolist() == [[0, -1, -1, -1], [2, -1, -1, -1], [3, 0, -1, -1]]


@pytest.mark.parametrize("variant", ["hybrid", "full", "compact"])
def test_each_variant_has_its_map_and_features(variant: str) -> None:
    compiled = compile_town(town("aFB", features={"observation": variant}))
    channels = ("self", "agents", "objects", "reservations")
    full = ("walls", "kind_fridge", "kind_bed")
    assert compiled.channels == (channels + full if variant == "full" else channels)
    assert compiled.map_shape == {"hybrid": (4, 11, 11), "full": (7, 11, 11), "compact": (4, 5, 5)}[variant]
    assert compiled.features == tuple(FEATURES[variant])


@pytest.mark.parametrize("name", list_scenarios())
def test_every_shipped_scenario_can_be_compiled_and_begun(name: str) -> None:
    stage = Stage(name)
    assert all(stage.agent(slot).alive or stage.agent(slot).enters > 0 for slot in stage.town.slots)
    assert stage.town.horizon == load_town(name).scenario.scenario.ticks


@pytest.mark.parametrize("rows", [("a",), ("aF",), ("aF", ".."), (".", "a")])
def test_all_arrays_have_one_layout_so_that_kernels_are_compiled_once(rows: tuple[str, ...]) -> None:
    stage = Stage(town(*rows))
    worlds = stage.worlds
    for arrays in (stage.town.tables, worlds.state, worlds._scratch[0], stage.frames):
        for name, array in arrays._asdict().items():
            assert array.flags.c_contiguous, name
            assert array.flags.writeable, name
