"""A capture made again from its seal is the same to the bit, or what is different is named."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.rollout.kitchens import take
from tests.samples.captures import contents, write_capture, write_old_capture
from tests.samples.test_seal import edit
from townlet_core.errors import OutputError, SampleError, UsageError
from townlet_core.policy.decision import find_policy
from townlet_core.rollout.playback import play_again
from townlet_core.rollout.recapture import recapture
from townlet_core.samples.jsonfile import json_bytes
from townlet_core.samples.repair import repair
from townlet_core.samples.seal import config_sha256, read_seal


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="as it is"),
        pytest.param({"policy": "random", "worlds": 3, "seed": 11}, id="random in three worlds"),
        pytest.param({"noise": 0.1234567891}, id="noise of many digits"),
        pytest.param({"ticks": 15, "compress": True, "prefix": "day"}, id="over before dora comes"),
        pytest.param({"agents": ("cara", "dora"), "overrides": ("rewards.wage_rate=0.5",)}, id="two agents"),
    ],
)
def test_it_is_the_same_to_the_bit_and_the_capture_is_left_alone(kitchen: Path, options: dict[str, Any]) -> None:
    report = take(kitchen, **options)
    kitchen.unlink()  # all that is needed is in the seal
    before = contents(kitchen.parent)
    again = recapture(kitchen.parent / Path(report.manifest))
    seal = read_seal(Path(report.seal))
    assert (again.differences, again.notes) == ([], [])
    assert again.equal == len(seal.files) + sum(map(len, seal.samples.values()))
    assert contents(kitchen.parent) == before


def test_noise_is_told_with_all_its_digits() -> None:
    assert find_policy("scripted", 0.1).name == "scripted+0.1"
    assert find_policy("scripted", 0.1234567891).name == "scripted+0.1234567891"


def test_what_came_out_otherwise_is_named(kitchen: Path) -> None:
    report = take(kitchen)
    seal = read_seal(Path(report.seal))
    other = {"rollout_sample_anna_001.npz": seal.samples["rollout_sample_anna_001.npz"] | {"rewards": "0" * 64}}
    Path(report.seal).write_bytes(json_bytes(seal.model_copy(update={"samples": seal.samples | other})))
    again = recapture(Path(report.manifest))
    assert [str(error).removeprefix(f"{kitchen.parent}/out/") for error in again.differences] == [
        "rollout_sample_anna_001.npz: rewards: came out otherwise when captured again"
    ]
    assert again.equal == len(seal.files) + sum(map(len, seal.samples.values())) - 1


@pytest.mark.parametrize("lost", ["anna", "ben", "dora"])
def test_a_part_that_was_repaired_is_the_same_to_the_bit_whoever_is_missing(kitchen: Path, lost: str) -> None:
    """With all lives of the first missing, those of the others would be numbered from one less."""
    report = take(kitchen, policy="random", worlds=2, seed=11)
    gone = [sample.sample for sample in report.samples if sample.agent.partition(".")[0] == lost]
    for name in gone:
        (Path(report.manifest).parent / name).unlink()
    assert repair(Path(report.manifest).parent).outcome == "partial"
    again = recapture(Path(report.manifest))
    seal = read_seal(Path(report.seal))
    assert again.differences == []
    assert again.equal == len(seal.files) + sum(map(len, seal.samples.values()))


def test_of_a_life_that_does_not_come_again_no_hash_is_the_same(kitchen: Path) -> None:
    report = take(kitchen)
    seal = read_seal(Path(report.seal))
    arrays = seal.samples["rollout_sample_anna_001.npz"]
    Path(report.seal).write_bytes(json_bytes(seal.model_copy(update={"samples": seal.samples | {"x.npz": arrays}})))
    again = recapture(Path(report.manifest))
    assert [error.problem for error in again.differences] == ["did not come again"]
    assert again.equal == len(seal.files) + sum(map(len, seal.samples.values()))  # and not one less


def test_where_there_is_no_room_it_says_where_room_is_sought(
    kitchen: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    report = take(kitchen)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(OutputError, match=r"(?s)no such file or directory.*hint: set TMPDIR"):
        recapture(Path(report.manifest))


def test_another_seed_is_another_capture(kitchen: Path) -> None:
    report = take(kitchen, policy="random")
    edit(Path(report.seal), seed=4)
    again = recapture(Path(report.manifest))
    assert "rollout_sample_anna_001.npz: actions" in {
        str(error.where).removeprefix(f"{kitchen.parent}/out/") for error in again.differences
    }
    assert re.match(r"first at tick \d+: \w+: \w+: .* in the capture, .* when captured again$", again.notes[0])


def test_what_made_it_is_told_where_that_is_different_now(kitchen: Path) -> None:
    report = take(kitchen)
    seal = read_seal(Path(report.seal))
    edit(Path(report.seal), versions=seal.versions.model_dump() | {"numpy": "1.0"})
    (note,) = recapture(Path(report.manifest)).notes
    assert note.startswith("it was captured with numpy 1.0; this is numpy ")


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        pytest.param(("scenario", "agents", 0, "at"), [0, 0], "inside a wall", id="a tile within a wall"),
        pytest.param(("scenario", "mood"), 1, "is no town to this version: scenario.mood", id="a key"),
        pytest.param(("scenario", "scenario", "ticks"), 61, "means another town to this version", id="other ticks"),
    ],
)
def test_a_configuration_that_this_version_would_not_take_is_refused(
    kitchen: Path, path: tuple[str | int, ...], value: object, problem: str
) -> None:
    report = take(kitchen)
    seal = read_seal(Path(report.seal))
    config: Any = seal.config
    inner = config
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    edit(Path(report.seal), config=config, config_hash=config_sha256(config))
    with pytest.raises(SampleError, match=problem):
        recapture(Path(report.manifest))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        pytest.param({"seed": 2**63}, r"seed: must be at most \d+, found 9223372036854775808", id="a seed too large"),
        pytest.param(
            {"name": "scripted+x"}, r"policy.name: no policy is called 'scripted\+x'", id="noise that is none"
        ),
        pytest.param({"name": "scripted+nan"}, "no policy is called", id="noise that is no number"),
        pytest.param({"name": "scripted+1.5"}, "no policy is called", id="too much noise"),
        pytest.param({"name": "scripted+0.50"}, "no policy is called", id="noise that it would not be called by"),
        pytest.param({"name": "scripted+"}, "no policy is called", id="no noise"),
    ],
)
def test_a_seed_and_a_policy_that_there_cannot_be_are_refused(
    kitchen: Path, changes: dict[str, Any], problem: str
) -> None:
    report = take(kitchen, agents=("cara",))
    policy = read_seal(Path(report.seal)).policy.model_dump()
    edit(Path(report.seal), **({"policy": policy | changes} if "name" in changes else changes))
    with pytest.raises(SampleError, match=problem):
        recapture(Path(report.manifest))
    with pytest.raises(SampleError, match=problem):
        play_again(Path(report.manifest))


def test_what_cannot_be_captured_again_says_what_is_missing(kitchen: Path, tmp_path: Path) -> None:
    report = take(kitchen)
    edit(Path(report.seal), config={})
    with pytest.raises(SampleError, match="has been altered: its hash is not that beside it"):
        recapture(Path(report.manifest))
    (tmp_path / "old").mkdir()
    with pytest.raises(SampleError, match="it has no seal"):
        recapture(write_old_capture(tmp_path / "old"))
    with pytest.raises(SampleError, match="is no town to this version"):
        recapture(write_capture(tmp_path / "by_hand"))


def test_a_learned_policy_has_to_be_given_and_no_other(kitchen: Path) -> None:
    report = take(kitchen)
    with pytest.raises(UsageError, match=r"--policy: is for captures of a learned policy"):
        recapture(Path(report.manifest), policy=kitchen.parent)
    edit(Path(report.seal), policy={"name": "epoch_7", "kind": "learned", "log_probs": "true"})
    with pytest.raises(UsageError, match=r"(?s)the learned policy 'epoch_7' acted.*with --policy"):
        recapture(Path(report.manifest))
