"""A log and its segments are one stream in the order of their records, however they were rotated."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.telemetry.epochs import record
from tests.telemetry.reading import check, epochs, oldest, ours, theirs, write
from townlet_core.errors import InputError
from townlet_core.telemetry.stream import files_of, told_apart

# Names of four files in the order of their records.
WAYS = {
    "ours": (".1", ".2", ".3", ""),
    "the predecessor's": ("", ".1", ".2", ".3"),
    "logrotate's": (".3", ".2", ".1", ""),
}


@pytest.mark.parametrize("make", [ours, theirs, oldest])
@pytest.mark.parametrize("way", WAYS)
def test_files_are_read_in_the_order_of_their_records(
    tmp_path: Path, way: str, make: Callable[[int], dict[str, object]]
) -> None:
    log = tmp_path / "ppo.jsonl"
    for place, suffix in enumerate(WAYS[way]):
        write(tmp_path / f"ppo.jsonl{suffix}", (make(3 * place + n) for n in (1, 2, 3)))
    assert [file.name for file in files_of(log)] == [f"ppo.jsonl{suffix}" for suffix in WAYS[way]]
    assert check(log)[0] == []
    assert epochs(log) == list(range(1, 13))


def test_ten_segments_are_ordered_by_number_and_not_by_letter(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    record(log, range(1, 13), max_entries=1)
    assert epochs(log) == list(range(1, 13))


def test_an_empty_file_after_rotation_says_nothing_about_the_way(tmp_path: Path) -> None:
    log = write(tmp_path / "ppo.jsonl", [])
    write(tmp_path / "ppo.jsonl.1", [ours(1)])
    write(tmp_path / "ppo.jsonl.2", [ours(2)])
    assert epochs(log) == [1, 2]


def test_compressed_segments_are_read_and_one_that_is_there_twice_only_once(tmp_path: Path) -> None:
    log = write(tmp_path / "ppo.jsonl", [ours(3)])
    for number in (1, 2):
        plain = write(tmp_path / f"ppo.jsonl.{number}", [ours(number)])
        (tmp_path / f"ppo.jsonl.{number}.gz").write_bytes(gzip.compress(plain.read_bytes()))
    (tmp_path / "ppo.jsonl.1").unlink()
    assert [file.name for file in files_of(log)] == ["ppo.jsonl.1.gz", "ppo.jsonl.2", "ppo.jsonl"]
    assert epochs(log) == [1, 2, 3]


def test_a_compressed_log_is_read_by_its_content_whatever_its_name(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    log.write_bytes(gzip.compress(write(tmp_path / "plain", [ours(1), ours(2)]).read_bytes()))
    assert epochs(log) == [1, 2]


def test_a_log_whose_active_file_is_gone_is_read_from_its_segments(tmp_path: Path) -> None:
    write(tmp_path / "ppo.jsonl.1", [ours(1)])
    assert epochs(tmp_path / "ppo.jsonl") == [1]


def test_a_link_to_a_log_brings_its_segments(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    record(tmp_path / "runs" / "ppo.jsonl", range(1, 4), max_entries=2)
    link = tmp_path / "latest.jsonl"
    link.symlink_to("runs/ppo.jsonl")
    assert epochs(link) == [1, 2, 3]


def test_folders_and_other_files_beside_a_log_are_none_of_it(tmp_path: Path) -> None:
    log = write(tmp_path / "ppo.jsonl", [ours(1)])
    (tmp_path / "ppo.jsonl.1").mkdir()
    for name in ("ppo.jsonl.torn-1", "ppo.jsonl.lock", "ppo.jsonl.01", "ppo.jsonl.2.zip", "ppoxjsonl.1"):
        (tmp_path / name).write_text("dear diary")
    assert files_of(log) == [log]


@pytest.mark.parametrize("name", ["ppo.jsonl", "nowhere/ppo.jsonl"])
def test_a_log_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"ppo\.jsonl: no such file$"):
        files_of(tmp_path / name)


def test_what_a_shell_makes_of_a_star_is_one_log(tmp_path: Path) -> None:
    names = ["a", "a.1", "a.2.gz", "a.lock", "a.torn-1", "a.superseded-2", "b.1", "a"]
    own, beside = told_apart([tmp_path / name for name in names])
    assert [path.name for path in own] == ["a", "b.1"]
    assert [path.name for path in beside] == ["a.lock", "a.torn-1", "a.superseded-2"]


MAKERS: list[Any] = [ours, theirs]


@settings(max_examples=80)
@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=5),
    st.sampled_from(sorted(WAYS)),
    st.sampled_from(MAKERS),
    st.sets(st.integers(0, 4)),
)
def test_to_split_a_stream_into_segments_changes_nothing(
    lengths: list[int], way: str, make: Callable[[int], dict[str, object]], packed: set[int]
) -> None:
    """Whatever the way of rotation, and whichever segments are compressed."""
    with tempfile.TemporaryDirectory() as folder:
        log, first = Path(folder) / "ppo.jsonl", 1
        numbers = list(range(1, len(lengths)))
        suffixes = {
            "ours": [*numbers, 0],
            "the predecessor's": [0, *numbers],
            "logrotate's": [*numbers[::-1], 0],
        }[way]
        for length, number in zip(lengths, suffixes, strict=True):
            name = f"{log.name}.{number}" if number else log.name
            file = write(log.with_name(name), map(make, range(first, first + length)))
            if number and number in packed:
                log.with_name(f"{name}.gz").write_bytes(gzip.compress(file.read_bytes()))
                file.unlink()
            first += length
        problems, summary = check(log)
        assert problems == []
        assert (summary.records, summary.runs, summary.epochs) == (sum(lengths), 1, (1, sum(lengths)))
        assert epochs(log) == list(range(1, first))
