"""The random policy: each allowed action is as likely as the others, and it says how likely that is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.chance import POLICY, below
from tests.towns import Scripted, town
from townlet_core.policy.uniform import LOG_UNIFORM, MAX_ACTIONS, uniform_action
from townlet_core.world.rng import tick_key

KEY: Any = tick_key  # kernels bear no types
DRAW: Any = uniform_action
MASK = np.array([1, 0, 1, 1, 0, 0, 1, 1, 0], np.uint8)


def drawn(mask: NDArray[np.uint8], tick: int, agent: int = 0) -> tuple[int, float]:
    action, log_prob = DRAW(np.uint64(KEY(np.uint64(12345), tick)), agent, mask)
    return int(action), float(log_prob)


def test_each_allowed_action_is_drawn_as_often_as_the_others_and_no_other_ever() -> None:
    counts = np.bincount([drawn(MASK, tick)[0] for tick in range(5000)], minlength=len(MASK))
    assert not counts[MASK == 0].any()
    expected = 5000 / 5
    # chi-square with 4 degrees of freedom is below 18.5 in 999 of 1,000 cases
    assert ((counts[MASK == 1] - expected) ** 2 / expected).sum() < 18.5


def test_the_log_probability_is_that_of_one_of_n() -> None:
    assert drawn(MASK, 0)[1] == np.float32(-np.log(5))
    assert drawn(np.array([1], np.uint8), 0) == (0, 0.0)
    assert LOG_UNIFORM[MAX_ACTIONS] == np.float32(-np.log(MAX_ACTIONS))


def test_agents_are_drawn_apart() -> None:
    pairs = {(drawn(MASK, tick, 0)[0], drawn(MASK, tick, 1)[0]) for tick in range(400)}
    assert len(pairs) == 25


def test_the_choice_is_a_function_of_seed_world_tick_and_agent() -> None:
    stage = Scripted(town("a..b", "....", "c..."), policy="random", seed=11)
    for tick in range(30):
        allowed = {name: sorted(stage.may(name), key=stage.action) for name in stage.town.slots}
        stage.play()
        for name, actions in allowed.items():
            pick = below(len(actions), 11, 0, 0, tick, stage.slot(name), POLICY)
            assert stage.deed(name) == actions[pick]
            log_prob = float(stage.frames.log_probs[0, 0, stage.slot(name)])
            assert log_prob == pytest.approx(-np.log(len(actions)), abs=1e-6)


def test_an_empty_place_waits_with_certainty() -> None:
    stage = Scripted(town("a..", agents={"ben": {"at": [2, 0], "arrives_tick": 5}}), policy="random").play(3)
    assert (stage.deed("ben"), stage.frames.log_probs[0, 0, stage.slot("ben")]) == ("wait", 0)
