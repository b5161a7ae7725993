"""How often rules would have fired on a log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.telemetry.reading import ours, write
from townlet_core.errors import InputError
from townlet_core.telemetry.watching.backtest import backtest
from townlet_core.telemetry.watching.rules import Rule

FOR_TWO: dict[str, Any] = {"for": 2}


def rule(metric: str = "grad_norm", **values: Any) -> Rule:
    return Rule.model_validate({"metric": metric, **values})


def steep(number: int, grad_norm: float) -> dict[str, object]:
    return ours(number, grad_norm=grad_norm, grad_norm_max=9.0)


def test_how_often_rules_would_have_fired_is_counted(tmp_path: Path) -> None:
    """6 and 7 are breaches, then 6; with two in a row it fires once, from epoch 3 to the end of the run."""
    values = (1.0, 6.0, 7.0, 1.0, 6.0)
    log = write(tmp_path / "a.jsonl", [steep(n, value) for n, value in enumerate(values, 1)])
    rules = [rule(above=5.0), rule(above=4.0, keep_firing_for=2, **FOR_TWO), rule("sps", above=1.0)]
    result = backtest(log, rules)
    found = [(each.looked_at, each.breaches, each.fired, each.epochs_firing, each.first_epoch) for each in result.rules]
    assert found == [(5, 3, 2, 3, 2), (5, 3, 1, 3, 3), (0, 0, 0, 0, None)]
    assert [each.state for each in result.rules] == ["FIRING", "FIRING", "ok"]
    assert (result.records, result.runs, result.warnings) == (5, 1, ["rule 'sps above 1': no record had sps"])


def test_a_log_of_which_nothing_can_be_read_is_not_one_in_which_nothing_fired(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\x00\xff\nno record\n")
    with pytest.raises(InputError, match="has no record that can be read"):
        backtest(tmp_path / "a.jsonl", [rule(above=5.0)])
