"""What may be done in a step, and what is told where it does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.envs.players import FAINTS_AFTER_3, STARVED, begun, env_of, wait
from tests.towns import town
from townlet_core.errors import UsageError


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        pytest.param({"anna": 0}, "ben: has no action\nhint: give one to everybody in env.agents", id="missing"),
        pytest.param(
            {"anna": 0, "ben": 0, "cara": 0},
            "cara: acts, but does not live in town now\nhint: give actions to env.agents alone",
            id="stranger",
        ),
        pytest.param({"anna": 7, "ben": 0}, "action of anna: must be a whole number from 0 to 6, found 7", id="above"),
        pytest.param({"anna": 0, "ben": -1}, "action of ben: must be a whole number from 0 to 6, found -1", id="below"),
        pytest.param(
            {"anna": 0.0, "ben": 0}, "action of anna: must be a whole number from 0 to 6, found 0.0", id="no whole"
        ),
        pytest.param(
            {"anna": None, "ben": 0}, "action of anna: must be a whole number from 0 to 6, found None", id="none"
        ),
    ],
)
def test_actions_that_do_not_fit_are_refused(actions: dict[str, Any], message: str) -> None:
    env = begun(town("a.b"))
    with pytest.raises(UsageError) as caught:
        env.step(actions)
    assert str(caught.value) == message
    assert wait(env).rewards.keys() == {"anna", "ben"}  # and nothing has been played


def test_the_dead_do_not_act() -> None:
    env = begun(town("a.b", agents={"anna": STARVED}, lifecycle=FAINTS_AFTER_3))
    wait(env, 3)
    with pytest.raises(UsageError, match="anna: acts, but does not live in town now"):
        env.step({"anna": 0, "ben": 0})


def test_numbers_of_numpy_are_actions_too() -> None:
    env = begun(town("a.b"))
    assert env.step({"anna": np.int64(0), "ben": np.array(0)}).rewards.keys() == {"anna", "ben"}


def test_a_step_needs_a_beginning() -> None:
    with pytest.raises(UsageError, match=r"^step: the episode has not begun\nhint: call reset\(\) first$"):
        env_of(town("a")).step({"anna": 0})
