"""Small towns with named agents, and a stage on which tests play them tick by tick with chosen actions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from townlet_core.config.load import load_town
from townlet_core.config.scenario import Scenario, Town
from townlet_core.config.town import AffordanceManifest
from townlet_core.policy.decision import KERNEL_POLICIES
from townlet_core.rollout.collect import Player
from townlet_core.rollout.frames import new_frames, turn_over
from townlet_core.world.records import NOTHING
from townlet_core.world.tick import look
from townlet_core.world.town import CompiledTown, compile_town
from townlet_core.world.view import planes
from townlet_core.world.worlds import Worlds

LOOK: Any = look  # kernels bear no types

# Capitals in a drawing are things, small letters agents, who stand on the floor.
LEGEND = {"F": "fridge", "C": "stove", "S": "shower", "B": "bed"}
NAMES = {name[0]: name for name in ("anna", "ben", "cara", "dora", "emil")}

MANIFEST: dict[str, Any] = {
    "kinds": {
        "fridge": {"stock": {"item": "meals", "initial": 3, "capacity": 5, "restock": 2, "every_ticks": 10}},
        "stove": {},
        "shower": {},
        "bed": {},
    },
    "affordances": {
        "eat": {
            "kind": "fridge",
            "duration_ticks": 3,
            "effects": {"hunger": 0.5, "energy": 0.125},
            "price": 0.5,
            "uses_stock": 1,
            "requires": "hunger < 0.9",
            "event": "meal_eaten",
            "shared": True,
        },
        "cook": {
            "kind": "stove",
            "duration_ticks": 2,
            "effects": {"energy": -0.25},
            "makes": {"kind": "fridge", "amount": 2},
            "utility": "power",
        },
        "wash": {"kind": "shower", "duration_ticks": 2, "effects": {"hygiene": 0.25}, "utility": "water"},
        "sleep": {
            "kind": "bed",
            "duration_ticks": 4,
            "effects": {"energy": 0.5},
            "requires": "energy < 0.9 and not on_shift",
        },
    },
}
# Nobody grows hungry and nothing fades, unless a test says so: then each number has one cause.
STILL: dict[str, Any] = {
    "needs": {need: {"decay": 0.0, "weight": 1.0} for need in ("hunger", "hygiene", "energy")},
    "rivalry": {"decay": 0.0},
    "trust": {"decay": 0.0, "familiarity_decay": 0.0},
}
HALF: dict[str, Any] = {"needs": {"hunger": 0.5, "hygiene": 0.5, "energy": 0.5}, "wallet": 2.0}


def town(
    *rows: str,
    agents: dict[str, dict[str, Any]] | None = None,
    manifest: dict[str, Any] = MANIFEST,
    features: dict[str, Any] | None = None,
    ticks: int = 1000,
    **sections: Any,
) -> Town:
    """Make a town from a drawing; `agents` adds to or changes the agents drawn, who are listed by name."""
    drawn = {NAMES[c]: {"at": [x, y]} for y, row in enumerate(rows) for x, c in enumerate(row) if c in NAMES}
    more = agents or {}
    people = {name: HALF | drawn.get(name, {}) | more.get(name, {}) for name in {*drawn, *more}}
    floor = ["".join("." if c in NAMES else c for c in row) for row in rows]
    scenario = {
        "name": "small",
        "scenario": {"ticks": ticks},
        "map": {"rows": floor, "legend": {c: kind for c, kind in LEGEND.items() if any(c in row for row in rows)}},
        "agents": [{"id": name, **person} for name, person in sorted(people.items())],
        "features": features or {},
        **STILL,
        **sections,
    }
    return Town(
        scenario=Scenario.model_validate_json(json.dumps(scenario)),
        manifest=AffordanceManifest.model_validate_json(json.dumps(manifest)),
    )


class Stage:
    """One world of a town, played a tick at a time with actions given by name; everybody else waits."""

    def __init__(self, what: Town | str, *, seed: int = 0, world: int = 0, planes: bool = False) -> None:
        self.town: CompiledTown = compile_town(load_town(what) if isinstance(what, str) else what)
        self.worlds = Worlds(self.town, 1, seed=seed, first_world=world)
        self.frames = new_frames(self.town, 1, 1, planes=planes)
        self.worlds.begin(self.frames)

    @property
    def world(self) -> Any:
        return self.worlds.state.worlds.view(np.recarray)[0]

    @property
    def now(self) -> int:
        """The tick that is played next."""
        return int(self.world.tick)

    def agent(self, name: str) -> Any:
        """The record of an agent: its fields can be read and set."""
        return self.worlds.state.agents.view(np.recarray)[0, self.slot(name)]

    def thing(self, name: str) -> Any:
        return self.worlds.state.things.view(np.recarray)[0, self.town.things.index(name)]

    def slot(self, name: str) -> int:
        return self.town.slots.index(name)

    def at(self, name: str) -> tuple[int, int]:
        me = self.agent(name)
        return int(me.x), int(me.y)

    def holder(self, thing: str) -> str | None:
        holder = int(self.thing(thing).holder)
        return None if holder == NOTHING else self.town.slots[holder]

    def queue(self, thing: str) -> set[str]:
        """Who waits for a thing."""
        o = self.town.things.index(thing)
        return {name for name in self.town.slots if self.agent(name).queued == o}

    def tie(self, me: str, other: str) -> Any | None:
        """The view that one agent has of another; None for strangers."""
        ties = self.worlds.state.ties.view(np.recarray)[0, self.slot(me)]
        found = [k for k in range(len(ties)) if ties[k].other == self.slot(other)]
        assert len(found) <= 1, "two ties with the same agent"
        return ties[found[0]] if found else None

    def feels(self, me: str, other: str) -> tuple[float, float, float]:
        """Rivalry, trust and familiarity that one agent feels for another, rounded to six places."""
        tie = self.tie(me, other)
        return (0, 0, 0) if tie is None else (round6(tie.rivalry), round6(tie.trust), round6(tie.familiarity))

    def set_tie(self, me: str, other: str, *, rivalry: float = 0, trust: float = 0, familiarity: float = 0) -> None:
        ties = self.worlds.state.ties[0, self.slot(me)]
        free = [k for k in range(len(ties)) if ties["other"][k] in (NOTHING, self.slot(other))]
        ties[free[0]] = (self.slot(other), rivalry, trust, familiarity)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change records by hand; afterwards everybody looks again, so that masks agree with them."""
        yield
        LOOK(self.town.tables, self.worlds.state, self.frames, self.worlds._scratch[0], 0, 0)
        self.worlds._mask = self.frames.action_mask[0].copy()

    def action(self, name: str) -> int:
        return self.town.actions.names.index(name)

    def tick(self, **actions: str) -> Stage:
        """Play one tick; actions are named as in the action table."""
        self.frames.actions[0, 0] = 0
        for name, action in actions.items():
            self.frames.actions[0, 0, self.slot(name)] = self.action(action)
        self.worlds.step(self.frames, 0)
        self.before = {name: np.array(getattr(self.frames, name)[0, 0]) for name in ("action_mask", "features")}
        turn_over(self.frames)
        return self

    def ticks(self, n: int, **actions: str) -> Stage:
        """Play n ticks, all alike."""
        for _ in range(n):
            self.tick(**actions)
        return self

    def events(self, name: str) -> dict[str, int]:
        """What happened to an agent in the last tick: event -> count, where it is not 0."""
        counts = self.frames.events[0, 0, self.slot(name)]
        return {event: int(n) for event, n in zip(self.town.events, counts, strict=True) if n}

    def term(self, name: str, term: str) -> float:
        """A term of an agent's reward in the last tick, rounded to six places."""
        return round6(self.frames.terms[0, 0, self.slot(name), self.town.terms.index(term)])

    def reward(self, name: str) -> float:
        return round6(self.frames.rewards[0, 0, self.slot(name)])

    def may(self, name: str) -> set[str]:
        """The actions that the mask allows an agent now."""
        mask = self.frames.action_mask[0, 0, self.slot(name)]
        return {action for action, allowed in zip(self.town.actions.names, mask, strict=True) if allowed}

    def sees(self, name: str, feature: str) -> float:
        """A feature that an agent sees now, rounded to six places."""
        return round6(self.frames.features[0, 0, self.slot(name), self.town.features.index(feature)])

    def plane(self, name: str, channel: str) -> set[tuple[int, int]]:
        """Tiles (dx, dy) of an agent's window, from where it stands, on which a plane is 1."""
        a, shape = self.slot(name), self.town.map_shape
        if self.frames.map.shape[-1]:
            window = self.frames.map[0, 0, a].reshape(shape)
        else:
            window = planes(self.frames.tiles[0, 0, a], shape)
        radius = shape[1] // 2
        assert set(np.unique(window)) <= {0, 1}
        drawn = np.argwhere(window[self.town.channels.index(channel)])
        return {(int(x) - radius, int(y) - radius) for y, x in drawn}


def round6(value: Any) -> float:
    """A float32 as written by hand."""
    return round(float(value), 6) + 0.0


class Scripted(Stage):
    """A stage on which a policy of the kernels plays: by default schedules and needs."""

    def __init__(self, what: Town | str, *, seed: int = 0, policy: str = "scripted") -> None:
        super().__init__(what, seed=seed)
        self.player = Player(self.worlds, KERNEL_POLICIES[policy])

    def play(self, ticks: int = 1) -> Scripted:
        for _ in range(ticks):
            self.player.play(self.frames, 0, 1)
            turn_over(self.frames)
        return self

    def deed(self, name: str) -> str:
        """What an agent did in the last tick."""
        return self.town.actions.names[int(self.frames.actions[0, 0, self.slot(name)])]
