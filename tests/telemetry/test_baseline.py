"""What a log is compared with, and how far each key may be from it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.telemetry.reading import ours, theirs, write
from townlet_core.errors import InputError
from townlet_core.telemetry.baseline import Comparison, read_baseline
from townlet_core.telemetry.checks import Check

# Two lives: their means are 2, 6 and -0.5; anna never had a rival.
SAMPLES = {
    "sample_anna_001.npz": {"reward_mean": 1.0, "reward_sum": 4.0, "log_prob_mean": -0.25, "rivalry_max_mean": None},
    "sample_ben_002.npz": {"reward_mean": 3, "reward_sum": 8.0, "log_prob_mean": -0.75, "rivalry_max_mean": 0.5},
}
OF_CAPTURE = {
    "baseline_sample_count": 2,
    "baseline_reward_mean": 2.0,
    "baseline_reward_sum": 12.0,
    "baseline_reward_sum_mean": 6.0,
    "baseline_log_prob_mean": -0.5,
}


def dump(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def compare(log: Path, baseline: dict[str, float], **options: object) -> list[tuple[str, float, float | None, bool]]:
    """Compare a log; give key, drift, epoch of it, and whether it is too much."""
    comparison = Comparison(baseline, **options)  # type: ignore[arg-type]
    Check(log, report=lambda _: None, visit=comparison.visit).run()
    return [(drift.key, drift.amount, drift.epoch, drift.is_beyond) for drift in comparison.result(log)]


def test_an_object_gives_its_numbers(tmp_path: Path) -> None:
    file = dump(tmp_path / "b.json", {"loss_total": 1, "grad_norm": 0.5, "data_mode": "replay", "finished": True})
    assert read_baseline(file).values == {"loss_total": 1.0, "grad_norm": 0.5}


def test_numbers_beyond_all_floats_are_left_out(tmp_path: Path) -> None:
    """JSON has whole numbers of any length, and two numbers may have a sum that is none."""
    path = dump(tmp_path / "baseline.json", {"steps": 10**400, "lr": -(10**400), "grad_norm": 0.5})
    assert read_baseline(path).values == {"grad_norm": 0.5}
    most = {"reward_mean": 1.7e308, "log_prob_mean": -1.0}
    path = dump(tmp_path / "day_metrics.json", {"anna": most, "ben": most})
    assert read_baseline(path).values == {"baseline_sample_count": 2, "baseline_log_prob_mean": -1.0}


def test_a_record_gives_what_does_not_tell_its_place(tmp_path: Path) -> None:
    found = read_baseline(write(tmp_path / "ppo.jsonl", [ours(1)])).values
    assert found["loss_total"] == 1.5
    assert not found.keys() & {
        "epoch",
        "steps",
        "telemetry_version",
        "log_stream_offset",
        "seq",
        "reward_advantage_corr",
    }


def test_a_log_gives_the_means_of_its_last_run(tmp_path: Path) -> None:
    losses = [("anna", 9.0), ("ben", 1.0), ("ben", 2.0)]
    records = [
        ours(n, run_id=run_id, loss_value=loss, seq=1 if run_id == "anna" else n - 1, adv_std=None if n == 2 else 3.0)
        for n, (run_id, loss) in enumerate(losses, 1)
    ]
    found = read_baseline(write(tmp_path / "ppo.jsonl", records))
    assert (found.values["loss_value"], found.values["adv_std"], found.doubt) == (1.5, 3.0, None)


def test_a_log_that_repeats_its_record_is_a_doubtful_baseline_and_one_all_the_same(tmp_path: Path) -> None:
    log = write(tmp_path / "ppo.jsonl", [theirs(1), theirs(1)])
    found = read_baseline(log)
    assert found.doubt == f"the baseline is doubtful: {log}:2: epoch: repeats the record in {log}:1, got 1"
    assert found.values["loss_total"] == 1.5


@pytest.mark.parametrize("content", [SAMPLES, {"metadata": None, "samples": SAMPLES}], ids=["older", "newer"])
def test_a_capture_gives_what_training_says_of_it(tmp_path: Path, content: object) -> None:
    file = dump(tmp_path / "rollout_sample_metrics.json", content)
    assert read_baseline(file).values == read_baseline(tmp_path).values == OF_CAPTURE


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({}, "is no capture: it has no file *_metrics.json"),
        (
            {"a_metrics.json": SAMPLES, "b_metrics.json": SAMPLES},
            "holds 2 captures\nhint: name the metrics file of one",
        ),
    ],
)
def test_a_folder_that_is_not_one_capture_is_refused(tmp_path: Path, files: dict[str, object], problem: str) -> None:
    for name, content in files.items():
        dump(tmp_path / name, content)
    with pytest.raises(InputError) as caught:
        read_baseline(tmp_path)
    assert str(caught.value) == f"{tmp_path}: {problem}"


@pytest.mark.parametrize("content", [{}, {"loss_total": None}, {"loss_total": "1"}])
def test_a_file_without_numbers_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(InputError, match="holds no number to compare with"):
        read_baseline(dump(tmp_path / "b.json", content))


def test_the_worst_epoch_of_each_key_is_found_and_the_worst_key_comes_first(tmp_path: Path) -> None:
    """Losses 3, 7 and 4 are 1, 3 and 0 off 4; the gradient norm is 0.5 in all of them."""
    log = write(tmp_path / "ppo.jsonl", [ours(n, loss_value=loss) for n, loss in enumerate((3.0, 7.0, 4.0), 1)])
    baseline = {"grad_norm": 0.5, "loss_value": 4.0, "replay_loss": 1.0}
    assert compare(log, baseline) == [("loss_value", 3.0, 2, False), ("grad_norm", 0.0, 1, False)]
    assert compare(log, baseline, threshold=3.0)[0] == ("loss_value", 3.0, 2, False)
    assert compare(log, baseline, threshold=2.5)[0] == ("loss_value", 3.0, 2, True)
    assert compare(log, baseline, threshold=0.5, relative=True)[0] == ("loss_value", 0.75, 2, True)
    assert not compare(log, baseline, threshold=0.5, tolerances={"loss_value": 5.0})[0][3]


def test_a_share_of_nothing_is_without_bounds(tmp_path: Path) -> None:
    log = write(tmp_path / "ppo.jsonl", [ours(1)])
    found = compare(log, {"loss_value": 0.0, "adv_mean": 0.0}, relative=True, threshold=1e9)
    assert found == [("loss_value", math.inf, 1, True), ("adv_mean", 0.0, 1, False)]


def test_a_log_without_any_key_or_without_one_that_has_a_tolerance_cannot_be_compared(tmp_path: Path) -> None:
    log = write(tmp_path / "ppo.jsonl", [ours(1)])
    with pytest.raises(InputError, match="has none of the keys of the baseline"):
        compare(log, {"replay_loss": 1.0})
    with pytest.raises(InputError, match="has no replay_loss to compare with the baseline"):
        compare(log, {"replay_loss": 1.0, "grad_norm": 1.0}, tolerances={"replay_loss": 1.0})


def test_a_word_is_not_compared(tmp_path: Path) -> None:
    log = write(tmp_path / "ppo.jsonl", [ours(1, anneal_stage="bc", scenario="town"), ours(2, anneal_stage=2)])
    baseline = {"anneal_stage": 1.0, "scenario": 1.0, "nonfinite": 1.0}
    assert compare(log, baseline) == [("anneal_stage", 1.0, 2, False)]
