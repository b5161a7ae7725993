"""A log has one writer and any number of readers, and goes on where it ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.telemetry.epochs import lines, names, record, stream, values
from townlet_core.errors import OutputError
from townlet_core.telemetry.log import TelemetryLog

ROOT = Path(__file__).parents[2]
PREDECESSORS = b'{"epoch": 9.0, "telemetry_version": 1.1, "log_stream_offset": 9.0}\n'


@contextmanager
def writer(log: Path) -> Iterator[subprocess.Popen[str]]:
    """Have another process write a log, and kill it at the end."""
    program = [sys.executable, "-m", "tests.telemetry.writing", str(log)]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "going\n"
            yield process
        finally:
            process.send_signal(signal.SIGKILL)


def test_records_are_numbered_in_the_log_and_in_the_run(tmp_path: Path) -> None:
    log = tmp_path / "new" / "folder" / "ppo.jsonl"
    record(log, range(1, 4))
    record(log, range(1, 3), run_id="ben")
    assert stream(log, "log_stream_offset") == [1, 2, 3, 4, 5]
    assert stream(log, "run_id") == ["anna", "anna", "anna", "ben", "ben"]
    assert stream(log, "seq") == [1, 2, 3, 1, 2]


def test_a_run_that_opens_its_log_again_counts_on(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    record(log, range(1, 3))
    with TelemetryLog(log, run_id="anna") as again:
        assert (again.offset, again.notes) == (2, [])
        again.write(values(3))
        assert again.offset == 3
    assert stream(log, "seq") == [1, 2, 3]


def test_the_log_of_the_predecessor_is_counted_on(tmp_path: Path) -> None:
    """It put older records into the active file, newer ones into its segments."""
    log = tmp_path / "ppo.jsonl"
    log.write_bytes(PREDECESSORS.replace(b"9.0", b"5.0"))
    (tmp_path / "ppo.jsonl.1").write_bytes(PREDECESSORS)
    with TelemetryLog(log, run_id="anna") as ours:
        assert ours.offset == 9


def test_a_record_is_one_write_of_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, written, write = tmp_path / "ppo.jsonl", list[bytes](), os.write

    def noted(file: int, data: bytes) -> int:
        written.append(data)
        return write(file, data)

    with TelemetryLog(log, run_id="anna") as open_log:
        monkeypatch.setattr(os, "write", noted)
        for epoch in (1, 2):
            open_log.write(values(epoch))
        monkeypatch.undo()
    assert written == log.read_bytes().splitlines(keepends=True)


def test_a_reader_beside_the_writer_sees_whole_lines(tmp_path: Path) -> None:
    """What a reader finds is always the beginning of what is there in the end, and its lines are records."""
    log, seen = tmp_path / "ppo.jsonl", list[bytes]()
    with writer(log) as process:
        while len(seen) < 50:
            seen.append(log.read_bytes())
        process.kill()
        process.wait()
    for found in seen:
        assert [json.loads(line)["log_stream_offset"] for line in found.split(b"\n")[:-1]] == list(
            range(1, found.count(b"\n") + 1)
        )


def test_a_second_writer_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    with writer(log) as process, pytest.raises(OutputError) as caught:
        TelemetryLog(log, run_id="anna")
    assert str(caught.value) == (
        f"{log}: is being written by process {process.pid}\n"
        "hint: wait until it has ended, or name another file for the log"
    )


def test_a_second_writer_is_refused_after_rotation_and_under_another_name(tmp_path: Path) -> None:
    log, link = tmp_path / "ppo.jsonl", tmp_path / "latest"
    link.symlink_to(log)
    with TelemetryLog(log, run_id="anna", max_entries=1) as first:
        for epoch in (1, 2):
            first.write(values(epoch))
        with pytest.raises(OutputError, match=f"^{link}: is being written by process {os.getpid()}\n"):
            TelemetryLog(link, run_id="ben")


def test_a_log_that_is_closed_leaves_no_lock_and_takes_nothing_more(tmp_path: Path) -> None:
    log = TelemetryLog(tmp_path / "ppo.jsonl", run_id="anna")
    log.close()
    log.close()
    assert names(tmp_path) == ["ppo.jsonl"]
    with pytest.raises(ValueError, match="the log is closed"):
        log.write(values())


def test_a_writer_that_was_killed_leaves_a_log_that_can_be_written(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    with writer(log):
        pass
    assert (tmp_path / "ppo.jsonl.lock").exists()
    before = stream(log)
    record(log, range(1, 2))
    assert stream(log) == [*before, 1]
    assert stream(log, "log_stream_offset") == list(range(1, len(before) + 2))


@pytest.mark.parametrize("frequency", [1, 3, 5, 100])
def test_epochs_that_are_left_out_are_those_not_divided_by_the_frequency_but_the_last(
    tmp_path: Path, frequency: int
) -> None:
    log = tmp_path / "ppo.jsonl"
    record(log, range(1, 8), frequency=frequency)
    expected = {1: [1, 2, 3, 4, 5, 6, 7], 3: [3, 6, 7], 5: [5, 7], 100: [7]}
    assert stream(log) == expected[frequency]
    assert stream(log, "seq") == list(range(1, len(expected[frequency]) + 1))


def test_the_last_epoch_is_not_written_twice(tmp_path: Path) -> None:
    record(tmp_path / "ppo.jsonl", range(1, 7), frequency=3)
    assert stream(tmp_path / "ppo.jsonl") == [3, 6]


def test_values_that_are_left_out_are_checked_all_the_same(tmp_path: Path) -> None:
    with (
        TelemetryLog(tmp_path / "ppo.jsonl", run_id="anna", frequency=9) as log,
        pytest.raises(ValueError, match="adv_std: must be at least 0"),
    ):
        log.write(values(adv_std=-1.0))


def test_a_directory_in_the_way_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught:
        TelemetryLog(tmp_path, run_id="anna")
    assert str(caught.value) == f"{tmp_path}: cannot be written: is a directory\nhint: name another file for the log"


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("mine")
    with pytest.raises(OutputError, match=f"^{tmp_path}/runs: stands in the way of a folder\n"):
        TelemetryLog(tmp_path / "runs" / "ppo.jsonl", run_id="anna")


def test_a_link_that_leads_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ppo.jsonl").symlink_to("ppo.jsonl")
    with pytest.raises(OutputError, match="cannot be written: too many levels of symbolic links"):
        TelemetryLog(tmp_path / "ppo.jsonl", run_id="anna")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot be written: permission denied"):
        TelemetryLog(tmp_path / "ppo.jsonl", run_id="anna")


@pytest.mark.parametrize("device", ["/dev/null", "/dev/full"])
def test_a_device_has_no_lock_and_no_segments(device: str) -> None:
    before = names(Path("/dev"))
    record(Path(device), range(1, 4), max_entries=1)
    assert names(Path("/dev")) == before


def test_a_log_can_go_down_a_pipe(tmp_path: Path) -> None:
    """The first record is longer than a pipe can hold, 64 KiB, so that it waits for the reader."""
    pipe, read = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(end, True)
    with TelemetryLog(pipe, run_id="anna", max_entries=1, resume_after=4) as log:
        reader = threading.Thread(target=lambda: read.extend(iter(lambda: os.read(end, 2**16), b"")))
        reader.start()
        log.write(values(5, **{f"agents.a{n}.reward_mean": 0.5 for n in range(4000)}))
        log.write(values(6))
    reader.join()
    os.close(end)
    assert [json.loads(line)["log_stream_offset"] for line in b"".join(read).splitlines()] == [5, 6]
    assert log.lost == 0


def test_a_pipe_that_nobody_reads_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="/pipe: nobody reads from this pipe\nhint: start its reader first"):
        TelemetryLog(tmp_path / "pipe", run_id="anna")


def test_a_log_can_be_standard_output(tmp_path: Path) -> None:
    script = (
        "import pathlib; from tests.telemetry.epochs import record; record(pathlib.Path('/dev/stdout'), range(1, 3))"
    )
    program = [sys.executable, "-c", script]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True)
    assert [json.loads(line)["epoch"] for line in done.stdout.splitlines()] == [1, 2]
    with (tmp_path / "out.jsonl").open("w") as out:
        subprocess.run(program, cwd=ROOT, stdout=out, check=True)
    assert [line["epoch"] for line in lines(tmp_path / "out.jsonl")] == [1, 2]


def test_a_log_that_somebody_moved_away_begins_anew_and_counts_on(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    with TelemetryLog(log, run_id="anna") as open_log:
        open_log.write(values(1))
        log.rename(tmp_path / "moved")
        open_log.write(values(2))
    assert [line["epoch"] for line in lines(tmp_path / "moved")] == [1]
    assert stream(log, "log_stream_offset") == [2]


def test_a_log_whose_folder_was_removed_loses_records_until_it_is_back(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    log = folder / "ppo.jsonl"
    with TelemetryLog(log, run_id="anna") as open_log:
        open_log.write(values(1))
        shutil.rmtree(folder)
        open_log.write(values(2))
        assert (open_log.lost, open_log.failure) == (1, "no such file or directory")
        folder.mkdir()
        open_log.write(values(3))
    assert stream(log) == [3]
    assert stream(log, "lost_records") == [1]
