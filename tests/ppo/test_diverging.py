"""A run whose numbers cease to be numbers: it ends, and spares what was saved."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.ppo.runs import arrays_of, check_whole, never, run, townlet
from townlet_core.errors import DivergedError


def blow_up(checkpoint: Path) -> None:
    """Make the weights so large that what they give overflows, with a hash that is right."""
    weights = {name: np.full_like(array, 1e38) for name, array in load_file(checkpoint / "policy.safetensors").items()}
    save_file(weights, checkpoint / "policy.safetensors")
    policy = json.loads((checkpoint / "policy.json").read_text())
    policy["weights_sha256"] = hashlib.sha256((checkpoint / "policy.safetensors").read_bytes()).hexdigest()
    (checkpoint / "policy.json").write_text(json.dumps(policy))


def test_numbers_that_have_ceased_to_be_numbers_end_the_run_and_spare_what_was_saved(copy: Path) -> None:
    blow_up(copy / "runs" / "epoch_000004")
    before = {path: path.read_bytes() for path in (copy / "runs").rglob("*.*")}
    with pytest.raises(DivergedError) as end:
        run(copy / "kitchen.yaml", resume=copy / "runs", epochs=8, save_every=1, on_epoch=never)
    said = r"epoch 5: the (policy loss|value loss|gradient) is not finite any more \((nan|inf)\)\nhint: lower ppo"
    assert re.match(said, str(end.value))
    assert {path: path.read_bytes() for path in (copy / "runs").rglob("*.*")} == before
    report = run(copy / "kitchen.yaml", resume=copy / "runs" / "epoch_000002", epochs=4, force=True)
    assert all(np.isfinite(array).all() for array in arrays_of(copy / "runs").values())
    assert (report.epochs, check_whole(copy / "runs")) == (4, 4)


def test_a_run_that_has_diverged_ends_the_command_with_4(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blow_up(copy / "runs" / "epoch_000004")
    words = ("--resume", copy / "runs", "--epochs", "8", "--device", "cpu", "--json")
    assert townlet("train", "ppo", copy / "kitchen.yaml", *words) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: epoch 5: the ")
