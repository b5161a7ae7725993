"""What is no dataset: captures that are not whole, that nobody can vouch for, or that contradict each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.dataset.lives import write_old, write_ours, write_two
from tests.samples.captures import a_meta
from townlet_core.dataset.replay import open_dataset
from townlet_core.errors import SampleError

TOGETHER = "hint: captures are learned from together only where all names are the same"
AGAIN = "hint: capture again"
FEWER: dict[str, Any] = {"action_lookup": {}, "action_dim": 2}
WAIT, NAP = '{"kind": "wait"}', '{"kind": "nap"}'


def refusal(*places: Path, folder: Path) -> str:
    """Give what is said of places, with the folder left out."""
    with pytest.raises(SampleError) as caught:
        open_dataset(places)
    return str(caught.value).replace(f"{folder}/", "")


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_no_capture_is_no_dataset(tmp_path: Path) -> None:
    wanted = "no capture is named\nhint: name the folder of one, which 'townlet rollout capture' fills"
    assert refusal(folder=tmp_path) == wanted


def test_a_capture_may_be_named_only_once(tmp_path: Path) -> None:
    a = write_ours(tmp_path / "a")
    said = refusal(a, a / "day_manifest.json", folder=tmp_path)
    assert said == "a/day_manifest.json: is the same capture as a\nhint: name each capture once"


def test_a_capture_may_be_named_only_once_by_the_same_words(tmp_path: Path) -> None:
    a = write_ours(tmp_path / "a")
    assert refusal(a, a, folder=tmp_path) == "a: is the same capture as a\nhint: name each capture once"


def test_a_folder_of_several_captures_is_not_one(tmp_path: Path) -> None:
    write_two(tmp_path / "a")
    wanted = "a: holds more than one capture: day_manifest.json, night_manifest.json\nhint: name one manifest"
    assert refusal(tmp_path / "a", folder=tmp_path) == wanted


def test_a_capture_of_nobody_holds_no_samples(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old_manifest.json").write_text("[]")
    assert refusal(tmp_path / "a", folder=tmp_path) == "a/old_manifest.json: holds no samples"


def test_a_file_that_differs_from_its_seal_is_refused(tmp_path: Path) -> None:
    a = write_ours(tmp_path / "a")
    rewrite(a / "day_anna_001.json", '"life": 1', '"life": 2')
    assert refusal(a, folder=tmp_path) == (
        "a/day_anna_001.json: has been altered: its hash is not that of the seal\n"
        "hint: see 'townlet rollout repair', or fetch the files anew from where they are whole"
    )


def test_the_first_of_many_differences_is_told_and_the_others_counted(tmp_path: Path) -> None:
    a = write_ours(tmp_path / "a", {}, {"agent_id": "ben"})
    rewrite(a / "day_anna_001.json", '"life": 1', '"life": 2')
    (a / "day_ben_002.npz").unlink()
    said = refusal(a, folder=tmp_path).splitlines()[0]
    assert said == "a/day_anna_001.json: has been altered: its hash is not that of the seal (and 1 more)"


def test_ours_are_not_believed_without_their_seal(tmp_path: Path) -> None:
    a = write_ours(tmp_path / "a")
    (a / "day_seal.json").unlink()
    assert refusal(a, folder=tmp_path) == f"a/day_manifest.json: day_seal.json is missing\n{AGAIN}"


def test_ours_are_not_believed_under_a_manifest_of_the_predecessor(tmp_path: Path) -> None:
    old = write_old(tmp_path / "old")
    (old / "anna_001.json").write_text(a_meta().model_dump_json())
    wanted = f"old/anna_001.json: was not written together with old_manifest.json\n{AGAIN}"
    assert refusal(old, folder=tmp_path) == wanted


@pytest.mark.parametrize(
    ("key", "word", "wanted"),
    [
        pytest.param("frame_count", 4, "frame_count: is 4; anna_001.json says 3", id="ticks"),
        pytest.param("agent_id", "ben", "agent_id: is ben; anna_001.json says anna", id="agent"),
    ],
)
def test_a_manifest_must_not_contradict_its_samples(tmp_path: Path, key: str, word: Any, wanted: str) -> None:
    old = write_old(tmp_path / "old")
    entry = json.loads((old / "old_manifest.json").read_text())[0] | {key: word}
    (old / "old_manifest.json").write_text(json.dumps([entry]))
    assert refusal(old, folder=tmp_path) == f"old/old_manifest.json: samples.0.{wanted}"


def test_ticks_that_no_file_of_that_size_can_hold_get_no_room(tmp_path: Path) -> None:
    many = 10**14
    old = write_old(tmp_path / "old")
    meta = json.loads((old / "anna_001.json").read_text())
    meta |= {"timesteps": many, "frame_count": many, "value_pred_steps": many}
    (old / "anna_001.json").write_text(json.dumps(meta))
    size = (old / "anna_001.npz").stat().st_size
    wanted = f"old/anna_001.npz: its {size} bytes cannot be {many} ticks, as its meta file says"
    assert refusal(old, folder=tmp_path) == wanted


@pytest.mark.parametrize(
    ("damage", "wanted"),
    [
        pytest.param(lambda path: path.unlink(), "old_manifest.json: anna_001.npz is missing", id="missing"),
        pytest.param(
            lambda path: path.write_bytes(path.read_bytes()[:-30]), "anna_001.npz: damaged: file is not", id="cut"
        ),
        pytest.param(
            lambda path: path.write_bytes(path.read_bytes().replace(b"\x00\x00\x20\x40", b"\x00\x00\x21\x40")),
            "anna_001.npz: value_preds: damaged: bad CRC-32",
            id="flipped",
        ),
    ],
)
def test_a_damaged_sample_is_refused(tmp_path: Path, damage: Callable[[Path], Any], wanted: str) -> None:
    old = write_old(tmp_path / "old")
    damage(old / "anna_001.npz")
    assert refusal(old, folder=tmp_path).startswith(f"old/{wanted}")


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_numbers_that_are_none_are_refused(tmp_path: Path, bad: float) -> None:
    old = write_old(tmp_path / "old", {"rewards": np.array([0, bad, 0], np.float32)})
    assert refusal(old, folder=tmp_path) == "old/anna_001.npz: rewards: holds NaN or infinity"


def test_a_manifest_that_leads_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    old = write_old(tmp_path / "old")
    rewrite(old / "old_manifest.json", "anna_001.npz", "../anna_001.npz")
    said = refusal(old, folder=tmp_path)
    assert said.endswith("the path '../anna_001.npz' leaves the folder of the manifest")


@pytest.mark.parametrize("end", ["terminated", "truncated"])
def test_nobody_lives_on_after_the_end(tmp_path: Path, end: str) -> None:
    a = write_ours(tmp_path / "a", {end: np.array([0, 1, 1], np.bool_)})
    assert refusal(a, folder=tmp_path) == "a/day_anna_001.npz: terminated or truncated before its last tick"


def test_nobody_does_what_is_not_allowed(tmp_path: Path) -> None:
    # her third tick allows only to wait
    a = write_ours(tmp_path / "a", {"actions": np.array([0, 1, 1], np.int64)})
    assert refusal(a, folder=tmp_path) == "a/day_anna_001.npz: 'move north' was done at tick 2, and was not allowed"


def test_metrics_must_be_of_every_sample(tmp_path: Path) -> None:
    old = write_old(tmp_path / "old", metrics={"ben_001.npz": {}})
    assert refusal(old, folder=tmp_path) == "old/old_metrics.json: has no metrics of anna_001.npz"


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        pytest.param(
            {"feature_names": ("need_hunger", "lateness_counter", "wallet", "rivalry_avoid_count")},
            "feature 2 is 'wallet'; in a it is 'rivalry_max'",
            id="feature",
        ),
        pytest.param({"map_channels": ("objects",)}, "map channel 0 is 'objects'; in a it is 'self'", id="channel"),
        pytest.param(
            {"action_names": ("wait", "move north", "chat")},
            "action 2 is 'chat'; in a it is 'request fridge'",
            id="action",
        ),
        pytest.param(
            {
                "map_shape": (1, 2, 2),
                "map": np.zeros((3, 1, 2, 2), np.float32),
                "last_map": np.zeros((1, 2, 2), np.float32),
            },
            "the map is 1 x 2 x 2; in a it is 1 x 1 x 2",
            id="map",
        ),
        pytest.param(
            {
                "feature_names": ("need_hunger",),
                "features": np.zeros((3, 1), np.float32),
                "last_features": np.zeros(1, np.float32),
            },
            "feature 1 is missing; in a it is 'lateness_counter'",
            id="fewer features",
        ),
    ],
)
def test_captures_that_mean_other_things_are_not_mixed(tmp_path: Path, change: dict[str, Any], wanted: str) -> None:
    a, b = write_ours(tmp_path / "a"), write_ours(tmp_path / "b", change)
    assert refusal(a, b, folder=tmp_path) == f"b: {wanted}\n{TOGETHER}"


def test_a_capture_that_contradicts_itself_is_named_with_both_samples(tmp_path: Path) -> None:
    a = write_ours(tmp_path / "a", {}, {"agent_id": "ben", "map_channels": ("objects",)})
    wanted = f"a: day_ben_002.json: map channel 0 is 'objects'; in day_anna_001.json it is 'self'\n{TOGETHER}"
    assert refusal(a, folder=tmp_path) == wanted


def test_a_capture_of_the_predecessor_beside_one_of_ours_has_other_actions(tmp_path: Path) -> None:
    said = refusal(write_ours(tmp_path / "a"), write_old(tmp_path / "old"), folder=tmp_path)
    assert said == f"old: action 0 is '{WAIT}'; in a it is 'wait'\n{TOGETHER}"


@pytest.mark.parametrize(
    ("lookup", "wanted"),
    [
        pytest.param({NAP: 0}, f"action 0 is '{NAP}'; in a it is '{WAIT}'", id="one id, two meanings"),
        pytest.param({WAIT: 1}, f"the action '{WAIT}' is 1; in a it is 0", id="one action, two ids"),
    ],
)
def test_lookups_of_the_predecessor_that_contradict_each_other_make_no_table(
    tmp_path: Path, lookup: dict[str, int], wanted: str
) -> None:
    a, b = (write_old(tmp_path / name, {"action_lookup": each}) for name, each in (("a", {WAIT: 0}), ("b", lookup)))
    assert refusal(a, b, folder=tmp_path) == f"b: {wanted}\n{TOGETHER}"


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        pytest.param(
            {"action_lookup": {WAIT: 9}}, "action_lookup: names action 9; there are 3 actions", id="id beyond the end"
        ),
        pytest.param(
            {"action_lookup": {WAIT: 0}, "action_dim": 0},
            "action_lookup: names action 0; there are 0 actions",
            id="no actions",
        ),
        pytest.param({"action_dim": 65_537}, "action_dim: is 65537, more than the limit of 65536", id="too many"),
    ],
)
def test_actions_of_the_predecessor_have_a_bound(tmp_path: Path, said: dict[str, Any], wanted: str) -> None:
    old = write_old(tmp_path / "old", said)
    assert refusal(old, folder=tmp_path) == f"old: anna_001.json: {wanted}"


def test_lookups_of_the_predecessor_are_put_together_and_what_they_leave_out_has_a_number(tmp_path: Path) -> None:
    a = write_old(tmp_path / "a", {"action_lookup": {WAIT: 0}}, {"agent_id": "ben", "action_lookup": {NAP: 1}})
    b = write_old(tmp_path / "b", {"action_lookup": {WAIT: 0}, "action_dim": 4}, {"agent_id": "ben"} | FEWER)
    with open_dataset([a, b]) as dataset:
        assert dataset.action_names == (WAIT, NAP, "action 2", "action 3")
        assert dataset.observations(np.arange(1)).action_mask.shape == (1, 4)
