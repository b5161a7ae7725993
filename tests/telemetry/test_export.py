"""Logs for TensorBoard, read back by TensorBoard; and as CSV and JSON a line."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.telemetry.epochs import names as names_in
from tests.telemetry.reading import oldest, ours, write
from townlet_core.errors import InputError, OutputError
from townlet_core.telemetry.exporting.export import to_csv, to_jsonl
from townlet_core.telemetry.exporting.tensorboard import EVENTS, to_tensorboard

BEGIN = 1_767_225_600  # 2026-01-01T00:00:00Z


def timed(number: int, **others: object) -> dict[str, object]:
    return ours(number, time=f"2026-01-01T00:00:{number:02}Z", **others)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write(tmp_path / "ppo.jsonl", [timed(number, ep_return_mean=float(number)) for number in (1, 2, 3)])


def scalars(folder: Path) -> dict[str, list[tuple[float, int, float]]]:
    """Read the event file of a run as TensorBoard does: tag -> time, step and value of each point."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    found.Reload()
    tags: list[str] = found.Tags()["scalars"]
    return {tag: [(each.wall_time, each.step, each.value) for each in found.Scalars(tag)] for tag in tags}


def test_a_run_has_a_folder_with_its_numbers_steps_and_times(log: Path, tmp_path: Path) -> None:
    """Each epoch of these has 160 transitions."""
    made = to_tensorboard(log, tmp_path / "tb")
    assert (made.records, made.runs, made.left_out, made.problems) == (3, 1, 0, 0)
    assert names_in(tmp_path / "tb") == ["anna"]
    assert names_in(tmp_path / "tb" / "anna") == [EVENTS]
    found = scalars(tmp_path / "tb" / "anna")
    assert found["returns/ep_return_mean"] == [(BEGIN + 1, 160, 1), (BEGIN + 2, 320, 2), (BEGIN + 3, 480, 3)]
    assert found["loss/loss_policy"][0][2] == -0.25
    assert "conflict/rivalry_max_mean_avg" in found
    assert not {"place/steps", "place/epoch", "learning/reward_advantage_corr"} & set(found)  # the last one is null


def test_a_step_can_be_an_epoch(log: Path, tmp_path: Path) -> None:
    to_tensorboard(log, tmp_path / "tb", step="epoch")
    assert [step for _, step, _ in scalars(tmp_path / "tb" / "anna")["loss/loss_policy"]] == [1, 2, 3]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            "sb3",
            {"rollout/ep_rew_mean": 2, "train/value_loss": 7, "train/entropy_loss": -1, "train/learning_rate": 0.001},
        ),
        (
            "cleanrl",
            {"charts/episodic_return": 2, "losses/value_loss": 3.5, "losses/entropy": 1, "losses/old_approx_kl": -0.01},
        ),
    ],
)
def test_keys_have_the_names_and_values_of_other_programs(
    log: Path, tmp_path: Path, names: Any, expected: dict[str, float]
) -> None:
    """Our value loss of 3.5 is half the squared error, which is 7; our entropy is 1."""
    to_tensorboard(log, tmp_path / "tb", names=names)
    found = scalars(tmp_path / "tb" / "anna")
    assert {tag: found[tag][1][2] for tag in expected} == pytest.approx(expected)
    assert "data/transitions" in found  # what they have no name for keeps ours


def test_runs_of_a_log_have_folders_of_their_own(tmp_path: Path) -> None:
    runs = [timed(1), timed(2), timed(3, run_id="../ben", epoch=1, seq=1)]
    to_tensorboard(write(tmp_path / "ppo.jsonl", runs), tmp_path / "tb")
    assert names_in(tmp_path / "tb") == ["_ben", "anna"]
    assert [len(scalars(tmp_path / "tb" / run)["loss/loss_policy"]) for run in ("anna", "_ben")] == [2, 1]


def test_runs_whose_names_would_be_the_same_are_kept_apart(tmp_path: Path) -> None:
    runs = [timed(1, run_id="a/b"), timed(2, run_id="a_b", epoch=1, seq=1)]
    to_tensorboard(write(tmp_path / "ppo.jsonl", runs), tmp_path / "tb")
    assert names_in(tmp_path / "tb") == ["a_b", "a_b_2"]


def test_a_log_without_times_has_those_of_its_epochs_added_up(tmp_path: Path) -> None:
    """Version 1.0 has neither; that of ours takes 0.25 s an epoch."""
    records = [{key: value for key, value in ours(number).items() if key != "run_id"} for number in (1, 2)]
    to_tensorboard(write(tmp_path / "ppo.jsonl", records), tmp_path / "tb")
    assert [time for time, _, _ in scalars(tmp_path / "tb" / "run_1")["loss/loss_policy"]] == [0.25, 0.5]
    to_tensorboard(write(tmp_path / "old.jsonl", [oldest(1), oldest(2)]), tmp_path / "old")
    assert [time for time, _, _ in scalars(tmp_path / "old" / "run_1")["loss/loss_policy"]] == [0, 0]


def test_what_is_no_number_is_shown_as_none(tmp_path: Path) -> None:
    odd = {"loss_value": None, "grad_norm": None, "nonfinite": {"loss_value": "nan", "grad_norm": "inf"}}
    to_tensorboard(write(tmp_path / "ppo.jsonl", [timed(1, **odd)]), tmp_path / "tb")
    found = scalars(tmp_path / "tb" / "anna")
    assert math.isnan(found["loss/loss_value"][0][2])
    assert found["learning/grad_norm"][0][2] == math.inf


def test_what_is_wrong_is_left_out_and_counted(tmp_path: Path) -> None:
    runs = [timed(1), timed(2, loss_value="3.5"), timed(3, steps="many")]
    made = to_tensorboard(write(tmp_path / "ppo.jsonl", runs), tmp_path / "tb")
    assert (made.records, made.problems, made.left_out) == (3, 2, 1)
    assert [step for _, step, _ in scalars(tmp_path / "tb" / "anna")["loss/loss_value"]] == [160]


def test_an_export_that_is_there_is_replaced_only_if_that_is_asked_for(log: Path, tmp_path: Path) -> None:
    to_tensorboard(log, tmp_path / "tb")
    first = (tmp_path / "tb" / "anna" / EVENTS).read_bytes()
    write(log, [timed(1)])
    with pytest.raises(OutputError, match="holds an export of a run of that name"):
        to_tensorboard(log, tmp_path / "tb")
    assert (tmp_path / "tb" / "anna" / EVENTS).read_bytes() == first
    assert names_in(tmp_path / "tb" / "anna") == [EVENTS]
    to_tensorboard(log, tmp_path / "tb", force=True)
    assert len(scalars(tmp_path / "tb" / "anna")["loss/loss_policy"]) == 1


def test_events_of_another_program_are_never_mixed_with(log: Path, tmp_path: Path) -> None:
    (tmp_path / "tb" / "anna").mkdir(parents=True)
    (tmp_path / "tb" / "anna" / "events.out.tfevents.1.host").touch()
    with pytest.raises(OutputError, match="holds events of another program"):
        to_tensorboard(log, tmp_path / "tb", force=True)


def test_a_file_is_no_folder_for_runs(log: Path) -> None:
    before = log.read_bytes()
    with pytest.raises(OutputError, match="is no folder") as caught:
        to_tensorboard(log, log, force=True)
    assert caught.value.hint == "name one: each run has a folder of its own in it"
    assert log.read_bytes() == before


def test_nothing_is_left_of_an_export_that_fails(log: Path, tmp_path: Path) -> None:
    """The second run's folder is taken, the first one's is not."""
    write(log, [timed(1), timed(2, run_id="ben", epoch=1, seq=1)])
    (tmp_path / "tb" / "ben").mkdir(parents=True)
    (tmp_path / "tb" / "ben" / EVENTS).touch()
    with pytest.raises(OutputError):
        to_tensorboard(log, tmp_path / "tb")
    assert names_in(tmp_path / "tb") == ["ben"]


def test_what_a_crash_has_left_is_not_added_to(log: Path, tmp_path: Path) -> None:
    (tmp_path / "tb" / "anna").mkdir(parents=True)
    (tmp_path / "tb" / "anna" / "draft.townlet").write_bytes(b"half an event")
    to_tensorboard(log, tmp_path / "tb")
    assert names_in(tmp_path / "tb" / "anna") == [EVENTS]
    assert len(scalars(tmp_path / "tb" / "anna")["loss/loss_policy"]) == 3


def test_the_same_log_gives_the_same_bytes(log: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        to_tensorboard(log, tmp_path / folder)
    assert (tmp_path / "a" / "anna" / EVENTS).read_bytes() == (tmp_path / "b" / "anna" / EVENTS).read_bytes()


def test_neither_torch_nor_tensorflow_is_loaded(log: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from townlet_cli.app import main; code = main(sys.argv[1:]);"
        "loaded = {'torch', 'tensorflow', 'numba'} & set(sys.modules); assert not loaded, loaded; sys.exit(code)"
    )
    words = ["telemetry", "export", str(log), "--to", "tensorboard", str(tmp_path / "tb")]
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_without_tensorboard_it_is_said_what_to_install(log: Path, tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['tensorboard'] = None; from townlet_cli.app import main; sys.exit(main(sys.argv[1:]))"
    )
    words = ["telemetry", "export", str(log), "--to", "tensorboard", str(tmp_path / "tb")]
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "error: --to tensorboard: tensorboard is not installed\nhint: pip install 'townlet[tensorboard]'\n"
    )
    assert not (tmp_path / "tb").exists()


def test_a_table_has_a_column_for_each_key_of_any_record(tmp_path: Path) -> None:
    odd = {"loss_value": None, "nonfinite": {"loss_value": "nan"}}
    log = write(tmp_path / "ppo.jsonl", [timed(1), timed(2, ep_return_mean=1.5, **odd)])
    assert to_csv(log, tmp_path / "ppo.csv", names="sb3").records == 2
    with (tmp_path / "ppo.csv").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["run"], first["time/iterations"], first["time/total_timesteps"]) == ("anna", "1", "160")
    assert (first["rollout/ep_rew_mean"], second["rollout/ep_rew_mean"]) == ("", "1.5")
    assert (first["train/value_loss"], second["train/value_loss"]) == ("7.0", "nan")
    assert (first["data_mode"], first["reward_advantage_corr"]) == ("rollout", "")
    assert "nonfinite" not in first


def test_an_object_a_line_has_the_names_of_other_programs(tmp_path: Path) -> None:
    odd = {"loss_value": None, "nonfinite": {"loss_value": "nan"}}
    to_jsonl(write(tmp_path / "ppo.jsonl", [timed(1, **odd)]), tmp_path / "new.jsonl", names="cleanrl")
    (found,) = map(json.loads, (tmp_path / "new.jsonl").read_text(encoding="utf-8").splitlines())
    assert (found["run"], found["global_step"], found["losses/entropy"], found["losses/value_loss"]) == (
        "anna",
        160,
        1,
        None,
    )


@pytest.mark.parametrize("write_to", [to_csv, to_jsonl])
def test_a_file_that_is_there_is_replaced_only_if_that_is_asked_for(log: Path, tmp_path: Path, write_to: Any) -> None:
    (tmp_path / "made").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="is there already"):
        write_to(log, tmp_path / "made")
    assert (tmp_path / "made").read_text(encoding="utf-8") == "mine"
    write_to(log, tmp_path / "made", force=True)
    assert (tmp_path / "made").read_text(encoding="utf-8") != "mine"
    assert names_in(tmp_path) == ["made", "ppo.jsonl"]


@pytest.mark.parametrize("write_to", [to_csv, to_jsonl])
@pytest.mark.parametrize("name", ["ppo.jsonl", "ppo.jsonl.1", "link"])
def test_the_log_itself_is_never_replaced(log: Path, tmp_path: Path, write_to: Any, name: str) -> None:
    """Not even by force, nor by the name of one of its segments, nor by a link to it."""
    log.rename(tmp_path / "ppo.jsonl.1")
    write(log, [timed(4)])
    (tmp_path / "link").symlink_to(log)
    before = {each: each.read_bytes() for each in tmp_path.iterdir()}
    with pytest.raises(OutputError, match="is a file of the log itself"):
        write_to(log, tmp_path / name, force=True)
    assert {each: each.read_bytes() for each in tmp_path.iterdir()} == before


@pytest.mark.parametrize("write_to", [to_csv, to_jsonl, to_tensorboard])
def test_nothing_is_written_of_a_log_without_a_record(tmp_path: Path, write_to: Any) -> None:
    (tmp_path / "log").write_bytes(b"\x00\xff\n{}\n")
    (tmp_path / "made").mkdir() if write_to is to_tensorboard else (tmp_path / "made").write_text("mine")
    with pytest.raises(InputError, match="has no record that can be read"):
        write_to(tmp_path / "log", tmp_path / "made", force=True)
    assert names_in(tmp_path) == ["log", *(["made"] if (tmp_path / "made").exists() else [])]
    assert write_to is to_tensorboard or (tmp_path / "made").read_text() == "mine"
