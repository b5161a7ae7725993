"""Laws that hold in every town, whoever plays it: shipped scenarios and towns made at random."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.laws import check_state, check_tick
from tests.towns import LEGEND, town
from townlet_core.config.find import list_scenarios
from townlet_core.config.load import load_town
from townlet_core.config.scenario import Town
from townlet_core.policy.decision import KERNEL_POLICIES
from townlet_core.rollout.collect import Player
from townlet_core.rollout.frames import Frames, new_frames, turn_over
from townlet_core.world.records import CHAT, FIRST_REQUEST, NORTH, NOTHING, RELEASE, WEST, State
from townlet_core.world.town import CompiledTown, compile_town
from townlet_core.world.worlds import Worlds

MOVES = {NORTH: (0, -1), NORTH + 1: (1, 0), NORTH + 2: (0, 1), WEST: (-1, 0)}


class Watch:
    """Plays worlds and checks every law after every tick."""

    def __init__(self, config: Town, policy: str, *, worlds: int = 1, seed: int = 0) -> None:
        self.town: CompiledTown = compile_town(config)
        self.player = Player(Worlds(self.town, worlds, seed=seed), KERNEL_POLICIES[policy])
        self.frames: Frames = new_frames(self.town, worlds, 1)
        self.player.worlds.begin(self.frames)
        self.births = self.state.agents["wallet"].astype(np.float64)
        self.check()

    @property
    def state(self) -> State:
        return self.player.worlds.state

    def remember(self) -> Any:
        """The state as it is now."""
        arrays: Any = (array.copy() for array in self.state)
        return State(*arrays)

    def check(self) -> None:
        for w in range(len(self.state.worlds)):
            check_state(self.town, self.state, w, somebody_went=bool(self.frames.terminated[0, w].any()))

    def play(self, ticks: int) -> None:
        for _ in range(ticks):
            before = self.remember()
            self.player.play(self.frames, 0, 1)
            check_tick(self.town, self.frames, 0)
            self.check_deeds(before)
            self.check_money()
            self.check()
            turn_over(self.frames)

    def going_on(self) -> Any:
        """[W, A] those whose life goes on after the tick."""
        lived, over, cut = (mark[0] == 1 for mark in (self.frames.alive, self.frames.terminated, self.frames.truncated))
        return lived & ~over & ~cut

    def check_money(self) -> None:
        """What is in a wallet was there at birth or was earned, and was neither spent nor fined."""
        agents = self.state.agents
        new = (agents["fresh"] == 1) & (agents["alive"] == 1)
        self.births[new] = agents["wallet"][new]
        flows = agents["earned"].astype(np.float64) - agents["spent"] - agents["fined"]
        alive = agents["alive"] == 1
        assert np.allclose((self.births + flows)[alive], agents["wallet"][alive], atol=1e-3)

    def check_deeds(self, before: Any) -> None:
        """An action that the mask allowed did what it says; one that it forbade was a wait and counted."""
        going_on = self.going_on()
        for w, a in np.argwhere(going_on):
            action, mask = int(self.frames.actions[0, w, a]), self.frames.action_mask[0, w, a]
            old, new = before.agents[w, a], self.state.agents[w, a]
            allowed = 0 <= action < len(mask) and mask[action] == 1
            events = dict(zip(self.town.events, self.frames.events[0, w, a].tolist(), strict=True))
            assert events["invalid_action"] == (0 if allowed else 1)
            assert (new["last"], new["last_ok"]) == ((action, 1) if allowed else (0, 0))
            done = action if allowed else 0
            step = (int(new["x"] - old["x"]), int(new["y"] - old["y"]))
            assert step in ((0, 0), MOVES.get(done))
            assert events["chat_success"] + events["chat_failure"] == (done == CHAT)
            assert events["affordance_start"] == (done >= FIRST_REQUEST + len(self.town.kinds))
            if done == RELEASE:
                assert new["holds"] == new["queued"] == NOTHING
            if FIRST_REQUEST <= done < FIRST_REQUEST + len(self.town.kinds):
                thing = max(new["holds"], new["queued"])
                assert self.town.tables.spots["kind"][thing] == done - FIRST_REQUEST


@pytest.mark.parametrize("policy", KERNEL_POLICIES)
@pytest.mark.parametrize("name", list_scenarios())
def test_the_laws_hold_in_every_shipped_scenario(name: str, policy: str) -> None:
    config = load_town(name)
    many = len(config.scenario.agents) + config.scenario.population.count > 50
    Watch(config, policy, worlds=1 if many else 2, seed=3).play(40 if many else 250)


@st.composite
def sensible_towns(draw: st.DrawFn) -> Town:
    """Small, crowded, troubled towns in which lives are short and days too."""
    width, height = draw(st.integers(3, 7)), draw(st.integers(2, 6))
    tiles = draw(
        st.lists(st.sampled_from(".....#" + "".join(LEGEND)), min_size=width * height, max_size=width * height)
    )
    rows = ["".join(tiles[y * width : (y + 1) * width]) for y in range(height)]
    rows[draw(st.integers(0, height - 1))] = "." * width  # a street with room for everybody
    job = {"place": [draw(st.integers(0, width - 1)), 0], "radius": 2, "start": 3, "end": 12, "absent_after_ticks": 4}
    outage, price = draw(st.sampled_from(["power_outage", "water_outage"])), {"kind": "price_spike", "chance": 0.1}
    return town(
        *rows,
        ticks=draw(st.integers(10, 60)),
        population={"count": draw(st.integers(2, min(width, 6))), "jobs": ["clerk"]},
        jobs=[{"id": "clerk", "grace_ticks": draw(st.integers(0, 3)), **job}],
        clock={"ticks_per_day": draw(st.integers(12, 20))},
        features={
            "relationships": draw(st.booleans()),
            "social_rewards": draw(st.booleans()),
            "lifecycle": draw(st.booleans()),
            "observation": draw(st.sampled_from(["hybrid", "full", "compact"])),
        },
        lifecycle={
            "faint_after_ticks": draw(st.integers(1, 5)),
            "max_absences": draw(st.integers(1, 3)),
            "replace": draw(st.booleans()),
            "replace_after_ticks": draw(st.integers(0, 4)),
        },
        needs={need: {"decay": draw(st.floats(0, 0.2)), "weight": 1.0} for need in ("hunger", "hygiene", "energy")},
        queues={"cooldown_ticks": draw(st.integers(0, 5)), "ghost_step_after": draw(st.integers(1, 4))},
        perturbations=[
            {"kind": outage, "at_tick": draw(st.integers(0, 9)), "every_ticks": 7, "duration_ticks": 3},
            {**price, "duration_ticks": 2, "factor": 3.0},
        ],
        rivalry={"decay": 0.01, "conflict": 0.3},
        trust={},
        rewards={"shaping_scale": draw(st.sampled_from([0.0, 1.0])), "clip": draw(st.sampled_from([0.05, 10.0]))},
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(sensible_towns(), st.sampled_from(sorted(KERNEL_POLICIES)), st.integers(0, 2**63 - 1))
def test_the_laws_hold_in_towns_made_at_random(config: Town, policy: str, seed: int) -> None:
    Watch(config, policy, seed=seed).play(70)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(sensible_towns(), st.integers(0, 2**32))
def test_the_laws_hold_when_actions_are_nonsense(config: Town, seed: int) -> None:
    watch, dice = Watch(config, "random", seed=1), np.random.default_rng(seed)
    for _ in range(50):
        watch.frames.actions[0] = dice.integers(-2, len(watch.town.actions.names) + 2, watch.frames.actions[0].shape)
        before = watch.remember()
        watch.player.worlds.step(watch.frames, 0)
        check_tick(watch.town, watch.frames, 0)
        watch.check_deeds(before)
        watch.check_money()
        watch.check()
        turn_over(watch.frames)
