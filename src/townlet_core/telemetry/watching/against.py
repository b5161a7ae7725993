"""The numbers that rules compare with, where these are another log's or a capture's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from townlet_core.errors import InputError
from townlet_core.telemetry.baseline import read_baseline
from townlet_core.telemetry.watching.rules import Rule


def baselines_of(rules: Sequence[Rule]) -> dict[str, float]:
    """Read the baselines of rules: title of a rule -> value.

    Raises:
        InputError: one cannot be read, or lacks the metric.
    """
    found: dict[str, float] = {}
    files: dict[str, Mapping[str, float]] = {}
    for rule in rules:
        if rule.baseline is None:
            continue
        if rule.baseline not in files:
            files[rule.baseline] = read_baseline(Path(rule.baseline)).values
        if rule.metric not in files[rule.baseline]:
            raise InputError(f"has no {rule.metric}, with which '{rule.title}' compares", where=rule.baseline)
        found[rule.title] = files[rule.baseline][rule.metric]
    return found
