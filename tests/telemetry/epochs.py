"""Epochs to log: the values of a small, sound one, and how to read what came of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from townlet_core.telemetry.log import TelemetryLog
from townlet_core.telemetry.stream import segments


def values(epoch: int = 1, **others: object) -> dict[str, object]:
    """Values of an epoch of two agents and 80 ticks, as training gives them to the log."""
    return {
        "epoch": epoch,
        "updates": 8,
        "transitions": 160,
        "loss_policy": -0.25,
        "loss_value": 3.5,
        "loss_entropy": 1.0,
        "loss_total": 1.5,
        "clip_fraction": 0.125,
        "adv_mean": 0.0,
        "adv_std": 1.0,
        "grad_norm": 0.5,
        "kl_divergence": -0.01,
        "telemetry_version": 1.1,
        "lr": 0.001,
        "steps": 160 * epoch,
        "epoch_duration_sec": 0.25,
        "data_mode": "rollout",
        "cycle_id": 0,
        "batch_entropy_mean": 1.0,
        "batch_entropy_std": 0.0,
        "grad_norm_max": 0.75,
        "kl_divergence_max": 0.02,
        "reward_advantage_corr": None,
        "rollout_ticks": 80,
        "conflict.rivalry_max_mean_avg": 0.5,
        "conflict.rivalry_max_max_avg": 1.0,
        "conflict.rivalry_avoid_count_mean_avg": 0.25,
        "conflict.rivalry_avoid_count_max_avg": 1.0,
        **others,
    }


def in_log(**others: object) -> dict[str, object]:
    """Values of a record that stands first in its log."""
    return {**values(), "log_stream_offset": 1, **others}


def record(path: Path, epochs: range, **options: Any) -> None:
    """Log some epochs of a run."""
    with TelemetryLog(path, **{"run_id": "anna", **options}) as log:
        for epoch in epochs:
            log.write(values(epoch))


def lines(path: Path) -> list[dict[str, Any]]:
    """Read one file of a log."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def stream(path: Path, key: str = "epoch") -> list[Any]:
    """Read a key of all records of a log, in order."""
    return [line[key] for file in segments(path) for line in lines(file)]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
