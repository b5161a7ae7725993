"""A log is followed while it is written: every line once, in order; notices say what has become of its files."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.telemetry.epochs import record, stream, values
from tests.telemetry.following import Reader, add, copy_and_empty, move_away, pack, save_again
from tests.telemetry.reading import line, ours, theirs, write
from townlet_core.errors import InputError
from townlet_core.telemetry.following.follow import Follower, Line
from townlet_core.telemetry.lines import MOST_LINE_BYTES, Fault
from townlet_core.telemetry.log import TelemetryLog


def test_the_first_poll_gives_all_that_is_there_and_later_ones_what_was_added(log: Path, reader: Reader) -> None:
    add(log, 1, 2)
    assert [(each.file, each.number) for each in reader.poll()] == [(log, 1), (log, 2)]
    assert reader.poll() == []
    add(log, 3)
    assert [(each.file, each.number) for each in reader.poll()] == [(log, 3)]
    assert reader.epochs == [1, 2, 3]
    assert reader.notices == []


def test_a_half_written_line_is_held_back_until_it_has_its_end(log: Path, reader: Reader) -> None:
    whole = line(ours(2))
    add(log, 1)
    for piece, epochs in [(whole[:20], [1]), (whole[20:-1], [1]), (b"\n", [1, 2])]:
        with log.open("ab") as file:
            file.write(piece)
        reader.poll()
        assert reader.epochs == epochs
    assert reader.lines[-1] == Line(log, 2, whole)


def test_what_is_not_taken_comes_with_the_next_poll(log: Path, reader: Reader) -> None:
    record(log, range(1, 8), max_entries=2)
    for most in (1, 3, None):
        reader.poll(most)
    assert reader.epochs == list(range(1, 8))


@pytest.mark.parametrize("suffixes", [(".1", ".2", ""), ("", ".1", ".2"), (".2", ".1", "")])
@pytest.mark.parametrize("packed", [False, True])
def test_segments_come_in_the_order_of_their_records(
    log: Path, reader: Reader, suffixes: tuple[str, ...], packed: bool
) -> None:
    for place, suffix in enumerate(suffixes):
        file = write(log.with_name(log.name + suffix), [ours(2 * place + 1), ours(2 * place + 2)])
        if packed and suffix:
            pack(file)
    reader.poll()
    assert reader.epochs == [1, 2, 3, 4, 5, 6]


def test_several_of_our_rotations_between_two_polls(log: Path, reader: Reader) -> None:
    with TelemetryLog(log, run_id="anna", max_entries=2) as own:
        for epoch in range(1, 12):
            own.write(values(epoch))
            if epoch in (1, 8):
                reader.poll()
    reader.poll()
    assert reader.epochs == list(range(1, 12))
    assert [each.number for each in reader.lines] == [1, 2] * 5 + [1]
    assert reader.notices == []


def test_the_predecessor_goes_on_in_the_next_file(log: Path, reader: Reader) -> None:
    for number, suffix in enumerate(("", ".1", ".2", ".3"), 1):
        write(log.with_name(log.name + suffix), [theirs(number)])
        if number % 2:
            reader.poll()
    reader.poll()
    assert reader.epochs == [1, 2, 3, 4]
    assert [each.file.name for each in reader.lines] == ["ppo.jsonl", "ppo.jsonl.1", "ppo.jsonl.2", "ppo.jsonl.3"]


@pytest.mark.parametrize("rotate", [move_away, copy_and_empty])
@pytest.mark.parametrize("is_read", [False, True])
@pytest.mark.parametrize("is_packed", [False, True])
def test_logrotate_renames_or_copies(
    log: Path, reader: Reader, rotate: Callable[[Path], None], is_read: bool, is_packed: bool
) -> None:
    add(log, 1)
    reader.poll()
    for number in (2, 4, 6):
        add(log, number)
        if is_read:
            reader.poll()
        rotate(log)
        if is_packed:
            pack(log.with_name(f"{log.name}.1"))
        add(log, number + 1)
    reader.poll()
    assert reader.epochs == [1, 2, 3, 4, 5, 6, 7]
    assert reader.notices == []


def test_a_copy_that_is_being_made_is_not_read_and_stands_for_the_log_when_that_is_emptied(
    log: Path, reader: Reader
) -> None:
    add(log, 1, 2)
    reader.poll()
    copy = write(log.with_name("ppo.jsonl.1"), [ours(1)])
    reader.poll()
    add(copy, 2, 3)
    os.truncate(log, 0)
    add(log, 4)
    assert [(each.file.name, each.number) for each in reader.poll()] == [("ppo.jsonl.1", 3), ("ppo.jsonl", 1)]
    assert reader.epochs == [1, 2, 3, 4]


def test_a_segment_that_is_compressed_before_it_was_read_to_its_end_is_read_on(log: Path, reader: Reader) -> None:
    add(log, *range(1, 9))
    reader.poll(3)
    add(log, 9)
    move_away(log)
    pack(log.with_name("ppo.jsonl.1"))
    add(log, 10)
    reader.poll()
    reader.poll()
    assert reader.epochs == list(range(1, 11))
    assert [each.number for each in reader.lines] == [*range(1, 10), 1]


def test_a_file_that_is_deleted_before_it_was_read_to_its_end_is_read_on(log: Path, reader: Reader) -> None:
    add(log, 1, 2, 3)
    reader.poll(1)
    log.unlink()
    assert [each.number for each in reader.poll()] == [2, 3]
    assert reader.told == ["ppo.jsonl is gone, it may come back"]
    assert not reader.follower.exists


@pytest.mark.parametrize("is_gone_for_a_poll", [False, True])
def test_a_log_that_is_made_anew_is_read_from_its_begin(log: Path, reader: Reader, is_gone_for_a_poll: bool) -> None:
    add(log, 1, 2)
    reader.poll()
    log.unlink()
    if is_gone_for_a_poll:
        reader.poll()
    add(log, 3)
    reader.poll()
    assert reader.epochs == [1, 2, 3]
    assert reader.told == (
        ["ppo.jsonl is gone, it may come back", "ppo.jsonl is there now"]
        if is_gone_for_a_poll
        else ["ppo.jsonl is another file, after line 2 of it was read: it is read from line 1"]
    )


def test_a_log_that_vanishes_and_comes_back_goes_on_where_it_was_left(log: Path, reader: Reader) -> None:
    add(log, 1, 2)
    reader.poll()
    away = log.rename(log.with_name("away"))
    reader.poll()
    add(away, 3)
    away.rename(log)
    reader.poll()
    assert reader.epochs == [1, 2, 3]


def test_a_log_that_is_emptied_and_longer_again_is_read_from_its_begin(log: Path, reader: Reader) -> None:
    """Its size says nothing: it has three lines instead of one when it is looked at again."""
    add(log, 1)
    reader.poll()
    os.truncate(log, 0)
    add(log, 2, 3, 4)
    assert [each.number for each in reader.poll()] == [1, 2, 3]
    assert reader.epochs == [1, 2, 3, 4]
    assert reader.told == ["ppo.jsonl was emptied after line 1 of it was read: it is read from line 1"]


def test_lines_that_were_written_and_emptied_between_two_polls_are_lost(log: Path, reader: Reader) -> None:
    add(log, 1)
    reader.poll()
    add(log, 2)
    os.truncate(log, 0)
    add(log, 3)
    reader.poll()
    assert reader.epochs == [1, 3]


def test_a_number_that_the_file_system_gives_to_another_file_is_no_sign_of_the_first(log: Path) -> None:
    """So many files are read before that the first is not held any more; then its number is free for the next one."""
    names = [log.with_name(f"ppo.jsonl.{number}") for number in range(1, 40)]
    for number, name in enumerate(names, 1):
        write(name, [ours(2 * number), ours(2 * number + 1)])
    with Reader(log) as reader:
        reader.poll()
        numbers = {name.stat().st_ino for name in names[:20]}
        for name in names[:20]:
            name.unlink()
        again = []
        for number in range(40, 80):
            again.append(write(log.with_name(f"ppo.jsonl.{number}"), [ours(2 * number), ours(2 * number + 1)]))
        reader.poll()
        assert reader.epochs == list(range(2, 160))
        if not numbers & {name.stat().st_ino for name in again}:
            pytest.skip("this file system gives no number twice so soon")


@pytest.mark.parametrize("name", ["ppo.jsonl", "runs/first/ppo.jsonl"])
def test_a_log_and_its_folder_may_appear_later(tmp_path: Path, name: str) -> None:
    log = tmp_path / name
    with Reader(log) as reader:
        for _ in range(2):
            assert not reader.follower.exists
            reader.poll()
        log.parent.mkdir(parents=True, exist_ok=True)
        reader.poll()
        add(log, 1)
        reader.poll()
        assert (reader.epochs, reader.told) == ([1], ["ppo.jsonl is there now"])
        assert reader.follower.exists
    with Follower(log) as another:
        assert another.exists, "before it is polled"


def test_a_link_that_is_turned_to_another_log_is_followed(tmp_path: Path, log: Path, reader: Reader) -> None:
    for number, run in enumerate(("first", "second"), 1):
        (tmp_path / run).mkdir()
        write(tmp_path / run / "ppo.jsonl", [ours(number)])
        log.unlink(missing_ok=True)
        log.symlink_to(f"{run}/ppo.jsonl")
        reader.poll()
    assert reader.epochs == [1, 2]


def test_an_editor_that_saves_the_log_changes_nothing(log: Path, reader: Reader) -> None:
    add(log, 1, 2)
    reader.poll()
    save_again(log)
    add(log, 3)
    reader.poll()
    assert (reader.epochs, reader.notices) == ([1, 2, 3], [])


def test_a_line_that_is_too_long_is_told_by_its_number_and_costs_no_memory(log: Path, reader: Reader) -> None:
    add(log, 1)
    reader.poll()
    tracemalloc.start()
    for _ in range(10):
        with log.open("ab") as file:
            file.write(b"{" * MOST_LINE_BYTES)
        assert reader.poll() == []
    with log.open("ab") as file:
        file.write(b"\n")
    add(log, 3)
    long, last = reader.poll()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert long == Line(log, 2, Fault("must have at most 4,194,304 bytes", "41,943,040"))
    assert last.number == 3
    assert peak < 4 * MOST_LINE_BYTES


def test_the_time_since_the_log_last_grew_is_known(log: Path, reader: Reader) -> None:
    add(log, 1)
    os.utime(log, (0, 0))
    reader.poll()
    assert reader.follower.quiet_seconds > 10**9
    with log.open("ab") as file:
        file.write(b"{")
    reader.poll()
    assert reader.follower.quiet_seconds < 60


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    with Follower(tmp_path) as follower, pytest.raises(InputError, match="cannot be read: is a directory"):
        list(follower.poll())


def test_all_is_let_go_in_the_end(log: Path) -> None:
    record(log, range(1, 30), max_entries=1)
    before = len(os.listdir("/proc/self/fd"))
    with Reader(log) as reader:
        reader.poll(5)
        assert len(os.listdir("/proc/self/fd")) > before
    assert len(os.listdir("/proc/self/fd")) == before
    assert stream(log) == list(range(1, 30))
