"""The seal: every change of a capture is found and named, and a repacked array is no change."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.samples.captures import CONFIG, a_sample, write_capture, write_old_capture
from townlet_core.errors import SampleError
from townlet_core.samples.npz import NpzReader, whole, write_npz
from townlet_core.samples.seal import config_sha256, read_seal, verify


def edit(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def repack(path: Path, *, compress: bool = False, **changes: Any) -> None:
    """Write an NPZ file anew with some arrays changed, or left out where the change is None."""
    with NpzReader(path) as reader:
        arrays = {name: reader.read(name) for name in reader.headers} | changes
    with path.open("wb") as file:
        streams = [whole(name, array) for name, array in arrays.items() if array is not None]
        write_npz(file, streams, compress=compress)


def test_an_untouched_capture_has_no_mismatch(tmp_path: Path) -> None:
    manifest = write_capture(tmp_path, agents=("anna", "ben"))
    assert verify(tmp_path) == verify(manifest) == []


def test_the_seal_names_what_the_capture_was_made_from(tmp_path: Path) -> None:
    write_capture(tmp_path)
    seal = read_seal(tmp_path / "day_seal.json")
    assert (seal.config, seal.config_hash) == (CONFIG, config_sha256(CONFIG))  # type: ignore[arg-type]
    assert (seal.seed, seal.worlds, seal.ticks, seal.policy.name) == (7, 1, 3, "scripted")
    assert sorted(seal.files) == ["day_anna_001.json", "day_manifest.json", "day_metrics.json"]
    assert sorted(seal.samples["day_anna_001.npz"]) == sorted(a_sample().arrays())
    assert seal.versions.numpy == np.__version__


def test_an_array_packed_in_another_way_is_the_same_array(tmp_path: Path) -> None:
    write_capture(tmp_path)
    before = (tmp_path / "day_anna_001.npz").read_bytes()
    repack(tmp_path / "day_anna_001.npz", compress=True)
    assert (tmp_path / "day_anna_001.npz").read_bytes() != before
    assert verify(tmp_path) == []


ALTERED = "has been altered: its hash is not that of the seal"


@pytest.mark.parametrize(
    ("change", "mismatches"),
    [
        pytest.param(
            lambda at: repack(at / "day_anna_001.npz", rewards=np.array([1, 2, 3], np.float32)),
            [f"day_anna_001.npz: rewards: {ALTERED}"],
            id="an array",
        ),
        pytest.param(
            lambda at: repack(at / "day_anna_001.npz", rewards=a_sample().rewards.reshape(3, 1)),
            [f"day_anna_001.npz: rewards: {ALTERED}"],
            id="a shape",
        ),
        pytest.param(
            lambda at: repack(at / "day_anna_001.npz", map=None, mood=np.zeros(1)),
            ["day_anna_001.npz: map: is missing", "day_anna_001.npz: mood: is not in the seal"],
            id="an array gone, another come",
        ),
        pytest.param(
            lambda at: edit(at / "day_anna_001.json", first_tick=9), [f"day_anna_001.json: {ALTERED}"], id="a meta file"
        ),
        pytest.param(
            lambda at: (at / "day_metrics.json").write_text("{}"), [f"day_metrics.json: {ALTERED}"], id="the metrics"
        ),
        pytest.param(
            lambda at: edit(at / "day_seal.json", config={"scenario": {"name": "bath"}}),
            ["day_seal.json: config_hash: is not the hash of the configuration beside it"],
            id="the configuration",
        ),
        pytest.param(
            lambda at: (at / "day_ben_002.npz").unlink(),
            [
                "day_manifest.json: day_ben_002.npz is missing\n"
                "hint: the capture is incomplete; see 'townlet rollout repair', or capture again"
            ],
            id="a sample gone",
        ),
        pytest.param(
            lambda at: (at / "day_ben_002.npz").write_bytes(b"PK"),
            ["day_ben_002.npz: damaged: file is not a zip file"],
            id="a sample broken",
        ),
        pytest.param(
            lambda at: edit(
                at / "day_manifest.json", samples=json.loads((at / "day_manifest.json").read_text())["samples"][:1]
            ),
            [
                "day_manifest.json: day_ben_002.json is in the seal and not in the manifest",
                "day_manifest.json: day_ben_002.npz is in the seal and not in the manifest",
                f"day_manifest.json: {ALTERED}",
            ],
            id="a sample taken off the list",
        ),
    ],
)
def test_every_mismatch_is_reported(tmp_path: Path, change: Callable[[Path], object], mismatches: list[str]) -> None:
    write_capture(tmp_path, agents=("anna", "ben"))
    change(tmp_path)
    assert [str(error) for error in verify(tmp_path)] == [f"{tmp_path}/{mismatch}" for mismatch in mismatches]


def test_all_mismatches_are_reported_at_once(tmp_path: Path) -> None:
    write_capture(tmp_path, agents=("anna", "ben"))
    for agent in ("anna_001", "ben_002"):
        repack(tmp_path / f"day_{agent}.npz", rewards=np.zeros(3, np.float32), actions=np.zeros(3, np.int64))
    assert [str(error.where).removeprefix(f"{tmp_path}/day_") for error in verify(tmp_path)] == [
        "anna_001.npz: actions",
        "anna_001.npz: rewards",
        "ben_002.npz: actions",
        "ben_002.npz: rewards",
    ]


def test_a_flipped_bit_names_its_array(tmp_path: Path) -> None:
    write_capture(tmp_path)
    path = tmp_path / "day_anna_001.npz"
    data = path.read_bytes()
    path.write_bytes(data.replace(a_sample().rewards.tobytes(), np.array([0.25, -1.0, 0.75], np.float32).tobytes()))
    assert [str(error) for error in verify(tmp_path)] == [
        f"{path}: rewards: damaged: bad CRC-32 for file 'rewards.npy'"
    ]


def test_a_capture_of_the_predecessor_has_no_seal(tmp_path: Path) -> None:
    write_old_capture(tmp_path)
    with pytest.raises(SampleError, match=r"rollout_sample_seal\.json: cannot be read: no such file"):
        verify(tmp_path)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        pytest.param({"schema_version": 2}, "schema_version: schema version 2 is not known", id="a later version"),
        pytest.param({"config_hash": "abc"}, "config_hash: must be a sha256 in 64 small hex", id="no hash"),
        pytest.param({"seed": -1}, "seed: must be at least 0, found -1", id="a seed below 0"),
        pytest.param({"mood": 1}, "mood: unknown key", id="an unknown key"),
    ],
)
def test_a_seal_that_makes_no_sense_is_refused(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    write_capture(tmp_path)
    edit(tmp_path / "day_seal.json", **changes)
    with pytest.raises(SampleError) as caught:
        read_seal(tmp_path / "day_seal.json")
    assert str(caught.value).startswith(f"{tmp_path}/day_seal.json: {problem}")
