"""What repairing refuses, and leaves as it is."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.samples.captures import contents, write_capture, write_old_capture
from tests.samples.test_seal import edit
from townlet_core.errors import OutputError, SampleError
from townlet_core.samples.repair import repair


def seal_elsewhere(at: Path) -> None:
    os.rename(at / "day_seal.json", at.parent / "elsewhere.json")
    (at / "day_seal.json").symlink_to(at.parent / "elsewhere.json")


def strange_stage(at: Path) -> None:
    (at / ".townlet-stage-x" / "new").mkdir(parents=True)
    (at / ".townlet-stage-x" / "new" / "day_anna_001.npz").write_bytes(b"PK")


def nothing_but_anna(at: Path) -> None:
    (at / "day_anna_001.npz").write_bytes(b"PK")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        pytest.param(lambda at: (at / "day_seal.json").unlink(), "holds no seal", id="without a seal"),
        pytest.param(lambda at: edit(at / "day_seal.json", mood=1), "mood: unknown key", id="a broken seal"),
        pytest.param(lambda at: edit(at / "day_seal.json", config={}), "was altered itself", id="an altered seal"),
        pytest.param(lambda at: edit(at / "day_seal.json", seed=8), "do not agree", id="another seed"),
        pytest.param(nothing_but_anna, "no life in it is as its seal says", id="nothing is left"),
        pytest.param(lambda at: (at / "x_seal.json").write_text("{}"), "holds 2 seals", id="another seal beside it"),
        pytest.param(
            lambda at: edit(at / "day_seal.json", samples={"../day_anna_001.npz": {}}), "is elsewhere", id="a way out"
        ),
        pytest.param(strange_stage, "about.json", id="a strange stage"),
        pytest.param(seal_elsewhere, "leads out of the folder", id="a seal elsewhere"),
    ],
)
def test_what_nothing_proves_is_refused_and_left_as_it_is(
    tmp_path: Path, change: Callable[[Path], object], problem: str
) -> None:
    folder = tmp_path / "out"
    write_capture(folder)
    change(folder)
    before = contents(folder)
    with pytest.raises(SampleError) as caught:
        repair(folder)
    assert problem in str(caught.value)
    assert contents(folder) == before


def test_where_nothing_is_there_is_nothing_to_repair(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match="no such folder"):
        repair(tmp_path / "nowhere")
    with pytest.raises(SampleError, match=r"is not a folder\nhint: name the folder that the capture is in"):
        repair(Path(__file__))
    with pytest.raises(SampleError, match="holds no capture, and nothing that one has left"):
        repair(tmp_path)
    write_old_capture(tmp_path)
    with pytest.raises(SampleError, match="holds no seal"):
        repair(tmp_path)


def test_a_capture_that_goes_on_is_not_disturbed(tmp_path: Path) -> None:
    (tmp_path / ".townlet-stage-x" / "new").mkdir(parents=True)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with pytest.raises(OutputError, match="another capture is writing here"):
            repair(tmp_path)
    finally:
        os.close(descriptor)
    assert (tmp_path / ".townlet-stage-x").exists()
