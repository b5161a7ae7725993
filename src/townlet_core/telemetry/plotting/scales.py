"""Round numbers for the axes of a plot, and how they are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

UNITS: Final = ((1e9, "G"), (1e6, "M"), (1e4, "k"))  # least number that is written in it
FACTORS: Final = {"G": 1e9, "M": 1e6, "k": 1e3, "": 1.0}
SMALL: Final = 1e-4  # what is nearer to nothing, or larger than LARGE, is written with its exponent
LARGE: Final = 1e12


def ticks(low: float, high: float, most: int) -> list[float]:
    """Give at most so many round numbers from low to high, at equal distances of 1, 2 or 5 times a power of ten."""
    span = high / 2 - low / 2  # half of it, which cannot overflow
    if not span > 0 or most < 1:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / most))
    for step in (power * factor for factor in (1, 2, 5, 10, 20, 50, 100)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [number * step for number in range(first, last + 1)]
    return [low]


def labels(values: Sequence[float]) -> list[str]:
    """Write the numbers of an axis in the same unit and with as many digits as tell them apart: 0.25, 1.5k, 2e-5."""
    if len(values) == 1:
        return [short(values[0])]
    size, step = max(abs(value) for value in values), values[1] - values[0]
    unit = _unit(size)
    if unit is None:
        return [_with_exponent(value, max(0, math.ceil(math.log10(size / step)))) for value in values]
    decimals = _decimals(step / FACTORS[unit])
    return [_without_minus_zero(f"{value / FACTORS[unit]:.{decimals}f}") + unit * bool(value) for value in values]


def short(value: float) -> str:
    """Write a number by itself, with three digits."""
    unit = _unit(abs(value))
    if unit is None:
        return _with_exponent(value, 2)
    number = float(f"{value:.3g}") / FACTORS[unit]
    return _without_minus_zero(f"{number:.3g}" if abs(number) < 1000 else f"{number:.0f}") + unit * bool(value)


def _decimals(step: float) -> int:
    """Give how many digits a step needs after the point."""
    return next((digits for digits in range(12) if abs(round(step, digits) - step) <= step * 1e-6), 12)


def _unit(size: float) -> str | None:
    """Give the unit in which a number is written; none if it needs an exponent."""
    if 0 < size < SMALL or size >= LARGE:
        return None
    return next((unit for least, unit in UNITS if size >= least), "")


def _with_exponent(value: float, digits: int) -> str:
    if not value:
        return "0"
    mantissa, _, exponent = f"{value:.{digits}e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(exponent)}"


def _without_minus_zero(text: str) -> str:
    return text if float(text) else text.lstrip("-")
