"""One sample: the arrays of one life in an NPZ file, and what they mean in a JSON file beside it."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

from townlet_core.errors import SampleError
from townlet_core.samples.jsonfile import check_version, parse_model, read_json
from townlet_core.samples.npz import MAX_BYTES, NpzReader
from townlet_core.schema import StrictModel

SCHEMA_VERSION: Final = 1
TRAINING_ARRAYS = ("actions", "old_log_probs", "rewards", "dones", "value_preds")

Count = Annotated[int, Field(ge=0)]
Metrics = dict[str, float | None]  # by name; None where undefined


class ArraySpec(NamedTuple):
    """Type and axes of an array of a sample."""

    dtype: str
    axes: tuple[str, ...]
    predecessor: bool  # true: the predecessor wrote it too


# The axes: T ticks of the life, C x H x W the map, F features, N actions, K reward terms, E events.
ARRAYS: dict[str, ArraySpec] = {
    "map": ArraySpec("<f4", ("T", "C", "H", "W"), True),  # seen before acting, as are features and action_mask
    "features": ArraySpec("<f4", ("T", "F"), True),
    "actions": ArraySpec("<i8", ("T",), True),  # ids of action_lookup
    "old_log_probs": ArraySpec("<f4", ("T",), True),  # of the action taken
    "value_preds": ArraySpec("<f4", ("T+1",), True),  # the last one is of the last observation
    "rewards": ArraySpec("<f4", ("T",), True),
    "dones": ArraySpec("|b1", ("T",), True),  # terminated or truncated
    "action_mask": ArraySpec("|b1", ("T", "N"), False),  # true where allowed
    "terminated": ArraySpec("|b1", ("T",), False),  # the life ended: fainted, evicted
    "truncated": ArraySpec("|b1", ("T",), False),  # the recording ended, the life did not
    "last_map": ArraySpec("<f4", ("C", "H", "W"), False),  # the observation after the last tick
    "last_features": ArraySpec("<f4", ("F",), False),
    "last_action_mask": ArraySpec("|b1", ("N",), False),
    "reward_terms": ArraySpec("<f4", ("T", "K"), False),
    "events": ArraySpec("|u1", ("T", "E"), False),  # how often in that tick
}


class PolicyNote(StrictModel):
    """Who acted, and what the log-probabilities in the sample are."""

    name: str = Field(description="name of the policy, or of its checkpoint")
    kind: Literal["deterministic", "stochastic", "learned"] = Field(description="how it chooses")
    log_probs: Literal["deterministic", "true"] = Field(
        description="deterministic: 0, as the policy had no choice; true: the log-probability of the action drawn"
    )


class PlainMeta(StrictModel):
    """What any capture says of a sample. The predecessor says no more; keys of its own beyond these are passed over."""

    model_config = ConfigDict(extra="ignore")

    variant: str = Field(description="observation variant")
    map_shape: tuple[Count, Count, Count] = Field(description="channels, height and width of the map")
    map_channels: tuple[str, ...] = Field(description="what the channels show, in order")
    feature_names: tuple[str, ...] = Field(description="what the features are, in order")
    embedding_slot: Count | None = Field(description="slot of the agent in its world")
    training_arrays: tuple[str, ...] = Field(description="arrays that training needs beside the observations")
    timesteps: Annotated[int, Field(ge=1)] = Field(description="ticks of the life: T")
    value_pred_steps: Count = Field(description="length of value_preds: T + 1, or T")
    action_lookup: dict[str, Count] = Field(description="action (JSON with sorted keys) -> id")
    action_dim: Count = Field(description="number of action ids: N")
    agent_id: str = Field(description="who lived it")
    frame_count: Count = Field(description="the same as timesteps")
    metrics: Metrics = Field(description="as in the metrics file")

    @model_validator(mode="after")
    def _lengths_agree(self) -> Self:
        if self.frame_count != self.timesteps:
            raise ValueError(f"frame_count is {self.frame_count} and timesteps is {self.timesteps}")
        if self.value_pred_steps not in (self.timesteps, self.timesteps + 1):
            raise ValueError(f"value_pred_steps is {self.value_pred_steps} with {self.timesteps} timesteps")
        if len(self.map_channels) != self.map_shape[0]:
            raise ValueError(f"map_channels names {len(self.map_channels)} channels of {self.map_shape[0]}")
        return self

    def axes(self) -> dict[str, int]:
        """Give the length of each axis that this meta knows."""
        channels, height, width = self.map_shape
        return {
            "T": self.timesteps,
            "T+1": self.value_pred_steps,
            "C": channels,
            "H": height,
            "W": width,
            "F": len(self.feature_names),
            "N": self.action_dim,
        }


class Meta(PlainMeta):
    """What Townlet says of a sample."""

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[1] = Field(SCHEMA_VERSION, description="version of this file's format")
    world: Count = Field(description="number of the world, the same in a batch of any size")
    slot: str = Field(description="place in the world that the agent took: the id of its first inhabitant")
    life: Annotated[int, Field(ge=1)] = Field(description="1 for the first inhabitant of the slot, 2 for the next")
    first_tick: Count = Field(description="tick of the episode at which the life began")
    reward_term_names: tuple[str, ...] = Field(description="what the reward terms are, in order")
    reward_clip: Annotated[float, Field(gt=0)] = Field(description="bound on the size of a tick's reward")
    event_names: tuple[str, ...] = Field(description="what the events are, in order")
    action_names: tuple[str, ...] = Field(description="actions by id, for people")
    policy: PolicyNote = Field(description="who acted")

    @model_validator(mode="after")
    def _actions_agree(self) -> Self:
        if len(self.action_names) != self.action_dim or sorted(self.action_lookup.values()) != [
            *range(self.action_dim)
        ]:
            raise ValueError(f"action_names and action_lookup do not name each of {self.action_dim} actions once")
        return self

    def axes(self) -> dict[str, int]:
        """Give the length of each axis."""
        return {**super().axes(), "K": len(self.reward_term_names), "E": len(self.event_names)}


@dataclass(frozen=True, eq=False)
class PlainSample:
    """One life as any capture has it; shapes and meanings as in ARRAYS."""

    meta: PlainMeta
    map: NDArray[np.float32]
    features: NDArray[np.float32]
    actions: NDArray[np.int64]
    old_log_probs: NDArray[np.float32]
    value_preds: NDArray[np.float32]
    rewards: NDArray[np.float32]
    dones: NDArray[np.bool_]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give the arrays by name, in the order of ARRAYS."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "meta"}


@dataclass(frozen=True, eq=False)
class Sample(PlainSample):
    """One life as Townlet captures it."""

    meta: Meta
    action_mask: NDArray[np.bool_]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    last_map: NDArray[np.float32]
    last_features: NDArray[np.float32]
    last_action_mask: NDArray[np.bool_]
    reward_terms: NDArray[np.float32]
    events: NDArray[np.uint8]


class ActionNote(NamedTuple):
    """What the text of an action says that metrics ask for."""

    kind: str  # such as move; unknown where it has none
    blocked: bool  # the predecessor's mark of a request that the script knew to be in vain


def note_of_action(action: str) -> ActionNote:
    """Read an action of a lookup (JSON text)."""
    try:
        parsed = json.loads(action)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict) or not isinstance(parsed.get("kind"), str):
        return ActionNote("unknown", blocked=False)
    return ActionNote(parsed["kind"], blocked=parsed.get("blocked") is True)


def action_words(meta: PlainMeta) -> dict[int, str]:
    """Name the actions for people, by id; those of the predecessor in the words of its lookup, which may miss some."""
    if isinstance(meta, Meta):
        return dict(enumerate(meta.action_names))
    return {number: _words_of(action) for action, number in meta.action_lookup.items()}


def _words_of(action: str) -> str:
    """Word an action of a lookup (JSON text): its kind, then whatever else it says."""
    try:
        parsed = json.loads(action)
    except ValueError:
        return action
    if not isinstance(parsed, dict):
        return action
    said = {key: str(value) for key, value in parsed.items() if not isinstance(value, bool)}
    marks = [f"({key})" for key, value in parsed.items() if value is True]
    return " ".join([said.pop("kind", "unknown"), *said.values(), *marks])


def read_meta(path: Path) -> PlainMeta:
    """Read a meta file of ours (a Meta) or of the predecessor (a PlainMeta).

    Raises:
        SampleError: with the file and the key.
    """
    text, parsed = read_json(path)
    if not isinstance(parsed, dict) or "schema_version" not in parsed:
        return parse_model(PlainMeta, text, path)
    check_version(parsed["schema_version"], SCHEMA_VERSION, path)
    return parse_model(Meta, text, path)


def read_sample(npz: Path, meta: PlainMeta, *, max_bytes: int = MAX_BYTES) -> PlainSample:
    """Read the arrays that a meta describes: a Sample for a Meta, a PlainSample for one of the predecessor's.

    Types and shapes are checked before anything is unpacked.

    Raises:
        SampleError: with the file and the array.
    """
    arrays = read_arrays(npz, meta, max_bytes=max_bytes)
    return Sample(meta, **arrays) if isinstance(meta, Meta) else PlainSample(meta, **arrays)


def read_arrays(
    npz: Path, meta: PlainMeta, wanted: Collection[str] = tuple(ARRAYS), *, max_bytes: int = MAX_BYTES
) -> dict[str, NDArray[Any]]:
    """Read those of the arrays that are wanted, where a sample has them; types and shapes of all are checked.

    Raises:
        SampleError: with the file and the array.
    """
    with NpzReader(npz, max_bytes=max_bytes) as reader:
        names = names_in(reader, meta)
        for name in names:
            check_header(reader, name, meta)
        arrays = {name: reader.read(name) for name in names if name in wanted}
    for name, array in arrays.items():
        check_finite(npz, name, array)
    if "actions" in arrays:
        check_actions(npz, arrays["actions"], meta)
    return arrays


def names_in(reader: NpzReader, meta: PlainMeta) -> list[str]:
    """Give the arrays to read: all of ours, or the predecessor's and no others.

    Raises:
        SampleError: some are missing, or are not ours.
    """
    ours = isinstance(meta, Meta)
    names = [name for name, spec in ARRAYS.items() if ours or spec.predecessor]
    missing = [name for name in names if name not in reader.headers]
    if missing:
        raise SampleError(f"arrays are missing: {', '.join(missing)}", where=str(reader.path))
    unknown = sorted(set(reader.headers) - set(names))
    if ours and unknown:
        raise SampleError(f"unknown arrays: {', '.join(unknown)}", where=str(reader.path))
    return names


def check_header(reader: NpzReader, name: str, meta: PlainMeta) -> None:
    """Compare an array's type and shape with what the meta promises."""
    header, spec, axes = reader.headers[name], ARRAYS[name], meta.axes()
    shape = tuple(axes[axis] for axis in spec.axes)
    if header.dtype.str != spec.dtype or header.shape != shape:
        found, wanted = f"{header.dtype.str} {header.shape}", f"{spec.dtype} {shape}"
        raise SampleError(f"is {found}; its meta file says {wanted}", where=f"{reader.path}: {name}")


def check_finite(npz: Path, name: str, array: NDArray[Any]) -> None:
    """Refuse what is no number."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise SampleError("holds NaN or infinity", where=f"{npz}: {name}")


def check_actions(npz: Path, actions: NDArray[np.int64], meta: PlainMeta) -> None:
    """Refuse action ids outside the table."""
    if actions.size and not (actions.min() >= 0 and actions.max() < meta.action_dim):
        problem = f"ids from {actions.min()} to {actions.max()}; there are {meta.action_dim} actions"
        raise SampleError(problem, where=f"{npz}: actions")
