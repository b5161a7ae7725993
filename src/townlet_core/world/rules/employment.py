"""Jobs: the five shift states, wages, fines, help for the late and shifts taken over.

A shift is the ticks [start, finish) of every day. An agent that was not in town at its start is off until the next day.
"""

from __future__ import annotations

import numpy as np

from townlet_core.world.events import LATE_HELP, SHIFT_ABSENT, SHIFT_LATE, SHIFT_ON_TIME, SHIFT_TAKEOVER
from townlet_core.world.kernel import kernel
from townlet_core.world.records import ABSENT, LATE, NOTHING, ON_TIME, POST, PRE
from townlet_core.world.rules.counting import count
from townlet_core.world.rules.movement import apart
from townlet_core.world.rules.relationships import feel
from townlet_core.world.scalars import ZERO

i64 = np.int64


@kernel
def is_at_work(me, jobs):
    """Whether an agent stands within its workplace's radius."""
    return apart(me, jobs[me.job]) <= jobs[me.job].radius


@kernel
def colleague_on_time(a, agents, jobs, free):
    """The first living colleague who came on time and is at work; NOTHING if there is none.

    With `free`, only one who has not taken a shift over yet: each can stand in for one other.
    """
    job = agents[a].job
    for b in range(len(agents)):
        you = agents[b]
        if b == a or you.alive == 0 or you.job != job or you.shift != ON_TIME or (free and you.covers == 1):
            continue
        if is_at_work(you, jobs):
            return b
    return NOTHING


@kernel
def pay(me, amount):
    """Hand out money that the agent has earned."""
    me.wallet += amount
    me.earned += amount
    me.paid += amount


@kernel
def fine(me, amount):
    """Take a fine, as far as there is money."""
    taken = min(me.wallet, amount)
    me.wallet -= taken
    me.fined += taken


@kernel
def become_late(me, job, events):
    """The grace is over and the agent is not at work."""
    me.shift = LATE
    me.lates += 1
    fine(me, job.fine)
    count(events, SHIFT_LATE)


@kernel
def become_absent(a, agents, ties, jobs, events, params):
    """The agent did not come at all; a colleague at work takes the shift over, for a bonus."""
    me = agents[a]
    me.shift = ABSENT
    me.absences += 1
    count(events[a], SHIFT_ABSENT)
    b = colleague_on_time(a, agents, jobs, True)
    if b != NOTHING:
        agents[b].covers = 1
        count(events[b], SHIFT_TAKEOVER)
        pay(agents[b], params.takeover_bonus)
        feel(me, ties[a], b, params.takeover_rivalry, ZERO, ZERO)
        feel(agents[b], ties[b], a, ZERO, params.takeover_trust, ZERO)


@kernel
def arrive(a, agents, ties, jobs, events, params):
    """Come to work for the first time in this shift; who comes late trusts the colleague who kept the shift."""
    me = agents[a]
    me.arrived = 1
    if me.shift == PRE:
        me.shift = ON_TIME
        count(events[a], SHIFT_ON_TIME)
        return
    b = colleague_on_time(a, agents, jobs, False)
    if b != NOTHING:
        count(events[b], LATE_HELP)
        feel(me, ties[a], b, ZERO, params.help_trust, ZERO)


@kernel
def work_shift(a, agents, ties, jobs, events, late_by, params):
    """Spend one tick of the shift: arrive, become late or absent, be paid or not."""
    me = agents[a]
    job = jobs[me.job]
    here = is_at_work(me, jobs)
    me.due += 1
    if here and me.arrived == 0 and me.shift != ABSENT:
        arrive(a, agents, ties, jobs, events, params)
    if me.shift == PRE and late_by >= job.grace:
        become_late(me, job, events[a])
    last = i64(job.finish) - i64(job.start) - 1
    if me.shift == LATE and me.arrived == 0 and late_by >= min(i64(job.cutoff), last):
        become_absent(a, agents, ties, jobs, events, params)
    if here and me.shift != ABSENT:
        me.present += 1
        pay(me, job.wage)
    else:
        me.withheld += job.wage


@kernel
def employ(agents, ties, jobs, events, time, params):
    """Move every worker through its shift. `time` is the tick of the day."""
    for a in range(len(agents)):
        me = agents[a]
        if me.alive == 0 or me.job == NOTHING:
            continue
        job = jobs[me.job]
        if time == job.start:
            me.shift = PRE
            me.arrived = 0
            me.covers = 0
        if time < job.start:
            me.shift = PRE
        elif time >= job.finish:
            me.shift = POST
        elif me.shift != POST:
            work_shift(a, agents, ties, jobs, events, time - i64(job.start), params)
