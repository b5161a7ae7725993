"""A log and its segments as one stream, in the order in which the records were written.

There are three ways to rotate a log, which differ in what LOG.1 is:

- ours: LOG becomes LOG.1, the next time LOG.2 and so on, so that LOG.1 is the oldest and LOG the newest;
- the predecessor's: what comes after LOG goes to LOG.1, then to LOG.2, so that LOG is the oldest;
- logrotate's: LOG becomes LOG.1 and what was there LOG.2, so that the one with the highest number is the oldest.

Names do not tell them apart, so the first record of each file does. Records with a `run_id` are numbered through by
`log_stream_offset`, across runs: that is the order, also where a log was rotated in several ways. For others the way is
taken by which `log_stream_offset` (or, where a record lacks it, `steps`, or `epoch`) falls the least often from file to
file, and ours if that says nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from townlet_core.errors import InputError
from townlet_core.telemetry.lines import STDIN, Fault, lines, opened, parsed
from townlet_core.telemetry.segments import PACKED, numbered

PLACES: Final = ("log_stream_offset", "steps", "epoch")  # keys that grow from record to record
THROUGH: Final = "through"  # log_stream_offset where it counts across runs
MOST_LOOKED_AT: Final = 100  # lines, until one of them is a record
Places = dict[str, float]
File = TypeVar("File", bound=Hashable)


def files_of(log: Path) -> list[Path]:
    """Give the files of a log, oldest first.

    Raises:
        InputError: there is none, or one cannot be read.
    """
    if log == STDIN or (log.exists() and not log.is_file()):
        return [log]
    older = numbered(real(log))
    active = [log] if log.exists() else []
    if not older:
        if not active:
            raise InputError("no such file", where=str(log))
        return active
    begins: dict[Path, Places | None] = {}
    for file in (*older, *active):
        with opened(file) as handle:
            begins[file] = begin_of(handle)
    return in_order(older, active, begins)


def segments(log: Path) -> list[Path]:
    """Give the files that the writer of a log knows, oldest first: those that are not compressed.

    Raises:
        OSError: one cannot be read.
    """
    older = [file for file in numbered(log) if file.suffix != PACKED]
    active = [log] if log.is_file() else []
    if not older:
        return active
    begins: dict[Path, Places | None] = {}
    for file in (*older, *active):
        with file.open("rb") as handle:
            begins[file] = begin_of(handle)
    return in_order(older, active, begins)


def is_file_of(log: Path, file: Path) -> bool:
    """Say whether a file is the log or a segment of it, by whatever name: to write to it would be to lose the log."""
    if not file.is_file() or not (log.is_file() or numbered(real(log))):
        return False
    return any(each.samefile(file) for each in files_of(log))


def real(log: Path) -> Path:
    """Give the name beside which a log has its segments: for a link, where it leads."""
    return Path(os.path.realpath(log)) if log.is_symlink() else log


def in_order(older: Sequence[File], active: Sequence[File], begins: Mapping[File, Places | None]) -> list[File]:
    """Order the files of a log by their places.

    Args:
        older: the segments by their numbers.
        active: the file with the name of the log, if it is there.
    """
    ways = ([*older, *active], [*active, *older], [*reversed(older), *active])
    best = min(ways, key=lambda way: _falls([begins[file] for file in way]))  # the first of the best
    through = {file: place[THROUGH] for file in best if (place := begins[file]) is not None and THROUGH in place}
    if len(set(through.values())) < sum(begins[file] is not None for file in best):
        return best
    ordered = iter(sorted(through, key=through.__getitem__))
    return [next(ordered) if file in through else file for file in best]


def told_apart(logs: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Part logs from what lies beside one of them and is none, such as its lock; segments are left out.

    A shell makes `LOG*` all of these.
    """
    names = {str(log) for log in logs}
    own, beside = [], []
    for log in dict.fromkeys(logs):
        found = re.fullmatch(r"(.+)\.([1-9][0-9]*(\.gz)?|lock|draft|(torn|superseding|superseded)-[0-9]+)", str(log))
        if not found or found[1] not in names:
            own.append(log)
        elif not found[2][0].isdigit():
            beside.append(log)
    return own, beside


def begin_of(file: BinaryIO) -> Places | None:
    """Read the place of the first record of a file; None if there is none near its begin."""
    for number, line in lines(file):
        found = line if isinstance(line, Fault) else parsed(line)
        if not isinstance(found, Fault) and "epoch" in found:
            places = {key: float(found[key]) for key in PLACES if type(found.get(key)) in (int, float)}
            if PLACES[0] in places and isinstance(found.get("run_id"), str):
                places[THROUGH] = places[PLACES[0]]
            return places
        if number >= MOST_LOOKED_AT:
            return None
    return None


def _falls(begins: Sequence[Places | None]) -> int:
    """Count how often the place does not grow from a file to the next, by the best key that all have."""
    known = [each for each in begins if each is not None]
    key = next((key for key in PLACES if all(key in each for each in known)), None)
    if key is None:
        return 0
    return sum(later[key] <= earlier[key] for earlier, later in pairwise(known))


def begins_before(one: Places | None, other: Places | None) -> bool:
    """Say whether a file is known to begin before another."""
    key = next((key for key in PLACES if one and other and key in one and key in other), None)
    return one is not None and other is not None and key is not None and one[key] < other[key]
