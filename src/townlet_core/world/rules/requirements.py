"""The requirements of affordances: a small stack machine over the operations that config.expression made."""

from __future__ import annotations

import numpy as np

from townlet_core.config.expression import OpCode, Variable
from townlet_core.world.kernel import kernel
from townlet_core.world.records import ABSENT, ENERGY, HUNGER, HYGIENE, NOTHING, POST
from townlet_core.world.scalars import ONE, ZERO

f32 = np.float32
V_HUNGER, V_HYGIENE, V_ENERGY = int(Variable.hunger), int(Variable.hygiene), int(Variable.energy)
V_WALLET, V_PRICE, V_STOCK, V_TICK = (
    int(Variable.wallet),
    int(Variable.price),
    int(Variable.stock),
    int(Variable.tick_of_day),
)
V_ON_SHIFT, V_POWER, V_WATER = int(Variable.on_shift), int(Variable.power), int(Variable.water)
NUMBER, VARIABLE, NOT, NEGATE = int(OpCode.NUMBER), int(OpCode.VARIABLE), int(OpCode.NOT), int(OpCode.NEGATE)
ADD, SUBTRACT, MULTIPLY, DIVIDE = int(OpCode.ADD), int(OpCode.SUBTRACT), int(OpCode.MULTIPLY), int(OpCode.DIVIDE)
LESS, LESS_EQUAL, GREATER = int(OpCode.LESS), int(OpCode.LESS_EQUAL), int(OpCode.GREATER)
GREATER_EQUAL, EQUAL, NOT_EQUAL = int(OpCode.GREATER_EQUAL), int(OpCode.EQUAL), int(OpCode.NOT_EQUAL)
AND, OR = int(OpCode.AND), int(OpCode.OR)


@kernel
def truth(condition):
    """A condition as the machine keeps it: 1 or 0."""
    return ONE if condition else ZERO


@kernel
def is_on_shift(me, jobs, time):
    """Whether the shift of an agent's job is running and the agent has not missed it."""
    if me.job == NOTHING:
        return False
    job = jobs[me.job]
    return job.start <= time < job.finish and me.shift != POST and me.shift != ABSENT


@kernel
def value_of(variable, me, thing, price, world, town):
    """What a variable stands for at this moment."""
    params = town.params[0]
    time = (world.tick + params.dawn) % params.day
    if variable == V_HUNGER:
        return me.needs[HUNGER]
    if variable == V_HYGIENE:
        return me.needs[HYGIENE]
    if variable == V_ENERGY:
        return me.needs[ENERGY]
    if variable == V_WALLET:
        return me.wallet
    if variable == V_PRICE:
        return price
    if variable == V_STOCK:
        return f32(thing.stock)
    if variable == V_TICK:
        return f32(time)
    if variable == V_ON_SHIFT:
        return truth(is_on_shift(me, town.jobs, time))
    if variable == V_POWER:
        return truth(world.tick >= world.power_until)
    return truth(world.tick >= world.water_until)


@kernel
def combine(code, a, b):
    """The result of an operation with two operands."""
    if code == ADD:
        return a + b
    if code == SUBTRACT:
        return a - b
    if code == MULTIPLY:
        return a * b
    if code == DIVIDE:
        return a / b
    if code == LESS:
        return truth(a < b)
    if code == LESS_EQUAL:
        return truth(a <= b)
    if code == GREATER:
        return truth(a > b)
    if code == GREATER_EQUAL:
        return truth(a >= b)
    if code == EQUAL:
        return truth(a == b)
    if code == NOT_EQUAL:
        return truth(a != b)
    if code == AND:
        return a * b
    return max(a, b)


@kernel
def is_met(me, thing, offer, price, world, town, stack):
    """Run the requirement of an affordance; one without operations is always met."""
    depth = 0
    for i in range(offer.code, offer.code + offer.ops):
        op = town.ops[i]
        if op.code == NUMBER:
            stack[depth] = op.number
            depth += 1
        elif op.code == VARIABLE:
            stack[depth] = value_of(op.number, me, thing, price, world, town)
            depth += 1
        elif op.code == NOT:
            stack[depth - 1] = ONE - stack[depth - 1]
        elif op.code == NEGATE:
            stack[depth - 1] = -stack[depth - 1]
        else:
            depth -= 1
            stack[depth - 1] = combine(op.code, stack[depth - 1], stack[depth])
    return depth == 0 or stack[0] != ZERO
