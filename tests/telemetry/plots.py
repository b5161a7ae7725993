"""Plots of small logs: how to make one of some records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.telemetry.reading import ours, write
from townlet_core.telemetry.plotting.alarms import Rules, rules_with_baselines
from townlet_core.telemetry.plotting.curves import Wanted, read_curves
from townlet_core.telemetry.plotting.metrics import USUAL
from townlet_core.telemetry.plotting.plan import Plot, Wishes, plot_of
from townlet_core.telemetry.watching.rules import Rule


def plotted(logs: Sequence[Path], *metrics: str, **wishes: Any) -> Plot:
    """Read logs and put them together to a plot, as the command does."""
    asked = Wishes(metrics, **wishes)
    read = Wanted(metrics or USUAL, asked.smooth, dict(asked.thresholds or {}), rules=asked.rules)
    return plot_of([read_curves(log, read) for log in logs], asked)


def with_values(path: Path, values: Iterable[float | None], key: str = "loss_value", **others: object) -> Path:
    """Write a log in which a metric has some values in the epochs from 1; None is NaN, as we write it."""
    return write(path, [_record(number, key, value, others) for number, value in enumerate(values, start=1)])


def judged_by(*rules: Mapping[str, object]) -> Rules:
    """Make rules to mark in a plot; those that say nothing of it are about loss_value."""
    return rules_with_baselines([Rule.model_validate({"metric": "loss_value", **each}) for each in rules])


def _record(number: int, key: str, value: float | None, others: dict[str, object]) -> dict[str, object]:
    odd = {"nonfinite": {key: "nan"}} if value is None else {}
    return ours(number, **{key: value}, **odd, **others)
