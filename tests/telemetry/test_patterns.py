"""Names of metrics as people write them, which mean the same to every command."""

from __future__ import annotations

import pytest

from townlet_core.telemetry.baseline import PLACES as NOT_COMPARED
from townlet_core.telemetry.patterns import PLACES, is_wanted, matching, missing

KEYS = ["epoch", "lr", "loss_value", "loss_policy", "events.faint", "events.chat[1]", "seed"]


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        pytest.param(["lr"], ["lr"], id="a name"),
        pytest.param(["l"], [], id="no part of a name"),
        pytest.param(["LR"], [], id="not in other letters"),
        pytest.param(["loss_*", "lr"], ["loss_value", "loss_policy", "lr"], id="patterns first, then keys, in order"),
        pytest.param(["l*", "lr"], ["lr", "loss_value", "loss_policy"], id="each once"),
        pytest.param(["?r"], ["lr"], id="one letter"),
        pytest.param(["loss_[pq]*"], ["loss_policy"], id="one of some letters"),
        pytest.param(["events.chat[1]"], ["events.chat[1]"], id="a name with brackets means itself"),
        pytest.param(["e*"], ["events.faint", "events.chat[1]"], id="no glob means the place of a record"),
        pytest.param(["seed"], ["seed"], id="but its name does"),
    ],
)
def test_a_pattern_means_keys(patterns: list[str], found: list[str]) -> None:
    assert matching(patterns, KEYS) == found
    assert [key for key in KEYS if is_wanted(key, patterns)] == [key for key in KEYS if key in found]


def test_a_pattern_that_means_nothing_is_told_what_there_is() -> None:
    assert str(missing("los_value", KEYS, "log")) == "log: has no metric 'los_value'\nhint: did you mean 'loss_value'?"
    assert str(missing("agents.*", ["epoch", "a\x1b"], "log")) == (
        "log: has no metric that fits 'agents.*'\nhint: it has a\\x1b"
    )
    assert missing("lr", ["epoch"], "log").hint is None


def test_what_tells_where_a_record_stands_is_not_compared_with_a_baseline() -> None:
    assert PLACES < NOT_COMPARED
