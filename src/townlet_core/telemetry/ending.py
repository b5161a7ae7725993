"""How a log ends: its lines from the last backwards, what the last record says of its place, and what a crash left."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from townlet_core.errors import OutputError
from townlet_core.telemetry.lines import MOST_LINE_BYTES, Fault, lines, opened
from townlet_core.telemetry.segments import numbered, set_aside
from townlet_core.telemetry.stream import segments

BLOCK_BYTES = 2**16
RECORD_BEGINS = b'{"epoch":'


@dataclass(frozen=True)
class Stamp:
    """The place of a record."""

    offset: int  # log_stream_offset
    run_id: str | None  # None: the predecessor wrote it
    seq: int | None


def stamp_of(line: bytes) -> Stamp | None:
    """Read the place of a record from its line; None for what is not a record with a place."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not {"epoch", "telemetry_version", "log_stream_offset"} <= found.keys():
        return None
    offset, run_id, seq = found["log_stream_offset"], found.get("run_id"), found.get("seq")
    if isinstance(offset, float) and offset.is_integer():  # so the predecessor wrote them
        offset = int(offset)
    if type(offset) is not int:
        return None
    return Stamp(offset, run_id if isinstance(run_id, str) else None, seq if type(seq) is int else None)


def lines_backwards(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    r"""Give the lines of a file from its last to its first, each with the place where it begins.

    All end in "\n" but perhaps the last of the file. A piece of MOST_LINE_BYTES without "\n" is given as a line.
    """
    place = file.seek(0, os.SEEK_END)
    held, end = b"", 0  # the file from place on, as far as its lines have not been given
    while True:
        begin = held.rfind(b"\n", 0, max(end - 1, 0)) + 1
        if begin or (end and not place) or end >= MOST_LINE_BYTES:
            yield place + begin, held[begin:end]
            end = begin
        elif place:
            step = min(max(BLOCK_BYTES, end), place)  # ever more of a long line, or else it is copied too often
            place -= step
            file.seek(place)
            held = file.read(step) + held[:end]
            end = len(held)
        else:
            return


def mend(path: Path, where: Path) -> str | None:
    """Move what a crash left half written at the end of a file to one beside it; give a note if there was anything.

    Args:
        where: the name that the user gave the log, for the error.

    Raises:
        OutputError: the file is not a log; it is left as it is.
    """
    with path.open("r+b") as file:
        sound = _sound_length(file, where)
        file.seek(sound)
        torn = file.read()
        if not torn:
            return None
        aside = set_aside(path, "torn", torn)
        file.truncate(sound)
        os.fsync(file.fileno())
    return f"set aside {len(torn)} bytes of a torn line in {aside.name}"


def last_stamp(path: Path, where: Path) -> Stamp | None:
    """Find the record of a log with the highest offset among the last of each of its files.

    In our own logs that is the newest record; the predecessor put older ones into the active file. Compressed segments
    are only read if there are no others.

    Raises:
        OutputError: a segment is not a log.
    """
    found: list[Stamp] = []
    for file in segments(path):
        with file.open("rb") as handle:
            ends = next((line for _, line in lines_backwards(handle) if is_whole(line)), None)
        if ends is not None:
            found.append(_stamp_or_refuse(ends, where if file == path else file))
    if not found:
        found = [stamp for file in numbered(path) if (stamp := _last_stamp_of_packed(file)) is not None]
    return max(found, key=lambda stamp: stamp.offset, default=None)


def is_whole(line: bytes) -> bool:
    """Say whether a line was written to its end: a crash can leave it cut off, or zeros instead of it."""
    return line.endswith(b"\n") and b"\0" not in line


def _last_stamp_of_packed(file: Path) -> Stamp | None:
    last = b""
    with opened(file) as handle:
        for _, line in lines(handle):
            last = last if isinstance(line, Fault) else line
    return stamp_of(last)


def _sound_length(file: BinaryIO, where: Path) -> int:
    """Find where the last whole line of a log ends."""
    first = b""
    for begin, line in lines_backwards(file):
        if is_whole(line):
            _stamp_or_refuse(line, where)
            return begin + len(line)
        if len(line) >= MOST_LINE_BYTES:
            raise _not_a_log(where)
        first = line.replace(b"\0", b"")
    if not first.startswith(RECORD_BEGINS[: len(first)]):
        raise _not_a_log(where)
    return 0


def _stamp_or_refuse(line: bytes, where: Path) -> Stamp:
    stamp = stamp_of(line)
    if stamp is None:
        raise _not_a_log(where)
    return stamp


def _not_a_log(where: Path) -> OutputError:
    problem = "is not a telemetry log: its last line is not a record of version 1.1"
    return OutputError(problem, where=str(where), hint="name another file for the log, or move this one away")
