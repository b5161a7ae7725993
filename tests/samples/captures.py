"""Small captures, by hand: anna waits, walks and waits again in three ticks of an imaginary town."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from townlet_core.samples.commit import staged
from townlet_core.samples.manifest import Metadata
from townlet_core.samples.metrics import columns_of, measure
from townlet_core.samples.npz import whole, write_npz
from townlet_core.samples.sample import TRAINING_ARRAYS, Meta, PolicyNote, Sample
from townlet_core.samples.seal import config_sha256
from townlet_core.samples.writer import CaptureWriter

ACTIONS = ("wait", "move north", "request fridge")
LOOKUP = {
    '{"kind": "wait"}': 0,
    '{"direction": "north", "kind": "move"}': 1,
    '{"kind": "request", "object_kind": "fridge"}': 2,
}
FEATURES = ("need_hunger", "lateness_counter", "rivalry_max", "rivalry_avoid_count")
POLICY = PolicyNote(name="scripted", kind="deterministic", log_probs="deterministic")
CONFIG = {"scenario": {"name": "kitchen", "ticks": 3}}


def a_meta(**changes: Any) -> Meta:
    """Anna's three ticks; a map of one channel and 1 x 2 tiles."""
    facts: dict[str, Any] = {
        "variant": "hybrid",
        "map_shape": (1, 1, 2),
        "map_channels": ("self",),
        "feature_names": FEATURES,
        "embedding_slot": 0,
        "training_arrays": TRAINING_ARRAYS,
        "timesteps": 3,
        "value_pred_steps": 4,
        "action_lookup": LOOKUP,
        "action_dim": 3,
        "agent_id": "anna",
        "frame_count": 3,
        "metrics": {},
        "world": 0,
        "slot": "anna",
        "life": 1,
        "first_tick": 0,
        "reward_term_names": ("needs", "wages"),
        "reward_clip": 1.0,
        "event_names": ("invalid_action", "chat_success"),
        "action_names": ACTIONS,
        "policy": POLICY,
    }
    return Meta(**(facts | changes))


def a_sample(**changes: Any) -> Sample:
    """What anna saw, did and got."""
    arrays: dict[str, Any] = {
        "meta": a_meta(),
        "map": np.array([[[[0, 1]]], [[[1, 0]]], [[[1, 1]]]], np.float32),
        "features": np.array([[0.5, 0, 0.25, 0], [0.4, 0, 0.5, 1], [0.3, 0.3, 0.75, 0.5]], np.float32),
        "actions": np.array([0, 1, 0], np.int64),
        "old_log_probs": np.array([0, 0, 0], np.float32),
        "value_preds": np.array([0, 0, 0, 2.5], np.float32),
        "rewards": np.array([0.25, -1.0, 0.5], np.float32),
        "dones": np.array([0, 0, 1], np.bool_),
        "action_mask": np.array([[1, 1, 0], [1, 1, 1], [1, 0, 0]], np.bool_),
        "terminated": np.array([0, 0, 0], np.bool_),
        "truncated": np.array([0, 0, 1], np.bool_),
        "last_map": np.array([[[0, 0]]], np.float32),
        "last_features": np.array([0.2, 0.3, 0.75, 0], np.float32),
        "last_action_mask": np.array([1, 0, 1], np.bool_),
        "reward_terms": np.array([[0.25, 0], [-1.5, 0], [0.25, 0.25]], np.float32),
        "events": np.array([[0, 0], [1, 0], [0, 2]], np.uint8),
    }
    return Sample(**(arrays | changes))


def a_metadata(**changes: Any) -> Metadata:
    """Where the small capture comes from."""
    facts: dict[str, Any] = {
        "tool_version": "0.1.0",
        "config_path": "kitchen.yaml",
        "config_id": "kitchen",
        "config_hash": config_sha256(CONFIG),  # type: ignore[arg-type]
        "scenario_name": "kitchen",
        "scenario_description": "somebody waits",
        "ticks": 3,
        "worlds": 1,
        "seed": 7,
        "policy": POLICY,
        "capture_timestamp": "2024-05-01T12:00:00Z",
    }
    return Metadata(**(facts | changes))


def write_capture(
    folder: Path,
    prefix: str = "day",
    *,
    agents: Iterable[str] = ("anna",),
    force: bool = False,
    mood: float = 0.5,
    **about: Any,
) -> Path:
    """Write a capture of agents who all do what anna does; mood is anna's hunger in the first tick."""
    with staged(folder, prefix, force=force) as stage:
        writer = CaptureWriter(stage, prefix)
        writer.begin(a_metadata(**about), CONFIG, ACTIONS, FEATURES, tuple(agents))  # type: ignore[arg-type]
        for agent in agents:
            sample = a_sample()
            sample.features[0, 0] = mood
            metrics = measure(columns_of(sample), sample.meta)
            meta = a_meta(agent_id=agent, slot=agent, metrics=metrics)
            writer.add(meta, [whole(name, array) for name, array in sample.arrays().items()])
        stage.commit(writer.finish())
    return folder / f"{prefix}_manifest.json"


def write_old_capture(folder: Path, *, newer: bool = False) -> Path:
    """Write what the predecessor would have written: seven arrays, fewer keys, no seal; its manifest has two forms."""
    meta = json.loads(a_meta().model_dump_json(include=PREDECESSORS_KEYS))
    sample = a_sample().arrays()
    name = "rollout_sample_anna_001"
    with (folder / f"{name}.npz").open("wb") as file:
        write_npz(file, [whole(array, sample[array]) for array in PREDECESSORS_ARRAYS])
    (folder / f"{name}.json").write_text(json.dumps(meta))
    entry: dict[str, Any] = {"sample": f"{name}.npz", "meta": f"{name}.json"}
    metrics: dict[str, Any] = {f"{name}.npz": {"timesteps": 3.0, "reward_sum": -0.25, "lateness_mean": None}}
    manifest: Any = [entry]
    if newer:
        about = {"config_path": "a.yaml", "config_id": None, "ticks": 3, "seed": None, "capture_timestamp": "yesterday"}
        manifest = {"metadata": about, "samples": [entry | {"agent_id": "anna", "frame_count": 3}]}
        metrics = {"metadata": about, "samples": metrics}
    path = folder / "rollout_sample_manifest.json"
    path.write_text(json.dumps(manifest))
    (folder / "rollout_sample_metrics.json").write_text(json.dumps(metrics))
    return path


PREDECESSORS_ARRAYS = ("map", "features", "actions", "old_log_probs", "value_preds", "rewards", "dones")
PREDECESSORS_KEYS = {
    *("variant", "map_shape", "map_channels", "feature_names", "embedding_slot", "training_arrays", "timesteps"),
    *("value_pred_steps", "action_lookup", "action_dim", "agent_id", "frame_count", "metrics"),
}


def contents(folder: Path) -> dict[str, bytes]:
    """Give every file in a folder and those below, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
