"""The log in docs/samples is what the trainer writes today, and a baseline for every command that takes one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Townlet
from townlet_core.telemetry.migrate import REQUIRED

SAMPLE = Path(__file__).parents[2] / "docs" / "samples" / "ppo_conflict_telemetry.jsonl"
REMAKE = "make it anew: see docs/samples/README.md"
SETTINGS = ("scenario", "config_hash", "seed", "data_mode", "telemetry_version", "lr", "value_coef", "entropy_coef")
MOST_BYTES = 150_000


def records(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def sample(tmp_path: Path) -> str:
    """Put the sample where the guide has it, below the folder that commands run in; give its path there."""
    place = tmp_path / "docs" / "samples" / SAMPLE.name
    place.parent.mkdir(parents=True)
    place.write_bytes(SAMPLE.read_bytes())
    return str(place.relative_to(tmp_path))


def test_the_sample_is_clean_and_small_and_has_every_epoch_with_every_required_key(
    townlet: Townlet, sample: str
) -> None:
    done = townlet("telemetry", "validate", "--strict", sample)
    assert (done.returncode, done.stderr) == (0, "")
    found = records(SAMPLE)
    assert f"{sample}: ok: 50 records, run 1 ({found[0]['run_id']}), epochs 1 to 50" in done.stdout
    assert all(record.keys() >= set(REQUIRED) for record in found)
    assert SAMPLE.stat().st_size < MOST_BYTES


def test_the_sample_is_what_the_trainer_writes_today(townlet: Townlet, tmp_path: Path) -> None:
    words = ["--epochs", "2", "--seed", "1", "--worlds", "1", "--rollout-ticks", "240"]  # a whole episode an epoch
    assert townlet("train", "ppo", "queue_conflict", *words, "--ppo-log", "today.jsonl").returncode == 0
    today, found = records(tmp_path / "today.jsonl"), records(SAMPLE)
    assert set().union(*today) == set().union(*found), REMAKE
    assert [today[0][key] for key in SETTINGS] == [found[0][key] for key in SETTINGS], REMAKE


def test_the_summary_of_the_sample_says_that_it_learns_and_is_healthy(townlet: Townlet, sample: str) -> None:
    done = townlet("telemetry", "summary", sample)
    assert (done.returncode, done.stderr) == (0, "")
    verdict = done.stdout.splitlines()[0]
    assert verdict.startswith("learning: return -")
    assert verdict.endswith("; healthy")
    assert "problems in the log: none" in done.stdout


def test_no_rule_to_start_from_fires_in_the_sample(townlet: Townlet, sample: str) -> None:
    done = townlet("telemetry", "watch", sample)
    assert (done.returncode, done.stdout.count(" ep_return_mean ")) == (0, 43)  # the first episode ends in epoch 8
    assert done.stdout.endswith("read to its end: 50 records, 0 alerts, 0 warnings\n")


def test_the_sample_is_a_baseline_to_validate_against(townlet: Townlet, sample: str, tmp_path: Path) -> None:
    one = {**records(SAMPLE)[-1], "run_id": "one", "seq": 1, "log_stream_offset": 1}
    (tmp_path / "log.jsonl").write_text(json.dumps(one) + "\n", encoding="utf-8")
    done = townlet("telemetry", "validate", "log.jsonl", "--baseline", sample, "--relative")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {words[0]: words[1:] for line in done.stdout.splitlines() if len(words := line.split()) == 5}
    mean = sum(record["loss_entropy"] for record in records(SAMPLE)) / 50
    assert float(rows["loss_entropy"][0]) == pytest.approx(mean, rel=1e-4)
    assert float(rows["loss_entropy"][1]) == pytest.approx(one["loss_entropy"], rel=1e-4)
    drift = abs(one["loss_entropy"] - mean) / mean
    assert rows["loss_entropy"][3] == f"{drift:.1%}"
    less, more = (f"loss_entropy={drift * share}" for share in (0.99, 1.01))
    for tolerance, code in ((less, 1), (more, 0)):
        words = ["--baseline", sample, "--relative", "--tolerance", tolerance]
        assert townlet("telemetry", "validate", "log.jsonl", *words).returncode == code


def test_beside_itself_the_sample_is_no_better_and_no_worse(townlet: Townlet, sample: str) -> None:
    done = townlet("telemetry", "summary", sample, "--baseline", sample, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    against = json.loads(done.stdout)["logs"][0]["against"]
    assert against["ep_return_mean"]["verdict"] == "same"
    for key, beside in against.items():
        assert beside["difference"] == pytest.approx(0, abs=1e-9 * abs(beside["baseline"])), key
