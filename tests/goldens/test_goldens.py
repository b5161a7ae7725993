"""The scenarios are held to their golden metrics, with the tolerances and the comparison of `townlet rollout merge`."""

from __future__ import annotations

from pathlib import Path

import pytest

from townlet_core.rollout.capture import capture
from townlet_core.rollout.request import CaptureRequest
from townlet_core.samples.goldens import Change, Stats, beside, read_golden, read_tolerances, review
from townlet_core.samples.sample import Metrics

GOLDEN = Path(__file__).parents[2] / "docs" / "samples" / "rollout_scenario_stats.json"
SCENARIOS = Path(__file__).with_name("scenarios.txt").read_text("utf-8").split()
REFRESH = "see docs/howto/refresh_goldens.md"


def captured(scenario: str, folder: Path) -> dict[str, Metrics]:
    """Capture a scenario as its configuration says, and give the metrics of each sample."""
    report = capture(CaptureRequest(scenario, folder / scenario))
    return {sample.sample: sample.metrics for sample in report.samples}


def differences(golden: Stats, scenario: str, metrics: dict[str, Metrics]) -> list[Change]:
    found = review(golden, {scenario: metrics}, read_tolerances(GOLDEN))
    return [change for change in found.changes if change.kind != "tolerated"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_comes_to_its_golden_metrics(scenario: str, tmp_path: Path) -> None:
    told = [
        f"{change.sample}: {change.metric}: {change.kind}: golden {change.golden}, now {change.new}"
        for change in differences(read_golden(GOLDEN), scenario, captured(scenario, tmp_path))
    ]
    assert not told, REFRESH


def test_each_of_them_has_goldens_and_nobody_else_has() -> None:
    assert set(read_golden(GOLDEN)) == set(SCENARIOS), REFRESH
    assert beside(GOLDEN, "_tolerances.json").is_file()  # without it all would have to be exact


def test_a_golden_that_is_missing_or_otherwise_is_noticed_whatever_the_metric(tmp_path: Path) -> None:
    metrics = captured("observation_baseline", tmp_path)
    golden = read_golden(GOLDEN)["observation_baseline"]
    for sample, known in golden.items():
        assert len(differences({}, "observation_baseline", metrics)) == sum(map(len, metrics.values()))
        for metric, value in known.items():
            for lost in (
                {sample: {name: each for name, each in known.items() if name != metric}},
                {sample: known | {metric: (value or 0.0) + 1.0}},
            ):
                (change,) = differences({"observation_baseline": golden | lost}, "observation_baseline", metrics)
                assert change.metric == metric
