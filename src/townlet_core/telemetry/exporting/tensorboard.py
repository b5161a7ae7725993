"""A log for TensorBoard: an event file for each run, in a folder of its own; the same bytes each time.

They are written with the records and messages of the package tensorboard, which needs neither TensorFlow nor torch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

from townlet_core.drafts import DRAFT
from townlet_core.errors import InputError, OutputError
from townlet_core.telemetry.checks import Record
from townlet_core.telemetry.exporting.export import NOT_FINITE, Exported, read
from townlet_core.telemetry.exporting.names import RENAMED, Names, group_of, tag_of
from townlet_core.telemetry.segments import cannot_write

EVENTS: Final = "events.out.tfevents.townlet"  # the name of our file in a run's folder
ANY_EVENTS: Final = "tfevents"  # what TensorBoard takes for an event file
FILE_VERSION: Final = "brain.Event:2"  # what TensorBoard expects first in such a file
INSTALL: Final = "pip install 'townlet[tensorboard]'"

Step = Literal["steps", "epoch"]


def to_tensorboard(
    log: Path,
    folder: Path,
    *,
    run: str | None = None,
    names: Names = "townlet",
    step: Step = "steps",
    force: bool = False,
) -> Exported:
    """Write each run of a log to a folder of its own below one, for TensorBoard.

    Raises:
        InputError: the log cannot be read, or tensorboard is not installed.
        OutputError: there is an export of such a run already, or it cannot be written.
    """
    made = Exported()
    with _EventFiles(folder, names, step, force=force) as files:

        def write(record: Record, name: str) -> None:
            if record.get(step) is None:
                made.left_out += 1
            else:
                files.write(record, name)

        read(log, run, made, write)
        made.runs = files.commit()
    return made


class _EventFiles:
    """The event files of runs, written one after the other; nobody sees them before they are committed."""

    def __init__(self, folder: Path, names: Names, step: Step, *, force: bool) -> None:
        try:
            from tensorboard.compat.proto.event_pb2 import Event
            from tensorboard.compat.proto.summary_pb2 import Summary
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError as error:
            raise InputError("tensorboard is not installed", where="--to tensorboard", hint=INSTALL) from error
        if folder.exists() and not folder.is_dir():
            raise OutputError(
                "is no folder", where=str(folder), hint="name one: each run has a folder of its own in it"
            )
        self._event, self._summary, self._records = Event, Summary, RecordWriter
        self._folder, self._names, self._step, self._force = folder, names, step, force
        self._drafts: dict[str, Path] = {}
        self._times: dict[str, float] = {}  # of the last record of each run
        self._open: tuple[str, BinaryIO] | None = None
        self._tags: dict[str, tuple[str, float] | None] = {}

    def __enter__(self) -> _EventFiles:
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was not committed."""
        self._close()
        for draft in self._drafts.values():
            draft.unlink(missing_ok=True)
            for made in (draft.parent, self._folder):
                if made.is_dir() and not any(made.iterdir()):
                    made.rmdir()

    def write(self, record: Record, run: str) -> None:
        """Write the numbers of a record."""
        time = self._times[run] = self._time(record, run)
        values = [self._summary.Value(tag=tag, simple_value=value) for tag, value in self._values(record)]
        try:
            writer = self._writer(run, time)
            event = self._event(wall_time=time, step=int(record[self._step]), summary=self._summary(value=values))
            writer.write(event.SerializeToString())
        except OSError as error:
            raise cannot_write(error, self._folder) from error

    def commit(self) -> int:
        """Give all files their names, and tell how many runs there are."""
        self._close()
        count = len(self._drafts)
        try:
            for run, draft in list(self._drafts.items()):
                os.replace(draft, self._folder / run / EVENTS)
                del self._drafts[run]
        except OSError as error:
            raise cannot_write(error, self._folder) from error
        return count

    def _writer(self, run: str, time: float) -> Any:
        """Give the writer of a run's file; one is open at a time."""
        if self._open is None or self._open[0] != run:
            self._close()
            is_new = run not in self._drafts
            if is_new:
                self._drafts[run] = self._make_room(run)
            self._open = (run, self._drafts[run].open("ab"))
            if is_new:
                self._records(self._open[1]).write(
                    self._event(wall_time=time, file_version=FILE_VERSION).SerializeToString()
                )
        return self._records(self._open[1])

    def _make_room(self, run: str) -> Path:
        """Make the folder of a run, and refuse one that holds events already."""
        folder = self._folder / run
        folder.mkdir(parents=True, exist_ok=True)
        there = sorted(each.name for each in folder.iterdir() if ANY_EVENTS in each.name)
        if [name for name in there if name != EVENTS]:
            raise OutputError("holds events of another program", where=str(folder), hint="name another folder")
        if there and not self._force:
            hint = "name another folder, or replace it with --force"
            raise OutputError("holds an export of a run of that name", where=str(folder), hint=hint)
        draft = folder / f"{DRAFT}.townlet"
        draft.unlink(missing_ok=True)  # what a crash has left
        return draft

    def _values(self, record: Record) -> Iterator[tuple[str, float]]:
        """Give tags and values; null is left out, and what was no number is that."""
        odd = record.get("nonfinite") or {}
        for key, value in record.items():
            if key in odd:
                value = NOT_FINITE[odd[key]]
            if type(value) not in (int, float):
                continue
            if key not in self._tags:
                self._tags[key] = self._tag(key)
            told = self._tags[key]
            if told is not None:
                yield told[0], float(value) * told[1]

    def _tag(self, key: str) -> tuple[str, float] | None:
        """Name a key for TensorBoard; None for what tells where a record stands, which is the step."""
        if group_of(key) == "place":
            return None
        other = RENAMED[self._names].get(key)
        return (tag_of(key), 1.0) if other is None else (other.name, other.factor)

    def _time(self, record: Record, run: str) -> float:
        """Give the time of a record in seconds; where it does not say, that of the one before and what it took."""
        if record.get("time"):
            return datetime.fromisoformat(record["time"]).timestamp()
        return self._times.get(run, 0.0) + (record.get("epoch_duration_sec") or 0.0)

    def _close(self) -> None:
        if self._open is not None:
            self._open[1].flush()
            os.fsync(self._open[1].fileno())
            self._open[1].close()
            self._open = None
