"""The best checkpoint: that whose policy earned most when it was evaluated, and a link that leads to it."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.ppo.runs import CONSTANT, Values, log_of, never, run
from townlet_core.errors import OutputError, UsageError
from townlet_core.policy.saved import checkpoints_in, find_checkpoint
from townlet_core.ppo.checkpoint import read_training
from townlet_core.ppo.run import TrainReport

EVALUATED: Values = {"eval_every": 1, "eval_worlds": 2}


def train(kitchen: Path, runs: Path, **options: Any) -> tuple[TrainReport, dict[int, float]]:
    """Train with evaluations; give the report, and what each epoch earned."""
    earned: dict[int, float] = {}

    def note(values: Values) -> None:
        if "eval_return_mean" in values:
            earned[values["epoch"]] = values["eval_return_mean"]

    return run(kitchen, checkpoint_dir=runs, on_epoch=note, **{**EVALUATED, **options}), earned


def pretend(checkpoint: Path, earned: float | None) -> None:
    """Have a checkpoint say that its policy earned so much."""
    path = checkpoint / "training.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "eval_return_mean": earned}))


def names(runs: Path) -> list[str]:
    """List what is in a folder and not hidden."""
    return sorted(path.name for path in runs.glob("[!.]*"))


def first_best(earned: dict[int, float]) -> Path:
    """Name the checkpoint of the epoch that earned most; of equal ones the first."""
    return Path(f"epoch_{max(earned, key=lambda epoch: (earned[epoch], -epoch)):06}")


def test_best_leads_to_the_checkpoint_that_earned_most(kitchen: Path, tmp_path: Path) -> None:
    """Large steps make the return go up and down; the best is kept although only one other may be."""
    report, earned = train(kitchen, tmp_path / "runs", epochs=8, keep=1, also=("ppo.learning_rate=0.05",))
    best = first_best(earned)
    assert best != Path("epoch_000008")  # else this test would show nothing
    assert (tmp_path / "runs" / "best").readlink() == best
    assert report.best == str(tmp_path / "runs" / best)
    assert [place.name for place in checkpoints_in(tmp_path / "runs")] == [str(best), "epoch_000008"]
    assert read_training(tmp_path / "runs" / "best")[1].eval_return_mean == max(earned.values())


def test_a_run_that_goes_on_knows_what_its_best_had_earned(kitchen: Path, tmp_path: Path) -> None:
    options = {"also": ("ppo.learning_rate=0.05", *CONSTANT)}
    whole, earned = train(kitchen, tmp_path / "whole", epochs=8, **options)
    train(kitchen, tmp_path / "runs", epochs=4, **options)
    report, _ = train(kitchen, tmp_path / "runs", resume=tmp_path / "runs", epochs=8)
    assert Path(str(report.best)).name == Path(str(whole.best)).name == str(first_best(earned))


def test_what_was_not_evaluated_has_no_best(kitchen: Path, tmp_path: Path) -> None:
    report = run(kitchen, epochs=2, save_every=1, checkpoint_dir=tmp_path / "runs")
    assert report.best is None
    assert names(tmp_path / "runs") == ["epoch_000001", "epoch_000002"]
    assert read_training(tmp_path / "runs")[1].eval_return_mean is None


def test_evaluations_without_checkpoints_keep_nothing(kitchen: Path, tmp_path: Path) -> None:
    report = run(kitchen, epochs=2, log=tmp_path / "log.jsonl", **EVALUATED)
    assert (report.best, report.checkpoint) == (None, None)
    assert len(log_of(tmp_path / "log.jsonl")) == 2


def test_a_new_run_does_not_measure_itself_by_the_best_of_an_old_one(kitchen: Path, tmp_path: Path) -> None:
    train(kitchen, tmp_path / "runs", epochs=3)
    pretend(tmp_path / "runs" / "epoch_000003", 1e9)
    report, earned = train(kitchen, tmp_path / "runs", epochs=2, force=True, seed=5)
    assert Path(str(report.best)).name == str(first_best(earned))


def test_a_new_run_that_is_not_evaluated_has_no_best_of_an_old_one(kitchen: Path, tmp_path: Path) -> None:
    """Else the link would lead to a checkpoint of the same name, which nobody has evaluated."""
    runs = tmp_path / "runs"
    train(kitchen, runs, epochs=3)
    report = run(kitchen, epochs=3, save_every=1, checkpoint_dir=runs, force=True)
    assert report.best is None
    assert names(runs) == ["epoch_000001", "epoch_000002", "epoch_000003"]


@pytest.mark.parametrize("led_to", ["epoch_000001", "epoch_000007", None])
def test_what_a_killed_run_had_not_linked_is_linked_by_the_next(
    kitchen: Path, tmp_path: Path, led_to: str | None
) -> None:
    """Epoch 2 earned most; the link leads to an older one, to one that is gone, or is not there."""
    runs = tmp_path / "runs"
    run(kitchen, epochs=3, save_every=1, checkpoint_dir=runs)
    for epoch, earned in ((1, 0.0), (2, 1e9), (3, 1e9)):
        pretend(runs / f"epoch_{epoch:06}", earned)
    if led_to is not None:
        (runs / "best").symlink_to(led_to)
    for options in ({}, EVALUATED):
        epochs = read_training(runs)[1].epoch + 1
        report = run(kitchen, resume=runs, epochs=epochs, keep=1, **options)
        assert report.best == str(runs / "epoch_000002")
        assert names(runs) == ["best", "epoch_000002", f"epoch_{epochs:06}"]


def test_a_checkpoint_that_cannot_be_read_is_not_the_best(kitchen: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    run(kitchen, epochs=3, save_every=1, checkpoint_dir=runs)
    pretend(runs / "epoch_000001", 1.0)
    (runs / "epoch_000002" / "training.json").write_text("{")
    assert run(kitchen, resume=runs, epochs=4).best == str(runs / "epoch_000001")


def test_what_was_the_best_is_removed_like_any_other(kitchen: Path, tmp_path: Path) -> None:
    """Each policy is better than the one before it; of the newest one is kept."""
    runs = tmp_path / "runs"
    run(kitchen, epochs=2, checkpoint_dir=runs)
    pretend(runs / "epoch_000002", -1e9)
    report = run(kitchen, resume=runs, epochs=3, keep=1, **EVALUATED)
    assert report.best == report.checkpoint == str(runs / "epoch_000003")
    assert names(runs) == ["best", "epoch_000003"]


@pytest.mark.parametrize("evaluated", [False, True])
def test_a_checkpoint_from_before_there_were_best_ones_can_be_gone_on_from(
    kitchen: Path, tmp_path: Path, evaluated: bool
) -> None:
    runs = tmp_path / "runs"
    run(kitchen, epochs=1, checkpoint_dir=runs)
    path = runs / "epoch_000001" / "training.json"
    values = json.loads(path.read_text())
    del values["eval_return_mean"]
    path.write_text(json.dumps(values))
    report = run(kitchen, resume=runs, epochs=2, **(EVALUATED if evaluated else {}))
    assert report.best == (str(runs / "epoch_000002") if evaluated else None)


def test_to_go_on_from_the_best_is_to_go_on_from_what_it_leads_to(kitchen: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    run(kitchen, epochs=3, save_every=1, checkpoint_dir=runs)
    (runs / "best").symlink_to("epoch_000002")
    assert find_checkpoint(runs / "best") == runs / "epoch_000002"
    with pytest.raises(OutputError, match=r"holds newer checkpoints than .*/epoch_000002 \(epoch_000003\)"):
        run(kitchen, resume=runs / "best", epochs=4, on_epoch=never)


def test_checkpoints_go_beside_that_to_which_any_link_leads(
    kitchen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    run(kitchen, epochs=1, checkpoint_dir=runs)
    (tmp_path / "mine").symlink_to(runs / "epoch_000001")
    report = run(kitchen, resume=tmp_path / "mine", epochs=2)
    assert report.checkpoint == str(runs / "epoch_000002")
    monkeypatch.chdir(runs / "epoch_000002")
    assert run(kitchen, resume=Path(), epochs=3).checkpoint == str(runs / "epoch_000003")


def test_a_copy_of_a_checkpoint_does_not_tell_where_others_go(kitchen: Path, tmp_path: Path) -> None:
    """To go on from one without keeping anything would lose all that is learned."""
    run(kitchen, epochs=1, checkpoint_dir=tmp_path / "runs")
    shutil.copytree(tmp_path / "runs" / "epoch_000001", tmp_path / "best")
    with pytest.raises(UsageError) as refusal:
        run(kitchen, resume=tmp_path / "best", epochs=2, on_epoch=never)
    assert str(refusal.value) == (
        f"{tmp_path / 'best'}: is a checkpoint by another name, so where the next ones go is not known\n"
        "hint: name their folder with --checkpoint-dir"
    )
    report = run(kitchen, resume=tmp_path / "best", epochs=2, checkpoint_dir=tmp_path / "more")
    assert report.checkpoint == str(tmp_path / "more" / "epoch_000002")


@pytest.mark.parametrize("leads_to", ["../elsewhere/epoch_000001", "mine"])
def test_a_link_of_somebody_else_is_left_alone_and_refused(kitchen: Path, tmp_path: Path, leads_to: str) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "best").symlink_to(leads_to)
    with pytest.raises(OutputError, match="is no link that Townlet made"):
        train(kitchen, runs, epochs=1)
    run(kitchen, epochs=1, checkpoint_dir=runs)
    assert (runs / "best").readlink() == Path(leads_to)


def test_a_folder_that_takes_no_links_is_refused_before_anything_is_learned(
    kitchen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one on a memory stick; to go on without evaluations is fine there."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "symlink", refuse)
    with pytest.raises(OutputError) as refusal:
        run(kitchen, checkpoint_dir=tmp_path / "runs", on_epoch=never, **EVALUATED)
    assert str(refusal.value) == (
        f"{tmp_path / 'runs' / 'best'}: cannot be made: operation not permitted\n"
        "hint: name a --checkpoint-dir that takes links, or leave out --eval-every"
    )
    assert run(kitchen, epochs=1, checkpoint_dir=tmp_path / "runs").best is None


def test_a_best_of_somebody_else_is_left_alone_and_refused(kitchen: Path, tmp_path: Path) -> None:
    (tmp_path / "runs" / "best").mkdir(parents=True)
    (tmp_path / "runs" / "best" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError) as refusal:
        train(kitchen, tmp_path / "runs", epochs=2)
    assert str(refusal.value) == (
        f"{tmp_path / 'runs' / 'best'}: is no link that Townlet made\n"
        "hint: move it: with --eval-every, best is a link to the best checkpoint"
    )
    assert (tmp_path / "runs" / "best" / "mine.txt").read_text() == "mine"
    assert (
        run(kitchen, epochs=2, checkpoint_dir=tmp_path / "runs").epochs == 2
    )  # without evaluations it is in nobody's way
