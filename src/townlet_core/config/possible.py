"""Whether a condition can hold at all, given what its variables can be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from townlet_core.config.expression import Op, OpCode, Variable
from townlet_core.config.town import Affordance, AffordanceManifest

Interval = tuple[float, float]  # least and most; a condition is (0, 0), (0, 1) or (1, 1)

EVERYTHING: Interval = (-math.inf, math.inf)
EITHER: Interval = (0, 1)


def can_hold(ops: Sequence[Op], ranges: Mapping[Variable, Interval]) -> bool:
    """Say whether some values within the ranges may satisfy a condition.

    Errs on the side of yes: each use of a variable is taken as if it varied by itself.

    Args:
        ops: program from expression.parse.
        ranges: least and most of each variable that the program asks for.
    """
    stack: list[Interval] = []
    for code, value in ops:
        if code == OpCode.NUMBER:
            stack.append((value, value))
        elif code == OpCode.VARIABLE:
            stack.append(ranges[Variable(int(value))])
        elif code == OpCode.NOT:
            low, high = stack.pop()
            stack.append((1 - high, 1 - low))
        elif code == OpCode.NEGATE:
            low, high = stack.pop()
            stack.append((-high, -low))
        else:
            right, left = stack.pop(), stack.pop()
            stack.append(_combine(code, left, right))
    return stack.pop()[1] > 0


def _combine(code: OpCode, left: Interval, right: Interval) -> Interval:
    match code:
        case OpCode.ADD:
            return _bounds(left[0] + right[0], left[1] + right[1])
        case OpCode.SUBTRACT:
            return _bounds(left[0] - right[1], left[1] - right[0])
        case OpCode.MULTIPLY:
            corners = [_times(a, b) for a in left for b in right]
            return min(corners), max(corners)
        case OpCode.DIVIDE:
            return EVERYTHING
        case OpCode.AND:
            return min(left[0], right[0]), min(left[1], right[1])
        case OpCode.OR:
            return max(left[0], right[0]), max(left[1], right[1])
        case _:
            return _compare(code, left, right)


def _compare(code: OpCode, left: Interval, right: Interval) -> Interval:
    match code:
        case OpCode.LESS:
            return _truth(left[1] < right[0], left[0] < right[1])
        case OpCode.LESS_EQUAL:
            return _truth(left[1] <= right[0], left[0] <= right[1])
        case OpCode.GREATER:
            return _compare(OpCode.LESS, right, left)
        case OpCode.GREATER_EQUAL:
            return _compare(OpCode.LESS_EQUAL, right, left)
        case OpCode.EQUAL:
            meet = left[0] <= right[1] and right[0] <= left[1]
            return _truth(left[0] == left[1] == right[0] == right[1], meet)
        case _:
            always, never = _compare(OpCode.EQUAL, left, right)
            return 1 - never, 1 - always


def _truth(always: bool, ever: bool) -> Interval:
    return float(always), float(ever)


def _bounds(low: float, high: float) -> Interval:
    return EVERYTHING if math.isnan(low) or math.isnan(high) else (low, high)


def _times(left: float, right: float) -> float:
    return 0.0 if left == 0 or right == 0 else left * right


def condition_ranges(
    manifest: AffordanceManifest, affordance: Affordance, ticks_per_day: int
) -> dict[Variable, Interval]:
    """Give the least and most that each variable of a condition can be."""
    stock = manifest.kinds[affordance.kind].stock
    return {
        **dict.fromkeys((Variable.hunger, Variable.hygiene, Variable.energy), (0.0, 1.0)),
        Variable.wallet: (0.0, math.inf),
        Variable.price: (0.0, affordance.price * 100),
        Variable.stock: (0.0, float(stock.capacity) if stock is not None else 0.0),
        Variable.tick_of_day: (0.0, ticks_per_day - 1.0),
        **dict.fromkeys((Variable.on_shift, Variable.power, Variable.water), (0.0, 1.0)),
    }
