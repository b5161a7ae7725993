"""A log changes during a poll, or faster than the clock of the disk goes, or has more files than can be held."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from tests.telemetry.following import (
    Reader,
    add,
    copy_and_empty,
    held_files,
    move_away,
    pack,
    save_again,
    segments_of,
)  # fmt: skip
from tests.telemetry.reading import line, ours, write
from townlet_core.telemetry.following import roster
from townlet_core.telemetry.following.follow import Line
from townlet_core.telemetry.following.marks import BLOCK_BYTES
from townlet_core.telemetry.lines import Fault

MANY = 200  # more segments than are held


def test_a_log_that_is_emptied_and_longer_again_during_a_poll_gives_no_pieces_of_lines(log: Path) -> None:
    """What has been read of the disk is given; what comes next is not what followed it."""
    count = 2 * BLOCK_BYTES // len(line(ours(100_000)))
    add(log, *range(100_000, 100_000 + count))
    with Reader(log) as reader:
        found = reader.follower.poll()
        next(found)
        os.truncate(log, 0)
        add(log, *range(200_000, 200_000 + 2 * count))
        given = [each for each in found if isinstance(each, Line)]
        assert not [each for each in given if isinstance(each.line, Fault)]
        assert [each.number for each in given[-2 * count :]] == list(range(1, 2 * count + 1))
        assert b'"epoch": 200000,' in given[-2 * count].line


def test_a_half_written_line_is_whole_in_the_copy_that_an_editor_saves(log: Path, reader: Reader) -> None:
    whole = line(ours(2))
    add(log, 1)
    with log.open("ab") as file:
        file.write(whole[:50])
    reader.poll()
    save_again(log)
    reader.poll()
    with log.open("ab") as file:
        file.write(whole[50:])
    reader.poll()
    assert [each.line for each in reader.lines] == [line(ours(1)), whole]


def test_a_segment_that_is_still_being_compressed_is_waited_for(log: Path, reader: Reader) -> None:
    packed = gzip.compress(b"".join(line(ours(number)) for number in range(1, 400)))
    segment = log.with_name("ppo.jsonl.1.gz")
    segment.write_bytes(packed[: len(packed) // 2])
    add(log, 400)
    reader.poll()
    assert 0 < len(reader.lines) < 399
    segment.write_bytes(packed)
    reader.poll()
    assert reader.epochs == list(range(1, 401))


def test_a_compressed_segment_that_ends_too_soon_is_told_and_the_log_goes_on(log: Path, reader: Reader) -> None:
    segment = log.with_name("ppo.jsonl.1.gz")
    segment.write_bytes(gzip.compress(line(ours(1)))[:-10])
    os.utime(segment, (0, 0))
    add(log, 2)
    *_, fault, last = reader.poll()
    assert isinstance(fault.line, Fault)
    assert fault.line.what.startswith("the compressed data are damaged: compressed file ended")
    assert (last.file, last.number) == (log, 1)
    assert reader.poll() == []


def test_a_file_that_appears_while_the_clock_stands_still_is_found(log: Path, reader: Reader) -> None:
    add(log, 1)
    reader.poll()
    before = log.parent.stat().st_mtime_ns
    write(log.with_name("ppo.jsonl.1"), [ours(2)])
    os.utime(log.parent, ns=(before, before))
    reader.poll()
    assert reader.epochs == [1, 2]


def test_a_log_that_was_saved_anew_and_then_rotated_by_copying_it(log: Path, reader: Reader) -> None:
    log.touch()
    reader.poll()
    add(log, 1)
    save_again(log)
    reader.poll(1)
    copy_and_empty(log)
    add(log, 2)
    reader.poll()
    assert (reader.epochs, reader.notices) == ([1, 2], [])


def test_a_file_that_is_gone_is_read_after_a_copy_of_what_it_held_before(log: Path, reader: Reader) -> None:
    log.touch()
    reader.poll()
    add(log, 1)
    copy_and_empty(log)
    add(log, 2)
    save_again(log)
    os.truncate(log, 0)
    reader.poll()
    assert reader.epochs == [1, 2]


def test_a_segment_with_the_number_that_an_empty_one_had_is_another(log: Path, reader: Reader) -> None:
    """The empty one is not held any more when it goes, and the number of its file is the first to be free."""
    empty = write(log.with_name("ppo.jsonl.1"), [])
    for number in range(2, 20):
        write(log.with_name(f"ppo.jsonl.{number}"), [ours(number)])
    add(log, 20)
    reader.poll()
    number = empty.stat().st_ino
    empty.unlink()
    pack(log.with_name("ppo.jsonl.2"))
    reader.poll()
    assert reader.epochs == list(range(2, 21))
    if log.with_name("ppo.jsonl.2.gz").stat().st_ino != number:
        pytest.skip("this file system gives no number twice so soon")


def test_many_segments_are_not_all_held_before_or_after_they_are_read(log: Path, reader: Reader) -> None:
    for number in range(1, MANY):
        write(log.with_name(f"ppo.jsonl.{number}"), [ours(number)])
    add(log, MANY)
    before = len(held_files())
    reader.poll(1)
    assert len(held_files()) - before < 100
    reader.poll()
    assert reader.epochs == list(range(1, MANY + 1))
    assert len(held_files()) - before < 30


@pytest.mark.parametrize("is_packed", [False, True])
def test_many_segments_may_have_other_names_when_their_turn_comes(log: Path, reader: Reader, is_packed: bool) -> None:
    for number in range(1, MANY):
        write(log.with_name(f"ppo.jsonl.{number}"), [ours(MANY - number)])
    add(log, MANY)
    found = reader.follower.poll()
    given = [next(found)]
    for path in segments_of(log) if is_packed else ():
        pack(path)
    move_away(log)
    add(log, MANY + 1)
    given += found
    lines = [each.line for each in given if isinstance(each, Line)]
    assert lines == [line(ours(number)) for number in range(1, MANY + 2)]
    assert len(given) == len(lines)


def test_what_was_deleted_does_not_fill_the_disk_for_long(
    log: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster, "HELD_SECONDS", 0.0)
    add(log, 1)
    reader.poll()
    log.unlink()
    add(log, 2)
    reader.poll()
    assert reader.epochs == [1, 2]
    assert [name for name in held_files() if name.endswith("ppo.jsonl (deleted)")] == []
