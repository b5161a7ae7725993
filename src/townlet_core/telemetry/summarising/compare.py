"""Whether groups of runs differ: the runs of a group differ in chance alone, so that chance can be told from the rest.

A run counts as one number. Means over runs have a bootstrap interval (Efron 1979, doi:10.1214/aos/1176344552, by
percentiles), always with the same draws. Differences are tested by permutation (Pitman 1937, doi:10.2307/2984124): all
ways to deal the runs out to the two groups, or where these are too many, a number of them drawn, and what was found
with these (Phipson and Smyth 2010, doi:10.2202/1544-6115.1585). With fewer than FEWEST_RUNS a side no way to deal them
out is rare enough. All tests of a call are corrected together (Holm 1979, www.jstor.org/stable/4615733).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet_core.telemetry.summarising.metrics import direction_of
from townlet_core.telemetry.summarising.summary import Difference, Estimate, Group, LogSummary, Method

FEWEST_RUNS: Final = 4  # a side
MOST_DEALS: Final = 200_000  # that are all looked at: up to 10 runs a side
DRAWN_DEALS: Final = 100_000
RESAMPLES: Final = 10_000
MOST: Final = 1e100  # a number beyond this is taken for unknown, as sums of such overflow
SEED: Final = 0  # of the draws, so that a log always has the same summary
LEVEL: Final = 0.05
ROUNDING: Final = 1e-12  # of the largest value: sums in another order

Values = Mapping[str, Sequence[float]]  # metric -> a number of each run


class Tested(NamedTuple):
    """What a permutation test came to."""

    method: Method
    p: float | None


def value_of(run: LogSummary, key: str, *, over_all: bool) -> float | None:
    """Give the one number that a run counts as: the mean over its last tenth, or over all that was looked at."""
    metric = run.metrics.get(key)
    if metric is None:
        return None
    value = metric.mean if over_all else metric.end
    return value if value is not None and abs(value) < MOST else None


def group_of(name: str, runs: Sequence[LogSummary], *, over_all: bool) -> tuple[Group, Values]:
    """Give the means of a group, and the numbers that they are of."""
    values: dict[str, list[float]] = {}
    for run in runs:
        for key in run.metrics:
            value = value_of(run, key, over_all=over_all)
            if value is not None:
                values.setdefault(key, []).append(value)
    estimates = {key: estimate(found) for key, found in values.items()}
    return Group(name=name, logs=tuple(run.log for run in runs), metrics=estimates), values


def estimate(values: Sequence[float]) -> Estimate:
    """Estimate the mean that more such runs would have."""
    found = np.array(values)
    low, high = _interval(_resampled(found)) if len(found) > 1 else (None, None)
    return Estimate(mean=float(found.mean()), low=low, high=high, runs=len(found))


def differences(groups: Sequence[tuple[str, Values]], tested: Sequence[str], shown: Sequence[str]) -> list[Difference]:
    """Compare each group with the first.

    Args:
        tested: metrics whose differences are tested; the more there are, the less each can be told from chance.
        shown: metrics whose differences are given without.
    """
    (reference, first), *others = groups
    found = [
        _difference(key, (name, values[key]), (reference, first[key]), is_tested=key in tested)
        for key in dict.fromkeys((*tested, *shown))
        for name, values in others
        if key in values and key in first
    ]
    corrected = iter(holm([each.p for each in found if each.p is not None]))
    return [each if each.p is None else _corrected(each, next(corrected)) for each in found]


def permutation_test(a: Sequence[float], b: Sequence[float]) -> Tested:
    """Ask how often chance alone would have the means of two groups at least so far apart, in either direction."""
    if min(len(a), len(b)) < FEWEST_RUNS:
        return Tested("not testable", None)
    values = np.array([*a, *b], dtype=np.float64)
    near = ROUNDING * np.abs(values).max()
    values -= values.mean()
    deals = math.comb(len(values), len(a))
    found = abs(_apart(values, np.arange(len(a))[None, :])[0])
    if deals <= MOST_DEALS:
        every = np.array(list(combinations(range(len(values)), len(a))))
        return Tested("exact", float((np.abs(_apart(values, every)) >= found - near).mean()))
    chance = np.random.default_rng(SEED)
    drawn = np.array([chance.permutation(len(values))[: len(a)] for _ in range(DRAWN_DEALS)])
    beyond = int((np.abs(_apart(values, drawn)) >= found - near).sum())
    return Tested("sampled", (beyond + 1) / (DRAWN_DEALS + 1))


def holm(ps: Sequence[float]) -> list[float]:
    """Correct p-values for there being several of them, in their own order."""
    corrected = [0.0] * len(ps)
    highest = 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[i]))
        corrected[i] = highest
    return corrected


def _difference(
    key: str, group: tuple[str, Sequence[float]], reference: tuple[str, Sequence[float]], *, is_tested: bool
) -> Difference:
    a, b = np.array(group[1]), np.array(reference[1])
    test = permutation_test(group[1], reference[1]) if is_tested else Tested("not tested", None)
    low, high = _interval(_resampled(a) - _resampled(b, 1)) if min(len(a), len(b)) > 1 else (None, None)
    return Difference(
        metric=key,
        group=group[0],
        reference=reference[0],
        difference=float(a.mean() - b.mean()),
        low=low,
        high=high,
        method=test.method,
        p=test.p,
        p_holm=None,
        better=None,
    )


def _corrected(found: Difference, p: float) -> Difference:
    """Add the corrected p, and what it decides."""
    direction = direction_of(found.metric)
    better = None
    if p < LEVEL and direction is not None:
        better = found.group if found.difference * direction > 0 else found.reference
    return found.model_copy(update={"p_holm": p, "better": better})


def _apart(values: NDArray[np.float64], dealt: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give the difference of means for each deal [deals, runs of the first group]."""
    here = values[dealt].sum(1)
    count = dealt.shape[1]
    difference: NDArray[np.float64] = here / count - (values.sum() - here) / (len(values) - count)
    return difference


def _resampled(values: NDArray[np.float64], stream: int = 0) -> NDArray[np.float64]:
    """Give the means of runs drawn again and again from those that there are."""
    drawn = np.random.default_rng([SEED, stream]).integers(len(values), size=(RESAMPLES, len(values)))
    means: NDArray[np.float64] = values[drawn].mean(1)
    return means


def _interval(means: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(means, [LEVEL / 2, 1 - LEVEL / 2])
    return float(low), float(high)
