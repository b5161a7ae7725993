"""A kitchen to capture: its configuration, and short words for capturing it and looking at the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from townlet_core.rollout.capture import capture
from townlet_core.rollout.report import CaptureReport
from townlet_core.rollout.request import CaptureRequest
from townlet_core.samples.sample import Sample, read_meta, read_sample

# Cara starves soon, and newcomers take her place; dora comes at tick 20.
KITCHEN = """\
name: kitchen
description: Anna, ben and cara share a kitchen.
scenario: {ticks: 60}
seed: 3
map:
  rows:
    - "#########"
    - "#B.....F#"
    - "#.......#"
    - "#S......#"
    - "#########"
  legend: {B: bed, F: fridge, S: shower}
agents:
  - {id: anna, at: [2, 2], needs: {hunger: 0.3}}
  - {id: ben, at: [3, 2], needs: {hunger: 0.4}}
  - id: cara
    at: [4, 2]
    needs: {hunger: 0.0}
    schedule: {steps: [{do: wait, ticks: 100}]}
  - {id: dora, at: [5, 2], arrives_tick: 20}
lifecycle: {faint_after_ticks: 10, replace_after_ticks: 5}
"""


def take(source: Path, output: str = "out", **options: Any) -> CaptureReport:
    return capture(CaptureRequest(str(source), source.parent / output, **options))


def sample(folder: Path, name: str) -> Sample:
    meta = read_meta(folder / f"rollout_sample_{name}.json")
    found = read_sample(folder / f"rollout_sample_{name}.npz", meta)
    assert isinstance(found, Sample)
    return found


def npz_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.npz")}
