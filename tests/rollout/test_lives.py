"""Where lives begin and end, worked out by hand for anna and ben in one world."""

from __future__ import annotations

import numpy as np
import pytest

from townlet_core.rollout.lives import Life, LifeCutter

ANNA, BEN = 0, 1


def cut(*ticks: tuple[str, str], chunks: int = 1) -> list[Life]:
    """Cut lives out of ticks (anna, ben), taken in so many chunks: '.' nobody, '-' somebody lives, 'x' and dies."""
    cutter = LifeCutter(1, 2)
    marks = np.array(ticks)[:, None, :]
    for chunk in np.array_split(marks, chunks):
        cutter.add(chunk != ".", chunk == "x")
    return cutter.lives()


@pytest.mark.parametrize("chunks", [1, 2, 4])
def test_a_life_lasts_until_its_last_tick_however_the_ticks_are_cut_into_chunks(chunks: int) -> None:
    lives = cut(("-", "."), ("-", "-"), ("-", "-"), ("x", "x"), chunks=chunks)
    assert [(life.slot, life.number, life.first, life.stop) for life in lives] == [(ANNA, 1, 0, 4), (BEN, 1, 1, 4)]


def test_a_newcomer_in_the_next_tick_is_another_life() -> None:
    lives = cut(("-", "."), ("x", "."), ("-", "."), ("x", "x"))
    assert [life[:5] for life in lives] == [(0, ANNA, 1, 0, 2), (0, ANNA, 2, 2, 4), (0, BEN, 1, 3, 4)]


def test_a_slot_can_stay_empty_for_a_while() -> None:
    lives = cut(("x", "."), (".", "."), (".", "."), ("x", "."))
    assert [life[1:5] for life in lives] == [(ANNA, 1, 0, 1), (ANNA, 2, 3, 4)]


def test_lives_of_a_tick_each_are_many_lives() -> None:
    lives = cut(("x", "."), ("x", "."), ("x", "."))
    assert [life[1:5] for life in lives] == [(ANNA, 1, 0, 1), (ANNA, 2, 1, 2), (ANNA, 3, 2, 3)]


def test_the_end_row_of_a_life_counts_the_ends_in_the_order_in_which_they_came() -> None:
    lives = cut(("-", "-"), ("-", "x"), ("x", "-"), (".", "x"), chunks=2)
    assert [(life.slot, life.number, life.end_row) for life in lives] == [(ANNA, 1, 1), (BEN, 1, 0), (BEN, 2, 2)]


def test_the_ends_of_a_chunk_are_given_with_tick_world_and_slot() -> None:
    cutter = LifeCutter(1, 2)
    alive = np.ones((2, 1, 2), np.bool_)
    ended = np.array([[[False, True]], [[True, True]]])
    assert cutter.add(alive, ended).tolist() == [[0, 0, BEN], [1, 0, ANNA], [1, 0, BEN]]


def test_nobody_at_all_is_no_life() -> None:
    assert cut((".", "."), (".", ".")) == []


def test_a_life_that_stops_without_an_end_is_a_mistake_of_the_engine() -> None:
    with pytest.raises(ValueError, match="a life stops without having ended"):
        cut(("-", "."), (".", "."))
    with pytest.raises(ValueError, match="the last chunk is over and lives go on"):
        cut(("-", "."), ("-", "."))
