"""Whether a score has risen and lost it again.

Of numbers that only vary about a level one is the largest too, and the last ones are below it. So the course must be
one that chance would seldom have, against the same windows in other orders. Either all of it goes up and then down,
by the test for umbrellas of Mack and Wolfe (1981, doi:10.1080/01621459.1981.10477625) with any peak. Or windows
beside each other are above all others, as Levin and Kline (1985, doi:10.1002/sim.4780040408) look for epidemics: a
run that learned soon, fell and was level ever after goes up and down in few of its windows only.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from townlet_core.telemetry.summarising.trend import Point

HALF: Final = 0.5  # of the gain
FAR: Final = 4.0  # deviations of the noise
ORDERS: Final = 999  # of the windows that theirs is compared with
LEVEL: Final = 0.01  # share of these that may be as much of an umbrella, and again that may be as much of an epidemic
AS_MUCH: Final = 1e-9  # below it: rounding


def fell_back(windows: Sequence[Point], start: float, end: float) -> bool:
    """Say whether more than half of a gain has been lost again, beyond noise."""
    values = [value for _, value in windows]
    steps = [abs(later - earlier) for earlier, later in pairwise(values)]
    noise = statistics.median(steps) / (0.6745 * 2**0.5)  # as a deviation, were the values independent and normal
    gain, loss = max(values) - start, max(values) - end
    if not (loss > HALF * gain and min(gain, loss) > FAR * noise):
        return False
    course = np.array(values)
    orders = np.random.default_rng(0).permuted(np.tile(course, (ORDERS, 1)), axis=1)  # the same each time it is asked
    return any(_share(much(orders), much(course)) <= LEVEL for much in (umbrella, epidemic))


def umbrella(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tell how much numbers go up and then down: Kendall's S up to a peak less that from it on, over its deviation.

    Args:
        values: [..., N] with N at least 3. The peak is the one, neither the first nor the last, that gives the most.
    """
    size = values.shape[-1]
    pairs = np.triu(np.sign(values[..., None, :] - values[..., :, None]))  # [..., earlier, later]
    up = pairs.sum(-2).cumsum(-1)  # to each
    down = pairs.sum(-1)[..., ::-1].cumsum(-1)[..., ::-1]  # from each
    before = np.arange(1, size + 1)
    variance = sum(n * (n - 1) * (2 * n + 5) / 18 for n in (before, before[::-1]))
    found: NDArray[np.float64] = ((up - down) / np.sqrt(variance))[..., 1:-1].max(-1)
    return found


def epidemic(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tell how far numbers beside each other are above the rest, on the scale of one number.

    Args:
        values: [..., N] with N at least 3. They are those, without the first and the last, that give the most.
    """
    size = values.shape[-1]
    sums = np.insert((values - values.mean(-1, keepdims=True)).cumsum(-1), 0, 0.0, axis=-1)  # before each, and in all
    begin, end = np.triu_indices(size, 1)
    begin, end = begin[begin > 0], end[begin > 0]
    many = end - begin
    found: NDArray[np.float64] = ((sums[..., end] - sums[..., begin]) / np.sqrt(many * (1 - many / size))).max(-1)
    return found


def _share(of_orders: NDArray[np.float64], of_these: NDArray[np.float64]) -> float:
    """Give the share of orders, theirs among them, that are as much of it as these."""
    return float(1 + (of_orders >= of_these - AS_MUCH * abs(of_these)).sum()) / (ORDERS + 1)
