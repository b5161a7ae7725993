"""Samples: what is read is what was written, and a file that does not fit its description is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.samples.captures import a_meta, a_sample, write_capture, write_old_capture
from townlet_core.errors import SampleError
from townlet_core.samples.jsonfile import json_bytes
from townlet_core.samples.npz import whole, write_npz
from townlet_core.samples.sample import (
    ARRAYS,
    Meta,
    PlainMeta,
    PlainSample,
    Sample,
    note_of_action,
    read_meta,
    read_sample,
)


def write_sample(folder: Path, **changes: Any) -> Path:
    """Write what anna saw, with some of its arrays changed, or left out where the change is None."""
    arrays = {name: array for name, array in (a_sample().arrays() | changes).items() if array is not None}
    with (folder / "anna.npz").open("wb") as file:
        write_npz(file, [whole(name, array) for name, array in arrays.items()])
    return folder / "anna.npz"


def write_meta(folder: Path, **changes: Any) -> Path:
    facts = json.loads(json_bytes(a_meta())) | changes
    (folder / "anna.json").write_text(json.dumps({name: fact for name, fact in facts.items() if fact != "left out"}))
    return folder / "anna.json"


def test_a_sample_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_capture(tmp_path)
    meta = read_meta(tmp_path / "day_anna_001.json")
    sample = read_sample(tmp_path / "day_anna_001.npz", meta)
    assert isinstance(sample, Sample)
    assert meta == a_meta(metrics=meta.metrics)
    assert list(sample.arrays()) == list(ARRAYS)
    for name, array in a_sample().arrays().items():
        assert sample.arrays()[name].tolist() == array.tolist()


def test_a_sample_of_the_predecessor_is_read_without_what_it_lacks(tmp_path: Path) -> None:
    write_old_capture(tmp_path)
    meta = read_meta(tmp_path / "rollout_sample_anna_001.json")
    assert type(meta) is PlainMeta
    sample = read_sample(tmp_path / "rollout_sample_anna_001.npz", meta)
    assert type(sample) is PlainSample
    assert sample.actions.tolist() == [0, 1, 0]
    assert sample.value_preds.tolist() == [0, 0, 0, 2.5]


def test_a_sample_of_the_predecessor_may_have_as_many_values_as_ticks_and_keys_of_its_own(tmp_path: Path) -> None:
    write_old_capture(tmp_path)
    path = tmp_path / "rollout_sample_anna_001.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"value_pred_steps": 3, "mood_model": "a"}))
    write_sample(tmp_path, value_preds=np.zeros(3, np.float32), extra=np.zeros(2))
    assert read_sample(tmp_path / "anna.npz", read_meta(path)).value_preds.shape == (3,)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        pytest.param({"map": None}, "anna.npz: arrays are missing: map", id="missing"),
        pytest.param({"mood": np.zeros(1)}, "anna.npz: unknown arrays: mood", id="unknown"),
        pytest.param(
            {"rewards": np.zeros(2, np.float32)},
            "anna.npz: rewards: is <f4 (2,); its meta file says <f4 (3,)",
            id="too short",
        ),
        pytest.param(
            {"rewards": np.zeros(3)}, "anna.npz: rewards: is <f8 (3,); its meta file says <f4 (3,)", id="wrong type"
        ),
        pytest.param(
            {"action_mask": np.ones((3, 4), np.bool_)},
            "anna.npz: action_mask: is |b1 (3, 4); its meta file says |b1 (3, 3)",
            id="more actions than there are",
        ),
        pytest.param(
            {"features": np.full((3, 4), np.nan, np.float32)}, "anna.npz: features: holds NaN or infinity", id="NaN"
        ),
        pytest.param(
            {"actions": np.array([0, 3, -1])},
            "anna.npz: actions: ids from -1 to 3; there are 3 actions",
            id="no such action",
        ),
    ],
)
def test_arrays_that_do_not_fit_the_meta_are_refused(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    path = write_sample(tmp_path, **changes)
    with pytest.raises(SampleError) as caught:
        read_sample(path, a_meta())
    assert str(caught.value) == f"{tmp_path}/{problem}"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        pytest.param(
            {"schema_version": 2},
            "schema_version: schema version 2 is not known; this program reads version 1\n"
            "hint: it was written by another version of Townlet; read it with that one or capture again",
            id="a later version",
        ),
        pytest.param(
            {"schema_version": True},
            "schema_version: schema version true is not known; this program reads version 1\n"
            "hint: it was written by another version of Townlet; read it with that one or capture again",
            id="no number",
        ),
        pytest.param({"slot": "left out"}, "slot: is missing", id="missing key"),
        pytest.param({"timesteps": 0, "frame_count": 0}, "timesteps: must be at least 1, found 0", id="no ticks"),
        pytest.param({"frame_count": 2}, "frame_count is 2 and timesteps is 3", id="frames are not ticks"),
        pytest.param({"value_pred_steps": 9}, "value_pred_steps is 9 with 3 timesteps", id="too many values"),
        pytest.param({"map_channels": []}, "map_channels names 0 channels of 1", id="channels"),
        pytest.param(
            {"action_names": ["wait"]},
            "action_names and action_lookup do not name each of 3 actions once",
            id="actions without a name",
        ),
        pytest.param(
            {"action_lookup": {"a": 0, "b": 1, "c": 1}},
            "action_names and action_lookup do not name each of 3 actions once",
            id="an id twice",
        ),
    ],
)
def test_a_meta_that_makes_no_sense_is_refused(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    path = write_meta(tmp_path, **changes)
    with pytest.raises(SampleError) as caught:
        read_meta(path)
    assert str(caught.value) == f"{path}: {problem}"


def test_a_meta_that_is_a_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "anna.json").write_text("[]")
    with pytest.raises(SampleError, match=r"anna\.json: "):
        read_meta(tmp_path / "anna.json")


@pytest.mark.parametrize(
    ("action", "note"),
    [
        pytest.param('{"kind": "wait"}', ("wait", False), id="ours"),
        pytest.param('{"blocked": true, "kind": "request"}', ("request", True), id="the predecessor's, in vain"),
        pytest.param("{}", ("unknown", False), id="no kind"),
        pytest.param("jump", ("unknown", False), id="not JSON"),
    ],
)
def test_the_kind_of_an_action_stands_in_its_text(action: str, note: tuple[str, bool]) -> None:
    assert note_of_action(action) == note


def test_every_array_and_key_is_described() -> None:
    assert all(field.description for field in Meta.model_fields.values())
    assert set(ARRAYS) == set(a_sample().arrays())


def test_readers_of_samples_load_neither_numba_nor_torch() -> None:
    modules = ("commit", "jsonfile", "manifest", "metrics", "npz", "provenance", "sample", "seal", "writer")
    lines = [f"import townlet_core.samples.{module}" for module in modules]
    script = "; ".join(["import sys", *lines, "assert not {'numba', 'torch'} & set(sys.modules)"])
    subprocess.run([sys.executable, "-c", script], check=True)
