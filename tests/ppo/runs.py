"""Small trainings in the kitchen, the words of `townlet train ppo`, and a program that kills saves at each step."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file

from tests.rollout.kitchens import KITCHEN
from tests.samples.killing import is_killed, signal_before
from townlet_cli.app import main as townlet_main
from townlet_core.policy.saved import best_in, checkpoints_in, find_checkpoint, read_policy, read_tensors
from townlet_core.ppo.checkpoint import STATE, read_training
from townlet_core.ppo.request import TrainRequest
from townlet_core.ppo.run import TrainReport, train

SMALL = ("network.hidden=[8]", "ppo.minibatches=2")
CONSTANT = ("ppo.anneal=none", "ppo.entropy_coef_final=null")  # an epoch does not depend on how many are planned
LIVE = {"worlds": 2, "rollout_ticks": 16}
TIMES = {"time", "epoch_duration_sec", "sps"}
Values = dict[str, Any]


def write_kitchen(folder: Path) -> Path:
    """Write the configuration of the kitchen."""
    path = folder / "kitchen.yaml"
    path.write_text(KITCHEN)
    return path


def run(source: Path, *, on_epoch: Callable[[Values], None] | None = None, **options: Any) -> TrainReport:
    """Train in the kitchen, six epochs long unless said otherwise; a resumed run has its settings already."""
    given: Values = {} if "resume" in options else {"overrides": SMALL, "epochs": 6}
    if not {"captures", "resume"} & options.keys() or options.get("mode") == "mixed":
        given |= LIVE
    given |= {"device": "cpu", **options}
    given["overrides"] = (*given.get("overrides", ()), *given.pop("also", ()))
    try:
        report = train(TrainRequest(str(source), **given), on_epoch=on_epoch)
    finally:
        torch.set_flush_denormal(False)  # Hypothesis refuses to draw numbers where small ones are 0
    assert report is not None
    return report


def townlet(*words: str | Path) -> int:
    """Run the command in this process; give its exit code."""
    try:
        return townlet_main([*map(str, words)])
    finally:
        torch.set_flush_denormal(False)


def words_of(source: Path | str, *others: str | Path, live: bool = True) -> list[str]:
    """Give the words of a small training."""
    words = ["train", "ppo", str(source), "--device", "cpu"]
    words += [word for setting in SMALL for word in ("--set", setting)]
    words += ["--worlds", "2", "--rollout-ticks", "16"] if live else []
    return [*words, *map(str, others)]


def never(_: Values) -> None:
    """Be told of an epoch that should not have been run."""
    raise AssertionError("an epoch was run")


def interrupt_at(epoch: int) -> Callable[[Values], None]:
    """Press Ctrl-C when an epoch has been told of."""

    def watch(values: Values) -> None:
        if values["epoch"] == epoch:
            os.kill(os.getpid(), signal.SIGINT)

    return watch


def weights_of(report_or_folder: TrainReport | Path) -> bytes:
    """Give the bytes of a policy's weights."""
    place = report_or_folder.checkpoint if isinstance(report_or_folder, TrainReport) else report_or_folder
    assert place is not None
    return (find_checkpoint(Path(place)) / "policy.safetensors").read_bytes()


def arrays_of(place: Path) -> dict[str, NDArray[np.float32]]:
    """Give a policy's weights by name."""
    return load_file(find_checkpoint(place) / "policy.safetensors")


def log_of(path: Path, without: set[str] = frozenset()) -> list[Values]:  # type: ignore[assignment]
    """Read the records of a log, without some keys."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return [{key: value for key, value in record.items() if key not in without} for record in records]


def check_whole(folder: Path) -> int:
    """Read all of the newest checkpoint, and give its epoch; whatever has the name of one must be whole."""
    for checkpoint in checkpoints_in(folder):
        policy, _ = read_policy(checkpoint)
        _, saved = read_training(checkpoint)
        read_tensors(checkpoint / STATE, saved.state_sha256)
        assert checkpoint.name == f"epoch_{policy.epoch:06}" == f"epoch_{saved.epoch:06}"
    return read_training(folder)[1].epoch


def kill_each_save(base: Path) -> int:
    """Kill a run of which each epoch replaces the checkpoint, at each step of two saves; give the number of kills.

    Once there is a best checkpoint, there is one at any time.
    """
    kitchen, folder = write_kitchen(base), base / "checkpoints"
    evaluated: Values = {"eval_every": 1, "eval_worlds": 1}
    run(kitchen, epochs=1, also=("ppo.parts=1",), checkpoint_dir=folder, **evaluated)
    killed = 0

    def go_on() -> None:
        done = read_training(folder)[1].epoch
        watch = arm(done + 1, killed)
        run(kitchen, resume=folder, epochs=done + 2, save_every=1, keep=1, on_epoch=watch, **evaluated)

    while is_killed(10**9, go_on):
        killed += 1
        check_whole(folder)
        assert best_in(folder) is not None
    check_whole(folder)
    assert not list(folder.glob(".townlet-*")), "the last run has cleared what the killed ones left"
    return killed


def arm(epoch: int, step: int) -> Callable[[Values], None]:
    """Have this process killed at a step after an epoch has been told of."""

    def watch(values: Values) -> None:
        if values["epoch"] == epoch:
            signal_before(step, signal.SIGKILL)

    return watch


if __name__ == "__main__":
    print(kill_each_save(Path(sys.argv[1])))
