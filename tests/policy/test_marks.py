"""Maps as lists: what is on them, picked out, multiplied, and the way back."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from townlet_core.policy.marks import Marks, list_marks, sum_rows, sum_rows_back

TILES = 7
MAPS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.just(TILES)),
    elements=st.sampled_from([0.0, 0.0, 0.0, 1.0, -2.0, 0.5]),
)


def drawn(marks: Marks) -> torch.Tensor:
    """Draw listed maps again."""
    maps = torch.zeros(len(marks.starts) - 1, TILES)
    for number in range(len(maps)):
        for at in range(marks.starts[number], marks.starts[number + 1]):
            maps[number, marks.cells[at]] = marks.worths[at]
    return maps


def test_a_list_names_each_tile_that_is_not_empty_and_what_stands_there() -> None:
    """The second map is empty; the third has a half on its tile 6."""
    maps = np.zeros((3, TILES), np.float32)
    maps[0, [1, 4]] = 1
    maps[2, 6] = 0.5
    marks = list_marks(maps)
    assert [part.tolist() for part in marks] == [[1, 4, 6], [1.0, 1.0, 0.5], [0, 2, 2, 3]]


def test_the_axes_before_the_last_are_taken_as_one() -> None:
    maps = np.zeros((2, 2, TILES), np.float32)
    maps[1, 0, 3] = 1
    assert list_marks(maps).starts.tolist() == [0, 0, 0, 1, 1]


@given(MAPS)
def test_what_is_listed_can_be_drawn_again(maps: np.ndarray) -> None:
    assert torch.equal(drawn(list_marks(maps)), torch.from_numpy(maps))


@given(MAPS, st.data())
def test_maps_are_taken_in_any_order_and_more_than_once(maps: np.ndarray, data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(0, len(maps) - 1), min_size=1, max_size=9))
    assert torch.equal(drawn(list_marks(maps).take(torch.tensor(numbers))), torch.from_numpy(maps[numbers]))


@given(MAPS, st.data())
def test_maps_are_taken_in_groups(maps: np.ndarray, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(maps)))
    groups = data.draw(st.lists(st.integers(0, len(maps) // size - 1), min_size=1, max_size=5))
    wanted = np.concatenate([maps[size * group : size * (group + 1)] for group in groups])
    assert torch.equal(drawn(list_marks(maps).take(torch.tensor(groups), size)), torch.from_numpy(wanted))


@given(MAPS)
def test_a_list_is_multiplied_as_the_map_would_be_and_so_is_its_gradient(maps: np.ndarray) -> None:
    g = torch.Generator().manual_seed(len(maps))
    weights, gradient = torch.randn(TILES, 3, generator=g), torch.randn(len(maps), 3, generator=g)
    marks, dense = list_marks(maps), torch.from_numpy(maps)
    torch.testing.assert_close(sum_rows(marks, weights), dense @ weights)
    by_weights = torch.full((TILES, 3), 7.0)
    sum_rows_back(marks, gradient, by_weights)
    torch.testing.assert_close(by_weights, dense.T @ gradient)
