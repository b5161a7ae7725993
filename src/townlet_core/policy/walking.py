"""Walking towards a place, and around those who are in the way."""

from __future__ import annotations

from townlet_core.world.kernel import kernel
from townlet_core.world.records import NORTH, WAIT


@kernel
def turned(move, quarters):
    """A move turned clockwise by quarters."""
    return NORTH + (move - NORTH + quarters) % 4


@kernel
def follow(a, me, place, town, mask, tick):
    """The next step to a place; when somebody stands there, a step aside or a wait, in turn by tick and agent."""
    move = int(town.route[place, me.y, me.x])
    if move == WAIT or mask[move] == 1:
        return move
    turn = (tick + a) % 4
    side = turned(move, 1 if turn < 2 else 3)
    if turn != 0 and mask[side] == 1:
        return side
    return WAIT


@kernel
def stroll(a, me, mask, tick):
    """A step in a direction that changes with time and agent, if it is free; else a wait."""
    move = NORTH + ((tick // 5) * 7 + a * 3 + tick // 13) % 4
    return move if mask[move] == 1 else WAIT
