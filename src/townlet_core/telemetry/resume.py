"""What a run that goes on from a checkpoint takes out of its log: records written after that, which come anew."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from pydantic_core import to_json

from townlet_core.drafts import DRAFT
from townlet_core.telemetry.ending import Stamp, lines_backwards, stamp_of
from townlet_core.telemetry.lines import MOST_LINE_BYTES
from townlet_core.telemetry.segments import SUPERSEDED, SUPERSEDING, asides, beside, set_aside
from townlet_core.telemetry.stream import segments


@dataclass(frozen=True)
class Run:
    """Tells the records of a run from others."""

    run_id: str
    after: int  # offset of the last record that the checkpoint knows of

    def stamp(self, line: bytes) -> Stamp | None:
        """Read the place of a record of this run; lines without its name are not even parsed."""
        stamp = stamp_of(line) if self._mark in line else None
        return stamp if stamp is not None and stamp.run_id == self.run_id else None

    @cached_property
    def _mark(self) -> bytes:
        return to_json(self.run_id)

    def supersedes(self, line: bytes) -> bool:
        """Say whether the run will write a record anew."""
        stamp = self.stamp(line)
        return stamp is not None and stamp.offset > self.after


@dataclass(frozen=True)
class Cut:
    """Where the first record that is superseded begins in a file."""

    file: Path
    begin: int


def supersede(path: Path, run: Run) -> tuple[Stamp | None, str | None]:
    """Move the records that a run will write anew out of a log, to a file beside it.

    They are all safe there before the log changes, and it loses the newest first: after a kill in between, the rest
    goes when the run is resumed again. While the log changes that file is called LOG.superseding-<n>, and when all is
    done LOG.superseded-<n>: so those who read the log know that what it holds now was not there before.

    Returns:
        The last record of the run that stays, and a note if any went.
    """
    cuts, last = _find(path, run)
    if not cuts:
        _tell(path)
        return last, None
    lines = [line for cut in reversed(cuts) for line in _lines_from(cut) if run.supersedes(line)]
    set_aside(path, SUPERSEDING, b"".join(lines))
    for cut in cuts:
        _take_out(path, cut, run)
    _make_active(path)
    return last, f"moved {len(lines)} records that come after the checkpoint to {_tell(path).name}"


def _find(path: Path, run: Run) -> tuple[list[Cut], Stamp | None]:
    """Find what is superseded, newest file first, back to the last record of the run that stays."""
    cuts: list[Cut] = []
    for file in reversed(segments(path)):
        with file.open("rb") as handle:
            begin, stays = first_superseded(handle, run)
        if begin is not None:
            cuts.append(Cut(file, begin))
        if stays is not None:
            return cuts, stays
    return cuts, None


def first_superseded(file: BinaryIO, run: Run) -> tuple[int | None, Stamp | None]:
    """Find where in a file the first record begins that a run will write anew, and the last that stays before it."""
    begin: int | None = None
    for place, line in lines_backwards(file):
        stamp = run.stamp(line)
        if stamp is not None and stamp.offset <= run.after:
            return begin, stamp
        begin = begin if stamp is None else place
    return begin, None


def _lines_from(cut: Cut) -> Iterator[bytes]:
    with cut.file.open("rb") as handle:
        handle.seek(cut.begin)
        yield from handle


def _take_out(path: Path, cut: Cut, run: Run) -> None:
    """Replace a file by one without what is superseded; remove it if nothing is left."""
    draft = path.with_name(f"{path.name}.{DRAFT}")
    shutil.copy(cut.file, draft)
    with draft.open("r+b") as new:
        new.truncate(cut.begin)
        new.seek(cut.begin)
        new.writelines(line for line in _lines_from(cut) if not run.supersedes(line))
        new.flush()
        os.fsync(new.fileno())
    if draft.stat().st_size:
        os.replace(draft, cut.file)
    else:
        os.unlink(cut.file)
        os.unlink(draft)


def _make_active(path: Path) -> None:
    """Have the newest segment be the active file again, as it was when the checkpoint was made, if that is gone."""
    left = segments(path)
    if left and left[-1] != path:
        os.rename(left[-1], path)


def _tell(path: Path) -> Path:
    """Let readers know that the log is as it will be; after a kill there may be several files to tell it by."""
    told = path
    for aside in asides(path, SUPERSEDING):
        told = next(free for n in itertools.count(1) if not (free := beside(path, SUPERSEDED, n)).exists())
        os.rename(aside, told)
    return told


def taken_back(aside: Path) -> Run | None:
    """Read from what was set aside which run was taken back, and to where."""
    with aside.open("rb") as file:
        stamp = stamp_of(file.readline(MOST_LINE_BYTES))
    return None if stamp is None or stamp.run_id is None else Run(stamp.run_id, stamp.offset - 1)
