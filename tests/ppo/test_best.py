"""The best checkpoint: that whose policy earned most when it was evaluated, and a link that leads to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.ppo.runs import CONSTANT, Values, log_of, never, run
from townlet_core.errors import OutputError
from townlet_core.policy.saved import checkpoints_in, find_checkpoint
from townlet_core.ppo.best import Best
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
    assert sorted(path.name for path in (tmp_path / "runs").glob("[!.]*")) == ["epoch_000001", "epoch_000002"]
    assert read_training(tmp_path / "runs")[1].eval_return_mean is None


def test_evaluations_without_checkpoints_keep_nothing(kitchen: Path, tmp_path: Path) -> None:
    report = run(kitchen, epochs=2, log=tmp_path / "log.jsonl", **EVALUATED)
    assert (report.best, report.checkpoint) == (None, None)
    assert len(log_of(tmp_path / "log.jsonl")) == 2


def test_a_new_run_does_not_measure_itself_by_the_best_of_an_old_one(kitchen: Path, tmp_path: Path) -> None:
    train(kitchen, tmp_path / "runs", epochs=3)
    Best(tmp_path / "runs").become(tmp_path / "runs" / "epoch_000003", 1e9)
    report, earned = train(kitchen, tmp_path / "runs", epochs=2, force=True, seed=5)
    assert Path(str(report.best)).name == str(first_best(earned))


def test_to_go_on_from_the_best_is_to_go_on_from_what_it_leads_to(kitchen: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    run(kitchen, epochs=3, save_every=1, checkpoint_dir=runs)
    Best(runs).become(runs / "epoch_000002", 1.0)
    assert find_checkpoint(runs / "best") == runs / "epoch_000002"
    with pytest.raises(OutputError, match=r"holds newer checkpoints than .*/epoch_000002 \(epoch_000003\)"):
        run(kitchen, resume=runs / "best", epochs=4, on_epoch=never)


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
