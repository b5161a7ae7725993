"""Packed observations: the same rows in memory and in files, which leave nothing behind."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dataset.lives import rows, write_old, write_ours
from tests.disk import longest_file
from townlet_core.dataset.packed import Layout, Packed, is_binary
from townlet_core.dataset.replay import open_dataset
from townlet_core.errors import OutputError, SampleError


@given(
    n=st.integers(1, 1200), size=st.integers(0, 20), features=st.integers(0, 3), actions=st.integers(0, 17),
    binary=st.booleans(), spilled=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_what_was_put_is_taken(
    n: int, size: int, features: int, actions: int, binary: bool, spilled: bool, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    maps = chance.integers(0, 2 if binary else 9, (n, 1, 1, size)).astype(np.float32)
    numbers = chance.random((n, features), np.float32)
    mask = chance.random((n, actions)) < 0.5
    packed = Packed(n, Layout(size, features, actions, binary), memory_bytes=0 if spilled else 2**30, folder=None)
    half = n // 2
    packed.put(half, maps[half:], numbers[half:], mask[half:])
    packed.put(0, maps[:half], numbers[:half], mask[:half])
    packed.keep()
    order = chance.integers(0, n, n)
    seen = packed.take(order)
    np.testing.assert_array_equal(seen.map, maps[order].reshape(n, size))
    np.testing.assert_array_equal(seen.features, numbers[order])
    np.testing.assert_array_equal(seen.action_mask, mask[order])
    packed.close()


def test_an_observation_takes_a_bit_a_tile_and_a_bit_an_action() -> None:
    # 4 x 11 x 11 = 484 tiles in 61 bytes, 95 floats, 30 actions in 4 bytes
    assert Layout(484, 95, 30, binary=True).row_bytes() == 61 + 380 + 4
    assert Layout(484, 95, 30, binary=False).row_bytes() == 484 * 4 + 380 + 4


@pytest.mark.parametrize(("memory_bytes", "spilled"), [(72, False), (71, True)])
def test_what_takes_more_than_the_memory_allowed_goes_into_files(
    tmp_path: Path, memory_bytes: int, spilled: bool
) -> None:
    # three rows and the last observation: 4 x (1 byte of map + 4 floats + 1 byte of mask) = 72 bytes
    with open_dataset([write_ours(tmp_path / "a")], memory_bytes=memory_bytes) as dataset:
        assert dataset.spilled == spilled


def test_files_leave_no_name_behind_even_while_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "spill").mkdir()
    with open_dataset([write_ours(tmp_path / "a")], memory_bytes=0, spill_folder=tmp_path / "spill") as dataset:
        assert list((tmp_path / "spill").iterdir()) == []
        assert dataset.observations(rows(1)).map.tolist() == [[1, 0]]


def test_files_go_when_the_dataset_is_closed(tmp_path: Path) -> None:
    def mapped() -> int:
        return sum(str(tmp_path / "spill") in line for line in Path("/proc/self/maps").read_text().splitlines())

    (tmp_path / "spill").mkdir()
    dataset = open_dataset([write_ours(tmp_path / "a")], memory_bytes=0, spill_folder=tmp_path / "spill")
    assert mapped() == 3
    dataset.close()
    assert mapped() == 0


def test_files_go_when_a_sample_is_refused(tmp_path: Path) -> None:
    (tmp_path / "spill").mkdir()
    old = write_old(tmp_path / "old", {"rewards": np.full(3, np.nan, np.float32)})
    with pytest.raises(SampleError) as caught:
        open_dataset([old], memory_bytes=0, spill_folder=tmp_path / "spill")
    assert caught.traceback, "what went wrong is still looked at, with all that was open then"
    descriptors = Path("/proc/self/fd")
    assert not [each for each in descriptors.iterdir() if str(tmp_path / "spill") in os.path.realpath(each)]


@pytest.mark.parametrize("memory_bytes", [2**20, 0], ids=["memory", "files"])
def test_a_closed_dataset_shows_nothing(tmp_path: Path, memory_bytes: int) -> None:
    dataset = open_dataset([write_ours(tmp_path / "a")], memory_bytes=memory_bytes)
    dataset.close()
    dataset.close()
    with pytest.raises(ValueError, match="the dataset is closed"):
        dataset.observations(rows(0))


# features take 64 bytes: three rows of four floats, and at last one more
@pytest.mark.parametrize("length", [20, 60], ids=["in the middle", "four bytes before the end"])
def test_a_full_disk_is_told_with_a_way_out(tmp_path: Path, length: int) -> None:
    a = write_ours(tmp_path / "a")
    with longest_file(length), pytest.raises(OutputError) as caught:
        open_dataset([a], memory_bytes=0, spill_folder=tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: cannot hold what the captures show: file too large\n"
        "hint: free some space there, set TMPDIR to another folder, or raise replay.memory_mb"
    )


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    a = write_ours(tmp_path / "a")
    with pytest.raises(OutputError, match="nowhere: cannot hold what the captures show: no such file or directory"):
        open_dataset([a], memory_bytes=0, spill_folder=tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("value", "binary"), [(0, True), (1, True), (-0.0, True), (0.5, False), (2, False), (-1, False)]
)
def test_a_map_is_bits_where_it_holds_only_0_and_1(value: float, binary: bool) -> None:
    maps = np.zeros((600, 1, 1, 2), np.float32)
    maps[599, 0, 0, 1] = value
    assert is_binary(maps) == binary
