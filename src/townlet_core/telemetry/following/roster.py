"""The files of a log that is being written: which of them are known, under what names, and in what order."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from townlet_core.telemetry.following.content import DAMAGES, Content
from townlet_core.telemetry.following.folder import Folder
from townlet_core.telemetry.following.growing import Change, Changed, Growing
from townlet_core.telemetry.lines import MOST_LINE_BYTES
from townlet_core.telemetry.resume import Run, first_superseded, taken_back
from townlet_core.telemetry.segments import numbered
from townlet_core.telemetry.stream import begins_before, in_order, real

MOST_OPEN: Final = 16  # files that were read to their end and are held nevertheless
MOST_FRESH: Final = 64  # files that are held before they are read
MOST_REMEMBERED: Final = 1000  # files that are gone, and may come back
HELD_SECONDS: Final = 30.0  # for which a file that is gone is held, to compare it with what comes instead

Told = tuple[Path, str, int | None]  # file, what has become of it, and the last line that stays if others went


class Roster:
    """The files of a log, as far as they have been read."""

    def __init__(self, log: Path) -> None:
        self.is_there = log.exists() or bool(numbered(real(log)))  # a file of the log
        self.told: deque[Told] = deque()  # what is still to be told
        self.backs: deque[Run] = deque()  # runs that were taken back, which is still to be told
        self.heard: float | None = None  # when the log last grew
        self._log = log
        self._folder = Folder(log)
        self._parts: list[Growing] = []  # oldest first, with those that are gone and not read to their end
        self._gone: deque[Growing] = deque(maxlen=MOST_REMEMBERED)
        self._has_looked = False

    @property
    def is_taken_back(self) -> bool:
        """Say whether a run has been taken back, which is still to be told, or was being when the folder was read."""
        return bool(self.backs) or self._folder.is_in_turmoil

    @property
    def is_read(self) -> bool:
        """Say whether all files were read to their ends."""
        return all(part.is_read for part in self._parts)

    def look(self) -> bool:
        """Find out what has changed; say whether there may be anything to read.

        No more is read of a file than it has now, and the folder is looked at after that: so if a run was taken back
        before any of it was written, that is known.
        """
        is_due = is_other = False
        for part in self._parts:
            if part.content.is_open:
                was_known = part.begin is not None
                change = self._check(part)
                is_due = is_due or change is not Change.NONE
                is_other = is_other or change is Change.ANEW or (part.begin is not None) is not was_known
        if is_other or self._folder.has_changed():
            self._look_again()
            return True
        return is_due

    def forget(self) -> None:
        """Have the folder read again."""
        self._folder.forget()

    def to_read(self) -> Iterator[tuple[Growing, bool]]:
        """Give the files that may have to be read, held, and whether the log has gone on in a later one.

        Raises:
            Changed: one cannot be found any more.
        """
        parts = list(self._parts)
        last = max((place for place, part in enumerate(parts) if part.is_listed and part.size), default=-1)
        for place, part in enumerate(parts):
            is_followed = place < last
            if part.is_read and part.old is None and not (is_followed and part.has_rest):
                continue
            if not part.content.open(part.path):
                raise Changed
            yield part, is_followed
            if part.is_read and len(parts) - place > MOST_OPEN:
                part.content.close()

    def is_superseded(self, line: bytes) -> bool:
        """Say whether a run that was taken back has written a line."""
        return any(run.supersedes(line) for run in self.backs)

    def first_superseded(self, content: Content) -> int | None:
        """Find where the lines begin that runs which were taken back have written anew; None if there are no runs."""
        if not self.backs:
            return None
        if content.is_packed:  # it can only be read forwards
            return self._first_superseded_of_packed(content)
        begins = [first_superseded(content.rewound(), run)[0] for run in self.backs]
        return min((begin for begin in begins if begin is not None), default=content.rewound().seek(0, os.SEEK_END))

    def _first_superseded_of_packed(self, content: Content) -> int:
        place = 0
        with suppress(*DAMAGES):
            file = content.rewound()
            while (line := file.readline(MOST_LINE_BYTES)) and not self.is_superseded(line):
                place += len(line)
        return place

    def replace(self, old: Growing, new: Growing) -> None:
        """Forget a file for which another stands now."""
        old.content.close()
        new.old = None
        if old in self._gone:
            self._gone.remove(old)
        if old in self._parts:
            self._parts.remove(old)

    def let_go(self) -> None:
        """Let go of files that are read and not needed any more."""
        for part in [part for part in self._parts if not part.is_listed and part.is_read]:
            self._parts.remove(part)
            self._gone.append(part)
        for part in self._gone:
            if time.monotonic() - part.left_at > HELD_SECONDS:
                part.content.close()

    def close(self) -> None:
        """Let go of all files."""
        for part in (*self._parts, *self._gone):
            part.content.close()

    def _look_again(self) -> None:
        """Read the folder, find out which of the files are known, and order them."""
        listed, fresh = self._files()
        self.backs += [run for aside in self._folder.set_aside() if (run := taken_back(aside)) is not None]
        left = [part for part in self._parts if part not in listed]
        for part in left:
            if part.is_listed:
                part.is_listed, part.left_at = False, time.monotonic()
        new = self._match(fresh, listed, left)
        if not self.is_taken_back:
            self._tell_of_lost(left, new)
        self._gone.extend(part for part in left if not part.content.is_open)
        to_read = [part for part in left if part.content.is_open]
        self._parts = _with_those_gone(self._ordered([*listed, *new]), to_read, self._parts)
        is_there = bool(listed or new)
        if self._has_looked and is_there is not self.is_there:
            self.told.append((self._log, "is there now" if is_there else "is gone, it may come back", None))
        self.is_there, self._has_looked = is_there, True

    def _check(self, part: Growing) -> Change:
        """Look at a file that is known."""
        size, number = part.size, part.mark.number
        change = part.look()
        if part.old is not None and not part.old.looks_like(part):
            part.old.heir = None  # it was written anew before it was read
            part.old = None
        if change is Change.ANEW:
            part.content.close()
        elif change is Change.CUT:
            stays = part.mark.number
            what = f"was cut off, it goes on after line {stays}: {number - stays} lines that were read are gone"
            self.told.append((part.path, what, stays))
        if part.size > size:
            self.heard = time.monotonic()
        return change

    def _files(self) -> tuple[list[Growing], list[Growing]]:
        """Find the files that are in the folder, those known before and those that are not; the active one first."""
        sure = (part for part in (*self._gone, *self._parts) if part.content.is_open or part.mark.place)
        known = {part.content.identity: part for part in sure}  # others are known by how they begin
        listed, fresh = list[Growing](), list[Growing]()
        for path in self._folder.names():
            try:
                stat = os.stat(path)
                part = known.pop((stat.st_dev, stat.st_ino), None)
                if part is not None:
                    part.path = path
                    if self._check(part) is not Change.ANEW:
                        listed.append(part)
                        continue
                part = Growing(path)
                for same in (*listed, *fresh):
                    if same.content.identity == part.content.identity:
                        part.content.close()
                        same.path = path  # it has just been renamed
                        raise Changed
            except (FileNotFoundError, NotADirectoryError, Changed):
                self._folder.forget()
            else:
                fresh.append(part)
                if len(fresh) > MOST_FRESH:
                    part.content.close()
        self._welcome(listed, fresh)
        return listed, fresh

    def _welcome(self, listed: list[Growing], fresh: list[Growing]) -> None:
        """Note who is there again, and since when the log is quiet."""
        for part in listed:
            part.is_listed, part.heir = True, None
            if part in self._gone:
                self._gone.remove(part)
        if fresh and any(part.size for part in fresh):
            age = max(time.time() - max(part.changed_at for part in fresh), 0.0)
            then = time.monotonic() - age
            self.heard = then if self.heard is None else max(self.heard, then)

    def _match(self, fresh: list[Growing], listed: list[Growing], left: list[Growing]) -> list[Growing]:
        """Find out which files stand for others, and leave out copies of what is read anyway."""
        new: list[Growing] = []
        for part in fresh:
            others = [each for each in (*reversed(left), *reversed(self._gone)) if each.heir is None]
            old = next((each for each in others if each.looks_like(part)), None)
            if old is None and self.is_taken_back:
                old = next((each for each in others if each.has_first_line_of(part)), None)
            if old is not None:
                old.heir, part.old = part, old
                while part.old.old is not None and not part.old.content.is_open:
                    part.old = part.old.old  # it was gone before it was read
            elif any(each.looks_like(part) for each in (*listed, *new)):
                part.content.close()
                self._folder.forget()  # the other may be cut off at any time, and then this one stands for it
                continue
            new.append(part)
        return new

    def _tell_of_lost(self, left: list[Growing], new: list[Growing]) -> None:
        """Tell of files for which none stands now."""
        named = {part.path: part for part in new}
        for old in left:
            if old.heir is not None or not old.size:
                continue
            after = f"after line {old.mark.number} of it was read"
            if old.path in named:
                is_same = named[old.path].content.identity == old.content.identity
                what = f"was emptied {after}" if is_same else f"is another file, {after}"
                self.told.append((old.path, f"{what}: it is read from line 1", None))
            elif not old.is_read and not old.content.is_open:
                self.told.append((old.path, f"is gone {after}: the rest is lost", None))

    def _ordered(self, parts: list[Growing]) -> list[Growing]:
        """Order files by their places."""
        older = {path: place for place, path in enumerate(self._folder.older)}
        segments = sorted((part for part in parts if part.path in older), key=lambda part: older[part.path])
        active = [part for part in parts if part.path not in older]
        return in_order(segments, active, {part: part.begin for part in parts})


def _with_those_gone(ordered: list[Growing], gone: list[Growing], before: list[Growing]) -> list[Growing]:
    """Put files that are gone but not read to their ends before what stands for them, or else where they stood."""
    result = list(ordered)
    for part in gone:
        if part.heir is not None and part.heir in result:
            result.insert(result.index(part.heir), part)
            continue
        earlier = [each for each in before[: before.index(part)] if each in result]
        place = result.index(earlier[-1]) + 1 if earlier else 0
        while place < len(result) and _is_older(result[place], part):
            place += 1
        result.insert(place, part)
    return result


def _is_older(one: Growing, other: Growing) -> bool:
    """Say whether all of a file was written before another one, by its places and, unless it was packed, its time."""
    was_left = one.content.is_packed or one.changed_at <= other.changed_at
    return was_left and begins_before(one.begin, other.begin)
