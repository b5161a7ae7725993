"""`townlet train ppo` with bad input: what it says, what it ends with, and that it leaves nothing behind."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.ppo.runs import townlet, words_of, write_kitchen
from tests.rollout.kitchens import take
from townlet_core.samples.npz import NpzReader
from townlet_core.samples.seal import bytes_sha256

MANIFEST, SEAL = "rollout_sample_manifest.json", "rollout_sample_seal.json"
ANNA, ANNAS = "rollout_sample_anna_001.npz", "rollout_sample_anna_001.json"


@pytest.fixture(autouse=True)
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a folder with a kitchen."""
    monkeypatch.chdir(tmp_path)
    return write_kitchen(tmp_path)


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture of the script in the kitchen; tests change copies of it."""
    base = tmp_path_factory.mktemp("captured")
    take(write_kitchen(base), "day")
    return base / "day"


@pytest.fixture
def day(captured: Path, tmp_path: Path) -> Path:
    shutil.copytree(captured, tmp_path / "day")
    return tmp_path / "day"


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param("kitchen.yaml --epochs 0", 2, "--epochs: must be a whole number from 1 to 100000000", id="epochs"),
        pytest.param(
            "kitchen.yaml -e 1.5", 2,
            "invalid value for '--epochs' / '-e': must be a whole number, found '1.5'\nhint: see 'townlet train ppo",
            id="half an epoch",
        ),
        pytest.param("kitchen.yaml --seed -1", 2, "--seed: must be a whole number from 0 to", id="seed"),
        pytest.param("kitchen.yaml --mode dream", 2, "invalid value for '--mode': 'dream' is not one of", id="mode"),
        pytest.param(
            "kitchen.yaml --mode rollout --capture-dir day", 2,
            "--mode: rollout learns from the town alone, and captures are given\nhint: leave --capture-dir out, or",
            id="captures without a use",
        ),
        pytest.param("kitchen.yaml --mode replay", 2, "--mode: replay learns from captures", id="nothing to replay"),
        pytest.param("kitchen.yaml --mode mixed", 2, "--mode: mixed learns from captures", id="nothing to mix"),
        pytest.param("kitchen.yaml --capture-dir day --worlds 2", 2, "--worlds: replay does not play", id="no worlds"),
        pytest.param(
            "kitchen.yaml --mode mixed --capture-dir day -e 10", 2,
            "mixed.warm_start_epochs: 10 epochs of warm start leave none of 10 for the town\n", id="warm start",
        ),
        pytest.param(
            "kitchen.yaml --set ppo.learning_rat=1", 3,
            "--set ppo.learning_rat=1: unknown key\nhint: did you mean 'learning_rate'?\n", id="unknown setting",
        ),
        pytest.param(
            "kitchen.yaml --set ppo.learning_rate=2", 3,
            "--set ppo.learning_rate=2: must be at most 1, found 2", id="setting out of range",
        ),
        pytest.param(
            "kitchen.yaml --set ppo.learning_rate=.nan", 3,
            "--set ppo.learning_rate=.nan: '.nan' is not a finite number\n", id="setting that is no number",
        ),
        pytest.param("kitchen.yaml --set ppo.gamma", 2, "--set ppo.gamma: ", id="setting without a value"),
        pytest.param("kitchen.yaml --set wages=1", 3, "--set wages=1: unknown key\n", id="unknown key"),
        pytest.param(
            "kitchen.yaml --set gamma=0.9", 3, "--set gamma=0.9: unknown key\nhint: did you mean 'ppo.gamma'?\n",
            id="key without its section",
        ),
        pytest.param("kitchen.yaml --settings odd", 3, "--settings: unknown settings 'odd'\n", id="no settings"),
        pytest.param("kitchen.yaml --settings odd.yaml", 3, "odd.yaml: ", id="no file of settings"),
        pytest.param("kitchen.yaml --settings kitchen.yaml", 3, "kitchen.yaml:1:1: name: unk", id="other file"),
        pytest.param("nowhere", 3, "unknown scenario 'nowhere'\n", id="scenario"),
        pytest.param("kitchen.yaml --capture-dir ''", 2, "invalid value for '--capture-dir': is empty\n", id="empty"),
        pytest.param("kitchen.yaml --capture-dir odd", 3, "odd: cannot be read: no such file", id="no capture"),
        pytest.param("kitchen.yaml --capture-dir .", 3, ".: holds no capture: there is no *_manifest.json", id="none"),
        pytest.param(
            "kitchen.yaml --replay-manifest kitchen.yaml", 3, "kitchen.yaml:1:1: not JSON: ", id="no manifest"
        ),
        pytest.param(
            "kitchen.yaml --capture-dir day --replay-manifest day/rollout_sample_manifest.json", 3,
            "day/rollout_sample_manifest.json: is the same capture as day\n", id="a capture twice",
        ),
        pytest.param("kitchen.yaml --resume odd", 3, "odd: no such folder\n", id="no folder to go on from"),
        pytest.param("kitchen.yaml --resume day", 3, "day: holds no checkpoint\n", id="no checkpoint"),
        pytest.param(
            "kitchen.yaml --rollout-save-dir day", 3,
            "day: holds a capture already (rollout_sample_manifest.json)\n"
            "hint: give --force to replace it, or choose another --rollout-save-dir\n", id="a capture in the way",
        ),
        pytest.param("kitchen.yaml --ppo-log kitchen.yaml", 3, "kitchen.yaml: is not a telemetry log: ", id="no log"),
        pytest.param("kitchen.yaml --ppo-log /proc/no/log", 3, "/proc/no/log: cannot be written: ", id="log"),
        pytest.param("kitchen.yaml --checkpoint-dir kitchen.yaml", 3, "kitchen.yaml: is not a folder\n", id="folder"),
        pytest.param("kitchen.yaml --save-every 2", 2, "--save-every: has no effect without --chec", id="save"),
        pytest.param("kitchen.yaml --device gpu", 2, "--device: 'gpu' is no device\nhint: known are auto,", id="gpu"),
        pytest.param("kitchen.yaml --device cuda:x", 2, "--device: 'cuda:x' is no device\n", id="device"),
        pytest.param("kitchen.yaml --nproc 0", 2, "--nproc: must be a whole number from 1 to 1024", id="no process"),
        pytest.param(
            "kitchen.yaml --set agents=[]", 3, "kitchen.yaml: nobody lives in this town, so there is", id="nobody"
        ),
    ],
)  # fmt: skip
def test_bad_words_are_refused_by_their_option_and_leave_nothing_behind(
    tmp_path: Path, day: Path, capsys: pytest.CaptureFixture[str], words: str, code: int, said: str
) -> None:
    before = names(tmp_path)
    assert townlet("train", "ppo", *shlex.split(words)) == code
    told = capsys.readouterr()
    assert told.err.startswith(f"error: {said}")
    assert "Traceback" not in told.err
    assert (told.out, names(tmp_path)) == ("", before)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_a_device_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert townlet("train", "ppo", "kitchen.yaml", "--device", "cuda") == 2
    assert capsys.readouterr().err == (
        "error: --device: there is no CUDA device here\nhint: use --device cpu, or auto\n"
    )


@pytest.mark.parametrize(("rank", "size"), [("0", None), (None, "2"), ("2", "2"), ("first", "2")])
def test_a_launcher_that_makes_no_sense_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, rank: str | None, size: str | None
) -> None:
    for name, value in (("RANK", rank), ("WORLD_SIZE", size)):
        if value is not None:
            monkeypatch.setenv(name, value)
    assert townlet(*words_of("kitchen.yaml")) == 2
    assert capsys.readouterr().err.startswith(f"error: environment: RANK is {rank!r} and WORLD_SIZE is {size!r}\n")


def test_processes_that_cannot_find_each_other_are_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("RANK", "0"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "localhost"), ("MASTER_PORT", "")):
        monkeypatch.setenv(name, value)
    assert townlet(*words_of("kitchen.yaml")) == 2
    assert capsys.readouterr().err.startswith("error: environment: MASTER_PORT is not set, so the others cannot be")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def put(folder: Path, **arrays: Any) -> None:
    """Put other arrays into anna's sample, and make the seal fit: nothing but the numbers is wrong."""
    with np.load(folder / ANNA) as file:
        whole = {**file, **arrays}
    np.savez(folder / ANNA, **whole)
    seal = json.loads((folder / SEAL).read_text())
    with NpzReader(folder / ANNA) as reader:
        seal["samples"][ANNA] = {name: reader.sha256(name) for name in whole}
    (folder / SEAL).write_text(json.dumps(seal))


def rewards(folder: Path, number: float) -> None:
    with np.load(folder / ANNA) as file:
        found = file["rewards"]
    found[7] = number
    put(folder, rewards=found)


def list_elsewhere(folder: Path) -> None:
    """Have the manifest lead out of its folder, and make the seal fit."""
    edit(folder / MANIFEST, ANNA, f"../{ANNA}")
    seal = json.loads((folder / SEAL).read_text())
    seal["files"][MANIFEST] = bytes_sha256((folder / MANIFEST).read_bytes())
    (folder / SEAL).write_text(json.dumps(seal))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(lambda day: (day / MANIFEST).unlink(), "day: holds no capture: there is no *_man", id="manifest"),
        pytest.param(lambda day: (day / SEAL).unlink(), f"day/{MANIFEST}: {SEAL} is missing\n", id="seal"),
        pytest.param(lambda day: (day / ANNA).unlink(), f"day/{MANIFEST}: {ANNA} is missing\n", id="sample"),
        pytest.param(
            lambda day: (day / ANNA).write_bytes((day / ANNA).read_bytes()[:-100]), f"day/{ANNA}: damaged: ",
            id="cut short",
        ),
        pytest.param(lambda day: (day / ANNA).write_bytes(b""), f"day/{ANNA}: damaged: ", id="empty"),
        pytest.param(lambda day: flip(day / ANNA), f"day/{ANNA}: map: damaged: bad CRC-32", id="flipped"),
        pytest.param(
            lambda day: edit(day / ANNAS, '"life": 1', '"life": 2'),
            f"day/{ANNAS}: has been altered: its hash is not that of the seal\n", id="edited",
        ),
        pytest.param(lambda day: rewards(day, np.nan), f"day/{ANNA}: rewards: holds NaN or infinity\n", id="NaN"),
        pytest.param(lambda day: rewards(day, np.inf), f"day/{ANNA}: rewards: holds NaN or infinity\n", id="infinity"),
        pytest.param(
            list_elsewhere, f"day/{MANIFEST}: samples.0.sample: the path '../{ANNA}' leaves the folder of the manifest",
            id="elsewhere",
        ),
        pytest.param(
            lambda day: (day / MANIFEST).write_text("[]"), f"day/{MANIFEST}: holds no samples\n", id="no samples"
        ),
    ],
)  # fmt: skip
def test_a_capture_that_is_not_what_it_was_is_refused_by_its_file(
    tmp_path: Path, day: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], Any], said: str
) -> None:
    damage(day)
    before = names(tmp_path)
    assert townlet(*words_of("kitchen.yaml", "--capture-dir", "day", "--checkpoint-dir", "runs", live=False)) == 3
    told = capsys.readouterr()
    assert told.err.startswith(f"error: {said}")
    assert (told.out, names(tmp_path)) == ("", before)


def test_a_capture_is_learned_from_if_nothing_is_wrong_with_it(day: Path) -> None:
    """The same way of changing it, with a number: what is refused above is refused for that number."""
    rewards(day, 0.5)
    assert townlet(*words_of("kitchen.yaml", "--capture-dir", "day", "--epochs", "1", live=False)) == 0
