"""What holds in every town after every tick: checks of a whole state, for tests of random play."""

from __future__ import annotations

from typing import Any

import numpy as np

from townlet_core.rollout.frames import Frames
from townlet_core.world.records import AGENT_BIT, NOTHING, PAD, RESERVED_BIT, SOLID_BIT, WAIT, State
from townlet_core.world.town import CompiledTown


def check_state(town: CompiledTown, state: State, world: int, *, somebody_went: bool = False) -> None:
    """Check the laws of one world. What somebody who went held is handed on in the next tick."""
    agents, things = state.agents[world], state.things[world]
    here = agents[agents["alive"] == 1]
    check_people(town, here)
    check_ground(town, here, things, state.grid[world])
    check_queues(agents, things)
    assert somebody_went or (things["holder"][things["waiting"] > 0] != NOTHING).all(), "they wait for a free thing"
    check_ties(agents, state.ties[world])


def check_people(town: CompiledTown, here: Any) -> None:
    assert ((here["needs"] >= 0) & (here["needs"] <= 1)).all()
    assert (here["wallet"] >= 0).all()
    for count in ("earned", "spent", "fined", "withheld", "lates", "absences", "present"):
        assert (here[count] >= 0).all()
    assert (here["present"] <= here["due"]).all()
    using = here["doing"] != NOTHING
    assert (here["holds"][using] != NOTHING).all()
    assert (here["left"][using] > 0).all()
    offers = town.tables.offers[here["doing"][using]]
    assert (here["left"][using] <= offers["duration"]).all()
    assert (town.tables.spots["kind"][here["holds"][using]] == offers["kind"]).all()
    assert not ((here["holds"] != NOTHING) & (here["queued"] != NOTHING)).any()


def check_ground(town: CompiledTown, here: Any, things: Any, grid: Any) -> None:
    """Nobody in a wall, no two on a tile, and the grid says who stands where and what is reserved."""
    tiles = list(zip(here["y"].tolist(), here["x"].tolist(), strict=True))
    assert len(set(tiles)) == len(tiles)
    expected = town.tables.ground.copy()
    for y, x in tiles:
        assert not expected[y + PAD, x + PAD] & SOLID_BIT
        expected[y + PAD, x + PAD] |= AGENT_BIT
    for o in np.flatnonzero(things["holder"] != NOTHING):
        spot = town.tables.spots[o]
        expected[spot["y"] + PAD, spot["x"] + PAD] |= RESERVED_BIT
    assert np.array_equal(grid, expected)


def check_queues(agents: Any, things: Any) -> None:
    """At most one holder a thing; both sides agree who holds and how many wait; stock is never owed."""
    held = agents["holds"] != NOTHING
    assert agents["alive"][held].all()
    assert len(set(agents["holds"][held].tolist())) == held.sum()
    assert (things["holder"][agents["holds"][held]] == np.flatnonzero(held)).all()
    assert (things["holder"] != NOTHING).sum() == held.sum()
    waiting = agents["queued"][agents["queued"] != NOTHING]
    assert np.array_equal(np.bincount(waiting, minlength=len(things)), things["waiting"])
    assert (things["stock"] >= 0).all()


def check_ties(agents: Any, ties: Any) -> None:
    """Ties are in their ranges, one an acquaintance, never with oneself or with who is not there."""
    real = ties["other"] != NOTHING
    for field, low in (("rivalry", 0), ("trust", -1), ("familiarity", 0)):
        assert ((ties[field] >= low) & (ties[field] <= 1)).all()
        assert (ties[field][~real] == 0).all()
    for a, mine in enumerate(ties):
        others = mine["other"][real[a]].tolist()
        assert len(set(others)) == len(others)
        assert a not in others
        assert agents["alive"][others].all()


def check_tick(town: CompiledTown, frames: Frames, t: int) -> None:
    """Check what was written about a tick: rewards, marks and masks."""
    alive, over, cut = frames.alive[t] == 1, frames.terminated[t] == 1, frames.truncated[t] == 1
    bound = town.tables.params["bound"][0]
    total = frames.terms[t].astype(np.float64).sum(-1).clip(-bound, bound)
    assert np.allclose(frames.rewards[t], total, atol=1e-5)
    assert not frames.rewards[t][~alive].any()
    assert not frames.events[t][~alive].any()
    assert not (over & ~alive).any()
    assert not (cut & (over | ~alive)).any()
    assert ((frames.end_row[t] != NOTHING) == (over | cut)).all()
    assert (frames.action_mask[t, :, :, WAIT] == 1).all()
    assert frames.action_mask[t].max() == 1
    deaths = [frames.events[t, ..., town.events.index(event)] for event in ("faint", "eviction")]
    assert np.array_equal(deaths[0] + deaths[1] > 0, over)
    for seen in (frames.features[t], frames.rewards[t], frames.log_probs[t]):
        assert np.isfinite(seen).all()
