"""Counts over the samples of a capture, taken without reading what agents saw."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from townlet_core.rollout.health import ActionUse, Examined, HealthWarning, find_warnings
from townlet_core.samples.sample import ARRAYS, Meta, PlainMeta, PolicyNote, action_words, read_arrays
from townlet_core.schema import StrictModel

COUNTED = ("actions", "rewards", "dones", "action_mask", "terminated", "reward_terms", "events")
End = Literal["ended", "cut", "done", "open"]
Arrays = dict[str, NDArray[Any]]


class SampleContents(StrictModel):
    """One sample: one life."""

    sample: str = Field(description="name of the NPZ file")
    agent: str = Field(description="who lived it")
    world: int | None = Field(description="number of the world; none where it is not said")
    slot: str | None = Field(description="place in the world that the agent took; none where it is not said")
    first_tick: int | None = Field(description="tick at which the life began; none where it is not said")
    ticks: int = Field(description="ticks of the life")
    reward_sum: float = Field(description="sum of the rewards")
    reward_mean: float = Field(description="mean reward of a tick")
    action_entropy: float = Field(description="entropy of the distribution of actions used, in nats")
    events: int | None = Field(description="events that happened to the agent; none where they are not recorded")
    end: End = Field(
        description="ended: the life did; cut: the recording did; done: one of them, without telling which; open: none"
    )
    bytes: int = Field(description="size of the NPZ file")


class ArrayContents(StrictModel):
    """An array that samples have."""

    name: str = Field(description="name of the array")
    dtype: str = Field(description="type of its numbers")
    shape: tuple[str | int, ...] = Field(description="its shape, T for the ticks of the life")
    samples: int = Field(description="samples that have it in this shape")
    bytes: int = Field(description="size in all of them, unpacked")


class Tally:
    """Counts over samples, one at a time."""

    def __init__(self) -> None:
        self.samples: list[SampleContents] = []
        self.actions: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.terms: dict[str, float] = {}
        self._arrays: dict[tuple[str, tuple[str | int, ...]], list[int]] = {}  # sizes in bytes, one a sample
        self._examined: list[Examined] = []
        self._use: dict[tuple[str, ...], ActionUse] = {}  # by the table of actions

    def add(self, name: str, npz: Path, meta: PlainMeta) -> None:
        """Count one sample."""
        arrays = read_arrays(npz, meta, COUNTED)
        self._note_shapes(meta)
        words, (ids, counts) = action_words(meta), np.unique(arrays["actions"], return_counts=True)
        done = {
            words.get(action, f"action {action}"): count
            for action, count in zip(ids.tolist(), counts.tolist(), strict=True)
        }
        self.actions.update(done)
        if isinstance(meta, Meta):
            use = self._use.setdefault(meta.action_names, ActionUse(meta.action_dim))
            use.take(arrays["actions"])
            use.add(arrays["action_mask"])
            self.events.update(_columns(meta.event_names, arrays["events"]))
            for term, total in _columns(meta.reward_term_names, arrays["reward_terms"]).items():
                self.terms[term] = self.terms.get(term, 0.0) + total
        self.samples.append(_describe(name, npz, meta, arrays, counts))
        self._examined.append(_examine(self.samples[-1], meta, arrays, done))

    def _note_shapes(self, meta: PlainMeta) -> None:
        """Note what arrays a sample has; its header has been compared with its meta."""
        extents = meta.axes()
        for name, spec in ARRAYS.items():
            if spec.predecessor or isinstance(meta, Meta):
                shape = tuple(_letter(axis, extents) for axis in spec.axes)
                size = math.prod(extents[axis] for axis in spec.axes) * np.dtype(spec.dtype).itemsize
                self._arrays.setdefault((name, shape), []).append(size)

    def arrays(self) -> Iterator[ArrayContents]:
        """Describe the arrays in the order of ARRAYS."""
        for (name, shape), sizes in sorted(self._arrays.items(), key=lambda item: list(ARRAYS).index(item[0][0])):
            dtype = np.dtype(ARRAYS[name].dtype).name
            yield ArrayContents(name=name, dtype=dtype, shape=shape, samples=len(sizes), bytes=sum(sizes))

    def warnings(self, policy: PolicyNote | None) -> tuple[tuple[HealthWarning, ...], tuple[str, ...]]:
        """Give the signs of a capture not worth learning from, and apart from them the habits of the script."""
        names, use = next(iter(self._use.items())) if len(self._use) == 1 else ((), ActionUse(0))
        signs = [
            sign for sign in find_warnings(self._examined, use, names) if sign.kind != "no_events" or self._use
        ]  # of the predecessor's samples it is not known what happened
        scripted = policy is not None and policy.kind != "learned" and policy.name.startswith("scripted")
        habits = [sign for sign in signs if scripted and sign.kind == "unused_actions"]
        others = tuple(sign for sign in signs if sign not in habits)
        return others, tuple(f"scripted: {sign.text}" for sign in habits)


def _describe(name: str, npz: Path, meta: PlainMeta, arrays: Arrays, counts: NDArray[np.int64]) -> SampleContents:
    """Say what one sample comes to. Sums are of doubles, as in its metrics."""
    rewards = arrays["rewards"].astype(np.float64)
    shares = (counts / meta.timesteps).tolist()
    ours = meta if isinstance(meta, Meta) else None
    return SampleContents(
        sample=name,
        agent=meta.agent_id,
        world=ours.world if ours else None,
        slot=ours.slot if ours else None,
        first_tick=ours.first_tick if ours else None,
        ticks=meta.timesteps,
        reward_sum=float(rewards.sum()),
        reward_mean=float(rewards.mean()),
        action_entropy=abs(-math.fsum(share * math.log(share) for share in shares)),
        events=int(arrays["events"].sum()) if ours else None,
        end=_end(arrays),
        bytes=npz.stat().st_size,
    )


def _letter(axis: str, extents: dict[str, int]) -> str | int:
    """Give the length of an axis, or its letter where that is another in each life."""
    if axis == "T+1" and extents["T+1"] == extents["T"]:  # some captures of the predecessor have no last value
        return "T"
    return axis if axis in ("T", "T+1") else extents[axis]


def _end(arrays: Arrays) -> End:
    """Say how a life ends, as far as its sample tells."""
    if not arrays["dones"][-1]:
        return "open"
    if "terminated" not in arrays:
        return "done"
    return "ended" if arrays["terminated"][-1] else "cut"


def _examine(sample: SampleContents, meta: PlainMeta, arrays: Arrays, done: dict[str, int]) -> Examined:
    """Look for signs in one sample. The predecessor's do not say where its clip was."""
    rewards = arrays["rewards"]
    clip = meta.reward_clip if isinstance(meta, Meta) else math.inf
    return Examined(
        sample=sample.sample,
        ticks=sample.ticks,
        is_constant=bool((rewards == rewards[0]).all()),
        clip_fraction=float((np.abs(rewards) >= np.float32(clip)).mean(dtype=np.float64)),
        only_waits=set(done) == {"wait"},
        events=float(sample.events or 0),
    )


def _columns(names: tuple[str, ...], table: NDArray[Any]) -> dict[str, Any]:
    """Add up each column of a table [T, names]; counts stay whole."""
    wide = np.int64 if table.dtype.kind == "u" else np.float64
    return dict(zip(names, table.sum(axis=0, dtype=wide).tolist(), strict=True))
