"""The kernels' queues agree with a slow writing of the same rules, taken from their description, in random play."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.towns import Stage, town

# Five people around two fridges and a shower; ben and dora reach all three.
ROWS = ("ab.", "FSF", "cde")
DURATION = {"fridge": 3, "shower": 2}
MANIFEST = {
    "kinds": {"fridge": {}, "shower": {}},
    "affordances": {f"use_{kind}": {"kind": kind, "duration_ticks": ticks} for kind, ticks in DURATION.items()},
}
CONFLICT, GHOST_FACTOR, POLITE, RELIEF = 0.0625, 2.0, 0.125, 0.03125


@dataclass
class Thing:
    kind: str
    at: tuple[int, int]
    holder: str | None = None
    queue: dict[str, tuple[int, int]] = field(default_factory=dict)  # name -> (first request, ticket)
    stalled: int = 0


@dataclass
class Town:
    """People, things, and the rules of queues in the words of rules.queues."""

    at: dict[str, tuple[int, int]]
    things: dict[str, Thing]
    cooldown_ticks: int
    ghost_after: int
    age_weight: float
    asked: dict[str, int] = field(default_factory=dict)  # tick of the first request of who holds something
    using: dict[str, int] = field(default_factory=dict)  # ticks left
    closed: dict[tuple[str, str], int] = field(default_factory=dict)
    rivalry: dict[frozenset[str], float] = field(default_factory=dict)
    trust: dict[frozenset[str], float] = field(default_factory=dict)
    events: list[tuple[str, str]] = field(default_factory=list)

    def play(self, t: int, actions: dict[str, str]) -> None:
        self.events = []
        for name in (name for name in sorted(actions) if actions[name] == "release"):
            self.let_go(name)
        for name in sorted(actions):
            if actions[name].startswith("request "):
                self.ask(t, name, actions[name].removeprefix("request "))
        for name in sorted(actions):
            if actions[name].startswith("start "):
                self.using[name] = DURATION[actions[name].removeprefix("start use_")]
                self.events.append((name, "affordance_start"))
        finished = self.use(t)
        stepped = self.rotate(t)
        self.serve(t, finished, stepped)

    def held_by(self, name: str) -> Thing | None:
        return next((thing for thing in self.things.values() if thing.holder == name), None)

    def let_go(self, name: str) -> None:
        for thing in self.things.values():
            thing.queue.pop(name, None)
            if thing.holder == name:
                thing.holder = None

    def ask(self, t: int, name: str, kind: str) -> None:
        """A free thing of the kind within a tile, else the shortest queue, else the lower id."""
        x, y = self.at[name]
        near = [
            (len(thing.queue) + (thing.holder is not None), key)
            for key, thing in self.things.items()
            if thing.kind == kind and max(abs(thing.at[0] - x), abs(thing.at[1] - y)) <= 1
            if t >= self.closed.get((name, key), 0)
        ]
        thing = self.things[min(near)[1]]
        rival = thing.holder or min(thing.queue, key=lambda other: (thing.queue[other][1], other), default=None)
        thing.queue[name] = (t, t)
        if rival is not None:
            self.events.append((name, "queue_conflict"))
            self.feel(name, rival, CONFLICT, 0)

    def feel(self, one: str, other: str, rivalry: float, trust: float) -> None:
        pair = frozenset((one, other))
        self.rivalry[pair] = min(max(self.rivalry.get(pair, 0) + rivalry, 0), 1)
        self.trust[pair] = min(max(self.trust.get(pair, 0) + trust, -1), 1)

    def use(self, t: int) -> dict[str, str]:
        """Who finished with which thing."""
        finished = {}
        for name in sorted(self.using):
            self.using[name] -= 1
            if self.using[name] == 0:
                del self.using[name]
                key = next(key for key, thing in self.things.items() if thing.holder == name)
                self.let_go(name)
                self.closed[name, key] = t + self.cooldown_ticks
                self.events.append((name, "affordance_finish"))
                finished[key] = name
        return finished

    def rotate(self, t: int) -> dict[str, str]:
        """Who was sent to the back of which queue."""
        stepped = {}
        for key, thing in self.things.items():
            if thing.holder is None or not thing.queue or thing.holder in self.using:
                thing.stalled = 0
                continue
            thing.stalled += 1
            if thing.stalled >= self.ghost_after:
                name = thing.holder
                thing.holder, thing.stalled = None, 0
                thing.queue[name] = (self.asked[name], t + 1)
                stepped[key] = name
                self.events.append((name, "ghost_step"))
        return stepped

    def serve(self, t: int, finished: dict[str, str], stepped: dict[str, str]) -> None:
        for key, thing in self.things.items():
            order = [
                (ticket - self.age_weight * (t - first), name)
                for name, (first, ticket) in thing.queue.items()
                if name != stepped.get(key)
            ]
            if thing.holder is not None or not order:
                continue
            name = min(order)[1]
            self.asked[name] = thing.queue.pop(name)[0]
            thing.holder = name
            if key in stepped:
                self.feel(name, stepped[key], CONFLICT * GHOST_FACTOR, 0)
            elif key in finished and finished[key] != name:
                self.feel(name, finished[key], -RELIEF, POLITE)
                self.events.append((name, "handover"))


def both(cooldown: int, ghost: int, weight: float) -> tuple[Stage, Town]:
    """The same town twice."""
    stage = Stage(
        town(
            *ROWS,
            manifest=MANIFEST,
            queues={"cooldown_ticks": cooldown, "ghost_step_after": ghost, "age_weight": weight},
            rivalry={"decay": 0.0, "conflict": CONFLICT, "ghost_factor": GHOST_FACTOR},
            trust={"decay": 0.0, "familiarity_decay": 0.0, "polite": POLITE, "polite_relief": RELIEF},
        )
    )
    spots = {"fridge_1": ("fridge", (0, 1)), "shower_1": ("shower", (1, 1)), "fridge_2": ("fridge", (2, 1))}
    things = {key: Thing(*spots[key]) for key in stage.town.things}
    return stage, Town({name: stage.at(name) for name in stage.town.slots}, things, cooldown, ghost, weight)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 6), st.integers(1, 5), st.sampled_from([0.0, 0.25, 1.0]))
def test_queues_agree_with_their_description(seed: int, cooldown: int, ghost: int, weight: float) -> None:
    stage, plain = both(cooldown, ghost, weight)
    dice = np.random.default_rng(seed)
    for t in range(100):
        actions = {}
        for name in stage.town.slots:
            choices = sorted(action for action in stage.may(name) if action.split()[0] not in ("move", "chat"))
            actions[name] = str(dice.choice(choices))
        stage.tick(**actions)
        plain.play(t, actions)
        compare(stage, plain)


def compare(stage: Stage, plain: Town) -> None:
    happened = [(name, event) for name in stage.town.slots for event in stage.events(name)]
    assert sorted(happened) == sorted(plain.events)
    for key, thing in plain.things.items():
        assert (stage.holder(key), stage.queue(key)) == (thing.holder, set(thing.queue))
        assert (stage.thing(key).stalled, stage.thing(key).waiting) == (thing.stalled, len(thing.queue))
    for pair, rivalry in plain.rivalry.items():
        one, other = sorted(pair)
        assert stage.feels(one, other)[:2] == stage.feels(other, one)[:2] == (rivalry, plain.trust[pair])
