"""The order of a pass: every row once, another order each epoch, blocks together."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from townlet_core.dataset.shuffling import shuffled

SEEDS = st.integers(0, 2**63 - 1)


def order(steps: int, *, seed: int, epoch: int, batch: int = 7, block: int = 16) -> list[int]:
    batches = shuffled(steps, seed=seed, epoch=epoch, batch=batch, block=block)
    return [int(row) for rows in batches for row in rows]


@given(steps=st.integers(1, 500), seed=SEEDS, epoch=SEEDS, batch=st.integers(1, 600), block=st.integers(1, 600))
def test_every_row_comes_exactly_once(steps: int, seed: int, epoch: int, batch: int, block: int) -> None:
    assert sorted(order(steps, seed=seed, epoch=epoch, batch=batch, block=block)) == list(range(steps))


@given(steps=st.integers(1, 500), batch=st.integers(1, 600), seed=SEEDS)
def test_batches_are_full_but_for_the_last(steps: int, batch: int, seed: int) -> None:
    sizes = [len(rows) for rows in shuffled(steps, seed=seed, epoch=1, batch=batch, block=4)]
    full, rest = divmod(steps, batch)
    assert sizes == [batch] * full + [rest] * (rest > 0)


@given(seed=SEEDS, epoch=SEEDS, batch=st.integers(1, 600))
def test_the_order_is_a_matter_of_seed_and_epoch_alone(seed: int, epoch: int, batch: int) -> None:
    assert order(400, seed=seed, epoch=epoch, batch=batch) == order(400, seed=seed, epoch=epoch)


@given(seed=SEEDS, epoch=st.integers(1, 2**40))
def test_another_epoch_or_another_seed_has_another_order(seed: int, epoch: int) -> None:
    # 400 rows in 25 blocks: the chance of the same order is 1 in 25!
    own = order(400, seed=seed, epoch=epoch)
    assert own != order(400, seed=seed, epoch=epoch + 1)
    assert own != order(400, seed=(seed + 1) % 2**63, epoch=epoch)


@given(seed=SEEDS, block=st.integers(2, 40))
def test_rows_of_a_block_stay_together(seed: int, block: int) -> None:
    breaks = np.count_nonzero(np.diff(order(400, seed=seed, epoch=1, block=block)) != 1)
    assert breaks <= -(-400 // block)  # one block fewer than there are at most, with one cut in two by the first


def test_the_same_rows_do_not_begin_a_block_in_every_epoch() -> None:
    begins = [
        {row % 16 for before, row in itertools.pairwise(own) if row != before + 1}
        for own in (order(400, seed=3, epoch=epoch) for epoch in range(8))
    ]
    assert len({frozenset(each) for each in begins}) > 1


def test_single_rows_are_shuffled_in_blocks_of_one() -> None:
    own = order(300, seed=3, epoch=1, block=1)
    assert np.count_nonzero(np.diff(own) == 1) < 10
