"""A trainer that dies, comes back and takes up its work earlier is followed, as is one that writes to a pipe."""

from __future__ import annotations

import gzip
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.telemetry.epochs import record, stream, values
from tests.telemetry.following import Reader, add, move_away, pack, segments_of
from tests.telemetry.nursery import Nursery
from tests.telemetry.reading import line, ours
from townlet_core.errors import InputError
from townlet_core.telemetry.following.follow import Follower, Line
from townlet_core.telemetry.lines import STDIN, Fault
from townlet_core.telemetry.log import TelemetryLog
from townlet_core.telemetry.resume import Run

TORN = b'{"epoch": 2'


def test_the_end_that_a_crash_has_left_is_told_once_when_the_log_goes_on_elsewhere(log: Path, reader: Reader) -> None:
    add(log, 1)
    with log.open("ab") as file:
        file.write(b'{"epoch": 2')
    assert len(reader.poll()) == 1
    move_away(log)
    assert reader.poll() == []
    add(log, 2)
    torn, last = reader.poll()
    assert torn == Line(log.with_name("ppo.jsonl.1"), 2, Fault("11 bytes of a torn line", is_torn=True))
    assert (last.file, last.number) == (log, 1)
    pack(log.with_name("ppo.jsonl.1"))
    assert reader.poll() == []


def test_a_torn_end_that_is_set_aside_is_not_told(log: Path, reader: Reader) -> None:
    record(log, range(1, 3))
    with log.open("ab") as file:
        file.write(TORN)
    reader.poll()
    record(log, range(3, 5))
    reader.poll()
    assert (reader.epochs, reader.notices) == ([1, 2, 3, 4], [])


def test_zeros_that_were_read_as_a_line_and_are_set_aside_are_told_to_be_gone(log: Path, reader: Reader) -> None:
    record(log, range(1, 3))
    with log.open("ab") as file:
        file.write(b"\0" * 50 + b'"seq":3}\n' + TORN)
    assert len(reader.poll()) == 3
    record(log, range(3, 5))
    reader.poll()
    assert reader.epochs == [1, 2, 3, 4]
    assert reader.told == ["ppo.jsonl was cut off, it goes on after line 2: 1 lines that were read are gone"]


@pytest.mark.parametrize("max_entries", [None, 1, 2, 3])
@pytest.mark.parametrize("after", range(8))
@pytest.mark.parametrize("read", [0, 3, 5, None])
def test_a_run_that_is_taken_back_is_told_and_what_it_writes_anew_comes_again(
    log: Path, reader: Reader, after: int, max_entries: int | None, read: int | None
) -> None:
    """Epoch n is record n, in the same bytes the second time: of 7 some were read, and it goes on after some."""
    record(log, range(1, 8), max_entries=max_entries)
    if read != 0:
        reader.poll(read)
    record(log, range(after + 1, 10), max_entries=max_entries, resume_after=after)
    reader.poll()
    assert reader.epochs == stream(log) == list(range(1, 10))
    runs = [notice.run for notice in reader.notices if notice.run is not None]
    assert runs == ([Run("anna", after)] if after < 7 and read != 0 else [])
    assert reader.told == [
        f"ppo.jsonl run anna was taken back to record {after}, what came after it comes anew" for _ in runs
    ]


def test_other_runs_in_a_log_are_not_given_twice_when_one_is_taken_back(log: Path, reader: Reader) -> None:
    """Anna's first three records, two of Ben's, two more of Anna's: she goes on from her second."""
    for run, epochs in (("anna", range(1, 4)), ("ben", range(1, 3)), ("anna", range(4, 6))):
        record(log, epochs, run_id=run, max_entries=2)
    assert len(reader.poll()) == 7
    record(log, range(3, 5), max_entries=2, resume_after=2)
    assert len(reader.poll()) == 2
    assert [(each["run_id"], each["epoch"]) for each in reader.records] == [
        ("anna", 1), ("anna", 2), ("ben", 1), ("ben", 2), ("anna", 3), ("anna", 4)
    ]  # fmt: skip


def test_nothing_is_told_while_the_log_is_put_in_order(log: Path, reader: Reader) -> None:
    """A kill has left the log without its last records, and no word of it; the next time the run is resumed tells."""
    record(log, range(1, 5))
    reader.poll()
    before = log.read_bytes().splitlines(keepends=True)
    log.with_name("ppo.jsonl.superseding-1").write_bytes(b"".join(before[2:]))
    shorter = log.with_name("ppo.jsonl.draft")
    shorter.write_bytes(b"".join(before[:2]))
    shorter.replace(log)
    assert reader.poll() == []
    assert reader.notices == []
    record(log, range(3, 4), resume_after=2)
    reader.poll()
    assert reader.epochs == [1, 2, 3]
    assert [notice.run for notice in reader.notices] == [Run("anna", 2)]


def test_a_trainer_that_writes_as_fast_as_it_can_and_is_tidied_up_after_is_followed(log: Path, reader: Reader) -> None:
    """Its files have 7 records; they are compressed as soon as they are seen."""
    with Nursery() as nursery:
        nursery.start(log, run_id="anna", max_entries=7)
        nursery.begin(400)
        deadline = time.monotonic() + 60
        while len(reader.epochs) < 400 and time.monotonic() < deadline:
            reader.poll()
            for path in segments_of(log):
                if path.suffix != ".gz":
                    pack(path)
        assert nursery.answer() == 400
    assert reader.epochs == list(range(1, 401))
    assert reader.notices == []


@contextmanager
def standard_input(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Have a pipe in place of standard input; give the end to write to."""
    out, into = os.pipe()
    with os.fdopen(out) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield into


def test_standard_input_is_read_as_it_comes_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with standard_input(monkeypatch) as into, Reader(STDIN) as reader:
        assert reader.poll() == []
        os.write(into, b"\xef\xbb\xbf" + line(ours(1)) + b"\r\n" + line(ours(2))[:50])
        assert reader.poll() == [Line(STDIN, 1, line(ours(1)))]
        os.write(into, line(ours(2))[50:] + TORN)
        assert reader.poll() == [Line(STDIN, 3, line(ours(2)))]
        assert not reader.follower.is_ended
        os.close(into)
        assert reader.poll() == [Line(STDIN, 4, Fault("11 bytes of a torn line", is_torn=True))]
        assert reader.follower.is_ended
        assert reader.poll() == []


def test_compressed_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with standard_input(monkeypatch) as into, Follower(STDIN) as follower:
        os.write(into, gzip.compress(line(ours(1))))
        with pytest.raises(InputError, match="is compressed\nhint: unpack it first"):
            list(follower.poll())
        os.close(into)


def test_a_line_in_a_pipe_that_is_too_long_costs_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    with standard_input(monkeypatch) as into, Reader(STDIN) as reader:
        for _ in range(100):
            os.write(into, b"{" * 2**16)
            assert reader.poll() == []
        os.write(into, b"\n" + line(ours(2)))
        long, last = reader.poll()
        os.close(into)
    assert long == Line(STDIN, 1, Fault("must have at most 4,194,304 bytes", "6,553,600"))
    assert last == Line(STDIN, 2, line(ours(2)))


def test_a_pipe_with_a_name_waits_for_the_next_writer(log: Path) -> None:
    os.mkfifo(log)
    with Reader(log) as reader:
        assert reader.poll() == []
        for epochs in (range(1, 3), range(3, 5)):
            with TelemetryLog(log, run_id="anna") as own:
                for epoch in epochs:
                    own.write(values(epoch))
            reader.poll()
        assert reader.epochs == [1, 2, 3, 4]
        assert [each.number for each in reader.lines] == [1, 2, 3, 4]
        assert not reader.follower.is_ended
