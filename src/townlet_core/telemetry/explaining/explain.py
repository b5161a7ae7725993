"""Explain a run: when its metric changed, what moved with it and what before, and what cannot be told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet_core.errors import InputError, UsageError, did_you_mean
from townlet_core.telemetry.explaining.changes import FEWEST, SHORTEST, Change, changes_of, effect, noise_of
from townlet_core.telemetry.explaining.compare import compare
from townlet_core.telemetry.explaining.curves import Curves, read_curves
from townlet_core.telemetry.explaining.explanation import (
    ExplainedChange,
    Explanation,
    LossPart,
    Moved,
    NoNumber,
    Setting,
    WorstAgent,
)
from townlet_core.telemetry.explaining.moves import compared_keys, moved_key, ranked
from townlet_core.telemetry.explaining.wording import undecided, verdict

WINDOW: Final = 15  # points on either side of a change that are compared, as far as the next change
METRICS: Final = ("ep_return_mean", "eval_return_mean", "signal.reward_mean", "loss_total")  # the first that is there
# Part of the loss -> key of its weight in loss_total, and the sign with which it is in it.
LOSS_WEIGHTS: Final = {
    "loss_policy": (None, 1.0),
    "loss_value": ("value_coef", 1.0),
    "loss_entropy": ("entropy_coef", -1.0),
    "replay_loss": ("replay_coef", 1.0),
}

Points = NDArray[np.intp]


class Track(NamedTuple):
    """A key where it has numbers, and its changes."""

    points: Points  # of the run
    values: NDArray[np.float64]
    changes: list[Change]

    def at(self, change: Change) -> int:
        """Give the first point of the run after a change."""
        return int(self.points[change.point])


class Around(NamedTuple):
    """What of a run is compared: points before something and after it."""

    low: int  # something lies from this point
    at: int
    high: int  # to this one
    begin: int
    end: int


def explain(
    log: Path,
    *,
    run: str | None = None,
    metric: str | None = None,
    at: float | None = None,
    against: Path | None = None,
) -> Explanation:
    """Explain a run of a log, the last one if none is named.

    Args:
        metric: key whose changes are looked for; otherwise the first of METRICS that is in the log.
        at: epoch to explain, in place of the plainest change.
        against: another log, whose last run this one is compared with.

    Raises:
        InputError: a log cannot be read, or has not the run or the metric.
        UsageError: the epoch is none of the run's.
    """
    curves = read_curves(log, run)
    return explain_curves(curves, None if against is None else read_curves(against), metric=metric, at=at)


def explain_curves(
    curves: Curves, other: Curves | None = None, *, metric: str | None = None, at: float | None = None
) -> Explanation:
    """Explain a run that has been read, beside another one if there is one."""
    key = _metric(curves, metric)
    found = _explain(curves, key, at)
    if other is not None:
        if key not in other.keys:
            raise InputError(f"has no number of {key}", where=str(other.log), hint="name a key of both with --metric")
        found = found.model_copy(update={"against": compare(curves, other, key)})
    limits = undecided(found, curves, is_replaced=metric is None and key != METRICS[0])
    return found.model_copy(update={"verdict": tuple(verdict(found)), "undecided": tuple(limits)})


def _explain(curves: Curves, key: str, at: float | None) -> Explanation:
    """Find all there is to say of a run by itself, sentences apart."""
    track = track_of(curves, key)
    noise = noise_of(track.values) if len(track.points) >= FEWEST else None
    around = _around(curves, track, at)
    return Explanation(
        log=str(curves.log),
        run=str(curves.run),
        runs=curves.runs,
        epochs=(curves.begins[0], curves.ends[-1]),
        epochs_a_point=curves.width,
        metric=key,
        points=len(track.points),
        noise=noise.sd if noise else None,
        correlation=noise.correlation if noise else None,
        verdict=(),
        changes=tuple(_explained(curves, track, key, number) for number in range(len(track.changes))),
        explained=curves.begins[around.at] if around else None,
        moved=tuple(_moved(curves, key, around)) if around else (),
        loss_parts=tuple(_loss_parts(curves, around)) if around else (),
        worst_agent=_worst(curves, around) if around else None,
        settings=tuple(settings_within(curves)),
        not_finite=tuple(
            NoNumber(key=key, epoch=each.first, kind=each.kind, count=each.count)
            for key, each in sorted(curves.not_finite.items(), key=lambda item: item[1].first)
        ),
        against=None,
        undecided=(),
    )


def track_of(curves: Curves, key: str) -> Track:
    """Take a key's numbers and find its changes."""
    values = curves.curve(key)
    points = np.flatnonzero(np.isfinite(values))
    epochs = (np.array(curves.begins) + np.array(curves.ends)) / 2
    return Track(points, values[points], changes_of(epochs[points], values[points]))


def _metric(curves: Curves, wanted: str | None) -> str:
    if wanted is None:
        found = next((key for key in METRICS if key in curves.keys), None)
        if found is None:
            raise InputError(
                f"has numbers of none of {', '.join(METRICS)}", where=str(curves.log), hint="name a key with --metric"
            )
        return found
    if wanted not in curves.keys:
        raise InputError(f"has no number of {wanted}", where=str(curves.log), hint=did_you_mean(wanted, curves.keys))
    return wanted


def _around(curves: Curves, track: Track, epoch: float | None) -> Around | None:
    """Choose what to explain: an epoch, or the plainest change; None if there is none."""
    edges = [0, *(track.at(change) for change in track.changes), len(curves.begins)]
    if epoch is not None:
        if not curves.begins[1:2] or not curves.begins[1] <= epoch <= curves.ends[-1]:
            span = f"{curves.begins[0]:.15g} to {curves.ends[-1]:.15g}"
            raise UsageError(f"must be an epoch after the first of {span}, found {epoch:.15g}", where="--at")
        low = at = high = int(np.searchsorted(np.array(curves.ends), epoch))
    elif track.changes:
        change = max(track.changes, key=lambda each: each.gain)
        low, at, high = (int(track.points[index]) for index in (change.low, change.point, change.high))
    else:
        return None
    earlier = max((edge for edge in edges if edge <= at - SHORTEST), default=0)
    later = min((edge for edge in edges if edge >= at + SHORTEST), default=len(curves.begins))
    return Around(low, at, high, max(earlier, at - WINDOW), min(later, at + WINDOW))


def _explained(curves: Curves, track: Track, key: str, number: int) -> ExplainedChange:
    """Describe a change of the metric by what lies before and after it."""
    change = track.changes[number]
    edges = [0, *(each.point for each in track.changes), len(track.points)]
    begin, end = max(edges[number], change.point - WINDOW), min(edges[number + 2], change.point + WINDOW)
    found = effect(track.values[begin : change.point], track.values[change.point : end])
    low, high = curves.begins[track.points[change.low]], curves.begins[track.points[change.high]]
    return ExplainedChange(
        epoch=curves.begins[track.at(change)],
        low=low,
        high=high,
        kind="step" if change.is_step else "bend",
        before=found.before,
        after=found.after,
        effect=found.size,
        gain=change.gain,
        is_better=found.after > found.before if _should_rise(key) and found.after != found.before else None,
    )


def _should_rise(key: str) -> bool:
    rewards = key.startswith("agents.") and key.endswith(("reward_mean", "reward_min", "reward_max"))
    known = ("ep_return_mean", "ep_return_min", "ep_return_max", "eval_return_mean", "signal.reward_mean")
    return rewards or key in known or key == "explained_variance"


def _moved(curves: Curves, metric: str, around: Around) -> list[Moved]:
    """Find the keys that differ before and after, and have changed by themselves about then."""
    found = []
    for key in compared_keys(curves):
        values = curves.curve(key)
        before, after = (
            part[np.isfinite(part)] for part in (values[around.begin : around.at], values[around.at : around.end])
        )
        if key == metric or min(len(before), len(after)) < SHORTEST - 2:
            continue
        difference = effect(before, after)
        if difference.is_sure and (own := _own_change(track_of(curves, key), around)):
            low, at, high = own
            found.append(
                Moved(
                    **moved_key(key, difference),
                    changed_at=curves.begins[at],
                    low=curves.begins[low],
                    high=curves.begins[high],
                    order=_order(low, high, around),
                )
            )
    return ranked(found)


def _own_change(track: Track, around: Around) -> tuple[int, int, int] | None:
    """Find the change of a key nearest to what is explained: from, at and to which point; None if none is near."""
    near = [change for change in track.changes if around.begin <= track.at(change) <= around.end]
    if not near:
        return None
    change = min(near, key=lambda each: (abs(track.at(each) - around.at), -each.gain))
    return int(track.points[change.low]), track.at(change), int(track.points[change.high])


def _order(low: int, high: int, around: Around) -> Literal["first", "with", "after"]:
    if high < around.low:
        return "first"
    return "after" if low > around.high else "with"


def _loss_parts(curves: Curves, around: Around) -> list[LossPart]:
    """Weigh the changes of the parts of the loss; a part whose weight is not in the log is left out."""
    found = []
    for key, (weight, sign) in LOSS_WEIGHTS.items():
        values = sign * curves.curve(key) * (curves.curve(weight) if weight else 1.0)
        before, after = (
            part[np.isfinite(part)] for part in (values[around.begin : around.at], values[around.at : around.end])
        )
        if len(before) and len(after):
            found.append(LossPart(key=key, difference=float(np.median(after) - np.median(before))))
    return sorted(found, key=lambda part: -abs(part.difference))


def _worst(curves: Curves, around: Around) -> WorstAgent | None:
    before, after = (
        _most_frequent(part) for part in (curves.worst[around.begin : around.at], curves.worst[around.at : around.end])
    )
    return WorstAgent(before=before, after=after) if before and after else None


def _most_frequent(names: Sequence[str | None]) -> str | None:
    counts = Counter(name for name in names if name is not None)
    return max(counts, key=lambda name: (counts[name], name)) if counts else None


def settings_within(curves: Curves) -> list[Setting]:
    """Give the settings that change from an epoch to the next."""
    return [
        Setting(key=key, epoch=epoch, before=before, after=after)
        for key, known in curves.facts.items()
        for (_, before), (epoch, after) in pairwise(known)
    ]
