"""Alice and bob, and what they need, in towns where nobody lives."""

from __future__ import annotations

import pytest

from tests.towns import MANIFEST, town
from townlet_core.config.load import config_hash
from townlet_core.config.reach import check_reach
from townlet_core.errors import InputError
from townlet_core.rollout.placeholders import is_empty, seed_agents


def test_a_town_is_empty_without_agents_listed_or_made() -> None:
    assert is_empty(town("..."))
    assert not is_empty(town("a.."))
    assert not is_empty(town("...", population={"count": 1}))


def test_alice_and_bob_come_with_what_their_needs_ask_for() -> None:
    """To eat there must be a fridge, and a stove, as cooking fills it; to wash a shower; to sleep a bed."""
    seeded = seed_agents(town(".....", ".....", "....."))
    assert [(thing.id, thing.kind, thing.at) for thing in seeded.scenario.objects] == [
        ("fridge_1", "fridge", (0, 0)),
        ("stove_1", "stove", (1, 0)),
        ("shower_1", "shower", (2, 0)),
        ("bed_1", "bed", (3, 0)),
    ]
    assert [(agent.id, agent.at) for agent in seeded.scenario.agents] == [("alice", (4, 0)), ("bob", (0, 1))]


def test_what_is_there_already_is_not_placed_again() -> None:
    seeded = seed_agents(town("F.S.B", ".....", "....."))
    assert seeded.scenario.objects == ()
    assert len(seeded.scenario.agents) == 2


@pytest.mark.parametrize(
    ("energy", "placed"),
    [
        pytest.param(0.25, ["shower"], id="half of what sleep gives"),
        pytest.param(0.125, ["shower", "bed"], id="a quarter of what sleep gives"),
    ],
)
def test_a_need_is_served_by_something_half_as_good_as_the_best(energy: float, placed: list[str]) -> None:
    meal = MANIFEST["affordances"]["eat"] | {"effects": {"hunger": 0.5, "energy": energy}}
    manifest = MANIFEST | {"affordances": MANIFEST["affordances"] | {"eat": meal}}
    seeded = seed_agents(town("F....", ".....", ".....", manifest=manifest))
    assert [thing.kind for thing in seeded.scenario.objects] == placed


def test_things_stand_in_nobodys_way() -> None:
    """In the narrow way between the rooms a thing would cut one room off."""
    seeded = seed_agents(town("..#..", ".....", "..#.."))
    assert (2, 1) not in [thing.at for thing in seeded.scenario.objects]
    assert not list(check_reach(seeded.scenario))


def test_alice_and_bob_live_where_there_is_most_room() -> None:
    seeded = seed_agents(town("..#....", "..#....", "..#....", "..#...."))
    assert all(agent.at is not None and agent.at[0] > 2 for agent in seeded.scenario.agents)
    assert all(thing.at[0] > 2 for thing in seeded.scenario.objects)


def test_a_name_that_is_taken_is_not_given_again() -> None:
    """The town has a shower that is called fridge_1, but nothing to eat and no bed."""
    empty = town(".....", ".....", ".....", objects=[{"id": "fridge_1", "kind": "shower", "at": [4, 2]}])
    assert [thing.id for thing in seed_agents(empty).scenario.objects] == ["fridge_1", "fridge_2", "stove_1", "bed_1"]


def test_a_manifest_that_serves_no_need_gives_nothing_to_place() -> None:
    bare = {"kinds": {"bench": {}}, "affordances": {"sit": {"kind": "bench", "duration_ticks": 1}}}
    assert seed_agents(town("..", manifest=MANIFEST | bare)).scenario.objects == ()


@pytest.mark.parametrize(
    ("rows", "whom"),
    [
        pytest.param(("##", "##"), "a fridge", id="walls alone"),
        pytest.param(("F.S.B",), "alice and bob", id="no floor for two in one place"),
    ],
)
def test_a_town_without_room_is_an_error(rows: tuple[str, ...], whom: str) -> None:
    with pytest.raises(InputError) as caught:
        seed_agents(town(*rows))
    assert str(caught.value) == f"small: has no room for {whom}\nhint: give the town a larger floor, or agents"


def test_a_town_that_falls_in_two_is_an_error() -> None:
    """Alice and bob live in the larger part, so nobody could sleep in the bed of the smaller one."""
    with pytest.raises(InputError, match="small: alice and bob cannot live there: 'bed_2' at "):
        seed_agents(town("F.S.B#.", ".....#B", objects=[{"id": "bed_x", "kind": "bed", "at": [4, 1]}]))


def test_the_same_town_is_seeded_in_the_same_way() -> None:
    empty = town(".....", ".....", ".....")
    assert config_hash(seed_agents(empty)) == config_hash(seed_agents(empty))
