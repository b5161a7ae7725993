"""Captures to learn from: of ours and of the predecessor, with what the samples' own tests change in theirs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.samples.captures import (
    ACTIONS,
    CONFIG,
    FEATURES,
    PREDECESSORS_ARRAYS,
    PREDECESSORS_KEYS,
    a_meta,
    a_metadata,
    a_sample,
)
from townlet_core.samples.commit import staged
from townlet_core.samples.metrics import columns_of, measure
from townlet_core.samples.npz import whole, write_npz
from townlet_core.samples.sample import PolicyNote
from townlet_core.samples.writer import CaptureWriter

Rows = NDArray[np.int64]
LEARNED = PolicyNote(name="best", kind="learned", log_probs="true")
META_KEYS = {"agent_id", "policy", "feature_names", "map_shape", "map_channels", "action_names"}


def write_ours(folder: Path, *lives: dict[str, Any], prefix: str = "day") -> Path:
    """Write a sealed capture of lives that are anna's three ticks but for what is given; give its folder."""
    with staged(folder, prefix) as stage:
        writer = CaptureWriter(stage, prefix)
        writer.begin(a_metadata(), CONFIG, ACTIONS, FEATURES, ())  # type: ignore[arg-type]
        for life in lives or ({},):
            said = {name: fact for name, fact in life.items() if name in META_KEYS}
            arrays = {name: array for name, array in life.items() if name not in META_KEYS}
            sample = a_sample(meta=a_meta(**said), **arrays)
            meta = a_meta(**said, metrics=measure(columns_of(sample), sample.meta))
            writer.add(meta, [whole(name, array) for name, array in sample.arrays().items()])
        stage.commit(writer.finish())
    return folder


def write_old(folder: Path, *lives: dict[str, Any], metrics: dict[str, Any] | None = None) -> Path:
    """Write a capture as the predecessor would have, of lives that are anna's but for what is given."""
    folder.mkdir()
    entries = []
    for number, life in enumerate(lives or ({},), start=1):
        name = f"{life.get('agent_id', 'anna')}_{number:03}"
        arrays = {array: life.get(array, a_sample().arrays()[array]) for array in PREDECESSORS_ARRAYS}
        said = {key: fact for key, fact in life.items() if key not in PREDECESSORS_ARRAYS}
        meta = json.loads(a_meta().model_dump_json(include=PREDECESSORS_KEYS)) | said
        with (folder / f"{name}.npz").open("wb") as file:
            write_npz(file, [whole(array, values) for array, values in arrays.items()])
        (folder / f"{name}.json").write_text(json.dumps(meta))
        entries.append({"sample": f"{name}.npz", "meta": f"{name}.json"})
    (folder / "old_manifest.json").write_text(json.dumps(entries))
    if metrics is not None:
        (folder / "old_metrics.json").write_text(json.dumps(metrics))
    return folder


def write_two(folder: Path) -> tuple[Path, Path]:
    """Write two captures into one folder; give their manifests."""
    write_ours(folder, prefix="day")
    for file in write_ours(folder.with_name("elsewhere"), prefix="night").iterdir():
        file.rename(folder / file.name)
    return folder / "day_manifest.json", folder / "night_manifest.json"


def rows(*numbers: int) -> Rows:
    """Give numbers of rows, or of lives."""
    return np.array(numbers, np.int64)
