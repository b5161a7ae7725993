"""Captures that are made in a place that does not share the folder of the suite are sent, and put in place whole."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import tempfile
from pathlib import Path

import pytest

from tests.ppo.runs import run as train
from tests.ppo.runs import write_kitchen
from tests.rollout.kitchens import npz_files
from tests.rollout.suites import FIELD, contents, write_broken
from townlet_core.config.load import own_files
from townlet_core.policy.saved import find_checkpoint
from townlet_core.rollout.capture import capture
from townlet_core.rollout.request import CaptureRequest
from townlet_core.rollout.sending import PIECE_BYTES, Arrival, Log, Parcel, Piece, Sent, attempt_away, pack
from townlet_core.rollout.task import Captured, Failed, Task
from townlet_core.samples.seal import verify

MANIFEST = "kinds: {fridge: {}}\naffordances: {}\n"


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    """A task of a field with a manifest of its own, in files that are gone when it is made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    home = tmp_path / "home"
    for folder in (tmp_path / "tmp", home / "towns"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(home)
    (home / "towns" / "own.yaml").write_text(MANIFEST)
    (home / "towns" / "field.yaml").write_text(FIELD.format(name="field", ticks=20) + "affordances: own.yaml\n")
    request = CaptureRequest("towns/field.yaml", home / "out" / "field")
    log = home / "out" / "field.log"
    return Task("field", request, log, 1, resume=False, folder=str(home), token=home / ".suite.lock", word="word")


def with_ticks(task: Task, ticks: int) -> Task:
    return dataclasses.replace(task, request=dataclasses.replace(task.request, ticks=ticks))


def sent_of(task: Task) -> list[Sent]:
    """Give what is sent, of what was packed before the files went."""
    parcel = pack(task.request)
    for path in Path("towns").iterdir():
        path.unlink()
    sent = list(attempt_away(task, parcel, lambda _: None))
    os.chdir(task.folder)
    return sent


def test_a_capture_that_is_sent_is_the_same_as_one_made_here(task: Task) -> None:
    task = with_ticks(task, 20_000)
    capture(dataclasses.replace(task.request, output=Path("here")))
    arrival = Arrival(task)
    ends = []
    for sent in sent_of(task):
        if isinstance(sent, Piece):
            assert sum(len(data) for _, data in sent.parts) <= PIECE_BYTES
        assert not [*task.request.output.glob("*.json")], "nothing is in place before the end"
        ends.append(arrival.take(sent))
    assert ends[:-1] == [None] * (len(ends) - 1)
    assert len(ends) > 3  # a log, two pieces or more, what came of it
    assert isinstance(ends[-1], Captured)
    assert contents(task.request.output) == contents(Path("here"))
    assert npz_files(task.request.output) == npz_files(Path("here")) != {}
    assert verify(task.request.output) == []
    assert " captured: 20,000 agent-steps" in task.log.read_text()
    assert not os.listdir(tempfile.gettempdir())


def test_one_that_breaks_off_leaves_nothing(task: Task) -> None:
    arrival = Arrival(task)
    for sent in sent_of(task)[:-1]:
        assert arrival.take(sent) is None
    assert [*task.request.output.glob(".townlet-stage-*/new/*.npz")]
    arrival.drop()
    assert not task.request.output.exists()


def test_one_that_cannot_be_put_in_place_has_failed(task: Task) -> None:
    task.request.output.mkdir(parents=True)
    (task.request.output / "rollout_sample_manifest.json").write_text("mine")
    log, piece, *_ = sent_of(task)
    arrival = Arrival(task)
    assert isinstance(log, Log)
    assert isinstance(piece, Piece)
    assert arrival.take(log) is None
    failed = arrival.take(piece)
    assert isinstance(failed, Failed)
    assert failed.reason.startswith(f"{task.request.output}: rollout_sample_manifest.json has a name of this capture")
    assert os.listdir(task.request.output) == ["rollout_sample_manifest.json"]


def test_a_file_of_somebody_else_is_not_taken_for_the_log(task: Task, tmp_path: Path) -> None:
    """Neither one with its name, nor one that a link of that name leads to."""
    (log, *_), precious = sent_of(task), tmp_path / "precious"
    precious.write_text("precious")
    task.log.parent.mkdir(parents=True)
    for problem in ("is there already, and is no log of a capture", "is a link, where the log of a capture is to be"):
        if "link" in problem:
            task.log.symlink_to(precious)
        else:
            task.log.write_text("mine")
        failed = Arrival(task).take(log)
        assert isinstance(failed, Failed)
        assert failed.reason == f"{task.log}: {problem}"
        assert (task.log.read_text(), precious.read_text()) == ("precious" if "link" in problem else "mine", "precious")
        task.log.unlink()


def test_what_is_wrong_is_said_as_it_is_here(task: Task) -> None:
    source = write_broken(Path("towns"))
    task = dataclasses.replace(task, request=dataclasses.replace(task.request, source=source))
    log, failed = sent_of(task)
    assert isinstance(log, Log)
    assert isinstance(failed, Failed)
    assert failed.reason.startswith("towns/broken.yaml:2:1: ")


def test_a_file_with_an_absolute_path_is_not_sent(task: Task) -> None:
    source = os.path.abspath(task.request.source)
    task = dataclasses.replace(task, request=dataclasses.replace(task.request, source=source))
    [failed] = sent_of(task)
    assert isinstance(failed, Failed)
    assert failed.reason.startswith(f"{source}: is not there on ")
    assert failed.is_final


def test_what_a_killed_process_has_left_goes_with_the_next_attempt(task: Task) -> None:
    old, used, young = (Path(tempfile.gettempdir()) / f"townlet-away-{name}" for name in ("old", "used", "young"))
    for folder in (old, used, young):
        folder.mkdir()
    for folder in (old, used):
        os.utime(folder, (0, 0))
    descriptor = os.open(used, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    sent_of(task)
    os.close(descriptor)
    assert sorted(os.listdir(tempfile.gettempdir())) == [used.name, young.name]


def test_a_scenario_is_read_from_its_own_files_and_not_from_shipped_ones(task: Task) -> None:
    towns, source = Path("towns"), task.request.source
    (towns / "bare.yaml").write_text(FIELD.format(name="bare", ticks=1))
    assert own_files(source) == [towns / "field.yaml", towns / "own.yaml"]
    assert own_files(source, ["affordances=core"]) == [towns / "field.yaml"]
    assert own_files(str(towns / "bare.yaml")) == [towns / "bare.yaml"]
    assert own_files(write_broken(towns)) == [towns / "broken.yaml"]
    assert own_files("kitchen_breakfast") == []


def test_a_checkpoint_that_acts_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(write_kitchen(tmp_path), epochs=1, save_every=1, checkpoint_dir=tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    parcel = pack(CaptureRequest("kitchen.yaml", tmp_path / "out", policy="runs"))
    newest = find_checkpoint(tmp_path / "runs")
    wanted = [tmp_path / "kitchen.yaml", newest / "policy.json", newest / "policy.safetensors"]
    assert parcel == Parcel({str(path): path.read_bytes() for path in wanted})


def test_the_best_of_some_checkpoints_is_sent_under_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No link comes with it, and it is asked for by the link's name there too."""
    train(write_kitchen(tmp_path), epochs=2, eval_every=2, eval_worlds=1, checkpoint_dir=tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    files = pack(CaptureRequest("kitchen.yaml", tmp_path / "out", policy="runs/best")).files
    for path in (tmp_path / "runs" / "best").iterdir():
        assert files.get(str(path)) == (None if path.name.startswith("training") else path.read_bytes())
    assert len(files) == 3
