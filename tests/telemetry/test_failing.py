"""A log that cannot be written never ends the training: it stays whole, and tells later what was lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.disk import longest_file
from tests.telemetry.epochs import lines, record, stream, values
from townlet_core.telemetry.active import ActiveFile
from townlet_core.telemetry.log import TelemetryLog


def test_a_full_device_loses_all_and_raises_nothing() -> None:
    with TelemetryLog(Path("/dev/full"), run_id="anna", frequency=2) as log:
        for epoch in range(1, 6):
            log.write(values(epoch))
        assert (log.offset, log.lost, log.failure) == (0, 2, "no space left on device")
    assert log.lost == 3, "the last epoch, written by close"


@pytest.mark.parametrize(
    ("room", "failure"),
    [
        pytest.param(0, "file too large", id="nothing fits"),
        pytest.param(1, "no space left on device", id="one byte fits"),
        pytest.param(300, "no space left on device", id="half a record fits"),
    ],
)
def test_a_record_that_does_not_fit_is_undone_and_counted_in_the_next_that_does(
    tmp_path: Path, room: int, failure: str
) -> None:
    path = tmp_path / "ppo.jsonl"
    with TelemetryLog(path, run_id="anna") as log:
        log.write(values(1))
        before = path.read_bytes()
        with longest_file(len(before) + room):
            log.write(values(2))
            log.write(values(3))
        assert path.read_bytes() == before
        assert (log.offset, log.lost, log.failure) == (1, 2, failure)
        log.write(values(4))
        log.write(values(5))
    assert stream(path) == [1, 4, 5]
    assert stream(path, "log_stream_offset") == stream(path, "seq") == [1, 2, 3]
    assert [line.get("lost_records") for line in lines(path)] == [None, 2, None]


def test_a_full_disk_at_rotation_keeps_the_segments_whole(tmp_path: Path) -> None:
    path = tmp_path / "ppo.jsonl"
    with TelemetryLog(path, run_id="anna", max_entries=1) as log:
        log.write(values(1))
        with longest_file(10):
            log.write(values(2))
        log.write(values(3))
    assert stream(path) == [1, 3]


def test_what_could_not_be_cut_off_is_cut_off_before_the_next_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fails while a line is written, and still when what there is of it is to be cut off."""

    def broken(*_: object) -> int:
        raise OSError(5, "Input/output error")

    path = tmp_path / "ppo.jsonl"
    file = ActiveFile(path)
    file.append(b"first\n")
    monkeypatch.setattr(os, "ftruncate", broken)
    with longest_file(10), pytest.raises(OSError, match="No space left on device"):
        file.append(b"second\n")
    assert path.read_bytes() == b"first\nseco"
    with pytest.raises(OSError, match="Input/output error"):
        file.append(b"third\n")
    monkeypatch.undo()
    file.append(b"fourth\n")
    file.close()
    assert path.read_bytes() == b"first\nfourth\n"


def test_a_pipe_whose_reader_goes_away_loses_records_until_another_comes(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    first = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with TelemetryLog(pipe, run_id="anna") as log:
        log.write(values(1))
        os.close(first)
        log.write(values(2))
        assert (log.offset, log.lost, log.failure) == (1, 1, "broken pipe")
        second = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        log.write(values(3))
    read = os.read(second, 2**16)
    os.close(second)
    assert b'"epoch":3,' in read
    assert b'"lost_records":1}' in read


def test_a_file_that_somebody_puts_in_place_of_the_log_is_not_touched_if_it_is_none(tmp_path: Path) -> None:
    path = tmp_path / "ppo.jsonl"
    with TelemetryLog(path, run_id="anna") as log:
        log.write(values(1))
        path.unlink()
        path.write_text("dear diary\n")
        log.write(values(2))
        assert (log.lost, log.failure) == (1, "is not a telemetry log: its last line is not a record of version 1.1")
    assert path.read_text() == "dear diary\n"


def test_a_log_that_an_editor_has_saved_is_written_on(tmp_path: Path) -> None:
    """Editors write a new file and give it the name of the old one."""
    path = tmp_path / "ppo.jsonl"
    with TelemetryLog(path, run_id="anna") as log:
        log.write(values(1))
        saved = tmp_path / "saved"
        saved.write_bytes(path.read_bytes())
        saved.replace(path)
        log.write(values(2))
    assert stream(path) == [1, 2]


def test_a_log_on_a_full_disk_is_written_again_by_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "ppo.jsonl"
    record(path, range(1, 3))
    with TelemetryLog(path, run_id="ben") as log, longest_file(path.stat().st_size + 5):
        log.write(values(1))
    record(path, range(2, 3), run_id="ben")
    assert stream(path, "log_stream_offset") == [1, 2, 3]
    assert stream(path, "seq") == [1, 2, 1]
