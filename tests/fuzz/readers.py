"""Every reader of a file, and a valid file for it to begin with."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from tests.samples.captures import write_capture, write_old_capture
from tests.telemetry.epochs import record
from townlet_core.config.load import load_town
from townlet_core.policy.saved import SavedPolicy, read_model, read_tensors
from townlet_core.ppo.checkpoint import SavedTraining
from townlet_core.samples.goldens import read_golden, read_tolerances
from townlet_core.samples.manifest import read_manifest
from townlet_core.samples.metrics import read_metrics
from townlet_core.samples.npz import NpzReader
from townlet_core.samples.sample import read_meta
from townlet_core.samples.seal import bytes_sha256, read_seal
from townlet_core.samples.verify import examine
from townlet_core.telemetry.checks import Check
from townlet_core.telemetry.watching.rules import load_rules

MOST_BYTES = 2**24  # of the arrays of one file, here
AFFORDANCES = Path(__file__).parents[2] / "configs" / "affordances" / "core.yaml"
SCENARIO = """\
name: kitchen
description: Anna has a bed.
seed: 3
scenario: {ticks: 60}
map: {rows: ["#####", "#B..#", "#####"], legend: {B: bed}}
agents:
  - {id: anna, at: [2, 1], needs: &low {hunger: 0.3}}
  - {id: ben, at: [3, 1], needs: *low, schedule: {steps: [{do: wait, ticks: 10}]}}
"""
YAML_RULES = """\
rules:
  - {name: quiet, metric: kl_divergence, above: 0.2, for: 3, clear: 0.1}
"""
RULES = """\
[[rules]]
name = "quiet"
metric = "kl_divergence"
above = 0.2
for = 3
"""


@dataclass(frozen=True)
class Reader:
    """A reader of one file.

    Args:
        name: of the file; the reader may look at its ending.
        read: reads a file; refuses it by a TownletError.
        valid: makes a valid file in a folder, with what belongs beside it; gives its place.
        is_json: values in it can be exchanged.
    """

    read: Callable[[Path], object]
    valid: Callable[[Path], Path]
    is_json: bool = False


def read_npz(path: Path) -> None:
    with NpzReader(path, max_bytes=MOST_BYTES) as reader:
        for name in reader.headers:
            reader.read(name)
            reader.sha256(name)


def read_affordances(path: Path) -> None:
    town = path.with_name("town.yaml")
    town.write_text(SCENARIO.replace("seed: 3", f"seed: 3\naffordances: {path.name}"))
    load_town(str(town))


def read_log(path: Path) -> None:
    Check(path, report=lambda _: None).run()


def text(name: str, content: str | bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def of_capture(ending: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        write_capture(folder)
        return folder / f"day_{ending}"

    return write


def of_old_capture(ending: str, *, newer: bool) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        write_old_capture(folder, newer=newer)
        return folder / f"rollout_sample_{ending}"

    return write


def a_log(folder: Path) -> Path:
    record(folder / "log.jsonl", range(1, 3))
    return folder / "log.jsonl"


TENSORS = save({"weights": np.zeros((2, 3), np.float32), "bias": np.ones(2, np.float32)})
POLICY = {
    "schema_version": 1, "tool_version": "0.1.0", "run_id": "a1", "epoch": 1, "steps": 16, "scenario_name": "kitchen",
    "config": None, "config_hash": None, "map_shape": [1, 1, 2], "map_channels": ["self"], "feature_names": ["need"],
    "action_names": ["wait", "move"], "network": {"hidden": [8]}, "weights_sha256": bytes_sha256(TENSORS),
}  # fmt: skip
TRAINING = {
    "schema_version": 1, "versions": {"townlet": "0.1.0", "python": "3", "numpy": "2", "numba": "0.6"},
    "torch_version": "2.4", "run_id": "a1", "mode": "rollout", "settings": {"network": {"hidden": [8]}}, "seed": 3,
    "worlds": 2, "rollout_ticks": 8, "processes": 1, "captures": [], "epochs_planned": 3, "epoch": 1, "steps": 16,
    "cycle_id": 1, "log_offset": 1, "eval_return_mean": 0.5, "state_layout": "0", "state_sha256": "0",
}  # fmt: skip
TOLERANCES = {"schema_version": 1, "metrics": {"reward_*": {"relative": 0.01, "because": "sums differ"}}}

READERS: dict[str, Reader] = {
    "yaml": Reader(lambda path: load_town(str(path)), text("town.yaml", SCENARIO)),
    "affordances": Reader(read_affordances, text("core.yaml", AFFORDANCES.read_bytes())),
    "rules yaml": Reader(load_rules, text("rules.yaml", YAML_RULES)),
    "toml": Reader(load_rules, text("rules.toml", RULES)),
    "manifest": Reader(read_manifest, of_capture("manifest.json"), is_json=True),
    "oldest manifest": Reader(read_manifest, of_old_capture("manifest.json", newer=False), is_json=True),
    "older manifest": Reader(read_manifest, of_old_capture("manifest.json", newer=True), is_json=True),
    "meta": Reader(read_meta, of_capture("anna_001.json"), is_json=True),
    "older meta": Reader(read_meta, of_old_capture("anna_001.json", newer=True), is_json=True),
    "metrics": Reader(read_metrics, of_capture("metrics.json"), is_json=True),
    "seal": Reader(read_seal, of_capture("seal.json"), is_json=True),
    "npz": Reader(read_npz, of_capture("anna_001.npz")),
    "capture by its manifest": Reader(lambda p: examine(p.parent), of_capture("manifest.json"), is_json=True),
    "capture by its meta": Reader(lambda p: examine(p.parent), of_capture("anna_001.json"), is_json=True),
    "capture by its seal": Reader(lambda p: examine(p.parent), of_capture("seal.json"), is_json=True),
    "capture by its metrics": Reader(lambda p: examine(p.parent), of_capture("metrics.json"), is_json=True),
    "log": Reader(read_log, a_log),
    "golden": Reader(read_golden, text("x_stats.json", json.dumps({"town": {"a.npz": {"reward": 1.5, "late": None}}})),
                     is_json=True),
    "tolerances": Reader(lambda p: read_tolerances(p.with_name("x_stats.json")),
                         text("x_tolerances.json", json.dumps(TOLERANCES)), is_json=True),
    "policy": Reader(lambda p: read_model(SavedPolicy, p, 1), text("policy.json", json.dumps(POLICY)), is_json=True),
    "training": Reader(lambda p: read_model(SavedTraining, p, 1), text("training.json", json.dumps(TRAINING)),
                       is_json=True),
    "tensors": Reader(lambda p: read_tensors(p, bytes_sha256(p.read_bytes())), text("w.safetensors", TENSORS)),
}  # fmt: skip
