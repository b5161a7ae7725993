"""Checkpoints: what is in one, which are kept and which replaced, and that no kill leaves half of one."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from tests.dataset.lives import write_old
from tests.disk import longest_file
from tests.ppo.runs import check_whole, never, run
from townlet_core.config.load import config_hash, load_town
from townlet_core.errors import OutputError
from townlet_core.policy.learned import load_policy
from townlet_core.policy.saved import SavedPolicy
from townlet_core.ppo.checkpoint import SavedTraining
from townlet_core.world.town import compile_town

ROOT = Path(__file__).parents[2]
FILES = ["policy.json", "policy.safetensors", "training.json", "training.safetensors"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_checkpoint_holds_the_files_that_the_reference_names_and_no_others(trained: Path) -> None:
    page = (ROOT / "docs" / "reference" / "checkpoints.md").read_text()
    documented = set(re.findall(r"`((?:policy|training)\.[a-z]+)`", page))
    assert names(trained / "runs") == ["epoch_000002", "epoch_000004"]
    for checkpoint in (trained / "runs").iterdir():
        assert names(checkpoint) == FILES == sorted(documented)


def test_a_checkpoint_says_what_it_is_of(trained: Path) -> None:
    checkpoint = trained / "runs" / "epoch_000004"
    policy = SavedPolicy.model_validate_json((checkpoint / "policy.json").read_text())
    training = SavedTraining.model_validate_json((checkpoint / "training.json").read_text())
    records = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    assert {policy.run_id, training.run_id} == {record["run_id"] for record in records}
    assert policy.epoch == training.epoch == records[-1]["epoch"] == 4
    assert policy.steps == training.steps == records[-1]["steps"]
    assert (training.cycle_id, training.log_offset, training.epochs_planned) == (4, 4, 4)
    assert (training.mode, training.seed, training.worlds, training.rollout_ticks) == ("rollout", 3, 2, 16)
    assert (training.settings.network.hidden, training.settings.ppo.minibatches) == ((8,), 2)
    assert training.captures == ()
    town = compile_town(load_town(str(trained / "kitchen.yaml")))
    assert policy.config_hash == config_hash(town.config)
    assert policy.config == town.config.model_dump(mode="json")
    assert (policy.action_names, policy.feature_names) == (town.actions.names, town.features)
    assert (policy.map_channels, policy.map_shape) == (town.channels, town.map_shape)


def test_the_hashes_in_a_checkpoint_are_those_of_the_files_beside_them(trained: Path) -> None:
    for checkpoint in (trained / "runs").iterdir():
        policy, training = (json.loads((checkpoint / name).read_text()) for name in ("policy.json", "training.json"))
        assert policy["weights_sha256"] == sha256(checkpoint / "policy.safetensors")
        assert training["state_sha256"] == sha256(checkpoint / "training.safetensors")


def test_a_policy_is_known_by_the_names_types_shapes_and_numbers_of_its_weights(trained: Path) -> None:
    checkpoint = trained / "runs" / "epoch_000004"
    digest = hashlib.sha256()
    for name, array in sorted(load_file(checkpoint / "policy.safetensors").items()):
        digest.update(f"{name} <f4 {','.join(map(str, array.shape))}\n".encode() + array.tobytes())
    town = compile_town(load_town(str(trained / "kitchen.yaml")))
    assert load_policy(trained / "runs", town).policy_hash == digest.hexdigest()
    assert load_policy(trained / "runs" / "epoch_000002", town).policy_hash != digest.hexdigest()


def test_a_policy_of_captures_of_no_town_has_no_configuration(kitchen: Path, tmp_path: Path) -> None:
    """The predecessor's lives of three ticks; the policy has their actions, and goes on learning."""
    old = write_old(tmp_path / "old")
    run(kitchen, captures=(old,), epochs=1, checkpoint_dir=tmp_path / "runs")
    found = json.loads((tmp_path / "runs" / "epoch_000001" / "policy.json").read_text())
    assert (found["config"], found["config_hash"]) == (None, None)
    assert found["action_names"][0] == '{"kind": "wait"}'
    assert run(kitchen, captures=(old,), resume=tmp_path / "runs", epochs=2).epochs == 2


@pytest.mark.parametrize(("keep", "left"), [(2, [6, 7]), (None, [3, 4, 5, 6, 7]), (100, [1, 2, 3, 4, 5, 6, 7])])
def test_the_newest_checkpoints_are_kept(kitchen: Path, tmp_path: Path, keep: int | None, left: list[int]) -> None:
    report = run(kitchen, epochs=7, save_every=1, keep=keep, checkpoint_dir=tmp_path / "runs")
    assert names(tmp_path / "runs") == [f"epoch_{epoch:06}" for epoch in left]
    assert report.checkpoint == str(tmp_path / "runs" / "epoch_000007")
    assert check_whole(tmp_path / "runs") == 7


def litter(folder: Path) -> dict[str, str]:
    """Put things of other people into a folder; give the files and what they say."""
    mine = {
        "diary.txt": "mine",
        "epoch_best/policy.json": "mine",
        "epoch_000009/notes.txt": "not a checkpoint",
        "epoch_12/policy.json": "too short a number",
    }
    for name, text in mine.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return mine


def test_what_is_no_checkpoint_is_left_alone_by_saving_and_by_force(kitchen: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    mine = litter(runs)
    run(kitchen, epochs=3, save_every=1, keep=1, checkpoint_dir=runs)
    run(kitchen, epochs=2, checkpoint_dir=runs, force=True)
    assert {name: (runs / name).read_text() for name in mine} == mine
    assert names(runs) == sorted({"epoch_000002", *(name.split("/")[0] for name in mine)})


def test_a_place_that_cannot_be_written_costs_no_checkpoint_even_by_force(copy: Path) -> None:
    """The log is refused after the folder of checkpoints was found good."""
    with pytest.raises(OutputError, match="/proc/no"):
        run(
            copy / "kitchen.yaml", checkpoint_dir=copy / "runs", log=Path("/proc/no/log.jsonl"), force=True,
            on_epoch=never,
        )  # fmt: skip
    assert names(copy / "runs") == ["epoch_000002", "epoch_000004"]
    assert check_whole(copy / "runs") == 4


@pytest.mark.parametrize("option", ["log", "checkpoint_dir", "save_dir"])
def test_a_folder_that_cannot_be_made_is_refused_before_the_first_epoch(kitchen: Path, option: str) -> None:
    with pytest.raises(OutputError, match=r"^/proc/no.*: cannot be written: no such file or directory"):
        run(kitchen, on_epoch=never, **{option: Path("/proc/no/such")})


def test_going_on_elsewhere_does_not_mix_two_runs(kitchen: Path, copy: Path, tmp_path: Path) -> None:
    """A run saved in one folder goes on into another, which holds checkpoints of somebody else."""
    run(kitchen, epochs=3, checkpoint_dir=tmp_path / "others")
    with pytest.raises(OutputError, match=r"others: holds checkpoints of an earlier run \(epoch_000003\)"):
        run(kitchen, resume=copy / "runs", epochs=5, checkpoint_dir=tmp_path / "others", on_epoch=never)
    run(kitchen, resume=copy / "runs", epochs=5, checkpoint_dir=tmp_path / "others", force=True)
    assert names(tmp_path / "others") == ["epoch_000005"]
    assert names(copy / "runs") == ["epoch_000002", "epoch_000004"]


def test_going_on_from_an_older_checkpoint_replaces_the_newer_ones_only_by_force(copy: Path) -> None:
    runs = copy / "runs"
    with pytest.raises(OutputError, match=r"holds newer checkpoints than .*/epoch_000002 \(epoch_000004\)"):
        run(copy / "kitchen.yaml", resume=runs / "epoch_000002", epochs=3, on_epoch=never)
    report = run(copy / "kitchen.yaml", resume=runs / "epoch_000002", epochs=3, keep=1, force=True)
    assert (report.epochs, report.checkpoint) == (3, str(runs / "epoch_000003"))
    assert names(runs) == ["epoch_000003"]


def test_a_checkpoint_that_does_not_fit_leaves_the_earlier_ones_and_nothing_else(copy: Path) -> None:
    with longest_file(1000), pytest.raises(OutputError) as failure:
        run(copy / "kitchen.yaml", resume=copy / "runs", epochs=5)
    said = f"{copy / 'runs'}: cannot be written: file too large\nhint: earlier checkpoints are good"
    assert str(failure.value) == said
    assert names(copy / "runs") == ["epoch_000002", "epoch_000004"]
    assert check_whole(copy / "runs") == 4


def test_a_run_can_be_killed_at_any_step_of_a_save(tmp_path: Path) -> None:
    """See `kill_each_save` for what is checked after each kill; the program prints their number."""
    program = [sys.executable, "-m", "tests.ppo.runs", str(tmp_path)]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20
