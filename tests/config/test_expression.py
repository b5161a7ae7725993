"""Conditions: what they mean, and what is said about those that mean nothing."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from townlet_core.config.expression import MAX_DEPTH, MAX_OPS, Op, OpCode, Variable, depth, evaluate, parse
from townlet_core.config.tokens import ExpressionError

# Anna at noon: hungry, with money for a meal, one meal in the fridge, on shift, and no water.
ANNA = {
    Variable.hunger: 0.25,
    Variable.hygiene: 0.5,
    Variable.energy: 0.75,
    Variable.wallet: 3.0,
    Variable.price: 0.5,
    Variable.stock: 1.0,
    Variable.tick_of_day: 720.0,
    Variable.on_shift: 1.0,
    Variable.power: 1.0,
    Variable.water: 0.0,
}
CONDITIONS = ("on_shift", "power", "water")


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        pytest.param("true", True, id="the word true"),
        pytest.param("false", False, id="the word false"),
        pytest.param("hunger < 0.3", True, id="0.25 is less than 0.3"),
        pytest.param("hunger >= .25", True, id="at least, and a number without a zero"),
        pytest.param("hunger <= 0.2", False, id="at most"),
        pytest.param("tick_of_day > 7.2e2", False, id="720 is not more than 720"),
        pytest.param("stock != 1", False, id="differs"),
        pytest.param("stock == 1", True, id="equals"),
        pytest.param("on_shift and power and water", False, id="and needs all"),
        pytest.param("water or power and on_shift", True, id="and before or: water or (power and on_shift)"),
        pytest.param("power or true and false", True, id="and before or: power or (true and false)"),
        pytest.param("not water and power", True, id="not before and: (not water) and power"),
        pytest.param("not (water and power)", True, id="brackets"),
        pytest.param("not hunger < 0.3", False, id="comparison before not: not (hunger < 0.3)"),
        pytest.param("not not power", True, id="twice not"),
        pytest.param("1 + 2 * 3 == 7", True, id="product before sum"),
        pytest.param("8 - 2 - 1 == 5", True, id="sums from the left: (8 - 2) - 1"),
        pytest.param("8 / 2 / 2 == 2", True, id="products from the left: (8 / 2) / 2"),
        pytest.param("-hunger + 1 == 0.75", True, id="minus before sum: (-0.25) + 1"),
        pytest.param("- - 2 == 2", True, id="twice minus"),
        pytest.param("(hunger < 0.3) == (energy < 0.3)", False, id="conditions can be equal: true and false are not"),
        pytest.param("power != water", True, id="conditions can differ"),
        pytest.param("wallet / (stock - 1) > 1e9", True, id="3 / 0"),
        pytest.param("-wallet / (stock - 1) < -1e9", True, id="-3 / 0 is infinitely little"),
        pytest.param("(stock - 1) / (stock - 1) == 0", False, id="0 / 0 is no number, and equals nothing"),
        pytest.param("(stock - 1) / (stock - 1) > 0", False, id="0 / 0 is not more than anything"),
        pytest.param("(stock - 1) / (stock - 1) != 0", True, id="0 / 0 differs from everything"),
    ],
)
def test_a_condition_holds_as_it_reads(text: str, holds: bool) -> None:
    assert evaluate(parse(text), ANNA) is holds


def test_a_condition_becomes_postfix() -> None:
    assert parse("wallet >= price and not on_shift") == (
        Op(OpCode.VARIABLE, Variable.wallet),
        Op(OpCode.VARIABLE, Variable.price),
        Op(OpCode.GREATER_EQUAL),
        Op(OpCode.VARIABLE, Variable.on_shift),
        Op(OpCode.NOT),
        Op(OpCode.AND),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "column 1: the condition ends too early\nhint: a number, a variable or '(' is wanted here"),
        ("hunger <", "column 9: the condition ends too early\nhint: a number, a variable or '(' is wanted here"),
        ("(hunger < 1", "column 12: a ')' is missing"),
        ("hunger < 1)", "column 11: unexpected ')'"),
        ("* 2 < 1", "column 1: unexpected '*'\nhint: a number, a variable or '(' is wanted here"),
        ("hunger < and", "column 10: unexpected 'and'"),
        ("hunger < 1 2", "column 12: unexpected '2'"),
        ("hungr < 1", "column 1: unknown variable 'hungr'\nhint: did you mean 'hunger'?"),
        (
            "zzz < 1",
            "column 1: unknown variable 'zzz'\nhint: known are hunger, hygiene, energy, wallet, price, stock, "
            "tick_of_day, on_shift, power, water",
        ),
        ("power && water", "column 7: unknown sign '&&'\nhint: write 'and'"),
        ("stock = 1", "column 7: unknown sign '='\nhint: write '=='"),
        ("!power", "column 1: unknown sign '!'\nhint: write 'not'"),
        ("hunger.real < 1", "column 7: unknown sign '.'"),
        ("__import__('os')", "column 12: unknown sign \"'\""),
        ("0 < hunger < 1", "column 12: comparisons cannot be chained\nhint: write 'a < b and b < c'"),
        ("hunger", "column 1: this is a number, not a condition\nhint: compare it, as in 'wallet >= price'"),
        ("hunger and power", "column 8: 'and' needs a condition on its left, found a number"),
        ("power or 1", "column 7: 'or' needs a condition on its right, found a number"),
        ("not hunger", "column 1: 'not' needs a condition after it, found a number"),
        ("power < 1", "column 7: '<' needs a number on its left, found a condition"),
        ("1 < power", "column 3: '<' needs a number on its right, found a condition"),
        ("power == 1", "column 7: '==' needs a condition on its right, found a number"),
        ("1 == power", "column 3: '==' needs a number on its right, found a condition"),
        ("power + 1 < 2", "column 7: '+' needs a number on its left, found a condition"),
        ("-power < 2", "column 1: '-' needs a number after it, found a condition"),
        ("hunger < 1e10", "column 10: 1e10 is more than 1e9"),
        ("not " * 41 + "power", "column 165: nested more than 40 deep\nhint: make it simpler"),
        (
            "1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1 < 2",
            "column 1: 33 steps are more than the 32 allowed\nhint: make it simpler",
        ),
        (
            "1+(1+(1+(1+(1+(1+(1+(1+(1))))))))<2",
            "column 1: it needs more than 8 values at once\nhint: use fewer brackets",
        ),
    ],
)  # fmt: skip
def test_what_is_no_condition_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert str(caught.value) == message


def test_a_condition_may_be_as_long_and_as_deep_as_is_allowed() -> None:
    # 15 ones and 14 sums, a number and a comparison: 31 steps; with 'not' 32.
    assert len(parse("not " + "+".join("1" * 15) + " < 2")) == MAX_OPS
    assert depth(parse("1+(1+(1+(1+(1+(1+(1+(1)))))))<2")) == MAX_DEPTH


def bracketed(text: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return text.map(lambda inner: f"({inner})")


def numbers() -> st.SearchStrategy[str]:
    leaves = st.sampled_from([v.name for v in Variable if v.name not in CONDITIONS] + ["0", "1", "0.5", "2.5e1", ".25"])

    def extend(below: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        operands = leaves | bracketed(below)
        both = st.tuples(operands, st.sampled_from("+-*/"), operands, st.sampled_from("+-*/"), operands)
        return st.tuples(st.just("-"), operands).map("".join) | both.map(" ".join)

    return st.recursive(leaves, extend, max_leaves=4)


def conditions() -> st.SearchStrategy[str]:
    signs = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    leaves = st.sampled_from([*CONDITIONS, "true", "false"]) | st.tuples(numbers(), signs, numbers()).map(" ".join)

    def extend(below: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        words = st.sampled_from(["and", "or"])
        joined = st.tuples(below, words, below, words, bracketed(below)).map(" ".join)
        same = st.tuples(bracketed(below), st.sampled_from(["==", "!="]), bracketed(below)).map(" ".join)
        return joined | same | st.tuples(st.just("not"), bracketed(below)).map(" ".join)

    return st.recursive(leaves, extend, max_leaves=5)


@given(
    text=conditions(),
    values=st.fixed_dictionaries(
        {
            variable: st.booleans().map(float) if variable.name in CONDITIONS else st.sampled_from([0.0, 0.5, 1.0, 3.0])
            for variable in Variable
        }
    ),
)
def test_a_condition_means_what_the_same_words_mean_in_python(text: str, values: dict[Variable, float]) -> None:
    try:
        ops = parse(text)
    except ExpressionError as error:
        assume("steps are more" not in error.problem and "values at once" not in error.problem)
        raise
    words = {"true": True, "false": False, **{variable.name: value for variable, value in values.items()}}
    words |= {name: bool(words[name]) for name in CONDITIONS}
    try:
        expected = eval(text, {"__builtins__": {}}, words)
    except ZeroDivisionError:
        assume(False)
    assert evaluate(ops, values) is bool(expected)


WORDS = [
    *Variable.__members__,
    "and",
    "or",
    "not",
    "true",
    "(",
    ")",
    "<",
    "==",
    "-",
    "+",
    "/",
    "1",
    "0.5",
    " ",
    "\n",
    "é",
]


@given(st.text() | st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join))
def test_any_text_is_a_bounded_condition_or_refused_at_one_of_its_columns(text: str) -> None:
    try:
        ops = parse(text)
    except ExpressionError as error:
        column = error.column
    else:
        column = 1
        assert len(ops) <= MAX_OPS
        assert depth(ops) <= MAX_DEPTH
        assert evaluate(ops, ANNA) in (True, False)
    assert 1 <= column <= len(text) + 1
