"""Whether a condition can hold: sure of its no, generous with its yes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from townlet_core.config.expression import Op, OpCode, Variable, depth, evaluate, parse
from townlet_core.config.possible import Interval, can_hold

RANGES: dict[Variable, Interval] = {
    **dict.fromkeys((Variable.hunger, Variable.hygiene, Variable.energy), (0, 1)),
    Variable.wallet: (0, float("inf")),
    Variable.price: (0, 40),
    Variable.stock: (0, 6),
    Variable.tick_of_day: (0, 1439),
    **dict.fromkeys((Variable.power, Variable.water), (0, 1)),
    Variable.on_shift: (0, 0),
}


@pytest.mark.parametrize(
    "text",
    [
        "hunger < 0.1",
        "hunger >= 1",
        "stock == 6",
        "wallet > 1e8",
        "wallet - price > 1e8",
        "hunger / energy > 5",
        "power and not on_shift",
        "power == water",
        "-stock <= -6",
        "hunger * stock >= 6",
        "hunger - energy > 0.5",
        "(hunger - 1) * stock < -5",
        "tick_of_day != 0",
    ],
)
def test_what_some_values_satisfy_can_hold(text: str) -> None:
    assert can_hold(parse(text), RANGES)


@pytest.mark.parametrize(
    "text",
    [
        "false",
        "hunger < 0",
        "hunger > 1",
        "stock > 6",
        "stock == 7",
        "on_shift",
        "not (hunger <= 1)",
        "1 != 1",
        "hunger + energy > 2",
        "hunger * stock > 6",
        "tick_of_day >= 1440",
        "power and hunger - 2 >= 0",
        "-stock < -6",
        "on_shift or hunger < 0",
        "price - 41 >= 0",
        "on_shift == true",
    ],
)
def test_what_no_value_satisfies_cannot_hold(text: str) -> None:
    assert not can_hold(parse(text), RANGES)


NUMBERS = [Variable.hunger, Variable.stock, Variable.tick_of_day, Variable.wallet]


@st.composite
def programs(draw: st.DrawFn) -> tuple[Op, ...]:
    """Draw numbers joined by arithmetic, compared, and the truths joined."""
    arithmetic = [OpCode.ADD, OpCode.SUBTRACT, OpCode.MULTIPLY, OpCode.DIVIDE]
    ops: list[Op] = []
    for truth in range(draw(st.integers(1, 2))):
        for side in range(2):
            for number in range(draw(st.integers(1, 2))):
                variable = st.sampled_from(NUMBERS).map(lambda chosen: Op(OpCode.VARIABLE, float(chosen)))
                ops.append(draw(variable | st.integers(-2, 7).map(lambda value: Op(OpCode.NUMBER, float(value)))))
                if number:
                    ops.append(Op(draw(st.sampled_from(arithmetic))))
            ops += [Op(OpCode.NEGATE)] * draw(st.integers(0, 1)) if side else []
        ops.append(Op(OpCode(draw(st.integers(OpCode.LESS, OpCode.NOT_EQUAL)))))
        ops += [Op(OpCode.NOT)] * draw(st.integers(0, 1))
        if truth:
            ops.append(Op(draw(st.sampled_from([OpCode.AND, OpCode.OR]))))
    return tuple(ops)


@given(
    programs(),
    st.fixed_dictionaries(
        {
            Variable.hunger: st.sampled_from([0.0, 0.5, 1.0]),
            Variable.stock: st.sampled_from([0.0, 1.0, 6.0]),
            Variable.tick_of_day: st.sampled_from([0.0, 700.0, 1439.0]),
            Variable.wallet: st.sampled_from([0.0, 2.0, 1e6]),
        }
    ),
)
def test_what_holds_can_hold(ops: tuple[Op, ...], values: dict[Variable, float]) -> None:
    assert depth(ops) <= 8
    if evaluate(ops, values):
        assert can_hold(ops, RANGES)
