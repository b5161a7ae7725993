"""The spool gives back each life as it was lived, in any pieces, whatever the chunks were."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from townlet_core.rollout.frames import Frames
from townlet_core.rollout.spool import Sizes, Spool
from townlet_core.world.records import NOTHING

SIZES = Sizes(tiles=2, features=2, actions=3, terms=2, events=1)
WORLDS, SLOTS = 2, 3


class Lived(NamedTuple):
    """A life as it was made up."""

    world: int
    slot: int
    first: int
    stop: int
    dies: bool


def code(tick: int, world: int, slot: int) -> int:
    """A number for what an agent did and saw at a tick, different from all others below a thousand ticks."""
    return 10_000 * world + 1_000 * slot + tick


def a_chunk(lived: list[Lived], first: int, ticks: int) -> Frames:
    """Frames of some ticks, in which each array says where and when it is."""
    at = np.array(
        [[[code(first + t, w, a) for a in range(SLOTS)] for w in range(WORLDS)] for t in range(ticks)], np.float32
    )
    alive, terminated, truncated = (np.zeros((ticks, WORLDS, SLOTS), np.uint8) for _ in range(3))
    end_row = np.full(at.shape, NOTHING, np.int32)
    ends = np.zeros((WORLDS, ticks * SLOTS), np.float32)
    used = np.zeros(WORLDS, np.int32)
    for world, slot, begin, stop, dies in lived:
        alive[max(begin - first, 0) : max(stop - first, 0), world, slot] = 1
        last = stop - 1 - first
        if 0 <= last < ticks:
            (terminated if dies else truncated)[last, world, slot] = 1
            end_row[last, world, slot] = used[world]
            ends[world, used[world]] = code(stop, world, slot)
            used[world] += 1
    after = np.concatenate([at, at[-1:]])  # row T is not recorded: it comes again as row 0, or as an end
    return Frames(
        tiles=spread(after, SIZES.tiles, np.uint8),
        map=np.zeros((*after.shape, 0), np.float32),
        features=spread(after, SIZES.features, np.float32),
        action_mask=spread(after, SIZES.actions, np.uint8) % 2,
        actions=at.astype(np.int16),
        log_probs=-at,
        values=at + 0.5,
        rewards=at / np.float32(4),
        terms=spread(at, SIZES.terms, np.float32),
        events=spread(at, SIZES.events, np.uint8),
        alive=alive,
        terminated=terminated,
        truncated=truncated,
        end_row=end_row,
        ends=used,
        end_tiles=spread(ends, SIZES.tiles, np.uint8),
        end_map=np.zeros((*ends.shape, 0), np.float32),
        end_features=spread(ends, SIZES.features, np.float32),
        end_mask=spread(ends, SIZES.actions, np.uint8) % 2,
    )


def spread(numbers: NDArray[Any], columns: int, kind: type) -> NDArray[Any]:
    """Make rows of numbers that begin with a given one."""
    return (numbers[..., None] + np.arange(columns)).astype(np.int64).astype(kind)


@st.composite
def lives_and_chunks(draw: st.DrawFn) -> tuple[list[Lived], list[int]]:
    """Make up lives, one after another in each slot with gaps between, and the lengths of chunks."""
    chunks = draw(st.lists(st.integers(1, 7), min_size=1, max_size=5))
    ticks, lived = sum(chunks), []
    for world in range(WORLDS):
        for slot in range(SLOTS):
            tick = draw(st.integers(0, 4))
            while tick < ticks:
                stop = min(tick + draw(st.integers(1, 12)), ticks)
                lived.append(Lived(world, slot, tick, stop, dies=stop < ticks or draw(st.booleans())))
                tick = stop + draw(st.integers(0, 3))
    return lived, chunks


def chunks_of(lived: list[Lived], lengths: list[int]) -> Iterator[Frames]:
    first = 0
    for ticks in lengths:
        yield a_chunk(lived, first, ticks)
        first += ticks


@given(made=lives_and_chunks(), piece=st.integers(1, 9))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_life_comes_back_as_it_was_lived(tmp_path: Path, made: tuple[list[Lived], list[int]], piece: int) -> None:
    lived, lengths = made
    with Spool(tmp_path, SIZES, worlds=WORLDS, slots=range(SLOTS)) as spool:
        for frames in chunks_of(lived, lengths):
            spool.add(frames)
        lives = spool.lives()
        assert [(life.world, life.slot, life.first, life.stop) for life in lives] == [life[:4] for life in lived]
        for life, (world, slot, first, stop, dies) in zip(lives, lived, strict=True):
            codes = np.array([code(tick, world, slot) for tick in range(first, stop)])
            features = list(spool.pieces("features", life, ticks=piece))
            assert all(len(part) == piece for part in features[:-1])
            assert np.concatenate(features).tolist() == spread(codes, 2, np.float32).tolist()
            tiles = np.concatenate(list(spool.pieces("tiles", life, ticks=piece)))
            assert tiles.tolist() == spread(codes, 2, np.uint8).tolist()
            masks = np.concatenate(list(spool.pieces("action_mask", life)))
            assert masks.tolist() == (spread(codes, 3, np.uint8) % 2).tolist()
            columns = spool.columns(life)
            assert columns["actions"].tolist() == codes.astype(np.int16).tolist()
            assert columns["log_probs"].tolist() == (-codes).tolist()
            assert columns["terms"].tolist() == spread(codes, 2, np.float32).tolist()
            assert columns["terminated"].tolist() == [0] * (stop - first - 1) + [dies]
            assert columns["truncated"].tolist() == [0] * (stop - first - 1) + [not dies]
            end = spool.end(life)
            assert end["features"].tolist() == [code(stop, world, slot), code(stop, world, slot) + 1]


def test_one_slot_can_be_recorded_alone(tmp_path: Path) -> None:
    lived = [Lived(0, 0, 0, 4, dies=False), Lived(1, 2, 1, 3, dies=True), Lived(1, 2, 3, 4, dies=False)]
    with Spool(tmp_path, SIZES, worlds=WORLDS, slots=[2]) as spool:
        for frames in chunks_of(lived, [3, 1]):
            spool.add(frames)
        first, second = spool.lives()
        assert (first.world, first.slot, first.first, first.stop) == (1, 0, 1, 3)
        assert (second.number, second.first) == (2, 3)
        assert spool.columns(first)["log_probs"].tolist() == [-code(1, 1, 2), -code(2, 1, 2)]
        assert spool.end(second)["features"][0] == code(4, 1, 2)
    assert os.path.getsize(tmp_path / "features") == WORLDS * 1 * 4 * 2 * 4  # worlds, slots, ticks, features, bytes


def test_five_files_are_enough_for_any_number_of_agents(tmp_path: Path) -> None:
    with Spool(tmp_path, SIZES, worlds=WORLDS, slots=range(SLOTS)) as spool:
        spool.add(a_chunk([], 0, 1))
        assert spool.lives() == []
    assert sorted(os.listdir(tmp_path)) == ["action_mask", "columns", "ends", "features", "tiles"]


def test_a_spool_that_somebody_has_cut_short_is_noticed(tmp_path: Path) -> None:
    with Spool(tmp_path, SIZES, worlds=WORLDS, slots=range(SLOTS)) as spool:
        spool.add(a_chunk([Lived(1, 2, 0, 5, dies=True)], 0, 5))
        (life,) = spool.lives()
        os.truncate(tmp_path / "columns", 100)
        with pytest.raises(EOFError, match="the spool's columns are shorter than they were"):
            spool.columns(life)


@pytest.mark.filterwarnings("error")
def test_a_spool_that_cannot_open_all_of_its_files_leaves_none_open(tmp_path: Path) -> None:
    (tmp_path / "columns").mkdir()
    before = os.listdir("/proc/self/fd")
    with pytest.raises(IsADirectoryError):
        Spool(tmp_path, SIZES, worlds=WORLDS, slots=range(SLOTS))
    assert os.listdir("/proc/self/fd") == before
    gc.collect()  # a file that nobody has closed would complain now
