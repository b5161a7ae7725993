"""Warnings of a capture that is not worth learning from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from townlet_core.rollout.health import ActionUse, Examined, examine, find_warnings
from townlet_core.samples.metrics import Columns

ACTIONS = ("wait", "chat", "release")


def a_sample(name: str = "anna.npz", **changes: Any) -> Examined:
    """A sample that gives no cause for a warning."""
    facts = {"ticks": 20, "is_constant": False, "clip_fraction": 0.0, "only_waits": False, "events": 3.0}
    return Examined(name, **(facts | changes))


def use(allowed: list[int], used: list[int]) -> ActionUse:
    made = ActionUse(len(ACTIONS))
    made.add(np.array([allowed]))
    made.take(np.array(used))
    return made


ALL_USED = use([1, 1, 1], [0, 1, 2])


def test_a_healthy_capture_has_no_warning() -> None:
    assert find_warnings([a_sample(), a_sample("ben.npz")], ALL_USED, ACTIONS) == ()


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        pytest.param(
            {"is_constant": True},
            "constant_reward",
            "the reward never changes in 1 of 2 samples: ben.npz",
            id="constant",
        ),
        pytest.param(
            {"clip_fraction": 0.02},
            "saturated_reward",
            "the clip binds in over 1 % of ticks in 1 of 2 samples: ben.npz",
            id="saturated",
        ),
        pytest.param(
            {"only_waits": True},
            "only_waits",
            "the agent only waits in 1 of 2 samples: ben.npz",
            id="waits",
        ),
    ],
)
def test_a_sign_is_told_with_the_samples_that_show_it(change: dict[str, Any], kind: str, text: str) -> None:
    (warning,) = find_warnings([a_sample(), a_sample("ben.npz", **change)], ALL_USED, ACTIONS)
    assert (warning.kind, warning.text, warning.names) == (kind, text, ("ben.npz",))


@pytest.mark.parametrize("change", [{"is_constant": True}, {"only_waits": True}, {"clip_fraction": 1.0}])
def test_a_short_life_proves_nothing(change: dict[str, Any]) -> None:
    assert find_warnings([a_sample(ticks=9, **change)], ALL_USED, ACTIONS) == ()


def test_an_action_that_was_allowed_and_never_used_is_told_and_one_never_allowed_is_not() -> None:
    (warning,) = find_warnings([a_sample()], use([1, 1, 0], [0]), ACTIONS)
    assert warning.kind == "unused_actions"
    assert warning.text == "never used, though allowed at times: chat"


def test_a_capture_without_an_event_is_told_and_one_agent_without_is_not() -> None:
    assert find_warnings([a_sample(events=0.0), a_sample("ben.npz")], ALL_USED, ACTIONS) == ()
    (warning,) = find_warnings([a_sample(events=0.0)], ALL_USED, ACTIONS)
    assert (warning.kind, warning.text) == (
        "no_events",
        "nothing happened: there is no event in the whole capture",
    )


def test_of_many_samples_a_few_are_named_and_all_are_listed() -> None:
    samples = [a_sample(f"{n}.npz", only_waits=True) for n in range(7)]
    (warning,) = find_warnings(samples, ALL_USED, ACTIONS)
    assert warning.text.endswith("in 7 of 7 samples: 0.npz, 1.npz, 2.npz, 3.npz, 4.npz and 2 more")
    assert len(warning.names) == 7


@pytest.mark.parametrize(
    ("rewards", "is_constant"), [([0.5, 0.5, 0.5], True), ([0.5, 0.5, 0.25], False), ([-0.2], True)]
)
def test_what_is_examined_of_a_sample(rewards: list[float], is_constant: bool) -> None:
    ticks = len(rewards)
    columns = Columns(
        rewards=np.array(rewards, np.float32),
        old_log_probs=np.zeros(ticks),
        value_preds=np.zeros(ticks),
        actions=np.zeros(ticks),
        features={},
        reward_terms=np.zeros((ticks, 1)),
        events=np.zeros((ticks, 1)),
        terminated=np.zeros(ticks),
        truncated=np.zeros(ticks),
    )
    metrics: dict[str, float | None] = {
        "reward_clip_fraction": 0.25,
        "action_wait_count": 2.0,
        "action_total": 3.0,
        "event_chat_success_count": 2.0,
        "event_faint_count": 1.0,
    }
    assert examine("anna.npz", columns, metrics) == Examined("anna.npz", ticks, is_constant, 0.25, False, 3.0)
