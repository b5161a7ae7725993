"""The map: what is drawn where, at the edge of the town too, and that packed tiles say the same as planes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.towns import Stage, town
from townlet_core.world.view import planes

ROWS = ("#....", ".a.F.", "...b.", ".S..c")
VARIANTS = ("hybrid", "full", "compact")
CORNER = {(dx, dy) for dx in range(-5, 6) for dy in range(-5, 6)}


@pytest.fixture(params=[False, True], ids=["tiles", "planes"])
def drawn(request: pytest.FixtureRequest) -> bool:
    """Whether kernels draw planes, or pack tiles that are expanded later."""
    return bool(request.param)


def test_the_hybrid_map_shows_oneself_others_things_and_reservations(drawn: bool) -> None:
    stage = Stage(town(*ROWS), planes=drawn).tick(ben="request fridge")
    assert stage.plane("anna", "self") == {(0, 0)}
    assert stage.plane("anna", "agents") == {(2, 1), (3, 2)}
    assert stage.plane("anna", "objects") == {(2, 0), (0, 2)}
    assert stage.plane("anna", "reservations") == {(2, 0)}
    assert stage.plane("cara", "agents") == {(-3, -2), (-1, -1)}


def test_the_full_map_shows_walls_and_kinds_too_and_the_end_of_the_town_as_wall(drawn: bool) -> None:
    stage = Stage(town("#.", "aF", features={"observation": "full"}), planes=drawn)
    inside = {(0, -1), (1, -1), (0, 0), (1, 0)}
    assert stage.plane("anna", "walls") == (CORNER - inside) | {(0, -1)}
    assert stage.plane("anna", "kind_fridge") == stage.plane("anna", "objects") == {(1, 0)}


def test_each_kind_has_its_plane_in_the_full_map(drawn: bool) -> None:
    stage = Stage(town("F.S", ".a.", "S.B", features={"observation": "full"}), planes=drawn)
    assert stage.plane("anna", "kind_shower") == {(1, -1), (-1, 1)}
    assert (stage.plane("anna", "kind_fridge"), stage.plane("anna", "kind_bed")) == ({(-1, -1)}, {(1, 1)})


def test_the_compact_map_reaches_two_tiles(drawn: bool) -> None:
    stage = Stage(town("a.b.c", ".....", "F....", "F....", features={"observation": "compact"}), planes=drawn)
    assert (stage.plane("anna", "agents"), stage.plane("anna", "objects")) == ({(2, 0)}, {(0, 2)})
    assert stage.plane("anna", "self") == {(0, 0)}


def test_the_hybrid_map_reaches_five_tiles(drawn: bool) -> None:
    stage = Stage(town("a....bc"), planes=drawn)
    assert stage.plane("anna", "agents") == {(5, 0)}


def test_the_drawing_is_new_in_each_tick(drawn: bool) -> None:
    stage = Stage(town("a..b"), planes=drawn).tick(ben="move west")
    assert stage.plane("anna", "agents") == {(2, 0)}
    assert stage.plane("ben", "agents") == {(-2, 0)}


@pytest.mark.parametrize("variant", VARIANTS)
def test_tiles_expand_to_the_planes_that_kernels_draw(variant: str) -> None:
    features, people = {"observation": variant}, {"count": 4}
    config = town(*ROWS, features=features, population=people, lifecycle={"faint_after_ticks": 9})
    stages = [Stage(config, planes=flag, seed=2) for flag in (False, True)]
    for stage in stages:
        stage.agent("ben").needs[:] = 0
    for tick in range(14):
        tiles, window = stages[0].frames.tiles[0, 0], stages[1].frames.map[0, 0]
        expanded = planes(tiles, stages[0].town.map_shape)
        present = stages[0].worlds.state.agents["alive"][0] == 1
        assert np.array_equal(expanded[present], window.reshape(expanded.shape)[present])
        for stage in stages:
            stage.tick(anna="move east", ben="request fridge" if tick < 3 else "move west", cara="move north")
    assert stages[0].agent("ben").life == 2


def test_tiles_can_be_expanded_in_any_number_at_once() -> None:
    stage = Stage(town(*ROWS))
    alone = planes(stage.frames.tiles[0, 0, 1], stage.town.map_shape)
    assert np.array_equal(planes(stage.frames.tiles, stage.town.map_shape)[0, 0, 1], alone)
    assert alone.dtype == np.float32
