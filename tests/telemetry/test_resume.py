"""A run that goes on from a checkpoint writes anew what came after it: its log is that of an uninterrupted run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.telemetry.epochs import lines, names, record, stream, values
from tests.telemetry.following import move_away
from tests.telemetry.reading import check
from tests.telemetry.reading import epochs as epochs_read
from townlet_core.telemetry.log import TelemetryLog
from townlet_core.telemetry.stream import segments


def contents(log: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in segments(log)}


@pytest.mark.parametrize("max_entries", [None, 1, 2, 3, 4, 100])
@pytest.mark.parametrize("after", range(8))
def test_a_resumed_run_leaves_the_log_of_an_uninterrupted_one(
    tmp_path: Path, after: int, max_entries: int | None
) -> None:
    """Epoch n is record n; the run wrote 7 epochs, its checkpoint knows of some, and it goes on to the ninth."""
    whole, resumed = tmp_path / "whole" / "ppo.jsonl", tmp_path / "resumed" / "ppo.jsonl"
    record(whole, range(1, 10), max_entries=max_entries)
    record(resumed, range(1, 8), max_entries=max_entries)
    record(resumed, range(after + 1, 10), max_entries=max_entries, resume_after=after)
    assert contents(resumed) == contents(whole)
    if after < 7:
        superseded = resumed.with_name("ppo.jsonl.superseded-1")
        assert [line["epoch"] for line in lines(superseded)] == list(range(after + 1, 8))
    assert len(names(resumed.parent)) == len(contents(resumed)) + (after < 7)


def test_what_was_moved_is_noted(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    record(log, range(1, 8), max_entries=3)
    with TelemetryLog(log, run_id="anna", resume_after=2) as again:
        assert again.notes == ["moved 5 records that come after the checkpoint to ppo.jsonl.superseded-1"]
        assert again.offset == 2


def test_the_records_of_other_runs_stay(tmp_path: Path) -> None:
    """Anna's first three records, two of Ben's, two more of Anna's: she goes on from her second."""
    log = tmp_path / "ppo.jsonl"
    record(log, range(1, 4), max_entries=2)
    record(log, range(1, 3), max_entries=2, run_id="ben")
    record(log, range(4, 6), max_entries=2)
    record(log, range(3, 4), max_entries=2, resume_after=2)
    found = list(zip(*(stream(log, key) for key in ("run_id", "epoch", "log_stream_offset", "seq")), strict=True))
    assert found == [("anna", 1, 1, 1), ("anna", 2, 2, 2), ("ben", 1, 4, 1), ("ben", 2, 5, 2), ("anna", 3, 6, 3)]
    assert [line["epoch"] for line in lines(tmp_path / "ppo.jsonl.superseded-1")] == [3, 4, 5]


def test_a_run_is_not_taken_for_another_that_is_mentioned(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    with TelemetryLog(log, run_id="ben") as other:
        other.write(values(1, scenario="anna"))
    with TelemetryLog(log, run_id="anna", resume_after=0) as again:
        assert (again.offset, again.notes) == (1, [])


def test_a_name_of_a_run_in_any_script_is_found(tmp_path: Path) -> None:
    log, name = tmp_path / "ppo.jsonl", 'Zoë "7"\n'
    record(log, range(1, 4), run_id=name)
    record(log, range(2, 3), run_id=name, resume_after=1)
    assert stream(log) == [1, 2]


@pytest.mark.parametrize("left", [0, 3])
def test_a_log_that_is_shorter_than_the_checkpoint_knows_is_continued_from_there(tmp_path: Path, left: int) -> None:
    log = tmp_path / "ppo.jsonl"
    record(log, range(1, left + 1))
    with TelemetryLog(log, run_id="anna", resume_after=5) as again:
        assert again.notes == [f"the log ends with record {left}, the checkpoint knows of 5"]
        again.write(values(6))
    assert stream(log, "log_stream_offset") == stream(log, "seq") == [*range(1, left + 1), 6]


def test_an_epoch_left_out_before_a_checkpoint_and_written_at_a_stop_comes_out_again(tmp_path: Path) -> None:
    """Every third epoch: stopped after the fifth, whose checkpoint knows of one record; the sixth is the second."""
    log = tmp_path / "ppo.jsonl"
    record(log, range(1, 6), frequency=3)
    assert stream(log) == [3, 5]
    record(log, range(6, 8), frequency=3, resume_after=1)
    assert stream(log) == [3, 6, 7]


def test_a_torn_tail_goes_before_the_rest(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    record(log, range(1, 4))
    with log.open("ab") as file:
        file.write(b'{"epoch":4')
    with TelemetryLog(log, run_id="anna", resume_after=2) as again:
        assert [note.split(" ")[0] for note in again.notes] == ["set", "moved"]
    assert stream(log) == [1, 2]


@pytest.mark.parametrize("left", [pytest.param([1, 2], id="both"), pytest.param([2], id="all but the first")])
def test_what_a_kill_has_left_of_moving_records_is_completed_when_the_run_is_resumed(
    tmp_path: Path, left: list[int]
) -> None:
    """Records 2 and 3 were moved twice and taken out, but readers were not told, or not of all."""
    log = tmp_path / "ppo.jsonl"
    record(log, range(1, 2))
    for number in left:
        (tmp_path / f"ppo.jsonl.superseding-{number}").write_text(f"{number}")
    (tmp_path / "ppo.jsonl.superseded-1").write_text("from before")
    record(log, range(2, 3), resume_after=1)
    assert names(tmp_path) == ["ppo.jsonl", *(f"ppo.jsonl.superseded-{n + 1}" for n in range(len(left) + 1))]
    assert [path.read_text() for path in sorted(tmp_path.glob("*superseded-*"))] == ["from before", *map(str, left)]
    assert stream(log) == [1, 2]


def test_a_run_goes_on_in_a_log_that_logrotate_has_shifted(tmp_path: Path) -> None:
    """LOG.2 holds epochs 1 and 2, LOG.1 3 and 4, LOG 5; the checkpoint knows of the third."""
    log = tmp_path / "ppo.jsonl"
    for epochs in (range(1, 3), range(3, 5)):
        record(log, epochs)
        move_away(log)
    record(log, range(5, 6))
    assert stream(log) == [1, 2, 3, 4, 5]
    record(log, range(4, 6), resume_after=3)
    assert contents(log).keys() == {"ppo.jsonl.2", "ppo.jsonl"}
    assert stream(log) == stream(log, "log_stream_offset") == stream(log, "seq") == [1, 2, 3, 4, 5]
    assert [line["epoch"] for line in lines(tmp_path / "ppo.jsonl.superseded-1")] == [4, 5]


def test_a_log_that_is_rotated_in_our_way_after_logrotates_is_read_in_order(tmp_path: Path) -> None:
    """Logrotate's LOG.2 and LOG.1 are older than our LOG.3 and LOG.4; then it shifts them all once more."""
    log = tmp_path / "ppo.jsonl"
    for epoch in (1, 2):
        record(log, range(epoch, epoch + 1))
        move_away(log)
    record(log, range(3, 6), max_entries=1)
    assert [path.name for path in segments(log)] == [f"ppo.jsonl{suffix}" for suffix in (".2", ".1", ".3", ".4", "")]
    move_away(log)
    record(log, range(6, 7))
    assert stream(log) == epochs_read(log) == [1, 2, 3, 4, 5, 6]
    record(log, range(4, 8), resume_after=3)
    assert stream(log) == epochs_read(log) == [1, 2, 3, 4, 5, 6, 7]
    assert check(log)[0] == []
