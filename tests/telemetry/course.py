"""Logs of runs whose course is known: what each of some keys is in each epoch, everything else being sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.telemetry.reading import ours, write

TOWN = {
    "scenario": "kitchen",
    "config_hash": "0123456789abcdef",
    "explained_variance": 0.5,
    "approx_kl": 0.01,
    "sps": 640.0,
    "ep_count": 2,
    "signal.reward_std": 0.5,
    "signal.reward_clip_fraction": 0.0,
    "signal.unused_actions": 0,
    "reward_advantage_corr": 0.25,
}


Course = Mapping[str, Sequence[object]]  # key, with __ for a point -> its value in each epoch; ... where it is missing


def records(
    epochs: int, *, run_id: str = "anna", course: Course | None = None, **more: Sequence[object]
) -> list[dict[str, Any]]:
    """Give the records of a run."""
    course = {**(course or {}), **more}
    found = []
    for epoch in range(1, epochs + 1):
        own = {key.replace("__", "."): values[epoch - 1] for key, values in course.items()}
        record = ours(epoch, **{**TOWN, "run_id": run_id, "epochs_planned": epochs, "seed": 7, **own})
        found.append({key: value for key, value in record.items() if value is not ...})
    return found


def log(
    path: Path, epochs: int, *, run_id: str = "anna", course: Course | None = None, **more: Sequence[object]
) -> Path:
    """Write the log of a run."""
    return write(path, records(epochs, run_id=run_id, course=course, **more))


def learned(epochs: int = 20, *, to: float = 2.0) -> list[float]:
    """Returns that grow evenly from 0 to an amount."""
    return [to * epoch / (epochs - 1) for epoch in range(epochs)]
