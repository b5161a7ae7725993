"""Ties between agents: rivalry, trust and familiarity, what moves them, and how they fade.

A tie is one agent's view of another. An agent keeps at most K of them; a new acquaintance replaces the weakest.
"""

from __future__ import annotations

import numpy as np

from townlet_core.world import rng
from townlet_core.world.events import CHAT_FAILURE, CHAT_SUCCESS
from townlet_core.world.kernel import kernel
from townlet_core.world.records import CHAT, NOTHING
from townlet_core.world.rules.counting import count
from townlet_core.world.scalars import HALF, ONE, ZERO, clip

f32 = np.float32


@kernel
def weight_of(tie):
    """How much a tie matters: what is kept when there is no room."""
    return tie.rivalry + abs(tie.trust) + tie.familiarity


@kernel
def find_tie(ties, other):
    """Place of the tie with somebody, or NOTHING."""
    for k in range(len(ties)):
        if ties[k].other == other:
            return k
    return NOTHING


@kernel
def rivalry_with(ties, other):
    """Rivalry felt for somebody; 0 for a stranger."""
    k = find_tie(ties, other)
    return ties[k].rivalry if k != NOTHING else ZERO


@kernel
def trust_in(ties, other):
    """Trust in somebody; 0 for a stranger."""
    k = find_tie(ties, other)
    return ties[k].trust if k != NOTHING else ZERO


@kernel
def sever(tie):
    """Make an empty tie."""
    tie.other = NOTHING
    tie.rivalry = ZERO
    tie.trust = ZERO
    tie.familiarity = ZERO


@kernel
def meet(ties, other):
    """Place of the tie with somebody, made if there is none: in an empty place, else in that of the weakest."""
    k = find_tie(ties, other)
    if k == NOTHING and len(ties) > 0:
        k = 0
        for i in range(len(ties)):
            if ties[i].other == NOTHING:
                k = i
                break
            if weight_of(ties[i]) < weight_of(ties[k]):
                k = i
        sever(ties[k])
        ties[k].other = other
    return k


@kernel
def trait(value):
    """What a trait multiplies by: 0.5 to 1.5, and 1 for an ordinary person."""
    return HALF + value


@kernel
def feel(me, ties, other, rivalry, trust, familiarity):
    """Change one agent's view of another; what is gained or lost of warmth counts for the social reward.

    Rivalry grows with ambition. Ties stay in their ranges.
    """
    k = meet(ties, other)
    if k == NOTHING:
        return
    tie = ties[k]
    before = tie.trust + tie.familiarity - tie.rivalry
    tie.rivalry = clip(tie.rivalry + (rivalry * trait(me.ambition) if rivalry > ZERO else rivalry), ZERO, ONE)
    tie.trust = clip(tie.trust + trust, -ONE, ONE)
    tie.familiarity = clip(tie.familiarity + familiarity, ZERO, ONE)
    me.warmth += tie.trust + tie.familiarity - tie.rivalry - before


@kernel
def both_feel(agents, ties, a, b, rivalry, trust):
    """Change the views of two agents of each other alike."""
    feel(agents[a], ties[a], b, rivalry, trust, ZERO)
    feel(agents[b], ties[b], a, rivalry, trust, ZERO)


@kernel
def chat_odds(me, ties, other, params):
    """Chance that a chat goes well: better with trust and extroversion, worse with rivalry."""
    odds = params.chat_base * trait(me.extroversion) + params.chat_gain * trust_in(ties, other)
    return clip(odds - params.chat_loss * rivalry_with(ties, other), ZERO, ONE)


@kernel
def warm_to(me, ties, other, well, params):
    """Take one side of a chat: what is gained shrinks as trust and familiarity fill up, and grows with extroversion."""
    k = find_tie(ties, other)
    trust = ties[k].trust if k != NOTHING else ZERO
    familiarity = ties[k].familiarity if k != NOTHING else ZERO
    known = params.chat_familiarity * trait(me.extroversion) * (ONE - familiarity)
    if well:
        feel(me, ties, other, ZERO, params.chat_trust * trait(me.extroversion) * (ONE - trust), known)
    else:
        feel(me, ties, other, params.chat_failure, -params.chat_trust * HALF, known)


@kernel
def chat(agents, ties, act, won, events, now, tick, params):
    """Talk to the nearest agent. All judge by the ties before this tick's chats; then both sides feel the outcome."""
    talkers = 0
    for a in range(len(agents)):
        if act[a] == CHAT:
            me = agents[a]
            won[a] = rng.chance(now, a, rng.CHAT_LUCK) < chat_odds(me, ties[a], me.near, params)
            talkers += 1
    if talkers == 0:
        return
    for a in range(len(agents)):
        if act[a] == CHAT:
            me = agents[a]
            warm_to(me, ties[a], me.near, won[a] == 1, params)
            warm_to(agents[me.near], ties[me.near], a, won[a] == 1, params)
            me.talks = tick + params.chat_cooldown
            count(events[a], CHAT_SUCCESS if won[a] == 1 else CHAT_FAILURE)


@kernel
def fade(agents, ties, params):
    """Rivalry, familiarity and trust fade; the forgiving forget rivalry faster. A tie with nothing left is no tie."""
    keep = ONE - params.trust_decay
    for a in range(len(agents)):
        forget = params.rivalry_decay * trait(agents[a].forgiveness)
        for k in range(len(ties[a])):
            tie = ties[a, k]
            if tie.other == NOTHING:
                continue
            tie.rivalry = max(tie.rivalry - forget, ZERO)
            tie.familiarity = max(tie.familiarity - params.familiarity_decay, ZERO)
            tie.trust = tie.trust * keep
            if tie.rivalry == ZERO and tie.familiarity == ZERO and abs(tie.trust) < f32(0.001):
                sever(tie)


@kernel
def forget_everything(a, ties):
    """The ties of an agent who has gone, and those of the others with it, end."""
    for k in range(len(ties[a])):
        sever(ties[a, k])
    for b in range(len(ties)):
        for k in range(len(ties[b])):
            if ties[b, k].other == a:
                sever(ties[b, k])
