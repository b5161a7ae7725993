"""Places in the files of a log where a line begins, and how they are found in a file that stands for another."""

from __future__ import annotations

from contextlib import suppress
from typing import Final, NamedTuple

from townlet_core.telemetry.ending import lines_backwards
from townlet_core.telemetry.following.content import DAMAGES, Content
from townlet_core.telemetry.lines import MOST_LINE_BYTES, NEWLINE

TAIL_BYTES: Final = 2**8  # before what is read next, by which it is seen that this was not written anew
BLOCK_BYTES: Final = 2**18


class Mark(NamedTuple):
    """A place in a file where a line begins."""

    place: int  # bytes before it
    number: int  # lines before it
    tail: bytes  # the last of these bytes

    def after(self, data: bytes, done: int, number: int) -> Mark:
        """Name a later place: some bytes of what is read from here on."""
        tail = (self.tail + data[max(done - TAIL_BYTES, 0) : done])[-TAIL_BYTES:]
        return Mark(self.place + done, number, tail)


START: Final = Mark(0, 0, b"")


def holds(content: Content, mark: Mark) -> bool:
    """Say whether a file still has what stood before a place."""
    return content.at(mark.place - len(mark.tail), len(mark.tail)) == mark.tail


def mark_at(content: Content, place: int) -> Mark:
    """Count the lines before a place where one begins."""
    number = at = 0
    while at < place and (block := content.at(at, min(BLOCK_BYTES, place - at))):
        number += block.count(b"\n")
        at += len(block)
    begin = max(place - TAIL_BYTES, 0)
    return Mark(place, number, content.at(begin, place - begin))


def end_of_lines(content: Content) -> int:
    """Find where the last line ends that has a newline."""
    for begin, line in lines_backwards(content.rewound()):
        return begin + (len(line) if line[-1] == NEWLINE else 0)
    return 0


def first_new(content: Content, old: Content, read: Mark, limit: int | None) -> Mark:
    """Find the first line that is not among those that were read of another file, whose order is the same.

    Args:
        read: how far the other one was read.
        limit: bytes of this one to look at; None for all.
    """
    mark = START
    with suppress(*DAMAGES):
        own, others = content.rewound(), old.rewound()
        place = at = number = 0
        while (limit is None or place < limit) and (line := own.readline(MOST_LINE_BYTES)):
            while at < read.place and (other := others.readline(MOST_LINE_BYTES)):
                at += len(other)
                if other == line:
                    break
            else:
                break
            place += len(line)
            if line[-1] == NEWLINE:
                number += 1
                mark = Mark(place, number, line[-TAIL_BYTES:])
            if place == at == read.place:
                mark = read
    return mark
