"""The small closed language of conditions: parsed here, compiled to postfix, never evaluated by Python itself."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from townlet_core.config.tokens import ExpressionError, Token, read_tokens
from townlet_core.errors import did_you_mean

MAX_OPS = 32
MAX_DEPTH = 8
MAX_NESTING = 40

NUMBER, CONDITION = "number", "condition"


class Variable(IntEnum):
    """What a condition can ask about; the order is fixed."""

    hunger = 0  # needs of the agent, in [0, 1]
    hygiene = 1
    energy = 2
    wallet = 3  # money of the agent
    price = 4  # money that the affordance costs now
    stock = 5  # units in the thing
    tick_of_day = 6  # ticks since the day began
    on_shift = 7  # condition: the agent's shift is running
    power = 8  # condition: there is power
    water = 9  # condition: there is water


CONDITIONS = (Variable.on_shift, Variable.power, Variable.water)


class OpCode(IntEnum):
    """One step of a postfix program; operands come from the stack, the result goes back to it."""

    NUMBER = 0  # push value
    VARIABLE = 1  # push the variable whose number is value
    NOT = 2
    NEGATE = 3
    ADD = 4
    SUBTRACT = 5
    MULTIPLY = 6
    DIVIDE = 7  # as IEEE 754 does: x / 0 is infinite, 0 / 0 is not a number
    LESS = 8
    LESS_EQUAL = 9
    GREATER = 10
    GREATER_EQUAL = 11
    EQUAL = 12
    NOT_EQUAL = 13
    AND = 14
    OR = 15


class Op(NamedTuple):
    """A step of a postfix program; value is 0 where the code needs none. Conditions are 1 and 0."""

    code: OpCode
    value: float = 0.0


_KEYWORDS = ("or", "and", "not", "true", "false")
_COMPARE = {
    "<": OpCode.LESS,
    "<=": OpCode.LESS_EQUAL,
    ">": OpCode.GREATER,
    ">=": OpCode.GREATER_EQUAL,
    "==": OpCode.EQUAL,
    "!=": OpCode.NOT_EQUAL,
}
_SUM = {"+": OpCode.ADD, "-": OpCode.SUBTRACT}
_PRODUCT = {"*": OpCode.MULTIPLY, "/": OpCode.DIVIDE}


class _Parser:
    """Recursive descent; each method emits the code of one level and returns its type."""

    def __init__(self, text: str) -> None:
        self.tokens = read_tokens(text)
        self.at = 0
        self.nesting = 0
        self.ops: list[Op] = []

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def accept(self, *texts: str) -> Token | None:
        token = self.next
        if token.kind in ("sign", "word") and token.text in texts:
            self.at += 1
            return token
        return None

    def want(self, found: str, wanted: str, token: Token, side: str) -> None:
        if found != wanted:
            raise ExpressionError(f"{token.text!r} needs a {wanted} {side}, found a {found}", token.column)

    def enter(self) -> None:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise ExpressionError(f"nested more than {MAX_NESTING} deep", self.next.column, hint="make it simpler")

    def either(self) -> str:
        found = self.both()
        while token := self.accept("or"):
            self.want(found, CONDITION, token, "on its left")
            self.want(self.both(), CONDITION, token, "on its right")
            self.ops.append(Op(OpCode.OR))
        return found

    def both(self) -> str:
        found = self.negation()
        while token := self.accept("and"):
            self.want(found, CONDITION, token, "on its left")
            self.want(self.negation(), CONDITION, token, "on its right")
            self.ops.append(Op(OpCode.AND))
        return found

    def negation(self) -> str:
        token = self.accept("not")
        if token is None:
            return self.comparison()
        self.enter()
        self.want(self.negation(), CONDITION, token, "after it")
        self.nesting -= 1
        self.ops.append(Op(OpCode.NOT))
        return CONDITION

    def comparison(self) -> str:
        found = self.total()
        token = self.accept(*_COMPARE)
        if token is None:
            return found
        wanted = found if token.text in ("==", "!=") else NUMBER
        self.want(found, wanted, token, "on its left")
        self.want(self.total(), wanted, token, "on its right")
        self.ops.append(Op(_COMPARE[token.text]))
        if self.accept(*_COMPARE):
            raise ExpressionError(
                "comparisons cannot be chained", self.tokens[self.at - 1].column, hint="write 'a < b and b < c'"
            )
        return CONDITION

    def total(self) -> str:
        return self.chain(self.product, _SUM)

    def product(self) -> str:
        return self.chain(self.signed, _PRODUCT)

    def chain(self, part: Callable[[], str], codes: Mapping[str, OpCode]) -> str:
        found = part()
        while token := self.accept(*codes):
            self.want(found, NUMBER, token, "on its left")
            self.want(part(), NUMBER, token, "on its right")
            self.ops.append(Op(codes[token.text]))
        return found

    def signed(self) -> str:
        token = self.accept("-")
        if token is None:
            return self.atom()
        self.enter()
        self.want(self.signed(), NUMBER, token, "after it")
        self.nesting -= 1
        self.ops.append(Op(OpCode.NEGATE))
        return NUMBER

    def atom(self) -> str:
        token = self.next
        if self.accept("("):
            self.enter()
            found = self.either()
            self.nesting -= 1
            if not self.accept(")"):
                raise ExpressionError("a ')' is missing", self.next.column)
            return found
        if token.kind == "number":
            self.at += 1
            return self.number(token)
        if token.kind == "word":
            self.at += 1
            return self.word(token)
        problem = "the condition ends too early" if token.kind == "end" else f"unexpected {token.text!r}"
        raise ExpressionError(problem, token.column, hint="a number, a variable or '(' is wanted here")

    def number(self, token: Token) -> str:
        value = float(token.text)
        if not value <= 1e9:
            raise ExpressionError(f"{token.text} is more than 1e9", token.column)
        self.ops.append(Op(OpCode.NUMBER, value))
        return NUMBER

    def word(self, token: Token) -> str:
        if token.text in ("true", "false"):
            self.ops.append(Op(OpCode.NUMBER, float(token.text == "true")))
            return CONDITION
        if token.text in Variable.__members__:
            variable = Variable[token.text]
            self.ops.append(Op(OpCode.VARIABLE, float(variable)))
            return CONDITION if variable in CONDITIONS else NUMBER
        if token.text in _KEYWORDS:
            raise ExpressionError(f"unexpected {token.text!r}", token.column)
        known = list(Variable.__members__)
        hint = did_you_mean(token.text, [*known, *_KEYWORDS]) or f"known are {', '.join(known)}"
        raise ExpressionError(f"unknown variable {token.text!r}", token.column, hint=hint)


def parse(text: str) -> tuple[Op, ...]:
    """Turn a condition into a postfix program.

    Returns:
        At most MAX_OPS steps that need at most MAX_DEPTH places on the stack and leave one condition.

    Raises:
        ExpressionError: the text is not a condition, or too long.
    """
    parser = _Parser(text)
    found = parser.either()
    if parser.next.kind != "end":
        raise ExpressionError(f"unexpected {parser.next.text!r}", parser.next.column)
    if found != CONDITION:
        raise ExpressionError("this is a number, not a condition", 1, hint="compare it, as in 'wallet >= price'")
    ops = tuple(parser.ops)
    if len(ops) > MAX_OPS:
        raise ExpressionError(f"{len(ops)} steps are more than the {MAX_OPS} allowed", 1, hint="make it simpler")
    if depth(ops) > MAX_DEPTH:
        raise ExpressionError(f"it needs more than {MAX_DEPTH} values at once", 1, hint="use fewer brackets")
    return ops


def depth(ops: Sequence[Op]) -> int:
    """Count the places on the stack that a program needs."""
    now = most = 0
    for op in ops:
        if op.code in (OpCode.NUMBER, OpCode.VARIABLE):
            now += 1
        elif op.code not in (OpCode.NOT, OpCode.NEGATE):
            now -= 1
        most = max(most, now)
    return most


def evaluate(ops: Sequence[Op], values: Mapping[Variable, float]) -> bool:
    """Say whether a condition holds; the slow reference for the compiled one.

    Args:
        ops: program from parse.
        values: value of each variable that the program asks for; conditions are 1 and 0.
    """
    stack: list[float] = []
    for code, value in ops:
        if code == OpCode.NUMBER:
            stack.append(value)
        elif code == OpCode.VARIABLE:
            stack.append(float(values[Variable(int(value))]))
        elif code == OpCode.NOT:
            stack.append(float(stack.pop() == 0))
        elif code == OpCode.NEGATE:
            stack.append(-stack.pop())
        else:
            right, left = stack.pop(), stack.pop()
            stack.append(float(_COMBINE[code](left, right)))
    return stack.pop() != 0


def _divide(left: float, right: float) -> float:
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


_COMBINE: dict[OpCode, Callable[[float, float], float]] = {
    OpCode.ADD: operator.add,
    OpCode.SUBTRACT: operator.sub,
    OpCode.MULTIPLY: operator.mul,
    OpCode.DIVIDE: _divide,
    OpCode.LESS: operator.lt,
    OpCode.LESS_EQUAL: operator.le,
    OpCode.GREATER: operator.gt,
    OpCode.GREATER_EQUAL: operator.ge,
    OpCode.EQUAL: operator.eq,
    OpCode.NOT_EQUAL: operator.ne,
    OpCode.AND: lambda left, right: left != 0 and right != 0,
    OpCode.OR: lambda left, right: left != 0 or right != 0,
}
