"""A run from request to report: what it logs, keeps and repeats, in each mode."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.dataset.lives import write_old, write_ours
from tests.ppo.runs import TIMES, log_of, never, run, weights_of
from tests.rollout.kitchens import take
from townlet_core.dataset.replay import open_dataset
from townlet_core.errors import InputError, OutputError, UsageError
from townlet_core.ppo.describe import Values
from townlet_core.samples.manifest import read_manifest
from townlet_core.samples.sample import Meta, Sample, read_meta, read_sample
from townlet_core.samples.seal import read_seal, verify
from townlet_core.telemetry.log import TelemetryLog
from townlet_core.telemetry.record import EpochRecord


@pytest.fixture
def scripted(kitchen: Path) -> Path:
    """A capture of the script, in the kitchen."""
    take(kitchen, "scripted", worlds=2)
    return kitchen.parent / "scripted"


def test_each_epoch_is_a_valid_record_and_the_last_says_that_it_is(kitchen: Path, tmp_path: Path) -> None:
    report = run(kitchen, log=tmp_path / "log.jsonl")
    records = [EpochRecord.model_validate(record) for record in log_of(tmp_path / "log.jsonl")]
    assert [record.epoch for record in records] == [1, 2, 3, 4, 5, 6]
    assert [record.log_stream_offset for record in records] == [1, 2, 3, 4, 5, 6]
    assert [record.cycle_id for record in records] == [0, 1, 2, 3, 4, 5]
    assert [record.finished for record in records] == [None] * 5 + [True]
    assert {(record.telemetry_version, record.data_mode, record.rollout_ticks) for record in records} == {
        (1.1, "rollout", 16)
    }
    transitions = np.cumsum([record.transitions for record in records]).tolist()
    assert [record.steps for record in records] == transitions
    assert (report.epochs, report.steps, report.ended, report.run_id) == (6, transitions[-1], "done", records[0].run_id)


def test_the_learning_rate_falls_by_a_sixth_an_epoch(kitchen: Path, tmp_path: Path) -> None:
    run(kitchen, log=tmp_path / "log.jsonl", also=("ppo.learning_rate=0.006",))
    assert [record["lr"] for record in log_of(tmp_path / "log.jsonl")] == pytest.approx(
        [0.006, 0.005, 0.004, 0.003, 0.002, 0.001]
    )


def test_a_seed_repeats_bit_for_bit_and_another_differs(kitchen: Path, tmp_path: Path) -> None:
    reports = {
        name: run(kitchen, epochs=2, seed=seed, log=tmp_path / f"{name}.jsonl", checkpoint_dir=tmp_path / name)
        for name, seed in (("one", 7), ("again", 7), ("other", 8))
    }
    weights = {name: weights_of(report) for name, report in reports.items()}
    assert weights["one"] == weights["again"] != weights["other"]
    one, again = (log_of(tmp_path / f"{name}.jsonl", TIMES | {"run_id"}) for name in ("one", "again"))
    assert one == again


def test_a_training_beside_the_main_thread_is_the_same(kitchen: Path, tmp_path: Path) -> None:
    """Signals come to the main thread alone, so it cannot be asked to stop."""
    with ThreadPoolExecutor(1) as pool:
        aside = pool.submit(run, kitchen, epochs=2, checkpoint_dir=tmp_path / "aside").result()
    assert weights_of(aside) == weights_of(run(kitchen, epochs=2, checkpoint_dir=tmp_path / "here"))


def test_only_every_third_epoch_is_logged_and_the_last(kitchen: Path, tmp_path: Path) -> None:
    run(kitchen, epochs=5, log=tmp_path / "log.jsonl", log_frequency=3)
    assert [record["epoch"] for record in log_of(tmp_path / "log.jsonl")] == [3, 5]


def test_an_evaluation_plays_whole_episodes_every_second_epoch_and_at_the_end(kitchen: Path, tmp_path: Path) -> None:
    run(kitchen, epochs=3, log=tmp_path / "log.jsonl", eval_every=2, eval_worlds=3)
    assert [record.get("eval_count") for record in log_of(tmp_path / "log.jsonl")] == [None, 3, 3]


def test_evaluating_changes_nothing_that_is_learned(kitchen: Path, tmp_path: Path) -> None:
    plain = run(kitchen, epochs=2, checkpoint_dir=tmp_path / "plain")
    watched = run(kitchen, epochs=2, checkpoint_dir=tmp_path / "watched", eval_every=1, eval_worlds=2)
    assert weights_of(plain) == weights_of(watched)


def samples_of(folder: Path) -> list[Sample]:
    found = []
    for entry in read_manifest(folder / "rollout_sample_manifest.json").samples:
        sample = read_sample(folder / entry.sample, read_meta(folder / entry.meta))
        assert isinstance(sample, Sample)
        found.append(sample)
    return found


def test_what_was_collected_is_kept_as_a_sealed_capture_of_the_learned_policy(kitchen: Path, tmp_path: Path) -> None:
    report = run(kitchen, save_dir=tmp_path / "kept")
    assert report.capture == str(tmp_path / "kept" / "rollout_sample_manifest.json")
    assert verify(tmp_path / "kept") == []
    assert read_seal(tmp_path / "kept" / "rollout_sample_seal.json").ticks == 6 * 16
    samples = samples_of(tmp_path / "kept")
    assert sum(len(sample.rewards) for sample in samples) == report.steps
    for sample in samples:
        assert isinstance(sample.meta, Meta)
        assert (sample.meta.policy.kind, sample.meta.policy.log_probs) == ("learned", "true")
        assert (sample.old_log_probs <= 0).all()
        assert sample.action_mask[np.arange(len(sample.actions)), sample.actions].all()
        assert sample.dones.tolist() == [False] * (len(sample.dones) - 1) + [True], "each life ends once, at its end"
    assert any(sample.truncated[-1] and sample.last_features.any() for sample in samples)


def test_keeping_what_is_collected_changes_nothing_that_is_learned(kitchen: Path, tmp_path: Path) -> None:
    plain = run(kitchen, checkpoint_dir=tmp_path / "plain")
    kept = run(kitchen, checkpoint_dir=tmp_path / "kept", save_dir=tmp_path / "capture")
    assert weights_of(plain) == weights_of(kept)


def test_a_kept_capture_has_true_log_probabilities_to_learn_from(kitchen: Path, tmp_path: Path) -> None:
    """Method auto is then vtrace, which compares with them: there is a KL."""
    first = run(kitchen, save_dir=tmp_path / "kept")
    run(kitchen, captures=(tmp_path / "kept",), epochs=2, log=tmp_path / "log.jsonl")
    for record in log_of(tmp_path / "log.jsonl"):
        assert (record["data_mode"], record["transitions"], record["rollout_ticks"]) == ("replay", first.steps, 0)
        assert record["kl_divergence"] is not None
        assert record["baseline_log_prob_mean"] < 0


def test_captures_of_a_script_are_learned_from_without_log_probabilities(
    kitchen: Path, scripted: Path, tmp_path: Path
) -> None:
    report = run(kitchen, captures=(scripted,), epochs=2, log=tmp_path / "log.jsonl")
    with open_dataset([scripted]) as dataset:
        steps, lives = dataset.steps, len(dataset.lives)
    assert report.steps == 2 * steps
    for record in log_of(tmp_path / "log.jsonl"):
        assert (record["data_mode"], record["cycle_id"], record["baseline_sample_count"]) == ("replay", 0, lives)
        assert [record[key] for key in ("kl_divergence", "clip_fraction")] == [None, None]
        assert record["replay_weight_mean"] == pytest.approx(1)


def test_captures_of_the_town_with_other_rewards_are_taken_with_a_note(kitchen: Path, scripted: Path) -> None:
    here = run(kitchen, captures=(scripted,), epochs=1)
    elsewhere = run(kitchen, captures=(scripted,), epochs=1, also=("rewards.survival=0.5",))
    said = "captures are of another configuration of this town, such as other rewards or other ticks"
    assert (here.notes, elsewhere.notes) == ((), (said,))


@pytest.mark.parametrize(("epochs", "method", "notes"), [(2, "auto", 1), (3, "auto", 0), (2, "awr", 0)])
def test_a_run_too_short_for_advantages_says_so(kitchen: Path, epochs: int, method: str, notes: int) -> None:
    """Of captures with noise the first two epochs clone, while the critic learns."""
    take(kitchen, "noisy", noise=0.25)
    report = run(kitchen, captures=(kitchen.parent / "noisy",), epochs=epochs, also=(f"replay.method={method}",))
    said = "these epochs only clone what was captured: advantages count after the first 2 of a run"
    assert report.notes == (said,) * notes


def test_vtrace_of_a_script_is_refused_with_the_sample(kitchen: Path, scripted: Path) -> None:
    with pytest.raises(InputError, match=r"rollout_sample_w0_anna_001\.npz: has no true log-prob.*vtrace needs"):
        run(kitchen, captures=(scripted,), also=("replay.method=vtrace",), on_epoch=never)


def test_mixed_warms_up_on_captures_and_then_tells_their_loss(kitchen: Path, scripted: Path, tmp_path: Path) -> None:
    run(
        kitchen, mode="mixed", captures=(scripted,), epochs=3, log=tmp_path / "log.jsonl",
        also=("mixed.warm_start_epochs=1",),
    )  # fmt: skip
    records = log_of(tmp_path / "log.jsonl")
    assert ["replay_loss" in record for record in records] == [False, True, True]
    assert [record["rollout_ticks"] for record in records] == [0, 16, 16]
    assert [record["cycle_id"] for record in records] == [0, 0, 1]
    assert {record["data_mode"] for record in records} == {"mixed"}


def test_the_captures_pull_in_a_mixed_epoch(kitchen: Path, scripted: Path, tmp_path: Path) -> None:
    weights = [
        weights_of(
            run(
                kitchen, mode="mixed", captures=(scripted,), epochs=2, checkpoint_dir=tmp_path / coefficient,
                also=("mixed.warm_start_epochs=1", f"mixed.replay_coef={coefficient}"),
            )
        )
        for coefficient in ("0", "1")
    ]  # fmt: skip
    assert weights[0] != weights[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"epochs": 0}, "--epochs: must be a whole number from 1 to 100000000, found 0", id="epochs"),
        pytest.param({"worlds": 0}, "--worlds: must be a whole number from 1 to 100000, found 0", id="worlds"),
        pytest.param({"mode": "replay"}, "--mode: replay learns from captures, and none is given", id="no capture"),
        pytest.param({"mode": "mixed"}, "--mode: mixed learns from captures, and none is given", id="nothing to mix"),
        pytest.param({"captures": ("x",), "mode": "rollout"}, "--mode: rollout learns from the town alone", id="both"),
        pytest.param({"captures": ("x",), "worlds": 2}, "--worlds: replay does not play the town", id="worlds unused"),
        pytest.param({"captures": ("x",), "save_dir": "y"}, "--rollout-save-dir: replay does not", id="nothing kept"),
        pytest.param({"save_every": 1}, "--save-every: has no effect without --checkpoint-dir", id="nowhere"),
        pytest.param({"log_frequency": 2}, "--ppo-log-frequency: has no effect without --ppo-log", id="no log"),
        pytest.param({"eval_worlds": 2}, "--eval-worlds: has no effect without --eval-every", id="no evaluation"),
        pytest.param({"keep": 2}, "--keep-checkpoints: has no effect without --checkpoint-dir", id="nothing to keep"),
        pytest.param({"rollout_ticks": 1}, "ppo.minibatches: 2 minibatches of whole ticks", id="few ticks"),
    ],
)
def test_options_that_nothing_can_meet_are_refused(kitchen: Path, options: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as refusal:
        run(kitchen, on_epoch=never, **options)
    assert str(refusal.value).startswith(said)


@pytest.mark.parametrize("option", ["log", "checkpoint_dir", "save_dir"])
def test_a_place_that_cannot_be_written_is_refused_before_the_first_epoch(
    kitchen: Path, tmp_path: Path, option: str
) -> None:
    (tmp_path / "file").write_text("mine")
    place = tmp_path / "file" / "log.jsonl" if option == "log" else tmp_path / "file"
    with pytest.raises(OutputError, match=str(tmp_path / "file")):
        run(kitchen, on_epoch=never, **{option: place})
    assert (tmp_path / "file").read_text() == "mine"


def test_a_reward_that_is_no_number_is_refused_with_file_and_array(kitchen: Path, tmp_path: Path) -> None:
    folder = write_old(tmp_path / "odd", {"rewards": np.array([0.25, np.nan, 0.5], np.float32)})
    with pytest.raises(InputError, match=r"odd/anna_001\.npz: rewards: holds NaN or infinity"):
        run(kitchen, captures=(folder,), on_epoch=never)


def test_captures_of_another_town_are_refused_by_the_first_difference(kitchen: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="in the town kitchen: action 2 is 'request fridge' in the capture"):
        run(kitchen, captures=(write_ours(tmp_path / "other"),), on_epoch=never)


def test_a_full_device_costs_the_log_and_not_the_training(kitchen: Path) -> None:
    report = run(kitchen, epochs=3, log=Path("/dev/full"))
    assert (report.epochs, report.lost_records) == (3, 3)
    assert report.notes == ("3 records could not be written to the log: no space left on device",)


def test_a_log_that_another_run_writes_is_refused_with_its_process(kitchen: Path, tmp_path: Path) -> None:
    with (
        TelemetryLog(tmp_path / "log.jsonl", run_id="first"),
        pytest.raises(OutputError, match=f"is being written by process {os.getpid()}\n"),
    ):
        run(kitchen, log=tmp_path / "log.jsonl", on_epoch=never)


def test_a_second_run_in_a_folder_of_checkpoints_is_kept_out_though_it_has_force(kitchen: Path, tmp_path: Path) -> None:
    """It begins while the first one runs, and what that has kept and goes on to keep is whole."""
    refused = []

    def begin_another(values: Values) -> None:
        if values["epoch"] == 2:
            with pytest.raises(OutputError) as caught:
                run(kitchen, checkpoint_dir=tmp_path / "saved", force=True, on_epoch=never)
            refused.append(str(caught.value))

    run(kitchen, epochs=3, save_every=1, checkpoint_dir=tmp_path / "saved", on_epoch=begin_another)
    assert refused == [
        f"{tmp_path / 'saved'}: is being written by process {os.getpid()}\n"
        "hint: wait until it has ended, or choose another --checkpoint-dir"
    ]
    kept = sorted(path.name for path in (tmp_path / "saved").iterdir())
    assert kept == ["epoch_000001", "epoch_000002", "epoch_000003"]


def test_a_folder_with_checkpoints_is_begun_anew_only_by_force(kitchen: Path, tmp_path: Path) -> None:
    run(kitchen, epochs=2, checkpoint_dir=tmp_path / "saved")
    with pytest.raises(OutputError, match=r"holds checkpoints of an earlier run \(epoch_000002\)"):
        run(kitchen, epochs=1, checkpoint_dir=tmp_path / "saved", on_epoch=never)
    run(kitchen, epochs=1, checkpoint_dir=tmp_path / "saved", force=True)
    assert [path.name for path in (tmp_path / "saved").iterdir()] == ["epoch_000001"]
