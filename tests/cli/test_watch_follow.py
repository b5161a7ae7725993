"""`townlet telemetry watch --follow`, beside a program that writes the log."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.telemetry.reading import line, ours
from townlet_core.telemetry.watching.events import EVENT

PATIENCE_SECONDS = 60.0
ROOT = Path(__file__).parents[2]

TRAINER = """\
import sys, time
from pathlib import Path
from tests.telemetry.epochs import values
from townlet_core.telemetry.log import TelemetryLog
epochs = int(sys.argv[2])
with TelemetryLog(Path(sys.argv[1]), run_id="ben", max_entries=4) as log:
    for epoch in range(1, epochs + 1):
        last = {"finished": True, "reason": "done"} if epoch == epochs else {}
        log.write(values(epoch, epochs_planned=epochs, reward_advantage_corr=0.5, **last))
        time.sleep(0.02)
"""


class Watching:
    """A watch that goes on, and what it has said so far."""

    def __init__(self, folder: Path, *words: str) -> None:
        command = [sys.executable, "-m", "townlet_cli", "telemetry", "watch", "ppo.jsonl", "--follow"]
        self.process = subprocess.Popen(
            [*command, "--interval", "0.02", *words],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            self._lines.put(text.rstrip("\n"))

    def next(self) -> str:
        """Wait for its next line."""
        return self._lines.get(timeout=PATIENCE_SECONDS)

    def event(self) -> Any:
        return EVENT.validate_json(self.next())

    def end(self) -> tuple[int, list[str], str]:
        """Wait for its end; give the exit code, the lines that were not taken yet, and what it complained of."""
        code = self.process.wait(timeout=PATIENCE_SECONDS)
        self._thread.join(timeout=PATIENCE_SECONDS)
        assert self.process.stderr is not None
        return code, [self._lines.get() for _ in range(self._lines.qsize())], self.process.stderr.read()


@contextmanager
def watching(folder: Path, *words: str) -> Iterator[Watching]:
    watch = Watching(folder, *words)
    try:
        yield watch
    finally:
        watch.process.kill()
        watch.process.wait()
        watch._thread.join()
        for stream in (watch.process.stdout, watch.process.stderr):
            assert stream is not None
            stream.close()


def add(folder: Path, content: bytes) -> None:
    with (folder / "ppo.jsonl").open("ab") as file:
        file.write(content)


def test_every_record_of_a_trainer_is_told_of_once_and_the_watch_ends_with_it(tmp_path: Path) -> None:
    """The log is not there when the watch begins, and is set aside every four records."""
    with watching(tmp_path, "--json", "--no-default-rules") as watch:
        assert watch.process.stderr is not None
        assert watch.process.stderr.readline() == "note: waiting for ppo.jsonl\n"
        words = [sys.executable, "-c", TRAINER, "ppo.jsonl", "30"]
        path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
        subprocess.run(words, cwd=tmp_path, check=True, env={**os.environ, "PYTHONPATH": path})
        code, said, complaints = watch.end()
    events = [EVENT.validate_json(text) for text in said]
    assert [event.epoch for event in events if event.type == "record"] == list(range(1, 31))
    assert (code, events[-1].model_dump()["reason"]) == (0, "finished")
    assert complaints == ""  # --json tells of everything


def test_a_line_that_is_half_written_is_waited_for(tmp_path: Path) -> None:
    whole = line(ours(2, finished=True))
    add(tmp_path, line(ours(1)))
    with watching(tmp_path, "--kl-threshold", "1") as watch:
        assert watch.next().startswith("ppo.jsonl:1: epoch 1: ok")
        add(tmp_path, whole[:100])
        add(tmp_path, whole[100:])
        assert watch.next().startswith("ppo.jsonl:2: epoch 2: ok")
        assert watch.end() == (0, ["the run is finished: 2 records, 0 alerts, 0 warnings"], "")


def test_a_bad_line_does_not_end_the_watch(tmp_path: Path) -> None:
    add(tmp_path, b"{oops\n" + line(ours(1)))
    with watching(tmp_path, "--json", "--kl-threshold", "1") as watch:
        assert watch.event().type == "warning"
        assert watch.event().type == "record"
        add(tmp_path, line(ours(2, finished=True)))
        assert watch.event().epoch == 2
        assert watch.end()[0] == 0


def test_ctrl_c_ends_the_watch_in_order(tmp_path: Path) -> None:
    add(tmp_path, line(ours(1)))
    with watching(tmp_path, "--json", "--grad-threshold", "0.1") as watch:
        kinds = [watch.event().type for _ in range(3)]
        watch.process.send_signal(signal.SIGINT)
        code, said, complaints = watch.end()
    assert kinds == ["record", "alert", "alert"]
    end = EVENT.validate_json(said[-1]).model_dump()
    assert (code, end["reason"], end["exit_code"], end["alerts"]) == (130, "interrupted", 130, 2)
    assert complaints == "interrupted; nothing is left half done\n"


def test_a_log_in_which_nothing_is_written_is_an_alert_until_something_is(tmp_path: Path) -> None:
    add(tmp_path, line(ours(1)))
    with watching(tmp_path, "--json", "--no-default-rules", "--stall", "0.3") as watch:
        assert watch.event().type == "record"
        alert = watch.event()
        assert (alert.type, alert.rule, alert.epoch) == ("alert", "stall", 1)
        assert alert.value > 0.3
        add(tmp_path, line(ours(2, finished=True)))
        assert [watch.event().type, watch.event().type] == ["record", "resolved"]
        assert watch.end()[0] == 1


def test_the_first_alert_ends_it_if_that_is_asked_for(tmp_path: Path) -> None:
    add(tmp_path, line(ours(1)))
    with watching(tmp_path, "--grad-threshold", "0.6", "--fail-fast") as watch:
        code, said, _ = watch.end()
    assert (code, said[-1].partition(":")[0]) == (1, "ended at the first alert")


def test_a_run_that_is_finished_is_waited_for_while_its_trainer_holds_the_log(tmp_path: Path) -> None:
    """So it is with a run that was finished, and is resumed with more epochs."""
    lock = tmp_path / "ppo.jsonl.lock"
    lock.write_text(f"{os.getpid()}\n")
    add(tmp_path, line(ours(1, finished=True)))
    with watching(tmp_path, "--json", "--no-default-rules") as watch:
        assert watch.event().epoch == 1
        add(tmp_path, line(ours(2)))
        assert watch.event().epoch == 2
        add(tmp_path, line(ours(3, finished=True)))
        assert watch.event().epoch == 3
        lock.unlink()
        code, said, _ = watch.end()
    assert (code, EVENT.validate_json(said[-1]).model_dump()["reason"]) == (0, "finished")


def test_a_run_that_was_finished_before_another_began_ends_nothing(tmp_path: Path) -> None:
    add(tmp_path, line(ours(1, finished=True)) + line(ours(1, run_id="ben", log_stream_offset=2)))
    with watching(tmp_path, "--json", "--no-default-rules") as watch:
        assert [watch.event().run, watch.event().run] == ["anna", "ben"]
        add(tmp_path, line(ours(2, run_id="ben", log_stream_offset=3, seq=2, finished=True)))
        assert watch.event().epoch == 2
        assert watch.end()[0] == 0


def test_a_run_that_is_not_there_yet_is_waited_for_and_that_is_said_once(tmp_path: Path) -> None:
    add(tmp_path, line(ours(1)))
    with watching(tmp_path, "--kl-threshold", "1", "--run", "ben") as watch:
        assert watch.process.stderr is not None
        told = watch.process.stderr.readline()
        assert told == "note: ppo.jsonl: has no run ben yet, waiting for it; it has run 1 (anna)\n"
        add(tmp_path, line(ours(2)) + line(ours(1, run_id="ben", log_stream_offset=3, finished=True)))
        assert watch.next().startswith("ppo.jsonl:3: epoch 1: ok")
        assert watch.end() == (0, ["the run is finished: 1 record, 0 alerts, 0 warnings"], "")


def test_programs_are_told_of_a_run_that_is_waited_for_too(tmp_path: Path) -> None:
    add(tmp_path, line(ours(1)))
    with watching(tmp_path, "--json", "--kl-threshold", "1", "--run", "ben") as watch:
        told = watch.event()
        assert (told.type, told.is_note, told.what) == (
            "warning",
            True,
            "has no run ben yet, waiting for it; it has run 1 (anna)",
        )


def test_a_pipe_with_a_name_is_followed_through_several_writers(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ppo.jsonl")
    with watching(tmp_path, "--kl-threshold", "1") as watch:
        for number in (1, 2):
            add(tmp_path, line(ours(number, finished=number == 2)))
            assert watch.next().startswith(f"ppo.jsonl:{number}: epoch {number}: ok")
        assert watch.end() == (0, ["the run is finished: 2 records, 0 alerts, 0 warnings"], "")


def test_standard_input_is_followed_to_its_end(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "townlet_cli", "telemetry", "watch", "-", "--follow", "--kl-threshold", "1"]
    done = subprocess.run(command, input=line(ours(1)), capture_output=True, cwd=tmp_path, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.endswith(b"\nread to its end: 1 record, 0 alerts, 0 warnings\n")


def test_who_reads_may_go_away(tmp_path: Path) -> None:
    add(tmp_path, line(ours(1)))
    with watching(tmp_path, "--kl-threshold", "1") as watch:
        watch.next()
        assert watch.process.stdout is not None
        os.dup2(os.open(os.devnull, os.O_RDONLY), watch.process.stdout.fileno())  # closes our end of the pipe
        for number in range(2, 1000):
            add(tmp_path, line(ours(number)))
            if watch.process.poll() is not None:
                break
        code, _, complaints = watch.end()
    assert (code, complaints) == (141, "")


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_log_that_cannot_be_followed_is_no_finding(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "ppo.jsonl").mkdir()
    with watching(tmp_path, "--no-default-rules", *words) as watch:
        code, said, complaints = watch.end()
    assert (code, said) == (3, [])
    assert complaints.startswith("error: ppo.jsonl: ")
