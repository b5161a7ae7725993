"""Whether a row of numbers goes up or down, without belief in how they are spread.

The test is that of Mann (1945, doi:10.2307/1907187) and Kendall, with his correction for ties and for continuity; the
slope and its interval are those of Sen (1968, doi:10.1080/01621459.1968.10480934). The numbers are means of windows:
epochs beside each other are alike, which the test would take for a trend, and windows are less so.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Final

from townlet_core.telemetry.summarising.summary import Direction, Trend

FEWEST: Final = 8  # numbers of which a trend is told
MOST_WINDOWS: Final = 20
LEVEL: Final = 0.01  # a table has ninety rows: 5 % would show four trends that are none
Z: Final = 2.5758293035489004  # the normal distribution holds 1 - LEVEL within this, on both sides

Point = tuple[float, float]  # epoch and mean


def trend_of(points: Sequence[Point]) -> Trend | None:
    """Tell where numbers go; None of fewer than FEWEST."""
    if len(points) < FEWEST:
        return None
    slopes = sorted((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2) if x2 > x1)
    if not slopes or not all(map(math.isfinite, slopes)):
        return None
    values = [y for _, y in points]
    rising = sum((later > earlier) - (later < earlier) for earlier, later in combinations(values, 2))
    deviation = math.sqrt(_variance(values))
    p = _two_sided(rising, deviation)
    reach = Z * deviation
    low = slopes[max(math.floor((len(slopes) - reach) / 2) - 1, 0)]
    high = slopes[min(math.ceil((len(slopes) + reach) / 2), len(slopes) - 1)]
    return Trend(
        direction=_direction(rising, p),
        slope=statistics.median(slopes),
        slope_low=low,
        slope_high=high,
        p=p,
        windows=len(points),
    )


def _direction(rising: int, p: float) -> Direction:
    if p >= LEVEL:
        return "steady"
    return "rises" if rising > 0 else "falls"


def _variance(values: Sequence[float]) -> float:
    """Give the variance of Kendall's S where the order is chance."""

    def of(n: int) -> int:
        return n * (n - 1) * (2 * n + 5)

    return (of(len(values)) - sum(of(ties) for ties in Counter(values).values())) / 18


def _two_sided(rising: int, deviation: float) -> float:
    if not rising or not deviation:
        return 1.0
    return math.erfc((abs(rising) - 1) / deviation / math.sqrt(2))
