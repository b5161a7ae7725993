"""Runs in which something was planted, explained: what changed, what moved with it, what came first."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.telemetry.reading import ours, write
from townlet_core.errors import InputError, UsageError
from townlet_core.telemetry.explaining.curves import MOST_KEYS, MOST_POINTS, Curves
from townlet_core.telemetry.explaining.explain import explain, explain_curves
from townlet_core.telemetry.explaining.explanation import Explanation, Moved

Curve = Callable[[int], float]
TRAINED = {"value_coef": 0.5, "entropy_coef": 0.01, "ep_len_mean": 40.0}


def step(at: int, before: float, after: float) -> Curve:
    return lambda epoch: before if epoch < at else after


def records(
    epochs: int, curves: dict[str, Curve], *, seed: int = 1, noise: float = 0.05, **others: Any
) -> Iterable[dict[str, Any]]:
    """Make a run of which some curves are given; the noise is a share of the largest of 1 and the value."""
    chance = random.Random(seed)
    for epoch in range(1, epochs + 1):
        shown = {}
        for key, curve in curves.items():
            level = curve(epoch)
            shown[key] = level + noise * max(abs(level), 1.0) * chance.gauss(0, 1)
        yield ours(epoch, **{**TRAINED, **shown, **others})


BROKEN: dict[str, Curve] = {
    "ep_return_mean": step(31, 4.0, -2.0),
    "loss_value": step(31, 3.5, 7.5),
    "loss_entropy": step(25, 1.5, 0.5),
    "agents.anna.reward_mean": step(99, 0.5, 0.5),
    "agents.ben.reward_mean": step(31, 1.0, -3.0),
    "reward_terms.wages": step(99, 0.5, 0.5),
    "reward_terms.faint": step(31, 0.0, -2.0),
    "events.faint": step(31, 2.0, 9.0),
    "events.chat_success": step(99, 50.0, 50.0),
    "grad_norm": step(38, 1.0, 3.0),
}


@pytest.fixture
def broken(tmp_path: Path) -> Explanation:
    return explain(write(tmp_path / "ppo.jsonl", records(60, BROKEN)))


def moved(found: Explanation) -> dict[str, Moved]:
    return {each.key: each for each in found.moved}


def test_the_change_that_was_planted_is_found(broken: Explanation) -> None:
    (change,) = broken.changes
    assert (change.epoch, change.kind, change.is_better) == (31, "step", False)
    assert change.low <= 31 <= change.high
    assert change.before == pytest.approx(4, abs=0.2)
    assert change.after == pytest.approx(-2, abs=0.2)
    assert broken.explained == 31
    assert broken.verdict[0].startswith("ep_return_mean jumped in epoch 31: from 4.0")
    assert broken.verdict[0].endswith("for the worse")


def test_what_moved_with_it_is_told_and_nothing_else(broken: Explanation) -> None:
    assert set(moved(broken)) == {
        "loss_value",
        "loss_entropy",
        "agents.ben.reward_mean",
        "reward_terms.faint",
        "events.faint",
        "grad_norm",
    }
    groups = {key: each.group for key, each in moved(broken).items()}
    assert groups["agents.ben.reward_mean"] == "agents"
    assert groups["reward_terms.faint"] == "reward_terms"
    assert broken.verdict[1] == (
        "moved the most: loss_entropy (loss), agents.ben.reward_mean (agent), reward_terms.faint (term of the reward), "
        "events.faint (event), grad_norm (learning)"
    )


def test_keys_are_ranked_by_effect(broken: Explanation) -> None:
    effects = [abs(each.effect or 0.0) for each in broken.moved]
    assert effects == sorted(effects, reverse=True)
    assert all(effect >= each.limit for effect, each in zip(effects, broken.moved, strict=True))


def test_what_moved_before_it_and_after_it_is_told_apart(broken: Explanation) -> None:
    found = moved(broken)
    assert (found["loss_entropy"].changed_at, found["loss_entropy"].order) == (25, "first")
    assert (found["loss_value"].changed_at, found["loss_value"].order) == (31, "with")
    assert (found["grad_norm"].changed_at, found["grad_norm"].order) == (38, "after")
    assert "moved before it: loss_entropy (epoch 25)" in broken.verdict


def test_parts_of_the_loss_are_weighed_as_in_its_sum(broken: Explanation) -> None:
    """Values add 0.5 * (7.5 - 3.5) = 2, entropy -0.01 * (0.5 - 1.5) = 0.01 at most, as half of it came before."""
    parts = {part.key: part.difference for part in broken.loss_parts}
    assert broken.loss_parts[0].key == "loss_value"
    assert parts["loss_value"] == pytest.approx(2, abs=0.3)
    assert 0 < parts["loss_entropy"] < 0.011


def test_who_fared_worst_is_told_before_and_after(tmp_path: Path) -> None:
    run = [
        {**record, "agents.worst": "anna" if number < 32 else "ben"}
        for number, record in enumerate(records(60, BROKEN), 1)
    ]
    found = explain(write(tmp_path / "ppo.jsonl", run)).worst_agent
    assert found is not None
    assert (found.before, found.after) == ("anna", "ben")


def test_of_noise_it_says_that_nothing_changed(tmp_path: Path) -> None:
    quiet = {key: step(99, curve(1), 0.0) for key, curve in BROKEN.items()}
    found = explain(write(tmp_path / "ppo.jsonl", records(60, quiet)))
    assert (found.changes, found.moved, found.explained, found.loss_parts) == ((), (), None, ())
    assert found.verdict[0].startswith("ep_return_mean did not change: one straight line and noise of ")


def test_keys_of_noise_seldom_seem_to_move_with_a_change() -> None:
    """Of 50 runs with 20 keys of noise each, 1,000 in all, 1 % may."""
    wrong = 0
    for seed in range(50):
        chance = np.random.default_rng(seed)
        curves = Curves(Path("ppo.jsonl"), "1")
        for epoch in range(1, 61):
            noise = {f"events.e{key}": float(draw) for key, draw in enumerate(chance.normal(size=20))}
            curves.add({"epoch": epoch, "ep_return_mean": float(chance.normal()) + 8 * (epoch > 30), **noise})
        curves.end()
        found = explain_curves(curves)
        assert found.explained is not None
        wrong += len(found.moved)
    assert wrong <= 10


def test_an_epoch_can_be_chosen(tmp_path: Path) -> None:
    log = write(tmp_path / "ppo.jsonl", records(60, BROKEN))
    found = explain(log, at=25)
    assert found.explained == 25
    assert moved(found)["loss_entropy"].order == "with"
    with pytest.raises(UsageError, match="must be an epoch after the first of 1 to 60, found 61"):
        explain(log, at=61)


def test_too_few_epochs_are_said_to_be_too_few(tmp_path: Path) -> None:
    found = explain(write(tmp_path / "ppo.jsonl", records(11, BROKEN)))
    assert found.verdict == ("ep_return_mean has 11 points: too few to look for a change",)
    assert "a change is looked for in 12 points or more: ep_return_mean has 11" in found.undecided


def test_what_is_not_in_the_log_is_said_not_to_be(tmp_path: Path) -> None:
    found = explain(write(tmp_path / "ppo.jsonl", [ours(epoch) for epoch in range(1, 14)]))
    assert found.metric == "loss_total"
    assert found.undecided == (
        "there is no ep_return_mean in the log: loss_total stands for it",
        "in 13 points only a large change is seen: 30 or more would do",
        "which agents: the log has no agents.*",
        "which terms of the reward: the log has no reward_terms.*",
        "which events: the log has no events.*",
        "how much each part of the loss adds to loss_total: the log has no entropy_coef",
    )


def test_a_metric_that_is_not_there_is_an_error_with_the_nearest_one(tmp_path: Path) -> None:
    log = write(tmp_path / "ppo.jsonl", [ours(1)])
    with pytest.raises(InputError, match="has no number of loss_totl") as caught:
        explain(log, metric="loss_totl")
    assert caught.value.hint == "did you mean 'loss_total'?"


def test_a_metric_that_comes_late_is_said_to(tmp_path: Path) -> None:
    """An episode is 240 ticks, an epoch 80: a return sums three epochs."""
    found = explain(write(tmp_path / "ppo.jsonl", records(60, BROKEN, ep_len_mean=240.0)))
    (said,) = [each for each in found.undecided if "comes late" in each]
    assert "moved up to 3 epochs before" in said


def test_the_last_run_is_explained_or_the_one_that_is_named(tmp_path: Path) -> None:
    quiet = {"ep_return_mean": step(99, 1.0, 1.0)}
    log = write(tmp_path / "ppo.jsonl", [*records(60, BROKEN), *records(60, quiet, run_id="ben")])
    last, first = explain(log), explain(log, run="anna")
    assert (last.run, last.runs, last.changes) == ("2 (ben)", 2, ())
    assert (first.run, first.runs, first.explained) == ("1 (anna)", 1, 31)


def test_settings_that_change_within_a_run_are_told(tmp_path: Path) -> None:
    run = [{**record, "epochs_planned": 40 if record["epoch"] < 33 else 60} for record in records(60, BROKEN)]
    found = explain(write(tmp_path / "ppo.jsonl", run)).settings
    assert [(each.key, each.epoch, each.before, each.after) for each in found] == [("epochs_planned", 33, 40, 60)]


def test_what_is_no_number_is_told_first(tmp_path: Path) -> None:
    odd = {"loss_value": None, "nonfinite": {"loss_value": "nan"}}
    run = [{**record, **(odd if record["epoch"] > 57 else {})} for record in records(60, BROKEN)]
    found = explain(write(tmp_path / "ppo.jsonl", run))
    assert [(each.key, each.epoch, each.count) for each in found.not_finite] == [("loss_value", 58, 3)]
    assert found.verdict[0] == "loss_value is nan in epoch 58, and no number in 3 records"


def test_a_long_run_takes_no_more_room_than_a_short_one_and_is_told_less_closely() -> None:
    """5,000 records in points of 16: 312 of them, and a last one of 8."""
    curves = Curves(Path("ppo.jsonl"), "1")
    chance = random.Random(1)
    for epoch in range(1, 5001):
        curves.add({"epoch": epoch, "ep_return_mean": chance.gauss(0, 1) + 5 * (epoch > 3000)})
    curves.end()
    assert (curves.width, len(curves.begins)) == (16, 313)
    assert len(curves.begins) < MOST_POINTS
    found = explain_curves(curves)
    (change,) = found.changes
    assert change.low <= 3001 <= change.high + 15
    assert change.high - change.low <= 32
    assert "a point is the mean of 16 epochs: nothing is known more closely" in found.undecided


def test_a_point_of_several_epochs_is_the_mean_of_those_that_have_a_number() -> None:
    """Epochs 1 and 2 have 1 and 3; of 3 and 4 only the second has 5; 5 and 6 have none."""
    curves = Curves(Path("ppo.jsonl"), "1")
    shown = {1: 1.0, 2: 3.0, 4: 5.0}
    for epoch in range(1, MOST_POINTS + 1):
        curves.add({"epoch": epoch, "lr": 0.5, **({"adv_mean": shown[epoch]} if epoch in shown else {})})
    curves.end()
    assert curves.width == 2
    assert curves.curve("adv_mean")[:2].tolist() == [2.0, 5.0]
    assert np.isnan(curves.curve("adv_mean")[2:]).all()
    assert (curves.begins[1], curves.ends[1]) == (3, 4)


def test_keys_without_end_are_cut_off() -> None:
    curves = Curves(Path("ppo.jsonl"), "1")
    curves.add({"epoch": 1, "loss_total": 1.0, **{f"events.e{number}": 1.0 for number in range(MOST_KEYS)}})
    curves.end()
    assert (len(curves.keys), curves.is_cut) == (MOST_KEYS, True)
    assert any("would have said" in each for each in explain_curves(curves).undecided)


def test_numbers_whose_squares_overflow_are_left_out_and_told_of(tmp_path: Path) -> None:
    values = [(-1) ** n * 1.7e308 for n in range(20)]
    log = write(tmp_path / "log", [ours(n + 1, loss_value=value, ep_return_mean=1.0) for n, value in enumerate(values)])
    found = explain(log)
    assert [(each.key, each.epoch, each.kind, each.count) for each in found.not_finite] == [
        ("loss_value", 1, "too large", 20)
    ]
    assert found.verdict[0] == "loss_value is too large in epoch 1, and left out in 20 records"
    with pytest.raises(InputError, match="has no number of loss_value"):
        explain(log, metric="loss_value")


def test_a_log_without_a_record_is_no_log_without_the_metric(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("no record\n")
    with pytest.raises(InputError, match="has no record that can be read"):
        explain(tmp_path / "log")
