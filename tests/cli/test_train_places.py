"""`townlet train ppo`: the places that it reads from and writes to."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.ppo.runs import log_of, townlet, words_of, write_kitchen
from tests.rollout.kitchens import take
from townlet_core.ppo.run import TrainReport


@pytest.fixture(autouse=True)
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a folder with a kitchen."""
    monkeypatch.chdir(tmp_path)
    return write_kitchen(tmp_path)


def test_a_folder_for_the_log_is_made(kitchen: Path) -> None:
    assert townlet(*words_of(kitchen, "--epochs", "1", "--ppo-log", "new/folder/log.jsonl")) == 0
    assert len(log_of(Path("new/folder/log.jsonl"))) == 1


def test_names_that_are_no_text_are_in_the_report_all_the_same(
    kitchen: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = os.fsdecode(b"r\xffns")
    places = ("--ppo-log", f"{name}.jsonl", "--checkpoint-dir", name)
    assert townlet(*words_of(kitchen, "--epochs", "1", "--json", *places)) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["log"], told["checkpoint"]) == (f"{name}.jsonl", f"{name}/epoch_000001")


def test_captures_are_learned_from_by_folder_and_by_manifest(kitchen: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reports = [take(kitchen.absolute(), name, seed=seed) for name, seed in (("day", 1), ("night", 2))]
    capsys.readouterr()
    places = ("--capture-dir", "day", "--replay-manifest", "night/rollout_sample_manifest.json")
    assert townlet(*words_of(kitchen, *places, "--epochs", "2", "--json", live=False)) == 0
    report = TrainReport.model_validate_json(capsys.readouterr().out)
    assert (report.mode, report.steps) == ("replay", 2 * sum(each.agent_steps for each in reports))


def test_what_is_collected_is_kept_in_a_town_whose_agents_were_placed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty.yaml").write_text("name: empty\nscenario: {ticks: 20}\nmap: {width: 9, height: 9}\n")
    words = words_of("empty.yaml", "--epochs", "2", "--rollout-auto-seed-agents", "--rollout-save-dir", "kept")
    assert townlet(*words) == 0
    told = capsys.readouterr()
    assert told.err.startswith("note: nobody lives in this town: alice and bob were placed in it\n")
    assert "capture    kept/rollout_sample_manifest.json\n" in told.out
    assert Path("kept/rollout_sample_w0_alice_001.npz").exists()
