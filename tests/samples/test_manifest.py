"""Manifests: three forms are read, one is written, and no path leads out of the folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.samples.captures import a_metadata, write_capture, write_old_capture
from townlet_core.errors import SampleError
from townlet_core.samples.manifest import Manifest, find_manifest, locate, read_manifest


def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path) -> None:
    manifest = read_manifest(write_capture(tmp_path, agents=("anna", "ben")))
    assert isinstance(manifest, Manifest)
    assert manifest.metadata == a_metadata()
    assert [(entry.sample, entry.meta, entry.agent_id, entry.frame_count) for entry in manifest.samples] == [
        ("day_anna_001.npz", "day_anna_001.json", "anna", 3),
        ("day_ben_002.npz", "day_ben_002.json", "ben", 3),
    ]


def test_the_older_list_of_the_predecessor_is_read(tmp_path: Path) -> None:
    manifest = read_manifest(write_old_capture(tmp_path))
    assert manifest.metadata is None
    assert [(entry.sample, entry.agent_id) for entry in manifest.samples] == [("rollout_sample_anna_001.npz", None)]


def test_the_newer_object_of_the_predecessor_is_read(tmp_path: Path) -> None:
    manifest = read_manifest(write_old_capture(tmp_path, newer=True))
    assert manifest.metadata is not None
    assert (manifest.metadata.ticks, manifest.metadata.seed, manifest.metadata.scenario_name) == (3, None, None)
    assert [(entry.agent_id, entry.frame_count) for entry in manifest.samples] == [("anna", 3)]


def entry(**changes: Any) -> dict[str, Any]:
    return {"sample": "anna.npz", "meta": "anna.json"} | changes


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param("{}", "not a manifest: neither a list of samples nor metadata and samples", id="neither form"),
        pytest.param("7", "not a manifest: neither a list of samples nor metadata and samples", id="a number"),
        pytest.param({"metadata": {}}, "samples: is missing", id="no samples"),
        pytest.param([{"sample": "anna.npz"}], "samples.0.meta: is missing", id="no meta"),
        pytest.param([entry(), entry(sample="./anna.npz", meta="b.json")], "samples.1.sample: anna.npz is named twice"),
        pytest.param(
            {"metadata": {"schema_version": "2"}, "samples": []},
            'schema_version: schema version "2" is not known; this program reads version 1\n'
            "hint: it was written by another version of Townlet; read it with that one or capture again",
            id="a later version",
        ),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: Any, problem: str) -> None:
    path = tmp_path / "day_manifest.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(SampleError) as caught:
        read_manifest(path)
    assert str(caught.value) == f"{path}: {problem}"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("day_seal.json", "is the seal of a capture, and no manifest"),
        ("day_metrics.json", "is the metrics file of a capture, and no manifest"),
        ("anna.npz", "is a sample of a capture, and no manifest"),
        ("anna.json", "is the meta file of a sample of a capture, and no manifest"),
        ("day.json", "not a manifest: neither a list of samples nor metadata and samples"),
    ],
)
def test_who_names_another_file_is_told_what_to_name(tmp_path: Path, name: str, problem: str) -> None:
    hint = f"name the folder of the capture, {tmp_path}, or the *_manifest.json in it"
    for each in ("day_seal.json", "day_metrics.json", "anna.npz", "anna.json", "day.json"):
        (tmp_path / each).write_text("{}")
    with pytest.raises(SampleError) as caught:
        read_manifest(tmp_path / name)
    assert (caught.value.problem, caught.value.where) == (problem, str(tmp_path / name))
    assert caught.value.hint == (hint if name != "day.json" else "captures have a *_manifest.json")


@pytest.mark.parametrize("name", ["/etc/anna.npz", "../anna.npz", "a/../../anna.npz", "..\\anna.npz", "a\0.npz"])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "day_manifest.json"
    path.write_text(json.dumps([entry(sample=name)]))
    with pytest.raises(SampleError) as caught:
        read_manifest(path)
    assert str(caught.value) == f"{path}: samples.0.sample: the path {name!r} leaves the folder of the manifest"


@pytest.mark.parametrize("name", ["anna.txt", "", ".npz/", "anna.npz\n"])
def test_a_sample_is_an_npz_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / "day_manifest.json"
    path.write_text(json.dumps([entry(sample=name)]))
    with pytest.raises(SampleError, match=r"samples\.0\.sample: "):
        read_manifest(path)


def test_a_symbolic_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    capture, elsewhere = tmp_path / "capture", tmp_path / "elsewhere"
    capture.mkdir()
    elsewhere.mkdir()
    (elsewhere / "anna.npz").write_bytes(b"secret")
    (capture / "anna.npz").symlink_to(elsewhere / "anna.npz")
    (capture / "below").symlink_to(elsewhere)
    for name in ("anna.npz", "below/anna.npz"):
        with pytest.raises(SampleError) as caught:
            locate(capture / "day_manifest.json", name)
        assert str(caught.value) == (
            f"{capture}/day_manifest.json: {name} leads out of the folder through a symbolic link"
        )


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SampleError) as caught:
        locate(tmp_path / "day_manifest.json", "anna.npz")
    assert caught.value.problem == "anna.npz is missing"


def test_the_one_manifest_of_a_folder_is_found(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match=r"holds no capture: there is no \*_manifest.json"):
        find_manifest(tmp_path)
    with pytest.raises(SampleError, match="no such folder"):
        find_manifest(tmp_path / "nowhere")
    path = write_capture(tmp_path)
    assert find_manifest(tmp_path) == path
    (tmp_path / "night_manifest.json").write_text("[]")
    with pytest.raises(SampleError, match=r"holds more than one capture: day_manifest\.json, night_manifest\.json"):
        find_manifest(tmp_path)
