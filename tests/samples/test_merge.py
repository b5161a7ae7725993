"""Merging into the golden metrics: nothing is taken that nobody accepted, and the file is whole at any moment."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.disk import longest_file
from tests.samples.captures import contents, write_capture, write_old_capture
from tests.samples.killing import is_killed
from tests.samples.test_seal import repack
from townlet_core.errors import OutputError, SampleError, UsageError
from townlet_core.samples.merge import MergeReport, MergeRequest, merge
from townlet_core.samples.seal import bytes_sha256

OTHER = {"queue": {"a.npz": {"waits": 3}}}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A root with the capture of the kitchen, logs beside it, and a folder for the golden."""
    write_capture(tmp_path / "root" / "kitchen")
    (tmp_path / "root" / "logs").mkdir()
    (tmp_path / "docs").mkdir()
    return tmp_path


def run(place: Path, **options: Any) -> MergeReport:
    return merge(MergeRequest(place / "root", place / "docs" / "x_stats.json", **options))


def golden(place: Path) -> dict[str, Any]:
    stats: dict[str, Any] = json.loads((place / "docs" / "x_stats.json").read_text())
    return stats


def alter(place: Path, **metrics: Any) -> None:
    """Let the golden say something else of anna; other scenarios stand before and after."""
    stats = golden(place)
    stats["kitchen"]["day_anna_001.npz"] |= metrics
    (place / "docs" / "x_stats.json").write_text(json.dumps({"early": {}, **stats, **OTHER}, indent=2) + "\n")


def test_a_new_scenario_goes_in_with_all_of_its_metrics(place: Path) -> None:
    report = run(place)
    metrics = json.loads((place / "root" / "kitchen" / "day_metrics.json").read_text())["samples"]
    assert golden(place) == {"kitchen": metrics}
    assert (report.written, report.open, report.counts["added"]) == (True, 0, len(metrics["day_anna_001.npz"]))
    assert sorted(os.listdir(place / "docs")) == ["x_changes.jsonl", "x_stats.json"]


def test_what_is_the_same_leaves_every_file_untouched(place: Path) -> None:
    run(place)
    for path in (place / "docs").iterdir():
        os.utime(path, (1, 1))
    report = run(place)
    assert (report.written, report.changes) == (False, ())
    assert [path.stat().st_mtime for path in (place / "docs").iterdir()] == [1, 1]
    assert run(place, accept=("*",), reason="a second time").written is False


def test_a_change_that_nobody_accepts_is_not_taken(place: Path) -> None:
    run(place)
    alter(place, reward_sum=9.0)
    before = contents(place / "docs")
    report = run(place)
    assert (report.written, report.open) == (False, 1)
    assert contents(place / "docs") == before


def test_what_is_accepted_is_taken_with_its_reason_and_the_rest_waits(place: Path) -> None:
    run(place)
    alter(place, reward_sum=9.0, reward_mean=3.0)
    old = (place / "docs" / "x_stats.json").read_bytes()
    report = run(place, accept=("*/*/reward_sum",), reason="the meals are larger")
    assert (report.written, report.open) == (True, 1)
    stats = golden(place)
    assert list(stats) == ["early", "kitchen", "queue"]
    assert stats["queue"] == OTHER["queue"]
    assert stats["kitchen"]["day_anna_001.npz"]["reward_sum"] == -0.25
    assert stats["kitchen"]["day_anna_001.npz"]["reward_mean"] == 3.0
    lines = [json.loads(line) for line in (place / "docs" / "x_changes.jsonl").read_text().splitlines()]
    assert [(line["reason"], line["counts"]) for line in lines][1:] == [("the meals are larger", {"changed": 1})]
    new = (place / "docs" / "x_stats.json").read_bytes()
    assert (lines[1]["before"], lines[1]["after"]) == (bytes_sha256(old), bytes_sha256(new))
    assert b'"waits": 3\n' in new  # as it was written


def test_what_is_tolerated_does_not_creep_into_the_golden(place: Path) -> None:
    run(place)
    alter(place, reward_sum=-0.26)
    bounds = {"schema_version": 1, "metrics": {"reward_*": {"absolute": 0.02, "because": "rounding"}}}
    (place / "docs" / "x_tolerances.json").write_text(json.dumps(bounds))
    before = contents(place / "docs")
    report = run(place)
    assert (report.written, report.open, report.counts["tolerated"]) == (False, 0, 1)
    assert contents(place / "docs") == before
    assert run(place, accept=("kitchen",), reason="I say so").written  # somebody's word
    assert golden(place)["kitchen"]["day_anna_001.npz"]["reward_sum"] == -0.25


def test_a_dry_run_writes_nothing(place: Path) -> None:
    report = run(place, dry_run=True)
    assert (report.written, report.counts["added"] > 0) == (False, True)
    assert os.listdir(place / "docs") == []


def test_another_output_takes_the_merged_metrics_and_the_golden_stays(place: Path) -> None:
    run(place)
    alter(place, reward_sum=9.0)
    before = contents(place / "docs")
    staging = place / "staging.json"
    assert not run(place, output=staging).written
    assert run(place, output=staging, accept=("*",), reason="larger meals").written
    assert json.loads(staging.read_text())["kitchen"]["day_anna_001.npz"]["reward_sum"] == -0.25
    assert "larger meals" in (place / "staging_changes.jsonl").read_text()
    assert contents(place / "docs") == before


def test_templates_and_what_is_not_included_are_passed_over(place: Path) -> None:
    shutil.rmtree(place / "root" / "kitchen")
    write_capture(place / "root" / "template", config_id="_template")
    with pytest.raises(SampleError, match="holds no capture to merge"):
        run(place)
    assert list(run(place, allow_template=True, dry_run=True).captures) == ["_template"]
    write_capture(place / "root" / "kitchen")
    assert list(run(place, dry_run=True).captures) == ["kitchen"]
    with pytest.raises(SampleError, match=r"holds no capture of queue\* to merge"):
        run(place, include=("queue*",))


def refusals(place: Path) -> list[str]:
    report = run(place)
    assert not report.written
    assert os.listdir(place / "docs") == []
    return [str(problem).split("\n")[0].removeprefix(f"{place}/root/") for problem in report.refused]


def test_what_is_not_sound_is_refused_with_its_path_and_key(place: Path) -> None:
    repack(place / "root" / "kitchen" / "day_anna_001.npz", rewards=np.array([1, np.nan, 3], np.float32))
    write_capture(place / "root" / "unsealed")
    (place / "root" / "unsealed" / "day_seal.json").unlink()
    write_capture(place / "root" / "without")
    (place / "root" / "without" / "day_manifest.json").unlink()
    (place / "root" / "begun" / ".townlet-stage-x").mkdir(parents=True)
    (place / "root" / "old").mkdir()
    write_old_capture(place / "root" / "old")
    assert refusals(place) == [
        "kitchen/day_anna_001.npz: rewards: has been altered: its hash is not that of the seal",
        "kitchen/day_anna_001.npz: rewards: holds NaN or infinity",
        "old/rollout_sample_manifest.json: has no seal, as the predecessor's have none",
        f"unsealed/day_manifest.json: is of kitchen, as is {place}/root/kitchen/day_manifest.json",
        "begun: holds a capture that is not done",
        "without: holds samples such as day_anna_001.npz and no manifest",
    ]


def test_two_captures_of_one_scenario_are_refused(place: Path) -> None:
    write_capture(place / "root" / "kitchen_again")
    assert refusals(place) == [
        f"kitchen_again/day_manifest.json: is of kitchen, as is {place}/root/kitchen/day_manifest.json"
    ]


def test_nothing_to_merge_is_no_success(place: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SampleError, match="holds no capture to merge"):
        merge(MergeRequest(tmp_path / "empty", place / "docs" / "x_stats.json"))
    with pytest.raises(SampleError, match="no such folder"):
        merge(MergeRequest(tmp_path / "nowhere", place / "docs" / "x_stats.json"))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"accept": ("*",)}, "--accept: needs --reason"),
        ({"accept": ("*",), "reason": " "}, "--accept: needs --reason"),
        ({"reason": "why"}, "--reason: is for what is accepted"),
        ({"accept": ("a/b/c/d/e",), "reason": "why"}, r"--accept: must be SCENARIO\[/seed_N"),
        ({"accept": ("night",), "reason": "why"}, "--accept: 'night' names nothing that changed"),
    ],
)
def test_options_that_make_no_sense_are_refused(place: Path, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        run(place, **options)
    assert os.listdir(place / "docs") == []


def test_a_golden_in_a_folder_that_is_not_there_is_a_mistake(place: Path) -> None:
    with pytest.raises(OutputError, match="there is no such folder"):
        merge(MergeRequest(place / "root", place / "dosc" / "x_stats.json"))


def test_of_two_merges_at_once_the_second_is_refused(place: Path) -> None:
    descriptor = os.open(place / "docs", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with pytest.raises(OutputError, match="another merge is writing here"):
            run(place)
        assert run(place, dry_run=True).counts["added"]  # reading disturbs nobody
    finally:
        os.close(descriptor)
    assert run(place).written


@pytest.mark.parametrize("length", [0, 100, 700])
def test_a_full_disk_leaves_the_golden_as_it_was(place: Path, length: int) -> None:
    run(place)
    alter(place, reward_sum=9.0)
    before = contents(place / "docs")
    with longest_file(length), pytest.raises(OutputError, match=r"cannot be written.*(?s:.*)the golden is as it was"):
        run(place, accept=("*",), reason="larger meals")
    assert contents(place / "docs") == before
    assert run(place, accept=("*",), reason="larger meals").written


def test_a_kill_at_any_step_leaves_the_old_golden_or_the_new_one_and_the_next_merge_puts_it_right(place: Path) -> None:
    run(place)
    alter(place, reward_sum=9.0)
    docs, before = place / "docs", contents(place / "docs")
    kills = 0
    while is_killed(kills, lambda: run(place, accept=("*",), reason="larger meals")):
        now = json.loads((docs / "x_stats.json").read_text())["kitchen"]["day_anna_001.npz"]["reward_sum"]
        assert now in (9.0, -0.25)
        run(place, accept=("*",), reason="larger meals")
        assert sorted(name for name in os.listdir(docs)) == ["x_changes.jsonl", "x_stats.json"]
        reasons = [json.loads(line)["reason"] for line in (docs / "x_changes.jsonl").read_text().splitlines()]
        assert reasons == [None, "larger meals"], kills
        assert golden(place)["kitchen"]["day_anna_001.npz"]["reward_sum"] == -0.25
        for name, data in before.items():
            (docs / name).write_bytes(data)
        kills += 1
    assert kills >= 5  # two drafts, two moves, the folder


def test_the_golden_keeps_its_mode_and_a_link_stays_one(place: Path) -> None:
    run(place)
    real = place / "real.json"
    os.rename(place / "docs" / "x_stats.json", real)
    real.chmod(0o640)
    (place / "docs" / "x_stats.json").symlink_to(real)
    alter(place, reward_sum=9.0)
    assert run(place, accept=("*",), reason="larger meals").written
    assert (place / "docs" / "x_stats.json").is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
