"""Keeping what a training collects, as an ordinary capture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from townlet_core.ppo.live import Part
from townlet_core.rollout.frames import Frames
from townlet_core.rollout.health import ActionUse
from townlet_core.rollout.recording import Recording, begin, write_samples
from townlet_core.rollout.spool import Spool, sizes_of
from townlet_core.samples.commit import Stage, staged
from townlet_core.samples.writer import CaptureWriter

PREFIX = "rollout_sample"


class Keeper:
    """Takes the frames of each epoch, and writes the capture at the end."""

    def __init__(self, stage: Stage, recording: Recording, parts: list[Part], spool: Spool) -> None:
        self._stage = stage
        self._recording = recording
        self._parts = parts
        self._spool = spool
        self._held: Frames | None = None  # the last epoch: it may have to end lives
        self.ticks = 0

    def take(self) -> None:
        """Keep what the parts have just collected."""
        if self._held is not None:
            self._spool.add(self._held)
        self._held = side_by_side([part.frames for part in self._parts])
        self.ticks += len(self._held.actions)

    def commit(self) -> str | None:
        """Cut off the lives that go on, and put the capture into place; None where nothing was collected."""
        if self._held is None:
            return None
        self._spool.add(cut_off(self._held))
        self._held = None
        recording = self._recording.after(self.ticks)
        writer = CaptureWriter(self._stage, PREFIX, worlds=recording.worlds)
        begin(recording, writer)
        for _ in write_samples(recording, self._spool, writer, ActionUse(len(recording.town.actions.names)), None):
            pass
        manifest = writer.finish()
        self._stage.commit(manifest)
        return manifest


@contextmanager
def keeper(folder: Path, recording: Recording, parts: list[Part], *, force: bool) -> Iterator[Keeper]:
    """Lend a keeper; what it has not committed at the end is gone.

    Raises:
        OutputError: the folder cannot be written to, or holds a capture and force is not given.
    """
    with ExitStack() as stack:
        stage = stack.enter_context(staged(folder, PREFIX, force=force, option="--rollout-save-dir"))
        sizes = sizes_of(recording.town)
        spool = stack.enter_context(Spool(stage.spool, sizes, worlds=recording.worlds, slots=recording.slots))
        yield Keeper(stage, recording, parts, spool)


def side_by_side(parts: list[Frames]) -> Frames:
    """Copy the frames of parts into frames of all their worlds, without maps drawn as planes."""
    joined = {}
    by_world = set(Frames._fields[Frames._fields.index("ends") :])
    for name in Frames._fields:
        arrays = [getattr(part, name) for part in parts]
        if name.endswith("map"):
            arrays = [array[..., :0] for array in arrays]
        joined[name] = np.concatenate(arrays, axis=0 if name in by_world else 1)
    return Frames(**joined)


def cut_off(frames: Frames) -> Frames:
    """End all lives that go on after the last tick: a truncation, with what is seen then as their last observation."""
    last = len(frames.actions) - 1
    goes_on = (frames.alive[last] == 1) & (frames.terminated[last] == 0) & (frames.truncated[last] == 0)
    frames.truncated[last][goes_on] = 1
    for world, slot in np.argwhere(goes_on).tolist():
        row = int(frames.ends[world])
        frames.ends[world] += 1
        frames.end_row[last, world, slot] = row
        for end, seen in (("end_tiles", "tiles"), ("end_features", "features"), ("end_mask", "action_mask")):
            getattr(frames, end)[world, row] = getattr(frames, seen)[last + 1, world, slot]
    return frames
