"""A log that is read while it is written: every line once, in order, whatever becomes of its files meanwhile.

A file is known by its number in the file system and by how it begins, not by its name: segments are renamed, and a
number is given to another file as soon as the first is deleted. It is held open until it was read to its end, so that
it may be deleted or compressed before. What is read next is read with some bytes that stand before it; where these are
not what they were, the file was cut off or written anew, and is looked at again. What others know files by, and what
they lose: https://www.elastic.co/docs/reference/beats/filebeat/file-identity,
https://github.com/fluent/fluent-bit/issues/4839.

Not known is only what was written after a poll and taken away before the next one without a trace: by truncating a file
(with a copy of it beside it, as logrotate makes one, nothing is lost), or by deleting one that no poll has seen.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from townlet_core.telemetry.following.growing import Changed, Growing
from townlet_core.telemetry.following.pipe import Pipe
from townlet_core.telemetry.following.roster import Roster
from townlet_core.telemetry.lines import STDIN, Fault, cannot_read
from townlet_core.telemetry.resume import Run

MOST_ROUNDS: Final = 100  # a poll, while the log changes all the time


class Line(NamedTuple):
    """A line of a log."""

    file: Path
    number: int  # in its file, from 1
    line: bytes | Fault


class Notice(NamedTuple):
    """What has become of a file of a log, for people."""

    file: Path
    what: str
    line: int | None = None  # the last of the file that stays, where later ones are gone: they may come anew
    run: Run | None = None  # that was taken back: its records after `run.after` are gone, and come anew


class Follower:
    """Reads a log as it grows.

    Args:
        log: its name; it need not be there yet. A pipe will do too, and `-` is standard input.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._roster = Roster(log)
        self._pipe: Pipe | None = None
        self._heard = time.monotonic()
        self._is_left = False  # a poll has not read to the end
        self._running: Generator[Line | Notice, None, None] | None = None

    def poll(self) -> Iterator[Line | Notice]:
        """Give what is new since the last poll, oldest first, without waiting. What is not taken comes the next time.

        Raises:
            InputError: the log cannot be read.
        """
        if self._running is not None:
            self._running.close()
        self._running = self._poll()
        return self._running

    @property
    def exists(self) -> bool:
        """Say whether there was anything of the log when it was last looked at; a log that is gone may come back."""
        return self._log == STDIN or self._pipe is not None or self._roster.is_there

    @property
    def quiet_seconds(self) -> float:
        """Give the time since the log last grew; where it never did, since it was first waited for."""
        heard = self._heard if self._roster.heard is None else self._roster.heard
        return time.monotonic() - heard

    @property
    def is_ended(self) -> bool:
        """Say whether nothing can come any more, as after the end of standard input."""
        return self._pipe is not None and self._pipe.is_ended

    def close(self) -> None:
        """Let go of all files."""
        if self._running is not None:
            self._running.close()
        self._roster.close()
        if self._pipe is not None:
            self._pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _poll(self) -> Generator[Line | Notice, None, None]:
        try:
            if self._pipe is None and _leads_to_pipe(self._log):
                self._pipe = Pipe(self._log)
            yield from self._poll_files() if self._pipe is None else self._poll_pipe(self._pipe)
        except OSError as error:
            raise cannot_read(error, self._log) from error

    def _poll_pipe(self, pipe: Pipe) -> Iterator[Line]:
        before = pipe.pieces
        for number, found in pipe.poll():
            yield Line(self._log, number, found)
        if pipe.pieces > before:
            self._heard = time.monotonic()

    def _poll_files(self) -> Iterator[Line | Notice]:
        for _ in range(MOST_ROUNDS):
            self._is_left = self._roster.look() or self._is_left
            while self._roster.told:
                yield Notice(*self._roster.told.popleft())
            if not self._is_left:
                return
            try:
                yield from self._read()
            except Changed:
                self._roster.forget()
                continue
            has_backs = bool(self._roster.backs)
            while self._roster.backs:
                run = self._roster.backs.popleft()
                what = f"run {run.run_id} was taken back to record {run.after}, what came after it comes anew"
                yield Notice(self._log, what, run=run)
            self._is_left = has_backs or not self._roster.is_read
            if not has_backs:
                return

    def _read(self) -> Iterator[Line | Notice]:
        """Read all files to their ends, and those that are gone before what stands for them.

        What the runs that were taken back have written anew is left for later: this is to be told first.

        Raises:
            Changed: something has another name now.
        """
        roster = self._roster
        for part, is_followed in roster.to_read():
            if part.old is not None:
                yield from self._go_on(part, part.old)
            is_held = roster.is_superseded if roster.backs and part.is_listed else None
            for number, found in part.read(is_held):
                yield Line(part.path, number, found)
            if part.content.is_packed and not part.is_read:
                break  # it is being compressed
            if part.is_read and part.has_rest and (is_followed or part.content.is_packed) and part.heir is None:
                for number, found in part.rest():
                    yield Line(part.path, number, found)
        roster.let_go()

    def _go_on(self, part: Growing, old: Growing) -> Iterator[Notice]:
        """Begin to read a file that stands for another where that was left."""
        if not part.content.open(part.path):
            raise Changed
        is_told = self._roster.is_taken_back
        is_cut = part.go_on_from(old, self._roster.first_superseded)
        self._roster.replace(old, part)
        if is_cut and not is_told:
            number = part.mark.number
            yield Notice(part.path, f"was written anew, it goes on after line {number}", line=number)


def _leads_to_pipe(log: Path) -> bool:
    """Say whether a name leads to what can be read only once."""
    if log == STDIN:
        return True
    try:
        mode = os.stat(log).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
