"""Verifying: everything that is not as a capture says is found, named and told at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.samples.captures import POLICY, a_sample, write_capture, write_old_capture
from tests.samples.test_seal import ALTERED, edit, repack
from townlet_core.errors import SampleError
from townlet_core.samples.jsonfile import json_bytes
from townlet_core.samples.npz import array_sha256
from townlet_core.samples.seal import bytes_sha256, read_seal
from townlet_core.samples.verify import captures_at, examine


def found(folder: Path) -> list[str]:
    """Give the problems of a capture, with places relative to its folder."""
    return [str(problem).split("\n")[0].removeprefix(f"{folder}/") for problem in examine(folder).problems]


def reseal(folder: Path) -> None:
    """Give a capture that was altered the seal that belongs to it now, as a forger would."""
    seal = read_seal(folder / "day_seal.json")
    files = {name: bytes_sha256((folder / name).read_bytes()) for name in seal.files}
    samples = {}
    for name in seal.samples:
        with np.load(folder / name) as arrays:
            samples[name] = {array: array_sha256(arrays[array]) for array in arrays.files}
    (folder / "day_seal.json").write_bytes(json_bytes(seal.model_copy(update={"files": files, "samples": samples})))


def test_an_untouched_capture_is_fine(tmp_path: Path) -> None:
    write_capture(tmp_path, agents=("anna", "ben"))
    verification = examine(tmp_path)
    assert (verification.problems, verification.unverified, verification.notes) == ((), (), ())
    assert (verification.scenario, verification.samples, verification.ticks) == ("kitchen", 2, 6)
    assert verification.hashes == 4 + 2 * 15  # two meta files, metrics and manifest; fifteen arrays each
    stored = json.loads((tmp_path / "day_metrics.json").read_text())["samples"]["day_anna_001.npz"]
    assert verification.metrics == 2 * 2 * len(stored)  # of two samples, each in its meta file and in the metrics


REWARDS = np.array([0.25, -1.0, 0.75], np.float32)


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        pytest.param(
            lambda at: repack(at / "day_anna_001.npz", rewards=REWARDS),
            [
                # -0.25 = 0.25 - 1 + 0.5 was stored; 0.25 - 1 + 0.75 = 0
                "day_anna_001.json: metrics.reward_sum: is -0.25; the arrays give 0.0",
                "day_anna_001.json: metrics.reward_mean: is -0.08333333333333333; the arrays give 0.0",
                "day_metrics.json: samples.day_anna_001.npz.reward_sum: is -0.25; the arrays give 0.0",
                "day_metrics.json: samples.day_anna_001.npz.reward_mean: is -0.08333333333333333; the arrays give 0.0",
            ],
            id="rewards that the metrics do not come from",
        ),
        pytest.param(
            lambda at: repack(at / "day_anna_001.npz", events=np.zeros((3, 3), np.uint8)),
            ["day_anna_001.npz: events: is |u1 (3, 3); its meta file says |u1 (3, 2)"],
            id="a shape",
        ),
        pytest.param(
            lambda at: repack(at / "day_anna_001.npz", actions=np.zeros(3, np.int32)),
            ["day_anna_001.npz: actions: is <i4 (3,); its meta file says <i8 (3,)"],
            id="a type",
        ),
        pytest.param(
            lambda at: repack(at / "day_anna_001.npz", last_features=np.array([0, np.nan, 0, 0], np.float32)),
            ["day_anna_001.npz: last_features: holds NaN or infinity"],
            id="no number",
        ),
        pytest.param(
            lambda at: repack(at / "day_anna_001.npz", last_map=None, mood=np.zeros(1)),
            ["day_anna_001.npz: arrays are missing: last_map"],
            id="an array gone",
        ),
        pytest.param(
            lambda at: repack(at / "day_anna_001.npz", dones=np.array([1, 0, 1], np.bool_)),
            [
                "day_anna_001.npz: dones: is not 'terminated or truncated'",
                "day_anna_001.npz: dones: the life does not end in its last tick, and there alone",
            ],
            id="an end in the middle",
        ),
        pytest.param(
            lambda at: edit(at / "day_anna_001.json", agent_id="cara", world=2),
            [
                "day_manifest.json: samples.0.agent_id: is anna; day_anna_001.json says cara",
                "day_manifest.json: samples.0.world: is 0; day_anna_001.json says 2",
            ],
            id="another agent",
        ),
        pytest.param(
            lambda at: edit(at / "day_anna_001.json", feature_names=["a", "lateness_counter", "rivalry_max", "b"]),
            ["day_anna_001.json: feature_names: are not those whose hash is in the seal"],
            id="other features",
        ),
        pytest.param(
            lambda at: edit(at / "day_anna_001.json", policy=POLICY.model_dump() | {"name": "bob"}),
            [
                "day_anna_001.json: policy: is bob (deterministic, deterministic); "
                "the seal says scripted (deterministic, deterministic)"
            ],
            id="another policy",
        ),
        pytest.param(
            lambda at: edit(at / "day_anna_001.json", first_tick=1),
            ["day_anna_001.json: first_tick: is 1; 3 ticks from there end after the 3 of all"],
            id="ticks that there are not",
        ),
        pytest.param(
            lambda at: edit(at / "day_seal.json", seed=8),
            ["day_seal.json: seed: is 8; day_manifest.json says 7"],
            id="another seed",
        ),
        pytest.param(
            lambda at: edit(at / "day_metrics.json", samples={}),
            ["day_metrics.json: day_anna_001.npz is not in it"],
            id="no metrics of a sample",
        ),
    ],
)
def test_what_a_forger_has_sealed_anew_is_still_found(
    tmp_path: Path, change: Callable[[Path], object], problems: list[str]
) -> None:
    write_capture(tmp_path)
    change(tmp_path)
    reseal(tmp_path)
    assert [text for text in found(tmp_path) if "rivalry_avoid_count" not in text] == problems


def test_everything_is_told_at_once_and_only_once(tmp_path: Path) -> None:
    write_capture(tmp_path, agents=("anna", "ben", "cara"))
    (tmp_path / "day_anna_001.npz").write_bytes(b"PK")
    edit(tmp_path / "day_ben_002.json", mood=1)
    (tmp_path / "day_metrics.json").unlink()
    repack(tmp_path / "day_cara_003.npz", map=np.zeros((3, 1, 1, 2), np.float32))
    assert found(tmp_path) == [
        "day_metrics.json: cannot be read: no such file or directory",
        f"day_ben_002.json: {ALTERED}",
        "day_manifest.json: day_metrics.json is missing",
        "day_anna_001.npz: damaged: file is not a zip file",
        f"day_cara_003.npz: map: {ALTERED}",
        "day_ben_002.json: mood: unknown key",
    ]


def test_a_broken_manifest_does_not_keep_the_files_from_being_checked(tmp_path: Path) -> None:
    write_capture(tmp_path)
    (tmp_path / "day_manifest.json").write_text("{")
    repack(tmp_path / "day_anna_001.npz", rewards=REWARDS)
    assert found(tmp_path) == [
        "day_manifest.json:1:2: not JSON: expecting property name enclosed in double quotes",
        f"day_manifest.json: {ALTERED}",
        f"day_anna_001.npz: rewards: {ALTERED}",
    ]


def test_ours_without_a_seal_is_a_problem_and_the_predecessors_without_is_told(tmp_path: Path) -> None:
    ours, old = tmp_path / "ours", tmp_path / "old"
    write_capture(ours)
    (ours / "day_seal.json").unlink()
    assert found(ours) == ["day_manifest.json: day_seal.json is missing"]
    old.mkdir()
    write_old_capture(old)
    (old / "rollout_sample_metrics.json").write_text('{"rollout_sample_anna_001.npz": {"reward_sum": -0.25}}')
    verification = examine(old)
    assert verification.problems == ()
    assert verification.metrics == 1  # the metrics file has one, the meta file none
    assert verification.unverified == (
        "that nothing was altered since: there is no seal",
        "what it was made from: its manifest does not say",
    )


def test_metrics_of_the_predecessor_are_rounded_as_float32(tmp_path: Path) -> None:
    write_old_capture(tmp_path)
    path = tmp_path / "rollout_sample_metrics.json"
    path.write_text('{"rollout_sample_anna_001.npz": {"reward_sum": -0.2500001}}')  # 4e-7 of it
    assert found(tmp_path) == []
    path.write_text('{"rollout_sample_anna_001.npz": {"reward_sum": -0.250001}}')  # 4e-6
    assert found(tmp_path) == [
        "rollout_sample_metrics.json: samples.rollout_sample_anna_001.npz.reward_sum: "
        f"is -0.250001; the arrays give {float(a_sample().rewards.sum())}"
    ]


def test_the_captures_in_the_folders_below_are_found_and_their_logs_passed_over(tmp_path: Path) -> None:
    for name in ("queue", "breakfast"):
        write_capture(tmp_path / name)
    (tmp_path / "logs").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "day_manifest.json").write_text("[]")
    assert captures_at(tmp_path) == [tmp_path / "breakfast", tmp_path / "queue"]
    assert captures_at(tmp_path / "queue") == [tmp_path / "queue"]
    assert captures_at(tmp_path / "queue" / "day_manifest.json") == [tmp_path / "queue" / "day_manifest.json"]


def test_what_is_no_capture_cannot_be_verified(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".townlet-stage-x").mkdir()
    with pytest.raises(SampleError, match="is not named"):
        examine(tmp_path / "notes.txt")
    with pytest.raises(SampleError, match=r"(?s)holds no capture.*hint: an interrupted capture is here"):
        examine(tmp_path)


def test_samples_that_nobody_lists_are_told_of(tmp_path: Path) -> None:
    """Those of another capture beside it are listed, though their names begin alike."""
    write_capture(tmp_path)
    write_capture(tmp_path / "two", "day_two")
    for path in (tmp_path / "two").iterdir():
        path.rename(tmp_path / path.name)
    for number in range(2, 9):
        (tmp_path / f"day_zoe_00{number}.npz").write_bytes(b"PK")
    (tmp_path / "thesis.npz").write_bytes(b"PK")
    found = examine(tmp_path / "day_manifest.json")
    names = ", ".join(f"day_zoe_00{number}.npz" for number in range(2, 7))
    assert found.notes == (f"samples that day_manifest.json does not list lie beside it: {names} and 2 more",)
    assert (found.problems, examine(tmp_path / "day_two_manifest.json").notes) == ((), ())


def test_a_capture_that_has_lost_its_manifest_is_sent_to_repair(tmp_path: Path) -> None:
    write_capture(tmp_path).unlink()
    with pytest.raises(SampleError, match=r"(?s)holds no capture.*hint: a capture that has lost its manifest is here"):
        examine(tmp_path)


@pytest.mark.parametrize("name", ["day_anna_001.npz", "day_anna_001.json", "day_metrics.json", "day_manifest.json"])
def test_a_link_that_leads_to_itself_is_a_missing_file(tmp_path: Path, name: str) -> None:
    path = write_capture(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to(name)
    assert f"{name} is missing" in [each.problem for each in examine(path.parent).problems]
