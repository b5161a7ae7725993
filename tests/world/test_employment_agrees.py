"""The kernels' shifts agree with a slow writing of the same rules, taken from their description, in random walks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.towns import Stage, town
from townlet_core.world.records import ABSENT, LATE, ON_TIME, POST, PRE

DAY, ENDS = 24, 200
WORK: dict[str, dict[str, Any]] = {
    "baker": {"place": [0, 0], "radius": 1, "start": 4, "end": 16, "wage": 0.25, "late_fine": 0.75},
    "guard": {"place": [3, 0], "radius": 2, "start": 10, "end": 24, "wage": 0.125, "late_fine": 1.5},
}
GRACE = {"baker": (2, 6), "guard": (0, 5)}  # ticks of grace, ticks to absence
JOBS = {"anna": "baker", "ben": "guard", "cara": "baker", "dora": "guard", "emil": "baker"}
COUNTS = ("lates", "absences", "due", "present", "earned", "fined", "withheld")
BONUS, HELP, SYMPATHY, GRUDGE = 0.5, 0.0625, 0.03125, 0.125


@dataclass
class Worker:
    job: str
    wallet: float
    shift: int = PRE
    arrived: bool = False
    stands_in: bool = False
    counts: dict[str, float] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0.0))


NAMES = sorted(JOBS)


@dataclass
class Office:
    """Workers and the rules of shifts in the words of rules.employment."""

    staff: dict[str, Worker]
    at: dict[str, tuple[int, int]] = field(default_factory=dict)
    events: list[tuple[str, str]] = field(default_factory=list)
    feelings: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)  # rivalry, trust

    def play(self, time: int) -> None:
        """One tick; `time` is that of the day."""
        self.events = []
        for name in NAMES:
            worker, job = self.staff[name], WORK[self.staff[name].job]
            if time == job["start"]:
                worker.arrived = worker.stands_in = False
            if time <= job["start"]:
                worker.shift = PRE
            if time >= job["end"]:
                worker.shift = POST
            if job["start"] <= time < job["end"] and worker.shift != POST:
                self.work(name, worker, time - job["start"])

    def is_there(self, name: str) -> bool:
        job, (x, y) = WORK[self.staff[name].job], self.at[name]
        away: int = max(abs(x - job["place"][0]), abs(y - job["place"][1]))
        return away <= int(job["radius"])

    def keeper(self, name: str, *, free: bool = False) -> str | None:
        """The first colleague who came on time and is there; only one who does not stand in yet, if asked for."""
        job = self.staff[name].job
        others = [other for other in NAMES if other != name and self.staff[other].job == job]
        others = [other for other in others if not (free and self.staff[other].stands_in)]
        return next((o for o in others if self.staff[o].shift == ON_TIME and self.is_there(o)), None)

    def feel(self, one: str, other: str, rivalry: float, trust: float) -> None:
        before = self.feelings.get((one, other), (0.0, 0.0))
        self.feelings[one, other] = min(before[0] + rivalry, 1), min(before[1] + trust, 1)

    def pay(self, name: str, amount: float) -> None:
        self.staff[name].wallet += amount
        self.staff[name].counts["earned"] += amount

    def work(self, name: str, worker: Worker, late_by: int) -> None:
        job, (grace, cutoff) = WORK[worker.job], GRACE[worker.job]
        there = self.is_there(name)
        worker.counts["due"] += 1
        if there and not worker.arrived and worker.shift in (PRE, LATE):
            worker.arrived = True
            if worker.shift == PRE:
                worker.shift = ON_TIME
                self.events.append((name, "shift_on_time"))
            elif keeper := self.keeper(name):
                self.events.append((keeper, "late_help"))
                self.feel(name, keeper, 0, HELP)
        if worker.shift == PRE and late_by >= grace:
            worker.shift = LATE
            worker.counts["lates"] += 1
            fine = min(worker.wallet, job["late_fine"])
            worker.wallet -= fine
            worker.counts["fined"] += fine
            self.events.append((name, "shift_late"))
        if worker.shift == LATE and not worker.arrived and late_by >= cutoff:
            self.miss(name, worker)
        if there and worker.shift in (ON_TIME, LATE):
            worker.counts["present"] += 1
            self.pay(name, job["wage"])
        else:
            worker.counts["withheld"] += job["wage"]

    def miss(self, name: str, worker: Worker) -> None:
        worker.shift = ABSENT
        worker.counts["absences"] += 1
        self.events.append((name, "shift_absent"))
        if keeper := self.keeper(name, free=True):
            self.staff[keeper].stands_in = True
            self.events.append((keeper, "shift_takeover"))
            self.pay(keeper, BONUS)
            self.feel(name, keeper, GRUDGE, 0)
            self.feel(keeper, name, 0, SYMPATHY)


def both(wallets: list[float]) -> tuple[Stage, Office]:
    """The same people twice."""
    stage = Stage(
        town(
            "ab.cde",
            "......",
            agents={name: {"job": JOBS[name], "wallet": wallet} for name, wallet in zip(NAMES, wallets, strict=True)},
            jobs=[
                {"id": job, **WORK[job], "grace_ticks": grace, "absent_after_ticks": cutoff}
                for job, (grace, cutoff) in GRACE.items()
            ],
            clock={"ticks_per_day": DAY},
            lifecycle={"max_absences": 1000},
            takeover={"bonus": BONUS},
            rivalry={"decay": 0.0, "takeover": GRUDGE},
            trust={"decay": 0.0, "familiarity_decay": 0.0, "late_help": HELP, "takeover": SYMPATHY},
        )
    )
    return stage, Office({name: Worker(JOBS[name], wallet) for name, wallet in zip(NAMES, wallets, strict=True)})


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(0, 12).map(lambda n: n / 4), min_size=5, max_size=5))
def test_shifts_agree_with_their_description(seed: int, wallets: list[float]) -> None:
    stage, plain = both(wallets)
    dice = np.random.default_rng(seed)
    moves = ["wait", "wait", "move north", "move east", "move south", "move west"]
    for t in range(ENDS):
        wanted = {name: str(dice.choice(moves)) for name in NAMES}
        stage.tick(**{name: action for name, action in wanted.items() if action in stage.may(name)})
        plain.at = {name: stage.at(name) for name in NAMES}  # shifts come after the walking
        plain.play(t % DAY)
        compare(stage, plain)


def compare(stage: Stage, plain: Office) -> None:
    counted = [(name, event) for name in NAMES for event, n in stage.events(name).items() for _ in range(n)]
    assert sorted(counted) == sorted(plain.events)
    for name, worker in plain.staff.items():
        me = stage.agent(name)
        assert (me.shift, me.wallet) == (worker.shift, pytest.approx(worker.wallet, abs=1e-4))
        assert {count: float(me[count]) for count in COUNTS} == pytest.approx(worker.counts, abs=1e-4)
    for (one, other), feelings in plain.feelings.items():
        assert stage.feels(one, other)[:2] == feelings
