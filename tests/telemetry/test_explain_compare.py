"""Two runs beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.telemetry.reading import write
from tests.telemetry.test_explain import Curve, records, step
from townlet_core.errors import InputError
from townlet_core.telemetry.explaining.explain import explain
from townlet_core.telemetry.explaining.explanation import Against


def against(tmp_path: Path, ours: Any, theirs: Any) -> tuple[Against, tuple[str, ...]]:
    log, other = write(tmp_path / "ours.jsonl", ours), write(tmp_path / "theirs.jsonl", theirs)
    found = explain(log, against=other)
    assert found.against is not None
    return found.against, found.verdict


def curves(until: int = 99, by: float = 0.0, again: int = 999) -> dict[str, Curve]:
    """A return that differs from 4 from an epoch on, up to another one."""
    return {
        "ep_return_mean": lambda epoch: 4.0 + (by if until < epoch <= again else 0.0),
        "events.faint": step(until + 1, 3.0, 3.0 + by),
        "events.chat_success": step(999, 50.0, 50.0),
    }


def test_runs_part_where_they_were_made_to(tmp_path: Path) -> None:
    """Both draw the same noise, so that they are the same to the bit up to epoch 20."""
    found, said = against(tmp_path, records(60, curves(20, -3.0)), records(60, curves()))
    assert (found.epochs, found.same_until, found.parted_at, found.parted_again) == ((1, 60), 20, 21, None)
    assert found.difference == pytest.approx(-3, abs=0.3)
    assert {each.key for each in found.moved} == {"ep_return_mean", "events.faint"}
    assert any(" differs from that of " in line and " from epoch 21 on, by -2.9" in line for line in said)


def test_runs_with_noise_of_their_own_part_beyond_it(tmp_path: Path) -> None:
    found, _ = against(tmp_path, records(80, curves(40, 4.0), seed=1), records(80, curves(), seed=2))
    assert found.same_until is None
    assert found.parted_at == pytest.approx(41, abs=1)
    assert found.moved[0].effect is not None
    assert "events.chat_success" not in {each.key for each in found.moved}


def test_runs_may_come_together_again(tmp_path: Path) -> None:
    found, _ = against(tmp_path, records(90, curves(30, 4.0, 60), seed=1), records(90, curves(), seed=2))
    assert found.parted_at == pytest.approx(31, abs=1)
    assert found.parted_again == pytest.approx(61, abs=1)


def test_noise_alone_seldom_parts_runs(tmp_path: Path) -> None:
    parted = 0
    for seed in range(30):
        found, _ = against(tmp_path, records(60, curves(), seed=seed), records(60, curves(), seed=seed + 100))
        parted += found.parted_at is not None
    assert parted <= 1


def test_a_run_is_the_same_as_itself(tmp_path: Path) -> None:
    found, said = against(tmp_path, records(30, curves()), records(30, curves()))
    assert (found.same_until, found.parted_at, found.moved, found.settings) == (30, None, (), ())
    assert "the two are the same to the bit in epochs 1 to 30" in said


def test_settings_that_differ_are_told_with_the_epoch_from_which_they_do(tmp_path: Path) -> None:
    theirs = [{**record, "seed": 1, "config_hash": "a" * 64} for record in records(30, curves())]
    ours = [{**record, "seed": 2, "config_hash": "b" * 64} for record in theirs]
    faster = [{**record, "lr": 0.001 if record["epoch"] < 11 else 0.002} for record in ours]
    found, _ = against(tmp_path, faster, theirs)
    assert [(each.key, each.epoch, each.before, each.after) for each in found.settings] == [
        ("config_hash", None, "a" * 64, "b" * 64),
        ("seed", None, 1, 2),
        ("lr", 11, 0.001, 0.002),
    ]


def test_runs_of_different_length_are_compared_where_both_are(tmp_path: Path) -> None:
    """That of 700 epochs is in points of 2, so both are."""
    found, _ = against(tmp_path, records(700, curves(300, 3.0)), records(500, curves(), seed=2))
    assert found.epochs == (1, 500)
    assert found.parted_at == pytest.approx(301, abs=2)


def test_runs_without_a_common_epoch_are_not_compared(tmp_path: Path) -> None:
    later = list(records(60, curves()))[30:]
    found, said = against(tmp_path, later, records(30, curves()))
    assert (found.epochs, found.parted_at, found.moved) == (None, None, ())
    assert "the two have no epoch in common" in said


def test_a_log_without_the_metric_cannot_be_compared(tmp_path: Path) -> None:
    log = write(tmp_path / "ours.jsonl", records(30, curves()))
    other = write(tmp_path / "theirs.jsonl", records(30, {"signal.reward_mean": step(99, 1.0, 1.0)}))
    with pytest.raises(InputError, match="has no number of ep_return_mean"):
        explain(log, against=other)
