"""One file of a log that may grow, be renamed, cut back, replaced or compressed while it is read."""

from __future__ import annotations

import enum
import io
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from townlet_core.telemetry.following.content import DAMAGES, Content
from townlet_core.telemetry.following.marks import BLOCK_BYTES, START, Mark, end_of_lines, first_new, holds, mark_at
from townlet_core.telemetry.lines import CURLY, MOST_LINE_BYTES, Fault, judged, too_long
from townlet_core.telemetry.stream import Places, begin_of

MOST_MARKS: Final = 64
SETTLED_SECONDS: Final = 2  # compressed data that end too soon are damaged if they have not grown for so long

Found = tuple[int, bytes | Fault]


class Changed(Exception):
    """The log is not what it was when its folder was looked at."""


class Change(enum.Enum):
    """What has become of what was read of a file."""

    NONE = enum.auto()
    GROWN = enum.auto()  # it is still there
    CUT = enum.auto()  # its end is gone, and may be written anew
    ANEW = enum.auto()  # all of it is gone


class Growing:
    """A file of a log and how far it has been read.

    Args:
        path: its name, which may change.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.mark = START  # where the next line begins
        self.is_listed = True  # it has a name in the folder
        self.heir: Growing | None = None  # the file that stands for this one now
        self.old: Growing | None = None  # the file that this one stands for
        self.begin: Places | None = None  # place of its first record
        self.left_at = 0.0  # when it was found to be gone
        self.content = Content(path)
        stat = self.content.stat(path)
        self.size = stat.st_size  # when it was last looked at
        self.head = self.content.head()  # by which it is known again
        self._stamp: tuple[int, ...] | None = _stamp(stat)
        self.changed_at = stat.st_mtime  # by the clock of the disk
        self._marks: deque[Mark] = deque(maxlen=MOST_MARKS)  # up to `mark`, to go back to
        self._is_read_to = -1  # size of the file when all was given that it had
        self._has_ended = False  # also the line without an end
        self._over = 0  # bytes of a line that is too long, as far as it has been read
        self._learn_begin()

    @property
    def is_read(self) -> bool:
        """Say whether all has been given, but perhaps a line that has no end yet."""
        return self._is_read_to == self.size

    @property
    def has_rest(self) -> bool:
        """Say whether there may be a line without an end."""
        return not self._has_ended and (self.content.is_packed or self.mark.place < self.size or self._over > 0)

    def looks_like(self, other: Growing) -> bool:
        """Say whether the first line of a file is that of another."""
        return bool(self.head) and _first_line(self.head) == _first_line(other.head)

    def has_first_line_of(self, other: Growing) -> bool:
        """Say whether the first line of another file is anywhere in this one, as far as that can still be read."""
        if any(not each.content.is_open or each.content.is_packed for each in (self, other)):
            return False
        return first_new(other.content, self.content, Mark(self.size, 0, b""), 1) != START

    def look(self) -> Change:
        """Find out whether what was read of the file is still there; go back to where that was so.

        Raises:
            Changed: it has another name now.
        """
        stat = self.content.stat(self.path)
        if _stamp(stat) == self._stamp:
            return Change.NONE
        if not self.content.open(self.path):
            raise Changed
        head = self.content.head()
        if not head.startswith(_first_line(self.head)):
            if self.mark.place:
                return Change.ANEW
            self.begin = None
        self.head, self.size, self._stamp, self.changed_at = head, stat.st_size, _stamp(stat), stat.st_mtime
        self._is_read_to, self._has_ended = -1, False
        self._learn_begin()
        if self.content.is_packed or not self.mark.place or holds(self.content, self.mark):
            return Change.GROWN
        while self._marks and not holds(self.content, self._marks[-1]):
            self._marks.pop()
        self._go_to(self._marks[-1] if self._marks else START)
        return Change.CUT

    def read(self, is_held: Callable[[bytes], bool] | None) -> Iterator[Found]:
        """Give the lines that are new and whole, with their numbers. What was given counts even if no more is taken.

        Args:
            is_held: tells that a line must not be given yet, nor any after it.

        Raises:
            Changed: the log is not what it was.
        """
        want = BLOCK_BYTES
        while data := self._block(want):
            end = data.rfind(b"\n") + 1
            if self._over:
                yield from self._skip(data)
            elif end:
                want = BLOCK_BYTES
                begin = self.mark.place
                yield from self._whole(data, end, is_held)
                if self.mark.place < begin + end:
                    return
            elif len(data) >= MOST_LINE_BYTES:
                self._skip_all(data)
            elif len(data) < want:
                break
            else:
                want = min(2 * want, MOST_LINE_BYTES)
        if self.content.damage is not None:
            yield from self._damaged(data)
        else:
            self._is_read_to = self.size

    def rest(self) -> Iterator[Found]:
        """Give the line that has no newline at its end, once nobody will add to it."""
        self._has_ended = True
        if self._over:
            found: bytes | Fault | None = too_long(self._over)
            self._over, data = 0, b""
        elif data := self._block(MOST_LINE_BYTES):
            found = judged(data, is_first=not self.mark.number)
        else:
            return
        self._advance(data, lines=1)
        if found is not None:
            yield self.mark.number, found

    @property
    def is_settled(self) -> bool:
        """Say whether nobody has written to the file for a while."""
        return not 0 <= time.time() - self.changed_at <= SETTLED_SECONDS

    def go_on_from(self, old: Growing, superseded: Callable[[Content], int | None]) -> bool:
        """Begin where the file that this one stands for was left; say whether lines of that are gone.

        Args:
            superseded: finds where in a file the records begin that are written anew; None if there are none anywhere.
        """
        limit = superseded(self.content)
        is_shorter = not self.content.is_packed and self.size < old.mark.place
        if old.content.is_open:
            mark = first_new(self.content, old.content, old.mark, limit)
        elif limit is not None and (limit < old.mark.place or is_shorter):
            mark = mark_at(self.content, limit)
        elif self.content.is_packed or holds(self.content, old.mark):
            mark = old.mark
        else:
            mark = mark_at(self.content, end_of_lines(self.content)) if is_shorter else START
        self._go_to(mark)
        self._over = old._over if mark == old.mark else 0
        return mark.place < old.mark.place

    def _learn_begin(self) -> None:
        if self.begin is None:
            with suppress(*DAMAGES):
                self.begin = begin_of(self.content.rewound())

    def _go_to(self, mark: Mark) -> None:
        self.mark, self._over, self._is_read_to, self._has_ended = mark, 0, -1, False
        self._marks = deque([mark], maxlen=MOST_MARKS)

    def _block(self, most: int) -> bytes:
        """Read what comes next; fewer bytes than wanted are all that there were when the file was looked at.

        Raises:
            Changed: what stood before it is not what it was.
        """
        place, _, tail = self.mark
        if self.content.is_packed:
            return self.content.at(place, most)
        data = self.content.at(place - len(tail), len(tail) + max(min(most, self.size - place), 0))
        if not data.startswith(tail):
            self._stamp = None
            raise Changed
        return data[len(tail) :]

    def _damaged(self, data: bytes) -> Iterator[Found]:
        """Tell that compressed data cannot be unpacked to their end, unless that is still being written."""
        if not self.is_settled:
            self.content.forget()
            return
        fault = Fault(f"the compressed data are damaged: {self.content.damage}")
        self._over = 0
        self._advance(data, lines=1)
        self._is_read_to, self._has_ended = self.size, True
        yield self.mark.number, fault

    def _whole(self, data: bytes, end: int, is_held: Callable[[bytes], bool] | None) -> Iterator[Found]:
        """Give the lines of a block."""
        number, done = self.mark.number, 0
        try:
            for line in io.BytesIO(data if end == len(data) else data[:end]):
                if is_held is not None and is_held(line):
                    return
                found: bytes | Fault | None = line
                if line[0] != CURLY:  # perhaps what a crash has left, which will be taken away
                    self._marks.append(self.mark.after(data, done, number))
                    found = judged(line, is_first=not number)
                number += 1
                done += len(line)
                if found is not None:
                    yield number, found
        finally:
            self._advance(data, done, lines=number - self.mark.number)

    def _skip(self, data: bytes) -> Iterator[Found]:
        """Pass by more of a line that is too long; tell of it when it ends."""
        length = data.find(b"\n")
        if length < 0:
            self._skip_all(data)
            return
        fault = too_long(self._over + length)
        self._over = 0
        self._advance(data, length + 1, lines=1)
        yield self.mark.number, fault

    def _skip_all(self, data: bytes) -> None:
        self._over += len(data)
        self._advance(data, lines=0)

    def _advance(self, data: bytes, done: int | None = None, *, lines: int) -> None:
        """Count a block, or the first bytes of it, as read."""
        self.mark = self.mark.after(data, len(data) if done is None else done, self.mark.number + lines)
        if not self._over:
            self._marks.append(self.mark)


def _first_line(head: bytes) -> bytes:
    """Give what is in a head up to the end of a line that is not blank; what comes after may be written anew."""
    begin = len(head) - len(head.lstrip())
    return head[: head.find(b"\n", begin) + 1] or head


def _stamp(stat: os.stat_result) -> tuple[int, ...]:
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
