"""Two runs beside each other: what differs in their settings, and from which epoch their curves part."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet_core.telemetry.explaining.changes import CERTAIN, FEWEST, SHORTEST, changes_of, effect, noise_of
from townlet_core.telemetry.explaining.curves import FACTS, Curves
from townlet_core.telemetry.explaining.explanation import Against, Moved, Setting
from townlet_core.telemetry.explaining.moves import compared_keys, moved_key, ranked
from townlet_core.telemetry.exporting.names import GROUPS, group_of

# Numbers that are chosen, epoch by epoch -> relative difference that is none.
SCHEDULES: Final = {**dict.fromkeys(GROUPS["settings"], 1e-9), "transitions": 0.05}  # agents may come and go
SAME_ANYWHERE: Final = frozenset({"machine", "place"})  # groups of which a second run to the same bits may differ

Curve = NDArray[np.float64]


class Pairs(NamedTuple):
    """Points that two runs have in common."""

    epochs: Curve  # first epoch of each
    ours: NDArray[np.intp]  # point of the one run
    theirs: NDArray[np.intp]  # of the other


class Parting(NamedTuple):
    """Where two curves are apart, as indices of their common points."""

    begin: int
    end: int  # of what lies apart
    difference: float  # median there


def compare(ours: Curves, theirs: Curves, metric: str) -> Against:
    """Compare a run with another, whose numbers are told as those before."""
    ours, theirs = (each.thinned(max(ours.width, theirs.width)) for each in (ours, theirs))
    pairs = _pairs(ours, theirs)
    parting = _parting(pairs, ours.curve(metric), theirs.curve(metric))
    ends = parting or Parting(0, len(pairs.epochs), 0.0)
    return Against(
        log=str(theirs.log),
        run=str(theirs.run),
        epochs=(float(pairs.epochs[0]), ours.ends[pairs.ours[-1]]) if len(pairs.epochs) else None,
        settings=tuple(_settings(ours, theirs, pairs)),
        same_until=_same_until(ours, theirs, pairs),
        parted_at=float(pairs.epochs[parting.begin]) if parting else None,
        parted_again=float(pairs.epochs[ends.end]) if ends.end < len(pairs.epochs) else None,
        difference=parting.difference if parting else None,
        moved=tuple(_moved(ours, theirs, pairs, ends)),
    )


def _pairs(ours: Curves, theirs: Curves) -> Pairs:
    epochs, own, other = np.intersect1d(ours.begins, theirs.begins, assume_unique=True, return_indices=True)
    return Pairs(epochs, own, other)


def _parting(pairs: Pairs, ours: Curve, theirs: Curve) -> Parting | None:
    """Find the first straight piece of the difference that is not 0, and where it is 0 again to the end."""
    difference = ours[pairs.ours] - theirs[pairs.theirs]
    there = np.flatnonzero(np.isfinite(difference))
    y = difference[there]
    if len(y) < FEWEST or not y.any():
        return None
    variance = noise_of(y).variance
    edges = [0, *(change.point for change in changes_of(pairs.epochs[there], y)), len(y)]
    is_apart = [
        abs(y[begin:end].mean()) > CERTAIN * math.sqrt(variance / (end - begin)) for begin, end in pairwise(edges)
    ]
    if not any(is_apart):
        return None
    first, last = is_apart.index(True), len(is_apart) - is_apart[::-1].index(True)
    begin, end = edges[first], edges[last]
    stop = int(there[end]) if end < len(y) else len(pairs.epochs)
    return Parting(int(there[begin]), stop, float(np.median(y[begin:end])))


def _moved(ours: Curves, theirs: Curves, pairs: Pairs, ends: Parting) -> list[Moved]:
    """Find the keys that differ where the runs are apart."""
    found = []
    for key in compared_keys(ours):
        own, other = (
            values[np.isfinite(values)]
            for values in (
                ours.curve(key)[pairs.ours][ends.begin : ends.end],
                theirs.curve(key)[pairs.theirs][ends.begin : ends.end],
            )
        )
        if min(len(own), len(other)) >= SHORTEST and (difference := effect(other, own)).is_sure:
            found.append(Moved(**moved_key(key, difference), changed_at=None, low=None, high=None, order=None))
    return ranked(found)


def _same_until(ours: Curves, theirs: Curves, pairs: Pairs) -> float | None:
    """Find the last epoch up to which nothing differs but time; None if the first one does."""
    if not len(pairs.epochs) or pairs.epochs[0] not in (ours.begins[0], theirs.begins[0]):
        return None
    differs = np.zeros(len(pairs.epochs), dtype=bool)
    for key in (key for key in ours.keys if group_of(key) not in SAME_ANYWHERE):
        own, other = ours.curve(key)[pairs.ours], theirs.curve(key)[pairs.theirs]
        differs |= ~((own == other) | (np.isnan(own) & np.isnan(other)))
    same = int(np.argmax(differs)) if differs.any() else len(differs)
    return ours.ends[pairs.ours[same - 1]] if same else None


def _settings(ours: Curves, theirs: Curves, pairs: Pairs) -> Iterator[Setting]:
    """Give what differs in settings, as far as the logs tell."""
    for key in FACTS:
        own, other = (each.facts.get(key, [(0.0, None)])[-1][1] for each in (ours, theirs))
        if own != other:
            yield Setting(key=key, epoch=None, before=other, after=own)
    for key, rounding in SCHEDULES.items():
        own, other = ours.curve(key)[pairs.ours], theirs.curve(key)[pairs.theirs]
        differs = np.flatnonzero(~(np.isclose(own, other, rtol=rounding, atol=0.0) | (np.isnan(own) & np.isnan(other))))
        if len(differs):
            first = int(differs[0])
            before, after = (float(each[first]) if np.isfinite(each[first]) else None for each in (other, own))
            yield Setting(key=key, epoch=float(pairs.epochs[first]), before=before, after=after)
