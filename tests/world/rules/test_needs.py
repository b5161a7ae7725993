"""Needs: they fall with time, at everybody's own pace, to nothing and no further."""

from __future__ import annotations

import pytest

from tests.towns import Stage, town

DECAY = {
    "hunger": {"decay": 0.125, "weight": 1.0},
    "hygiene": {"decay": 0.0625, "weight": 1.0},
    "energy": {"decay": 0.03125, "weight": 1.0},
}


def test_needs_fall_by_their_decay_each_tick() -> None:
    stage = Stage(town("a", needs=DECAY)).ticks(2)
    assert stage.agent("anna").needs.tolist() == [0.25, 0.375, 0.4375]  # 0.5 less 2 * 0.125, 0.0625, 0.03125


def test_needs_stop_at_nothing() -> None:
    stage = Stage(town("a", needs=DECAY, features={"lifecycle": False})).ticks(5)
    assert stage.agent("anna").needs.tolist() == [0.0, 0.1875, 0.34375]


def test_the_pace_of_an_agent_multiplies_the_decay() -> None:
    stage = Stage(town("a", needs=DECAY))
    assert stage.agent("anna").pace.tolist() == [1, 1, 1]  # who is listed lives at the ordinary pace
    stage.agent("anna").pace[:] = (2.0, 0.5, 0.0)
    assert stage.tick().agent("anna").needs.tolist() == [0.25, 0.46875, 0.5]


@pytest.mark.parametrize(
    ("needs", "bottom"),
    [
        pytest.param((0.125, 0.5, 0.5), 1, id="hunger at the limit"),
        pytest.param((0.126, 0.5, 0.126), 0, id="above the limit"),
        pytest.param((0.5, 0.0, 0.5), 0, id="nobody faints of dirt"),
        pytest.param((0.5, 0.5, 0.0), 1, id="energy"),
        pytest.param((0.0, 0.5, 0.0), 1, id="both count once"),
    ],
)
def test_ticks_at_the_bottom_of_hunger_or_energy_are_counted(needs: tuple[float, ...], bottom: int) -> None:
    stage = Stage(town("a", lifecycle={"faint_below": 0.125}))
    stage.agent("anna").needs[:] = needs
    assert stage.tick().agent("anna").bottom == bottom


def test_a_tick_above_the_bottom_begins_the_count_anew() -> None:
    stage = Stage(town("a", lifecycle={"faint_below": 0.125}))
    me = stage.agent("anna")
    me.needs[0] = 0.0
    assert stage.ticks(3).agent("anna").bottom == 3
    me.needs[0] = 0.5
    assert stage.tick().agent("anna").bottom == 0
