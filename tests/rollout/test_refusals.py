"""A capture that is refused or broken off leaves the folder as it was."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tests.rollout.kitchens import take
from townlet_core.errors import InputError, OutputError, TownletError, UsageError
from townlet_core.rollout.capture import capture
from townlet_core.rollout.request import CaptureRequest


@pytest.mark.parametrize("share", [0.1, 0.6, 1.0], ids=["while it plays", "while it writes", "at the last sample"])
def test_a_capture_that_is_interrupted_leaves_the_earlier_one(kitchen: Path, share: float) -> None:
    take(kitchen, ticks=20)
    out = kitchen.parent / "out"
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def interrupt(done: int, total: int) -> None:
        if done >= share * total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        capture(CaptureRequest(str(kitchen), out, force=True), on_progress=interrupt)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        pytest.param(
            {"ticks": 0}, UsageError, "--ticks: must be a whole number from 1 to 1000000, found 0", id="ticks"
        ),
        pytest.param({"ticks": -5}, UsageError, "--ticks: must be a whole number from 1 to", id="negative ticks"),
        pytest.param({"worlds": 0}, UsageError, "--worlds: must be a whole number from 1 to", id="worlds"),
        pytest.param({"threads": 0}, UsageError, "--threads: must be a whole number from 1 to", id="threads"),
        pytest.param({"seed": -1}, UsageError, "--seed: must be a whole number from 0 to", id="seed"),
        pytest.param({"prefix": "../x"}, UsageError, "--prefix: must begin with a letter or digit", id="prefix"),
        pytest.param({"prefix": ""}, UsageError, "--prefix: must begin with a letter or digit", id="no prefix"),
        pytest.param({"policy": "scriptd"}, UsageError, "--policy: unknown policy 'scriptd'", id="policy"),
        pytest.param(
            {"agents": ("anna", "carla")},
            UsageError,
            "--agent: no agent 'carla' in this town; known are anna, ben, cara, dora\nhint: did you mean 'cara'?",
            id="agent",
        ),
        pytest.param(
            {"agents": ("dora",), "ticks": 20},
            UsageError,
            "20 ticks: the capture is over before dora comes to town\nhint: give more --ticks",
            id="nobody there in time",
        ),
        pytest.param({"output": Path("kitchen.yaml")}, OutputError, "kitchen.yaml: is not a folder", id="a file"),
        pytest.param({"source": "nowhere.yaml"}, InputError, "nowhere.yaml: no such file", id="no configuration"),
    ],
)
def test_what_cannot_be_captured_is_refused_and_leaves_nothing(
    kitchen: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], kind: type[TownletError], said: str
) -> None:
    monkeypatch.chdir(kitchen.parent)
    request = dataclasses.replace(CaptureRequest("kitchen.yaml", Path("out")), **options)
    with pytest.raises(kind) as caught:
        capture(request)
    assert str(caught.value).startswith(said)
    assert [path.name for path in kitchen.parent.iterdir()] == ["kitchen.yaml"]


def test_a_used_folder_is_refused_before_anything_is_simulated(kitchen: Path) -> None:
    take(kitchen)
    ticks: list[int] = []
    with pytest.raises(OutputError, match="holds a capture already"):
        capture(CaptureRequest(str(kitchen), kitchen.parent / "out"), on_progress=lambda done, _: ticks.append(done))
    assert ticks == []
