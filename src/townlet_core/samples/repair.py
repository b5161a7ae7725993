"""Puts right what an interrupted capture has left, and captures of which files were damaged or lost.

What is kept is proven: by its hash in the seal, or, where a capture was killed before it had one, by the checksums of
its arrays and by the metrics that these give. The manifest says what is missing.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from townlet_core.errors import SampleError
from townlet_core.samples.commit import Stage, left_behind
from townlet_core.samples.jsonfile import parse_model, read_json
from townlet_core.samples.kept import Kept, RepairReport, conclude, note, proven, report
from townlet_core.samples.manifest import MANIFEST, METRICS, Missing, read_manifest
from townlet_core.samples.rebuild import repair_in_place
from townlet_core.samples.replacing import to_replace
from townlet_core.samples.sample import Meta
from townlet_core.samples.verify import examine
from townlet_core.samples.writer import Begun

NUMBERED = re.compile(r"(.+)_(\d{3,})\.npz")


def repair(folder: Path) -> RepairReport:
    """Repair the capture of a folder, if it needs it.

    Raises:
        SampleError: there is nothing that could be repaired, or nothing that proves what is there.
        OutputError: a capture is writing there, or it cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise SampleError("is not a folder", where=str(folder), hint="name the folder that the capture is in")
    if not folder.is_dir():
        raise SampleError("no such folder", where=str(folder))
    with left_behind(folder) as stage:
        if stage is not None and (done := _finish(folder, stage)) is not None:
            return done
        notes = () if stage is None else ("what a later capture had left that was killed is cleared away",)
    return repair_in_place(folder).model_copy(update={"notes": notes})


def _finish(folder: Path, stage: Stage) -> RepairReport | None:
    """Finish what a killed capture has left, as far as it had come; None where it had come nowhere."""
    holds_another = any(folder.glob(f"*{MANIFEST}"))
    if not any(stage.new.glob("*.npz")):
        _clear(folder, stage, holds_another=holds_another)
        return None
    begun = _begun(stage)
    manifest = f"{begun.prefix}{MANIFEST}"
    if (stage.new / manifest).exists() and not examine(stage.new / manifest).problems:
        stage.replaces = to_replace(folder, begun.prefix, "folder", force=True)  # it was forced if there is another
        count = len(read_manifest(stage.new / manifest).samples)
        stage.commit(manifest)
        stage.clear()
        return report(folder, "finished", count)
    kept, lost = _whole_lives(stage.new)
    if not kept:
        _clear(folder, stage, holds_another=holds_another)
        return None
    if holds_another:
        lives = f"{len(kept)} whole {'life' if len(kept) == 1 else 'lives'}"
        problem = f"an interrupted capture has left {lives}, and an earlier capture is in their place"
        hint = "move the earlier one away and repair again; or capture again, which clears the left ones away"
        raise SampleError(problem, where=str(folder), hint=hint)
    return _conclude_part(folder, stage, begun, kept, lost)


def _clear(folder: Path, stage: Stage, *, holds_another: bool) -> None:
    """Clear away what holds no life.

    Raises:
        SampleError: it was all that there is.
    """
    stage.clear()
    if not holds_another:
        problem = "a capture was killed here before it had written a life"
        raise SampleError(problem, where=str(folder), hint="nothing could be kept; capture again")


def _conclude_part(folder: Path, stage: Stage, begun: Begun, kept: list[Kept], lost: list[Missing]) -> RepairReport:
    """Put the lives into place that are whole, and say what is missing."""
    all_written = (stage.new / f"{begun.prefix}{METRICS}").exists()
    missing = [*lost, *(() if all_written else _not_written(begun, kept[-1].meta))]
    whole = {name for each in kept for name in (each.entry.sample, each.entry.meta)}
    for name in set(os.listdir(stage.new)) - whole:
        (stage.new / name).unlink()
    done = note("it was killed before all of its lives were written", (), missing)
    stage.replaces = to_replace(folder, begun.prefix, "folder", force=True)
    conclude(stage, begun.prefix, begun.metadata.model_copy(update={"repair": done}), kept, begun.seal({}, {}))
    stage.clear()
    return report(folder, "partial" if missing else "finished", len(kept), missing=missing)


def _begun(stage: Stage) -> Begun:
    """Read what was being captured."""
    try:
        return parse_model(Begun, read_json(stage.about)[0], stage.about)
    except SampleError as error:
        hint = "nothing tells what was being captured; the next capture into the folder clears it away"
        raise SampleError(error.problem, where=error.where, hint=hint) from error


def _whole_lives(folder: Path) -> tuple[list[Kept], list[Missing]]:
    """Give the lives that are whole, by world and number, and those that were begun."""
    kept: list[Kept] = []
    lost: list[Missing] = []
    for npz in sorted(folder.glob("*.npz")):
        try:
            kept.append(proven(npz, npz.with_suffix(".json")))
        except SampleError as error:
            lost.append(Missing(what=npz.name, why=f"was being written: {error.problem}"))
    kept.sort(key=lambda each: (each.meta.world, _number(each.entry.sample)))
    return kept, lost


def _not_written(begun: Begun, last: Meta) -> list[Missing]:
    """Name whose lives may be missing. They are written by world and slot, so it is those after the last that was."""
    order = [(world, slot) for world in range(begun.metadata.worlds) for slot in begun.slots]
    came = order.index((last.world, last.slot)) if (last.world, last.slot) in order else -1
    names = [f"all lives of {_who(begun, *place)}" for place in order[came + 1 :]]
    if last.first_tick + last.timesteps < begun.metadata.ticks:
        names.insert(0, f"lives of {_who(begun, last.world, last.slot)} after {last.agent_id}")
    return [Missing(what=name, why="not written when it was killed, if there were any") for name in names]


def _who(begun: Begun, world: int, slot: str) -> str:
    return f"{slot} of world {world}" if begun.metadata.worlds > 1 else slot


def _number(sample: str) -> int:
    numbered = NUMBERED.fullmatch(sample)
    return int(numbered[2]) if numbered else 0
