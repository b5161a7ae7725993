"""Metrics of anna's three ticks, worked out by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.samples.captures import a_meta, a_sample, write_capture, write_old_capture
from townlet_core.errors import SampleError
from townlet_core.samples.metrics import columns_of, measure, read_metrics
from townlet_core.samples.sample import read_meta, read_sample


def of(sample: Any = None, **changes: Any) -> dict[str, float | None]:
    """Give the metrics of anna's ticks, with some arrays changed."""
    sample = sample or a_sample(**changes)
    return measure(columns_of(sample), sample.meta)


def test_every_metric_of_three_ticks() -> None:
    third = pytest.approx(1 / 3)
    assert of() == {
        "timesteps": 3,
        "reward_sum": -0.25,  # 0.25 - 1 + 0.5
        "reward_mean": pytest.approx(-0.25 / 3),
        "log_prob_mean": 0,
        "value_pred_last": 2.5,
        "rivalry_max_mean": 0.5,  # of 0.25, 0.5, 0.75
        "rivalry_max_max": 0.75,
        "rivalry_avoid_count_mean": 0.5,  # of 0, 1, 0.5
        "rivalry_avoid_count_max": 1,
        "lateness_mean": pytest.approx(0.1),  # of 0, 0, 0.3
        "action_nonzero": 2,  # wait and move
        "action_total": 3,
        "action_entropy": pytest.approx(math.log(3) - 2 / 3 * math.log(2)),  # of 2/3 and 1/3
        "action_move_count": 1,
        "action_request_count": 0,
        "action_wait_count": 2,
        "action_blocked_ratio": third,  # one invalid_action
        "reward_clip_fraction": third,  # -1 is the bound
        "reward_term_needs_sum": -1,  # 0.25 - 1.5 + 0.25
        "reward_term_wages_sum": 0.25,
        "event_invalid_action_count": 1,
        "event_chat_success_count": 2,
        "terminated": 0,
        "truncated": 1,
    }


def test_metrics_of_the_predecessor_are_those_that_its_arrays_give(tmp_path: Path) -> None:
    write_old_capture(tmp_path)
    meta = read_meta(tmp_path / "rollout_sample_anna_001.json")
    metrics = of(read_sample(tmp_path / "rollout_sample_anna_001.npz", meta))
    ours = of()
    assert metrics == {name: ours[name] for name in metrics} | {"action_blocked_ratio": 0}
    assert not any(
        name.startswith(("event_", "reward_term_", "reward_clip", "t")) for name in set(metrics) - {"timesteps"}
    )


def test_what_a_variant_does_not_show_has_no_metric() -> None:
    meta = a_meta(feature_names=("need_hunger", "wallet", "on_shift", "time_sin"))
    metrics = of(meta=meta)
    assert [name for name, value in metrics.items() if value is None] == [
        "rivalry_max_mean",
        "rivalry_max_max",
        "rivalry_avoid_count_mean",
        "rivalry_avoid_count_max",
        "lateness_mean",
    ]


def test_one_action_has_no_entropy_and_no_minus_sign() -> None:
    entropy = of(actions=np.zeros(3, np.int64))["action_entropy"]
    assert str(entropy) == "0.0"


def test_three_actions_used_alike_have_the_entropy_of_three() -> None:
    assert of(actions=np.array([2, 1, 0]))["action_entropy"] == pytest.approx(math.log(3))


def test_an_action_of_the_predecessor_is_blocked_where_its_text_says_so_and_unknown_without_text(
    tmp_path: Path,
) -> None:
    write_old_capture(tmp_path)
    path = tmp_path / "rollout_sample_anna_001.json"
    lookup = {'{"blocked": true, "kind": "request"}': 0}  # anna does 0, 1, 0
    path.write_text(json.dumps(json.loads(path.read_text()) | {"action_lookup": lookup}))
    metrics = of(read_sample(tmp_path / "rollout_sample_anna_001.npz", read_meta(path)))
    assert metrics["action_blocked_ratio"] == pytest.approx(2 / 3)
    assert (metrics["action_request_count"], metrics["action_unknown_count"]) == (2, 1)


def test_sums_are_of_doubles() -> None:
    """A hundred thousand times 0.1 (as a float) is off by 1.5e-8 of itself in doubles, and by 1e-4 in floats."""
    sample = a_sample(rewards=np.full(100_000, 0.1, np.float32))
    assert measure(columns_of(sample), sample.meta)["reward_sum"] == pytest.approx(10_000.000149, abs=1e-6)


def test_a_metrics_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_capture(tmp_path)
    file = read_metrics(tmp_path / "day_metrics.json")
    assert file.samples == {"day_anna_001.npz": of()}
    assert file.metadata is not None
    assert (file.metadata.scenario_name, file.metadata.seed) == ("kitchen", 7)


@pytest.mark.parametrize("newer", [False, True])
def test_both_forms_of_the_predecessor_are_read(tmp_path: Path, newer: bool) -> None:
    write_old_capture(tmp_path, newer=newer)
    file = read_metrics(tmp_path / "rollout_sample_metrics.json")
    assert file.metadata is None
    assert file.samples == {"rollout_sample_anna_001.npz": {"timesteps": 3, "reward_sum": -0.25, "lateness_mean": None}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("[]", "not a metrics file: it holds no object", id="a list"),
        pytest.param('{"a.npz": {"reward_sum": "much"}}', "samples.a.npz.reward_sum: must be a number", id="text"),
        pytest.param('{"a.npz": 3}', "samples.a.npz: must be a mapping", id="no metrics"),
        pytest.param(
            '{"metadata": {"schema_version": 3}, "samples": {}}', "schema_version: schema version 3 is not", id="later"
        ),
    ],
)
def test_what_is_no_metrics_file_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "day_metrics.json"
    path.write_text(text)
    with pytest.raises(SampleError) as caught:
        read_metrics(path)
    assert str(caught.value).startswith(f"{path}: {problem}")
