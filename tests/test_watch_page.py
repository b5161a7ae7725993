"""The page about watching says of every rule to start from where it fires, and what to do."""

from __future__ import annotations

import re
from pathlib import Path

from townlet_core.telemetry.watching.thresholds import default_rules

PAGE = (Path(__file__).parents[1] / "docs" / "howto" / "watch_a_run.md").read_text(encoding="utf-8")
ELSEWHERE = {("lost_records", "above", 0.0, 1), ("reward_advantage_corr", "below", 1e-9, 3)}  # below the table


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def test_the_limits_in_the_table_are_those_of_the_rules_to_start_from() -> None:
    row = re.compile(r"^\| (?:\\\|)?`([\w.]+)`(?:\\\|)? \| ([^|]+) \| (above|below) (\S+) \| (\d+) \|$", re.MULTILINE)
    told = row.findall(section("Thresholds to start from"))
    rules = {
        (rule.metric, side, limit, rule.for_ or 1)
        for rule in default_rules()
        for side, limit in (("above", rule.above), ("below", rule.below))
        if limit is not None
    }
    assert {(metric, side, float(limit), int(epochs)) for metric, _, side, limit, epochs in told} == rules - ELSEWHERE
    for metric, furthest, side, limit, _ in told:
        number = float(furthest.split(",")[0])
        assert number < float(limit) if side == "above" else number > float(limit) or metric == "explained_variance"


def test_there_is_an_answer_to_every_rule_to_start_from() -> None:
    alerts = [line.split(" | ")[0] for line in section("What to do when an alert fires").splitlines()]
    told = {metric for alert in alerts for metric in re.findall(r"`([\w.]+)`", alert)}
    assert told == {rule.metric for rule in default_rules()}
