"""Where rules fire in a plot: from when to when, about what, and no other than a watch would tell."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.telemetry.plots import judged_by, plotted, with_values
from tests.telemetry.reading import ours, write
from townlet_core.telemetry.plotting.alarms import Alarm, Firing
from townlet_core.telemetry.plotting.curves import Wanted, read_curves
from townlet_core.telemetry.plotting.plan import MOST_LANES
from townlet_core.telemetry.watching.rules import Rule
from townlet_core.telemetry.watching.watch import Watch, read_once

VALUES = (1.0, 9.0, 6.0, 4.0, 1.0, 9.0)


def alarms(log: Path, *rules: dict[str, object]) -> list[list[Alarm]]:
    return [run.alarms for run in read_curves(log, Wanted((), rules=judged_by(*rules))).runs]


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        pytest.param({"above": 5.0}, [(2, 4, "is 9, above 5"), (6, 6, "is 9, above 5")], id="until fine, or the end"),
        pytest.param({"above": 5.0, "clear": 3.0}, [(2, 5, "is 9, above 5"), (6, 6, "is 9, above 5")], id="cleared"),
        pytest.param({"above": 5.0, "for": 2}, [(3, 4, "is 6, above 5")], id="after so many epochs"),
        pytest.param({"below": 0.0}, [], id="never"),
    ],
)
def test_a_rule_fires_from_an_epoch_to_another(
    tmp_path: Path, rule: dict[str, object], found: list[tuple[float, float, str]]
) -> None:
    [own] = alarms(with_values(tmp_path / "log", VALUES), rule)
    assert own == [Alarm("loss_value", first, last, f"warning: loss_value {words}") for first, last, words in found]


def test_what_is_no_number_fires_however_it_was_written(tmp_path: Path) -> None:
    records = [ours(1), ours(2, loss_value=float("nan")), ours(3), ours(4, loss_value="3.5")]
    [own] = alarms(write(tmp_path / "log", records), {"above": 5.0, "name": "steep", "severity": "critical"})
    assert own == [
        Alarm("loss_value", 2, 3, "critical: steep: loss_value is NaN"),
        Alarm("loss_value", 4, 4, 'critical: steep: loss_value is "3.5"'),
    ]


def test_each_run_is_judged_by_itself(tmp_path: Path) -> None:
    """Two epochs in a row are above 5, but of two runs."""
    records = [ours(1), ours(2, loss_value=9.0), ours(1, run_id="ben", loss_value=9.0), ours(2, run_id="ben")]
    log = write(tmp_path / "log", records)
    assert alarms(log, {"above": 5.0, "for": 2}) == [[], []]
    assert [len(own) for own in alarms(log, {"above": 5.0})] == [1, 1]


def test_a_metric_is_drawn_where_a_rule_about_it_fires_and_only_then(tmp_path: Path) -> None:
    log = with_values(tmp_path / "log", VALUES)
    plot = plotted([log], "lr", rules=judged_by({"above": 5.0}, {"metric": "grad_norm", "above": 1e9}))
    assert [(panel.metric, len(panel.firing)) for panel in plot.panels] == [("lr", 0), ("loss_value", 2)]
    assert plot.doubts == ()


def test_limits_are_levels_where_they_press_no_curve_flat(tmp_path: Path) -> None:
    """Values are 1 to 9: 5 and -5 are the limits of an amount, 0 and 20 lie beyond, shares of a window are no level."""
    log = with_values(tmp_path / "log", VALUES)
    rules = ({"above": 5.0, "amount": True}, {"below": 0.0}, {"above": 20.0}, {"above": 3.0, "window": 2})
    [panel] = plotted([log], "loss_value", rules=judged_by(*rules)).panels
    assert panel.limits == [-5.0, 0.0, 5.0, 20.0]
    assert panel.levels() == [5.0]
    assert panel.bounds() == (1.0, 9.0)


def test_runs_have_lanes_of_their_own(tmp_path: Path) -> None:
    calm = with_values(tmp_path / "calm", [1.0] * 6)
    logs = [with_values(tmp_path / "a", VALUES), calm, with_values(tmp_path / "b", VALUES)]
    [panel] = plotted(logs, "loss_value", rules=judged_by({"above": 5.0})).panels
    assert [(firing.number, firing.lane) for firing in panel.firing] == [(0, 0), (0, 0), (2, 1), (2, 1)]
    assert panel.lanes() == 2
    many = [Firing(number, number, 1, 1, "") for number in range(MOST_LANES + 1)]
    assert panel._replace(firing=many).lanes() == MOST_LANES


def test_in_a_band_it_is_told_which_run_it_was(tmp_path: Path) -> None:
    logs = [
        with_values(tmp_path / f"{seed}.jsonl", values, seed=seed) for seed, values in ((1, [1.0] * 6), (2, VALUES))
    ]
    [panel] = plotted(logs, "loss_value", band=True, rules=judged_by({"above": 8.0})).panels
    assert panel.firing[0] == Firing(0, 0, 2, 3, "2: warning: loss_value is 9, above 8")


def test_what_rules_cannot_be_about_is_told(tmp_path: Path) -> None:
    log = with_values(tmp_path / "log", VALUES)
    rules = judged_by({"metric": "approx_kl", "above": 1.0}, {"metric": "approx_kl", "missing": True})
    assert plotted([log], "lr", rules=rules).doubts == (
        "rule 'approx_kl above 1': no record had approx_kl",
        "log: epoch 1: warning: approx_kl is missing, and has no curve to mark that at",
    )


RULES: tuple[dict[str, object], ...] = (
    {"above": 5.0, "for": 2},
    {"below": 2.0, "n_of": (2, 4), "keep_firing_for": 1},
    {"above": 0.5, "window": 2},
    {"change_over": 2, "below": -1.0},
    {"plateau_over": 3, "better": "lower"},
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.none() | st.integers(0, 9).map(float), min_size=1, max_size=30))
def test_a_plot_marks_what_a_watch_tells(values: list[float | None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = with_values(Path(folder) / "log", values)
        watch = Watch(log, [Rule.model_validate({"metric": "loss_value", **each}) for each in RULES])
        events = [event for line in read_once(log) for event in watch.take(line)]
        [own] = alarms(log, *RULES)
    told: list[Alarm] = []
    firing: dict[str, int] = {}  # rule -> its place among what was told
    for event in events:
        if event.type == "alert":
            firing[event.rule] = len(told)
            told.append(Alarm("loss_value", event.epoch or 0, len(values), f"{event.severity}: {event.what}"))
        elif event.type == "resolved":
            place = firing.pop(event.rule)
            told[place] = told[place]._replace(last=event.epoch or 0)
    assert own == told
