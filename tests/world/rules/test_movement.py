"""Walking: one tile a tick, only onto tiles that were free when the tick began."""

from __future__ import annotations

import pytest

from tests.towns import Stage, town


@pytest.mark.parametrize(
    ("direction", "tile"), [("north", (1, 0)), ("east", (2, 1)), ("south", (1, 2)), ("west", (0, 1))]
)
def test_a_step_leads_one_tile_in_its_direction(direction: str, tile: tuple[int, int]) -> None:
    stage = Stage(town("...", ".a.", "..."))
    assert stage.tick(anna=f"move {direction}").at("anna") == tile


@pytest.mark.parametrize(
    ("rows", "direction"),
    [
        pytest.param(("#", "a"), "north", id="a wall"),
        pytest.param(("aF",), "east", id="a thing"),
        pytest.param(("ab",), "east", id="somebody"),
        pytest.param(("a",), "north", id="the northern edge"),
        pytest.param(("a",), "east", id="the eastern edge"),
        pytest.param(("a",), "south", id="the southern edge"),
        pytest.param(("a",), "west", id="the western edge"),
    ],
)
def test_nobody_walks_into_what_is_in_the_way_and_whoever_tries_waits(rows: tuple[str, ...], direction: str) -> None:
    stage = Stage(town(*rows))
    before = stage.at("anna")
    assert f"move {direction}" not in stage.may("anna")
    stage.tick(anna=f"move {direction}")
    assert (stage.at("anna"), stage.events("anna")) == (before, {"invalid_action": 1})


def test_two_cannot_swap_places() -> None:
    stage = Stage(town("ab")).tick(anna="move east", ben="move west")
    assert (stage.at("anna"), stage.at("ben")) == ((0, 0), (1, 0))
    assert stage.events("anna") == stage.events("ben") == {"invalid_action": 1}


def test_nobody_follows_closely_since_the_tile_was_taken_when_the_tick_began() -> None:
    stage = Stage(town("ab.")).tick(anna="move east", ben="move east")
    assert (stage.at("anna"), stage.at("ben")) == ((0, 0), (2, 0))
    assert stage.tick(anna="move east").at("anna") == (1, 0)


@pytest.mark.parametrize(
    ("tick", "winner"),
    [
        # an agent's rank is (slot + tick) mod 3: at tick 0 it is 0 1 2, at tick 1 it is 1 2 0, at tick 2 it is 2 0 1
        pytest.param(0, "anna", id="tick 0"),
        pytest.param(1, "cara", id="tick 1"),
        pytest.param(2, "ben", id="tick 2"),
        pytest.param(3, "anna", id="tick 3"),
    ],
)
def test_the_right_of_way_rotates_with_time(tick: int, winner: str) -> None:
    stage = Stage(town("a.b", "#c#")).ticks(tick)
    stage.tick(anna="move east", ben="move west", cara="move north")
    assert [name for name in stage.town.slots if stage.at(name) == (1, 0)] == [winner]
    assert all(stage.events(name) == {} for name in stage.town.slots)  # who lost was allowed to try


def test_a_claim_is_forgotten_after_the_tick() -> None:
    stage = Stage(town("a.b"))
    stage.tick(anna="move east", ben="move west")  # anna comes first at tick 0
    stage.tick(anna="move west").tick(ben="move west")
    assert (stage.at("anna"), stage.at("ben")) == ((0, 0), (1, 0))
