"""Where one can walk: regions of floor."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from townlet_core.config.ground import Ground, lay_ground
from townlet_core.config.regions import Regions
from townlet_core.config.scenario import Horizon, Scenario
from townlet_core.config.town import Thing, TownMap

# Anna's room, a wall with the fridge in it, and a room that is joined to nothing but a corner of hers.
ROWS = ("..#..", "..F..", "###.#", "....#")


def ground(rows: tuple[str, ...]) -> Ground:
    drawing = TownMap(rows=rows, legend={"F": "fridge"})
    return lay_ground(Scenario(name="tiny", scenario=Horizon(ticks=1), map=drawing))


def test_walls_and_things_part_the_floor() -> None:
    regions = Regions(ground(ROWS))
    west, east = regions.at(0, 0), regions.at(4, 0)
    assert west is not None
    assert east is not None
    assert west != east
    assert regions.at(1, 1) == west
    assert regions.at(0, 3) == east, "by way of the door at [3, 2]"
    assert regions.at(2, 1) is None, "the fridge is solid"
    assert regions.at(2, 0) is None, "a wall"
    assert [regions.at(*tile) for tile in ((-1, 0), (5, 0), (0, -1), (0, 4))] == [None] * 4
    assert regions.floor == 13
    assert regions.sizes() == {west: 4, east: 9}


def test_things_are_used_from_all_around() -> None:
    regions = Regions(ground(("...", ".F#", ".#.")))
    outside, corner = regions.at(0, 0), regions.at(2, 2)
    assert regions.within(1, 1, 1) == {outside, corner}
    assert regions.within(2, 2, 0) == {corner}


def flood(rows: list[str], start: tuple[int, int]) -> set[tuple[int, int]]:
    seen, edge = {start}, [start]
    while edge:
        x, y = edge.pop()
        for dx, dy in ((0, -1), (1, 0), (0, 1), (-1, 0)):
            tile = x + dx, y + dy
            inside = 0 <= tile[1] < len(rows) and 0 <= tile[0] < len(rows[0])
            if inside and rows[tile[1]][tile[0]] == "." and tile not in seen:
                seen.add(tile)
                edge.append(tile)
    return seen


@given(
    st.integers(1, 8).flatmap(
        lambda width: st.lists(st.text("..#F", min_size=width, max_size=width), min_size=1, max_size=8)
    )
)
def test_two_tiles_are_in_one_region_just_if_one_can_walk_between_them(rows: list[str]) -> None:
    regions = Regions(ground(tuple(rows)))
    floor = {(x, y) for y, row in enumerate(rows) for x, tile in enumerate(row) if tile == "."}
    assert regions.floor == len(floor)
    for tile in floor:
        assert {other for other in floor if regions.at(*other) == regions.at(*tile)} == flood(rows, tile)


def test_things_are_named_in_reading_order_and_listed_ones_follow() -> None:
    drawing = TownMap(rows=(".B.F", "B..F"), legend={"F": "fridge", "B": "bed"})
    cot = Thing(id="cot", kind="bed", at=(0, 0))
    laid = lay_ground(Scenario(name="tiny", scenario=Horizon(ticks=1), map=drawing, objects=(cot,)))
    assert [(thing.id, thing.at) for thing in laid.things] == [
        ("bed_1", (1, 0)),
        ("fridge_1", (3, 0)),
        ("bed_2", (0, 1)),
        ("fridge_2", (3, 1)),
        ("cot", (0, 0)),
    ]
    assert (laid.width, laid.height, laid.walls) == (4, 2, ((False,) * 4,) * 2)


def test_an_open_field_has_no_walls() -> None:
    field = TownMap(width=3, height=2)
    laid = lay_ground(Scenario(name="tiny", scenario=Horizon(ticks=1), map=field))
    assert laid == Ground(3, 2, ((False,) * 3,) * 2, ())
