"""Walking towards a place, and around those who are in the way."""

from __future__ import annotations

import numpy as np

from townlet_core.world.kernel import kernel
from townlet_core.world.records import NORTH, WAIT
from townlet_core.world.rules.movement import ahead, is_move

i64 = np.int64
SHY = 8  # in so many ticks, one is spent waiting and one stepping back


@kernel
def turned(move, quarters):
    """A move turned clockwise by quarters."""
    return NORTH + (move - NORTH + quarters) % 4


@kernel
def way_after(move, me, place, town):
    """Tiles to walk to a place after a move that is free."""
    x, y = ahead(me, move)
    return i64(town.steps[place, y, x])


@kernel
def detour(first, back, limit, me, place, town, mask):
    """Of the free moves but `back`, the one with the shortest way after it, if that is within a limit; else WAIT.

    They are tried clockwise from `first`, so that it is taken where ways are alike.
    """
    best = WAIT
    shortest = limit + 1
    for quarters in range(4):
        move = turned(first, quarters)
        if mask[move] == 1 and move != back:
            way = way_after(move, me, place, town)
            if way < shortest:
                best = move
                shortest = way
    return best


@kernel
def follow(a, me, place, town, mask, tick):
    """The next step to a place, around whoever is in the way.

    Nobody turns round while another free step leads nearer, so that who has stepped aside walks on and past. Where no
    free step does, one steps aside, to the one hand or the other, back, or waits, by tick and agent: two who meet head
    on seldom do the same for long.
    """
    move = i64(town.route[place, me.y, me.x])
    back = turned(me.last, 2) if is_move(me.last) else WAIT
    if move == WAIT or (mask[move] == 1 and move != back):
        return move
    here = i64(town.steps[place, me.y, me.x])
    nearer = detour(move, back, here - 1, me, place, town, mask)
    if nearer != WAIT:
        return nearer
    if mask[move] == 1:
        return move
    turn = (tick * 5 + a * 3) % SHY
    if turn == 0:
        return WAIT
    if turn == 1:
        behind = turned(move, 2)
        return behind if mask[behind] == 1 else WAIT
    return detour(turned(move, 1 if turn % 2 == 0 else 3), back, here + 1, me, place, town, mask)


@kernel
def stroll(a, me, mask, tick):
    """A step in a direction that changes with time and agent, if it is free; else a wait."""
    move = NORTH + ((tick // 5) * 7 + a * 3 + tick // 13) % 4
    return move if mask[move] == 1 else WAIT
