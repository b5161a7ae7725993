"""A full file becomes a segment, numbered by age; the active one keeps its name."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from tests.telemetry.epochs import lines, names, record, stream, values
from tests.telemetry.following import pack
from townlet_core.telemetry.log import TelemetryLog
from townlet_core.telemetry.stream import segments


def test_a_full_file_becomes_the_next_segment_before_the_next_record(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    record(log, range(1, 7), max_entries=2)
    held = {path.name: [line["epoch"] for line in lines(path)] for path in segments(log)}
    assert held == {"ppo.jsonl.1": [1, 2], "ppo.jsonl.2": [3, 4], "ppo.jsonl": [5, 6]}
    assert names(tmp_path) == sorted(held)


def test_segments_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    record(log, range(1, 13), max_entries=1)
    assert [path.name for path in segments(log)] == [*(f"ppo.jsonl.{n}" for n in range(1, 12)), "ppo.jsonl"]
    assert stream(log) == list(range(1, 13))


def test_only_what_has_a_number_is_a_segment(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    for name in ("ppo.jsonl.01", "ppo.jsonl.0", "ppo.jsonl.1.gz", "ppo.jsonl.torn-1", "pposjsonl.9", "ppo.jsonl.lock"):
        (tmp_path / name).touch()
    (tmp_path / "ppo.jsonl.4").mkdir()
    assert segments(log) == []
    record(log, range(1, 3), max_entries=1)
    assert [path.name for path in segments(log)] == ["ppo.jsonl.5", "ppo.jsonl"]


def test_the_number_of_a_segment_that_was_compressed_is_not_used_again(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    record(log, range(1, 4), max_entries=1)
    for number in (1, 2):
        pack(tmp_path / f"ppo.jsonl.{number}")
    record(log, range(4, 5), max_entries=1)
    assert names(tmp_path) == ["ppo.jsonl", "ppo.jsonl.1.gz", "ppo.jsonl.2.gz", "ppo.jsonl.3"]


def test_a_log_opened_again_counts_what_its_active_file_holds(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    for epochs in (range(1, 3), range(3, 6), range(6, 8)):
        record(log, epochs, max_entries=3)
    assert [[line["log_stream_offset"] for line in lines(path)] for path in segments(log)] == [
        [1, 2, 3],
        [4, 5, 6],
        [7],
    ]


def test_a_log_whose_active_file_is_gone_goes_on_from_its_newest_segment(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    record(log, range(1, 13), max_entries=1)
    log.unlink()
    with TelemetryLog(log, run_id="anna") as again:
        assert again.offset == 11


def test_a_log_of_which_only_compressed_segments_are_left_goes_on_from_these(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    record(log, range(1, 4), max_entries=1)
    log.unlink()
    for number in (1, 2):
        pack(tmp_path / f"ppo.jsonl.{number}")
    with TelemetryLog(log, run_id="anna") as again:
        assert again.offset == 2


def next_descriptor() -> int:
    """Give the number that the next file to be opened gets."""
    number = os.dup(0)
    os.close(number)
    return number


@pytest.mark.parametrize("spare", [pytest.param(0, id="before"), pytest.param(1, id="half way")])
def test_a_log_that_cannot_be_rotated_grows_and_is_rotated_when_it_can(tmp_path: Path, spare: int) -> None:
    """No more files may be opened: either the folder cannot be read, or the new file, and the full one is put back."""
    log = tmp_path / "ppo.jsonl"
    with TelemetryLog(log, run_id="anna", max_entries=1) as open_log:
        open_log.write(values(1))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = next_descriptor()
        resource.setrlimit(resource.RLIMIT_NOFILE, (free + spare, hard))
        try:
            open_log.write(values(2))
            assert open_log.lost == 0
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert [line["epoch"] for line in lines(log)] == [1, 2]
        assert next_descriptor() == free, "none is left open"
        open_log.write(values(3))
    assert [[line["epoch"] for line in lines(path)] for path in segments(log)] == [[1, 2], [3]]


def test_a_name_that_is_too_long_for_a_segment_loses_no_record(tmp_path: Path) -> None:
    log = tmp_path / ("p" * 250)  # with ".lock" it has the 255 bytes that a name may have; ".1" fits, ".100000" not
    (tmp_path / f"{log.name}.9999").mkdir()
    record(log, range(1, 3), max_entries=1)
    assert [line["epoch"] for line in lines(log)] == [1, 2]


@pytest.mark.parametrize(("frequency", "max_entries"), [(0, None), (1, 0)])
def test_numbers_below_one_are_refused(tmp_path: Path, frequency: int, max_entries: int | None) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        TelemetryLog(tmp_path / "ppo.jsonl", run_id="anna", frequency=frequency, max_entries=max_entries)
