"""Metrics: what a sample comes to in a few numbers, by which captures are compared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from townlet_core.errors import SampleError
from townlet_core.samples.jsonfile import check_model, check_version, parse_model, read_json
from townlet_core.samples.sample import Meta, Metrics, PlainMeta, PlainSample, note_of_action
from townlet_core.schema import StrictModel

SCHEMA_VERSION: Final = 1
MEASURED_FEATURES = ("rivalry_max", "rivalry_avoid_count", "lateness_counter")
MEASURED_ARRAYS = (
    *("rewards", "old_log_probs", "value_preds", "actions", "features"),
    *("reward_terms", "events", "terminated", "truncated"),  # these are ours alone
)
INVALID_ACTION = "invalid_action"  # the event that counts an action that was not allowed

Column = NDArray[Any]


@dataclass(frozen=True, eq=False)
class PlainColumns:
    """The columns of a life that the predecessor's metrics are taken from. T ticks."""

    rewards: Column  # f4 [T]
    old_log_probs: Column  # f4 [T]
    value_preds: Column  # f4 [T+1] or [T]
    actions: Column  # i8 [T]
    features: Mapping[str, Column]  # f4 [T] each; those of MEASURED_FEATURES that the variant has


@dataclass(frozen=True, eq=False)
class Columns(PlainColumns):
    """The columns of a life that our metrics are taken from."""

    reward_terms: Column  # f4 [T, K]
    events: Column  # u1 [T, E]
    terminated: Column  # b1 [T]
    truncated: Column  # b1 [T]


class MetricsMetadata(StrictModel):
    """What the metrics file says of itself; the manifest has the rest."""

    schema_version: Literal[1] = Field(SCHEMA_VERSION, description="version of this file's format")
    scenario_name: str = Field(description="name of the scenario")
    config_hash: str = Field(description="sha256 of the resolved configuration")
    seed: Annotated[int, Field(ge=0)] = Field(description="seed of all randomness")
    ticks: Annotated[int, Field(ge=1)] = Field(description="ticks simulated")


class MetricsFile(StrictModel):
    """The file <prefix>_metrics.json."""

    metadata: MetricsMetadata | None = Field(description="None for a file of the predecessor")
    samples: dict[str, Metrics] = Field(description="name of the NPZ file -> its metrics")


def columns_of(sample: PlainSample) -> PlainColumns:
    """Take the columns out of a sample."""
    return columns_from(sample.arrays(), sample.meta)


def columns_from(arrays: Mapping[str, Column], meta: PlainMeta) -> PlainColumns:
    """Take the columns out of the arrays of a sample, of which they are MEASURED_ARRAYS."""
    names = meta.feature_names
    taken: dict[str, Any] = {name: arrays[name] for name in MEASURED_ARRAYS if name in arrays}
    taken["features"] = {name: arrays["features"][:, names.index(name)] for name in MEASURED_FEATURES if name in names}
    return Columns(**taken) if isinstance(meta, Meta) else PlainColumns(**taken)


def measure(columns: PlainColumns, meta: PlainMeta) -> Metrics:
    """Give the metrics of a life: the predecessor's, and where the sample tells, those of terms, events and the end.

    Sums and means are of doubles. What is undefined is None.
    """
    rewards = columns.rewards.astype(np.float64)
    metrics: Metrics = {
        "timesteps": float(len(rewards)),
        "reward_sum": float(rewards.sum()),
        "reward_mean": _mean(rewards),
        "log_prob_mean": _mean(columns.old_log_probs),
        "value_pred_last": float(columns.value_preds[-1]) if len(columns.value_preds) else None,
        "rivalry_max_mean": _mean(columns.features.get("rivalry_max")),
        "rivalry_max_max": _max(columns.features.get("rivalry_max")),
        "rivalry_avoid_count_mean": _mean(columns.features.get("rivalry_avoid_count")),
        "rivalry_avoid_count_max": _max(columns.features.get("rivalry_avoid_count")),
        "lateness_mean": _mean(columns.features.get("lateness_counter")),
        **_of_actions(columns, meta),
    }
    if isinstance(columns, Columns) and isinstance(meta, Meta):
        metrics |= _of_our_own(columns, meta)
    return metrics


def _of_actions(columns: PlainColumns, meta: PlainMeta) -> Metrics:
    """Count what was done; an id that the lookup does not name is of the kind unknown."""
    notes = {number: note_of_action(action) for action, number in meta.action_lookup.items()}
    ids, counts = np.unique(columns.actions, return_counts=True)
    used = dict(zip(ids.tolist(), counts.tolist(), strict=True))
    total = len(columns.actions)
    kinds = dict.fromkeys(sorted(note.kind for note in notes.values()), 0)
    for number, count in used.items():
        kind = notes[number].kind if number in notes else "unknown"
        kinds[kind] = kinds.get(kind, 0) + count
    shares = [count / total for count in used.values()]
    return {
        "action_nonzero": float(len(used)),
        "action_total": float(total),
        "action_entropy": abs(-math.fsum(share * math.log(share) for share in shares)) if total else None,
        **{f"action_{kind}_count": float(count) for kind, count in kinds.items()},
        "action_blocked_ratio": _blocked(columns, meta, used) / total if total else None,
    }


def _blocked(columns: PlainColumns, meta: PlainMeta, used: dict[int, int]) -> float:
    """Count the actions in vain: those that were not allowed, or in the predecessor's samples those marked so."""
    if isinstance(columns, Columns) and isinstance(meta, Meta) and INVALID_ACTION in meta.event_names:
        return float(np.count_nonzero(columns.events[:, meta.event_names.index(INVALID_ACTION)]))
    marked = {number for action, number in meta.action_lookup.items() if note_of_action(action).blocked}
    return float(sum(count for number, count in used.items() if number in marked))


def _of_our_own(columns: Columns, meta: Meta) -> Metrics:
    """Give what the predecessor could not: the clip, the terms, the events and how the life ended."""
    clipped = np.abs(columns.rewards) >= np.float32(meta.reward_clip)
    return {
        "reward_clip_fraction": _mean(clipped),
        **_sums("reward_term_{}_sum", meta.reward_term_names, columns.reward_terms),
        **_sums("event_{}_count", meta.event_names, columns.events),
        "terminated": float(columns.terminated.any()),
        "truncated": float(columns.truncated.any()),
    }


def _sums(pattern: str, names: tuple[str, ...], table: Column) -> Metrics:
    """Add up each column of a table [T, names]."""
    sums = table.sum(axis=0, dtype=np.float64).tolist()
    return {pattern.format(name): total for name, total in zip(names, sums, strict=True)}


def _mean(column: Column | None) -> float | None:
    """Give the mean, or None for no column or an empty one."""
    return None if column is None or not len(column) else float(column.mean(dtype=np.float64))


def _max(column: Column | None) -> float | None:
    """Give the greatest value, or None for no column or an empty one."""
    return None if column is None or not len(column) else float(column.max())


def read_metrics(path: Path) -> MetricsFile:
    """Read a metrics file of ours, or either form of the predecessor's.

    Raises:
        SampleError: with the file and the key.
    """
    text, parsed = read_json(path)
    if not isinstance(parsed, dict):
        raise SampleError("not a metrics file: it holds no object", where=str(path))
    metadata = parsed.get("metadata")
    if isinstance(metadata, dict) and "schema_version" in metadata:
        check_version(metadata["schema_version"], SCHEMA_VERSION, path)
        return parse_model(MetricsFile, text, path)
    return check_model(MetricsFile, {"metadata": None, "samples": parsed.get("samples", parsed)}, path)
