"""The log of a training run: one writer, any number of readers, and no failure of it that ends the training."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from townlet_core.errors import OutputError
from townlet_core.locks import only_writer
from townlet_core.telemetry.active import ActiveFile
from townlet_core.telemetry.ending import last_stamp, mend
from townlet_core.telemetry.record import EpochRecord, epoch_record, line_of
from townlet_core.telemetry.resume import Run, supersede
from townlet_core.telemetry.segments import cannot_write, next_segment


class TelemetryLog:
    """Appends a record an epoch to a file, its segments and whatever else can be written to.

    Args:
        run_id: tells the records of this run from those of others in the log.
        frequency: epochs whose number it divides are written, and the last one of the run in any case.
        max_entries: records that the active file may hold before it becomes a segment.
        resume_after: offset that a checkpoint of this run holds: what the run wrote after that is moved out of the log.

    Raises:
        OutputError: the log cannot be written, is being written by another process, or is some other file.
    """

    def __init__(
        self,
        path: Path,
        *,
        run_id: str,
        frequency: int = 1,
        max_entries: int | None = None,
        resume_after: int | None = None,
    ) -> None:
        if frequency < 1 or (max_entries is not None and max_entries < 1):
            raise ValueError("frequency and max_entries must be at least 1")
        self.offset = 0  # log_stream_offset of the last record written
        self.lost = 0  # records that could not be written
        self.failure: str | None = None  # why the last of these could not
        self.notes: list[str] = []  # what had to be done to the log when it was opened
        self._where = path
        self._run_id, self._frequency, self._most = run_id, frequency, max_entries
        self._seq = 0  # of the last record written
        self._told = 0  # lost records that a record in the log tells of
        self._held: Mapping[str, object] | None = None  # an epoch left out, which may turn out to be the last
        self._closed = False
        with ExitStack() as stack:
            try:
                self._path = _real(path)
                self._active = self._open(stack, resume_after)
            except OSError as error:
                raise _refusal(error, path) from error
            self._lock = stack.pop_all()

    def write(self, values: Mapping[str, object]) -> None:
        """Append the record of an epoch, unless it is left out. Nothing that the disk does raises an error.

        Args:
            values: the record's values without log_stream_offset, run_id, seq and lost_records, which the log adds.

        Raises:
            ValueError: they are not those of a record.
        """
        if self._closed:
            raise ValueError("the log is closed")
        record = self._record(values)
        self._held = dict(values) if record.epoch % self._frequency else None
        if self._held is None:
            self._append(record)

    def close(self) -> None:
        """Write the last epoch if it was left out, wait until all is on the disk, and let others write the log."""
        if self._closed:
            return
        self._closed = True
        if self._held is not None:
            self._append(self._record(self._held))
        with suppress(OSError):
            self._active.sync()
        self._active.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _open(self, stack: ExitStack, resume_after: int | None) -> ActiveFile:
        """Take the lock, put the log in order and find its place in it."""
        self.offset = self._seq = resume_after or 0
        if not _is_file(self._path):
            return ActiveFile(self._path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        stack.enter_context(only_writer(self._path, self._where))
        self._mend()
        self._find_place(resume_after)
        return ActiveFile(self._path)

    def _mend(self) -> None:
        note = mend(self._path, self._where) if self._path.exists() else None
        self.notes += [note] if note else []

    def _find_place(self, resume_after: int | None) -> None:
        """Go on from the last record; if a checkpoint knows of more than there are, from those."""
        last = last_stamp(self._path, self._where)
        if resume_after is None:
            self.offset = last.offset if last else 0
            self._seq = (last.seq or 0) if last and last.run_id == self._run_id else 0
            return
        own, note = supersede(self._path, Run(self._run_id, resume_after))
        last = last_stamp(self._path, self._where) if note else last
        ends = last.offset if last else 0
        missing = max(resume_after - ends, 0)
        self.offset = ends + missing
        self._seq = ((own.seq or 0) if own else 0) + missing
        self.notes += [note] if note else []
        if missing:
            self.notes.append(f"the log ends with record {ends}, the checkpoint knows of {resume_after}")

    def _record(self, values: Mapping[str, object]) -> EpochRecord:
        """Make the next record."""
        place: dict[str, object] = {
            "log_stream_offset": self.offset + 1,
            "run_id": self._run_id,
            "seq": self._seq + 1,
        }
        if self.lost > self._told:
            place["lost_records"] = self.lost
        return epoch_record({**values, **place})

    def _append(self, record: EpochRecord) -> None:
        """Write a record, or count it as lost."""
        try:
            self._be_ready()
            self._active.append(line_of(record))
        except (OSError, OutputError) as error:
            self.lost += 1
            self.failure = (error.strerror or str(error)).lower() if isinstance(error, OSError) else error.problem
        else:
            self.offset += 1
            self._seq += 1
            self._told = self.lost

    def _be_ready(self) -> None:
        """Begin a new file where the old one is full, or was removed or replaced by somebody."""
        if not self._active.has_its_name():
            self._mend()
            self._go_over_to(ActiveFile(self._path))
        if self._active.is_regular and self._most is not None and self._active.records >= self._most:
            with suppress(OSError):  # then the old one goes on growing, which is better than to lose a record
                self._rotate()

    def _rotate(self) -> None:
        self._active.sync()
        segment = next_segment(self._path)
        os.rename(self._path, segment)
        try:
            fresh = ActiveFile(self._path)
        except OSError:
            os.rename(segment, self._path)
            raise
        self._go_over_to(fresh)

    def _go_over_to(self, active: ActiveFile) -> None:
        old, self._active = self._active, active
        old.close()


def _real(path: Path) -> Path:
    """Follow links to a file, so that its segments and its lock are the same by whatever name it is called."""
    return Path(os.path.realpath(path)) if _is_file(path) else path


def _is_file(path: Path) -> bool:
    """Say whether a path leads to an ordinary file, or to nothing yet."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return True


def _refusal(error: OSError, path: Path) -> OutputError:
    """Say why a log cannot be opened."""
    if error.errno == errno.ENXIO:
        return OutputError("nobody reads from this pipe", where=str(path), hint="start its reader first")
    if isinstance(error, FileExistsError | NotADirectoryError):
        return OutputError(
            "stands in the way of a folder", where=str(error.filename), hint="name another file for the log"
        )
    return cannot_write(error, path)
