"""Whatever becomes of a log while it is written, who follows it is given every line once and in order."""

from __future__ import annotations

import gzip
import io
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.telemetry.following import Reader, copy_and_empty, move_away, pack, save_again, segments_of
from tests.telemetry.nursery import Nursery
from tests.telemetry.reading import line, ours
from townlet_core.telemetry.lines import GZIP_MAGIC, lines

HALVES = [b'{"epoch":7,"updates":8', b"{", b"\0" * 300, b'{"epoch":7' + b"\0" * 50, b"\0" * 40 + b'"seq":3}\n']


class Town(RuleBasedStateMachine):
    """A trainer that writes, dies and comes back; an operator who tidies up; and a reader who looks in at times."""

    nursery: Nursery

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.log = Path(self.folder.name) / "ppo.jsonl"
        self.reader = Reader(self.log)
        self.written: list[tuple[int, int]] = []  # number of the writing, and offset of the record
        self.unread: set[int] = set()  # numbers that the reader may never see
        self.recent: set[int] = set()  # numbers since the last poll
        self.writings = 0
        self.may_resume = True  # the log is as the trainer has left it

    @initialize(most=st.none() | st.integers(1, 4))
    def open(self, most: int | None) -> None:
        self.most = most
        self.nursery.start(self.log, run_id="anna", max_entries=most)

    @rule(count=st.integers(1, 4))
    def write(self, count: int) -> None:
        for _ in range(count):
            self.writings += 1
            offset = self.nursery.write(1 + self.writings, updates=self.writings, steps=self.writings)
            self.written.append((self.writings, offset))
            self.recent.add(self.writings)

    @rule(half=st.none() | st.sampled_from(HALVES), most=st.none() | st.integers(1, 4))
    def die_and_come_back(self, half: bytes | None, most: int | None) -> None:
        self._die(half)
        self.nursery.start(self.log, run_id="anna", max_entries=self.most and most)

    @precondition(lambda self: self.written and self.may_resume)
    @rule(half=st.none() | st.sampled_from(HALVES), back=st.integers(0, 6), is_read=st.booleans())
    def resume(self, half: bytes | None, back: int, is_read: bool) -> None:
        packed = [self._last_of(path) for path in segments_of(self.log) if path.suffix == ".gz"]
        after = max([self.written[-1][1] - back, 0, *packed])
        self._die(half)
        if is_read:
            self.reader.poll()
        self.nursery.start(self.log, run_id="anna", max_entries=self.most, resume_after=after)
        self.written = [(number, offset) for number, offset in self.written if offset <= after]

    @rule()
    def poll(self) -> None:
        self.reader.poll()
        self.recent.clear()

    @rule(most=st.integers(1, 3))
    def poll_a_little(self, most: int) -> None:
        self.reader.poll(most)

    @rule()
    def compress(self) -> None:
        for path in segments_of(self.log):
            if path.suffix != ".gz":
                pack(path)

    @precondition(lambda self: self.log.exists())
    @rule()
    def save_again(self) -> None:
        save_again(self.log)

    @precondition(lambda self: self.most is None and self.log.exists() and self.log.stat().st_size)
    @rule(rotate=st.sampled_from([move_away, copy_and_empty]))
    def rotate(self, rotate: Callable[[Path], None]) -> None:
        rotate(self.log)
        self.may_resume = False  # the trainer would take the newest segment for the oldest

    @precondition(lambda self: self.log.exists())
    @rule()
    def empty(self) -> None:
        os.truncate(self.log, 0)
        self.unread |= self.recent
        self.may_resume = False

    def _die(self, half: bytes | None) -> None:
        self.nursery.kill()
        if half is not None and self.log.exists() and self.log.stat().st_size:
            with self.log.open("ab") as file:
                file.write(half)

    def _last_of(self, path: Path) -> int:
        with gzip.open(path) as file:
            last: int = max(json.loads(line)["log_stream_offset"] for line in file)
        return last

    def teardown(self) -> None:
        try:
            self.nursery.kill()
            self.reader.poll()
            found = [record["updates"] for record in self.reader.records]
            assert found == [n for n, _ in self.written if n in found or n not in self.unread], self.reader.told
        finally:
            self.reader.follower.close()
            self.folder.cleanup()


def test_nothing_is_lost_and_nothing_comes_twice() -> None:
    with Nursery() as Town.nursery:
        run_state_machine_as_test(Town, settings=settings(max_examples=120, stateful_step_count=25, deadline=None))


ODD = [b"\n", b"  \r\n", b"\xef\xbb\xbf", b"{}\n", b"[1]\n", b'{"a": "\xff"}\n', b"\0\0\n", b"{", b"x" * 300]
PLAIN = st.binary(max_size=5).filter(lambda some: GZIP_MAGIC not in some)
PIECES = st.builds(line, st.builds(ours, st.integers(1, 9))) | st.sampled_from(ODD) | PLAIN


@settings(max_examples=100)
@example(b"\xef\xbb\xbf" + line(ours(1)), [2], False)
@example(b"\xef\xbb\xbf\n" * 2, [], True)
@given(st.lists(PIECES, max_size=8).map(b"".join), st.lists(st.integers(0, 4000), max_size=5), st.booleans())
def test_what_is_followed_is_what_is_read_in_one_go(content: bytes, places: list[int], is_packed: bool) -> None:
    """However the file grows, and also the line that it ends with, once the log has gone on in the next file."""
    with tempfile.TemporaryDirectory() as folder, Reader(Path(folder) / "ppo.jsonl") as reader:
        log = Path(folder) / "ppo.jsonl"
        place = 0
        for end in [*sorted(places), len(content)]:
            with log.open("ab") as file:
                file.write(content[place:end])
            place = max(place, end)
            reader.poll()
        move_away(log)
        if is_packed:
            pack(Path(folder) / "ppo.jsonl.1")
        log.write_bytes(b'{"next": 1}\n')
        reader.poll()
        *found, last = [(each.number, each.line) for each in reader.lines]
        assert found == list(lines(io.BytesIO(content)))
        assert last == (1, b'{"next": 1}\n')
        assert reader.notices == []
