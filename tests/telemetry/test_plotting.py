"""Plots, before they are drawn: names of runs, groups of seeds, levels, titles."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.telemetry.plots import plotted, with_values
from tests.telemetry.reading import ours, theirs, write
from townlet_core.errors import InputError
from townlet_core.telemetry.plotting.columns import Crossing
from townlet_core.telemetry.plotting.plan import Event


def test_logs_are_named_by_their_files(tmp_path: Path) -> None:
    logs = [write(tmp_path / name, [ours(1)]) for name in ("fast.jsonl", "slow.jsonl")]
    assert plotted(logs).names == ["fast", "slow"]


def test_logs_of_one_name_are_named_by_their_folders(tmp_path: Path) -> None:
    for name in ("fast", "slow"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    logs = [write(tmp_path / "runs" / name / "log.jsonl", [ours(1)]) for name in ("fast", "slow")]
    assert plotted(logs).names == ["fast/log.jsonl", "slow/log.jsonl"]


def test_runs_of_one_log_are_named_by_their_numbers(tmp_path: Path) -> None:
    assert plotted([write(tmp_path / "log", [theirs(1), theirs(2), theirs(1)])]).names == ["log, run 1", "log, run 2"]


@pytest.mark.parametrize(
    ("records", "title"),
    [
        ([ours(1, scenario="town", seed=3)], "town, run anna, seed 3"),
        ([ours(1, scenario="town"), ours(1, scenario="town", run_id="ben")], "town"),
        ([ours(1), ours(1, run_id="ben")], "2 runs"),
        ([theirs(1)], "log"),
    ],
)
def test_the_title_is_what_runs_have_in_common(tmp_path: Path, records: list[dict[str, object]], title: str) -> None:
    log = write(tmp_path / "log", records)
    assert plotted([log]).title == title
    assert plotted([log], title="Monday").title == "Monday"


def test_what_a_terminal_might_obey_is_shown_as_what_it_is(tmp_path: Path) -> None:
    assert plotted([write(tmp_path / "log", [ours(1, run_id="\x1b[2J")])]).title == "run \\x1b[2J"


def test_runs_that_differ_by_their_seed_alone_are_one_group(tmp_path: Path) -> None:
    logs = []
    for seed, lr in ((1, 0.001), (2, 0.001), (1, 0.003)):
        log = tmp_path / f"{seed}_{lr}.jsonl"
        logs.append(with_values(log, [seed, 3.0 * seed], seed=seed, lr=lr, scenario="town"))
    plot = plotted(logs, "loss_value", band=True)
    assert plot.names == ["lr 0.001 (2 runs)", "lr 0.003 (1_0.003)"]
    first, second = plot.panels[0].series
    # (1 + 2) / 2 and (3 + 6) / 2, from 1 to 2 and from 3 to 6
    assert [(point.value, point.low, point.high) for point in first.points] == [(1.5, 1.0, 2.0), (4.5, 3.0, 6.0)]
    assert [point.value for point in second.points] == [1.0, 3.0]


def test_runs_that_have_no_epoch_in_common_make_no_band(tmp_path: Path) -> None:
    logs = [
        write(tmp_path / "early", [ours(1, seed=1), ours(2, seed=1)]),
        write(tmp_path / "late", [ours(7, seed=2, approx_kl=1.0), ours(8, seed=2, approx_kl=2.0)]),
    ]
    plot = plotted(logs, "lr", "approx_kl", band=True)
    assert [panel.metric for panel in plot.panels] == ["approx_kl"]
    assert plot.doubts == ("--band: no group of runs has epochs with lr in common",)
    with pytest.raises(InputError, match="no group of runs has epochs with lr in common"):
        plotted(logs, "lr", band=True)


def test_a_run_without_a_number_takes_no_part_in_a_band(tmp_path: Path) -> None:
    """One has only null, and its group is the other; of the third group nothing is a number at the same time."""
    logs = [
        write(tmp_path / "null", [ours(epoch, approx_kl=None) for epoch in (1, 2)]),
        write(tmp_path / "some", [ours(epoch, approx_kl=2.0) for epoch in (1, 2)]),
        with_values(tmp_path / "odd", [None, 1.0], "approx_kl", lr=0.5),
        with_values(tmp_path / "even", [1.0, None], "approx_kl", lr=0.5),
    ]
    [panel] = plotted(logs, "approx_kl", band=True).panels
    assert [(series.number, series.last) for series in panel.series] == [(0, 2.0)]


def test_a_group_that_lacks_what_others_have_is_named_by_that(tmp_path: Path) -> None:
    logs = [with_values(tmp_path / "a", [1.0], scenario="town"), with_values(tmp_path / "b", [1.0])]
    assert plotted(logs, "loss_value", band=True).names == ["town (a)", "no scenario (b)"]


def test_scenarios_are_named_rather_than_the_hashes_of_their_configurations(tmp_path: Path) -> None:
    logs = [
        with_values(tmp_path / town, [1.0], scenario=town, config_hash=letter * 64)
        for town, letter in (("kitchen", "a"), ("shower", "b"))
    ]
    assert plotted(logs, "loss_value", band=True).names == ["kitchen (kitchen)", "shower (shower)"]


def test_a_baseline_is_a_level_of_its_metrics(tmp_path: Path) -> None:
    log = write(tmp_path / "log", [ours(1)])
    plot = plotted([log], "lr", "loss_value", baseline={"lr": 0.5, "steps": 7.0})
    assert [panel.baseline for panel in plot.panels] == [0.5, None]
    with pytest.raises(InputError, match="has none of the metrics that are drawn"):
        plotted([log], "lr", baseline={"steps": 7.0})


def test_a_metric_with_a_threshold_is_drawn_whether_it_was_asked_for_or_not(tmp_path: Path) -> None:
    log = with_values(tmp_path / "log", [1.0, 3.0, 1.0])
    plot = plotted([log], "lr", thresholds={"loss_value": 2.0})
    assert [(panel.metric, panel.threshold) for panel in plot.panels] == [("lr", None), ("loss_value", 2.0)]
    assert plot.panels[1].series[0].crossings == [Crossing(2, True), Crossing(3, False)]
    with pytest.raises(InputError, match="has no metric 'loss_valu'"):
        plotted([log], thresholds={"loss_valu": 2.0})
    plot = plotted([log], "lr", thresholds={"loss_valu": 2.0})
    assert [panel.metric for panel in plot.panels] == ["lr"]
    assert plot.doubts == (f"{log}: has no metric 'loss_valu'\nhint: did you mean 'loss_value'?",)


def test_crossings_that_lie_near_one_another_are_marked_once(tmp_path: Path) -> None:
    """Of 80 epochs marks must be 79/40 apart: of the crossings at 2, 3, 4 and 40 those at 2, 4 and 40 are."""
    values = [0.0, 9.0, 0.0, 9.0, *[9.0] * 35, *[0.0] * 41]
    plot = plotted([with_values(tmp_path / "log", values)], thresholds={"loss_value": 5.0})
    [series] = next(panel.series for panel in plot.panels if panel.metric == "loss_value")
    assert [crossing.epoch for crossing in series.crossings] == [2, 3, 4, 40]
    assert [crossing.epoch for crossing in series.thinned(plot.apart())] == [2, 4, 40]


def test_a_run_that_lacks_a_metric_has_no_curve_of_it(tmp_path: Path) -> None:
    logs = [write(tmp_path / "a", [ours(1, approx_kl=0.5)]), write(tmp_path / "b", [ours(1)])]
    assert [series.number for series in plotted(logs, "approx_kl").panels[0].series] == [0]


def test_what_came_about_in_a_run_keeps_the_number_of_the_run(tmp_path: Path) -> None:
    logs = [write(tmp_path / "a", [ours(1)]), write(tmp_path / "b", [ours(1, finished=True, reason="done"), ours(2)])]
    assert plotted(logs).events == [Event("resumed", 1, 2, "goes on after it was finished")]
