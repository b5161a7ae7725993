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
    """The next step to a place; when somebody is in the way, a step aside or back or a wait, by tick and agent."""
    move = int(town.route[place, me.y, me.x])
    if move == WAIT or mask[move] == 1:
        return move
    turn = (tick // 2 + 5 * a) % 8
    if turn < 6:
        side = turned(move, 1 if turn < 3 else 3)
        if mask[side] == 1:
            return side
        side = turned(side, 2)
        if turn % 3 == 0 and mask[side] == 1:
            return side
    back = turned(move, 2)
    if turn == 6 and mask[back] == 1:
        return back
    return WAIT


@kernel
def stroll(a, me, mask, tick):
    """A step in a direction that changes with time and agent, if it is free; else a wait."""
    move = NORTH + ((tick // 5) * 7 + a * 3 + tick // 13) % 4
    return move if mask[move] == 1 else WAIT
