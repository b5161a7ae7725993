"""Which metrics are drawn, and their words."""

from __future__ import annotations

import pytest

from townlet_core.errors import InputError
from townlet_core.telemetry.plotting.metrics import USUAL, chosen, meaning

THERE = {
    "epoch": True,
    "loss_policy": True,
    "loss_value": True,
    "lr": True,
    "ep_return_mean": True,
    "agents.worst": False,
    "agents.ben.reward_mean": True,
    "agents.anna.reward_mean": True,
    "explained_variance": False,
}


@pytest.mark.parametrize(
    ("patterns", "metrics"),
    [
        pytest.param((), ["ep_return_mean", "loss_policy", "loss_value", "lr"], id="the usual, in their own order"),
        pytest.param(("lr", "loss_policy"), ["lr", "loss_policy"], id="in the order that is asked for"),
        pytest.param(("loss_*",), ["loss_policy", "loss_value"], id="a glob, in the order of the log"),
        pytest.param(("agents.*",), ["agents.ben.reward_mean", "agents.anna.reward_mean"], id="numbers only"),
        pytest.param(("lr", "l*"), ["lr", "loss_policy", "loss_value"], id="each once"),
        pytest.param(("e*",), ["ep_return_mean"], id="the place of a record fits no glob"),
        pytest.param(("epoch",), ["epoch"], id="but its name"),
    ],
)
def test_metrics_are_chosen_by_name_and_by_glob(patterns: tuple[str, ...], metrics: list[str]) -> None:
    assert chosen(patterns, THERE, "log") == (metrics, [])


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("loss_valu", "log: has no metric 'loss_valu'\nhint: did you mean 'loss_value'?"),
        ("explained_variance", "log: has no number for 'explained_variance'"),
        (
            "reward_terms.*",
            "log: has no metric that fits 'reward_terms.*'\nhint: it has loss_policy, loss_value, lr, ep_return_mean, "
            "agents.ben.reward_mean, agents.anna.reward_mean",
        ),
    ],
)
def test_a_metric_that_is_not_there_is_named_with_what_is(pattern: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        chosen((pattern,), THERE, "log")
    assert str(caught.value) == message


def test_what_is_not_there_keeps_nothing_else_from_being_drawn() -> None:
    metrics, lacking = chosen(("explained_variance", "lr", "los_*"), THERE, "log")
    assert metrics == ["lr"]
    assert [each.problem for each in lacking] == [
        "has no number for 'explained_variance'",
        "has no metric that fits 'los_*'",
    ]
    with pytest.raises(InputError, match="has no number for 'explained_variance'"):
        chosen(("explained_variance", "los_*"), THERE, "log")


def test_a_log_of_other_things_needs_to_be_told_what_to_draw() -> None:
    with pytest.raises(InputError, match="has none of the usual metrics"):
        chosen((), {"anneal_bc_weight": True}, "log")


@pytest.mark.parametrize(
    "key", [*USUAL, "agents.anna.reward_mean", "reward_terms.needs", "events.faint", "clip_fraction_max"]
)
def test_what_is_drawn_has_words(key: str) -> None:
    words = meaning(key)
    assert words
    assert "<" not in words
    assert "such as" not in words


def test_nothing_is_made_up_for_a_key_that_nobody_knows() -> None:
    assert meaning("weather") == ""
