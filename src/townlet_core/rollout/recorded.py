"""What a capture recorded of one world, laid out so that it can be played again and compared tick by tick."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet_core.errors import SampleError, UsageError
from townlet_core.policy.decision import Decision, KernelPolicy, Observation, PolicyKind
from townlet_core.rollout.contents import Capture
from townlet_core.rollout.frames import Frames
from townlet_core.rollout.sealed_town import policy_in
from townlet_core.samples.manifest import Entry, locate
from townlet_core.samples.sample import Meta, read_arrays, read_meta
from townlet_core.samples.seal import Seal
from townlet_core.world.town import CompiledTown

# Array of a sample -> column of the frames that it is. What agents see around them follows from these.
COMPARED = {
    "actions": "actions",
    "features": "features",
    "action_mask": "action_mask",
    "rewards": "rewards",
    "reward_terms": "terms",
    "events": "events",
}
Array = NDArray[Any]


class Recorded(NamedTuple):
    """All lives of one world side by side. T ticks, A slots."""

    world: int
    on: NDArray[np.bool_]  # [T, A] somebody lived in the slot and was recorded
    rows: dict[str, Array]  # array of COMPARED -> [T, A, ...]; the actions where nobody was recorded are waits


def read_world(capture: Capture, town: CompiledTown, ticks: int, world: int | None) -> Recorded:
    """Read the lives of one world.

    Args:
        ticks: of the capture.
        world: of several, this one; the first recorded, if left out.

    Raises:
        SampleError: a file is missing or damaged, or is not of this town.
        UsageError: nobody was recorded in that world.
    """
    entries = [entry for entry in capture.manifest.samples if isinstance(entry, Entry)]
    worlds = sorted({entry.world for entry in entries})
    if not worlds:
        raise SampleError("holds no samples", where=str(capture.files.manifest))
    number = worlds[0] if world is None else world
    if number not in worlds:
        known = f"worlds {worlds[0]} to {worlds[-1]}" if len(worlds) > 1 else f"world {worlds[0]}"
        raise UsageError(f"nothing was recorded in world {number}; the capture has {known}", where="--world")
    recorded = _empty(town, ticks, number)
    for entry in entries:
        if entry.world == number:
            _add(recorded, capture, entry, town)
    return recorded


def _empty(town: CompiledTown, ticks: int, world: int) -> Recorded:
    """Make room for all lives of a world; it takes memory when it is written."""
    slots, widths = len(town.slots), _names(town)
    types = {"actions": np.int64, "action_mask": np.bool_, "events": np.uint8}
    rows: dict[str, Array] = {
        name: np.zeros((ticks, slots, *([len(widths[name])] if widths[name] else [])), types.get(name, np.float32))
        for name in COMPARED
    }
    return Recorded(world, np.zeros((ticks, slots), np.bool_), rows)


def _names(town: CompiledTown) -> dict[str, tuple[str, ...]]:
    """Give the names of the columns that arrays have; none for those without."""
    return {
        "actions": (),
        "features": town.features,
        "action_mask": town.actions.names,
        "rewards": (),
        "reward_terms": town.terms,
        "events": town.events,
    }


def _add(recorded: Recorded, capture: Capture, entry: Entry, town: CompiledTown) -> None:
    """Put one life in its place."""
    path = locate(capture.files.manifest, entry.meta)
    meta = read_meta(path)
    names = (town.features, town.actions.names, town.terms, town.events)
    if not isinstance(meta, Meta) or names != (
        meta.feature_names, meta.action_names, meta.reward_term_names, meta.event_names,
    ):  # fmt: skip
        raise SampleError("names other features, actions, reward terms or events than its town has", where=str(path))
    if meta.slot not in town.slots or meta.world != recorded.world:
        raise SampleError(f"is of '{meta.slot}' in world {meta.world}, who cannot have lived there", where=str(path))
    slot, stop = town.slots.index(meta.slot), meta.first_tick + meta.timesteps
    if stop > len(recorded.on) or recorded.on[meta.first_tick : stop, slot].any():
        raise SampleError("is of ticks that the capture has not, or has already in another sample", where=str(path))
    recorded.on[meta.first_tick : stop, slot] = True
    for name, array in read_arrays(locate(capture.files.manifest, entry.sample), meta, COMPARED).items():
        recorded.rows[name][meta.first_tick : stop, slot] = array


def policy_again(seal: Seal, path: Path, recorded: Recorded) -> KernelPolicy | RecordedPolicy:
    """Give who acts when a capture is played again: what was recorded, if that is everybody.

    Raises:
        SampleError: there is no such policy.
    """
    everybody = bool(recorded.on.any(axis=0).all())
    own = policy_in(seal, path)
    if everybody or own is None:
        return RecordedPolicy(seal.policy.name, recorded.rows["actions"])
    return own


class RecordedPolicy:
    """Has the agents of one world do once more what was recorded of them; those who were not recorded wait."""

    kind: PolicyKind = "deterministic"
    policy_hash = None

    def __init__(self, name: str, actions: Array) -> None:
        self.name = name
        self._actions = iter(actions.astype(np.int16))

    def decide(self, observation: Observation, luck: NDArray[np.float32]) -> Decision:
        """Give the recorded actions of the next tick."""
        actions = next(self._actions)[None]
        return Decision(actions, np.zeros(actions.shape, np.float32), np.zeros(actions.shape, np.float32))

    def values(self, map: NDArray[np.float32], features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Expect nothing."""
        return np.zeros(len(features), np.float32)


def compare(recorded: Recorded, tick: int, frames: Frames, town: CompiledTown, seal: Seal) -> None:
    """Compare what came of a tick with what was recorded.

    Raises:
        SampleError: with the tick, who, and what came out otherwise.
    """
    on = recorded.on[tick]
    lived = frames.alive[0, 0].astype(np.bool_)
    if (on & ~lived).any():
        who = town.slots[int(np.flatnonzero(on & ~lived)[0])]
        raise _differs(tick, f"{who} lived in the capture, and does not when it is played again", seal)
    if seal.policy.kind == "learned" and (lived & ~on).any():
        who = town.slots[int(np.flatnonzero(lived & ~on)[0])]
        hint = "capture again without --agent"
        raise SampleError(f"what {who} did was not recorded, so the town cannot be played again", hint=hint)
    for name, column in COMPARED.items():
        mine, theirs = getattr(frames, column)[0, 0][on], recorded.rows[name][tick][on]
        if not np.array_equal(mine, theirs):
            place = tuple(int(at) for at in np.argwhere(mine != theirs)[0])
            who = town.slots[int(np.flatnonzero(on)[place[0]])]
            what = _names(town)[name][place[1]] if len(place) > 1 else name
            told = f"{name} {what}" if len(place) > 1 else what
            problem = f"{who}: {told} is {theirs[place]} in the capture and {mine[place]} when it is played again"
            raise _differs(tick, problem, seal)


def _differs(tick: int, problem: str, seal: Seal) -> SampleError:
    """Say what came out otherwise, and why that may be."""
    versions = ", ".join(_versions(seal))
    hint = f"it was captured with {versions}; another version or machine may come to other numbers"
    return SampleError(problem, where=f"tick {tick}", hint=hint)


def _versions(seal: Seal) -> Iterator[str]:
    for name, version in seal.versions.model_dump().items():
        yield f"{name} {version or 'unknown'}"
