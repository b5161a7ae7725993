"""Two captures side by side: the lives that both have, the ticks, and the columns of each array by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet_core.errors import SampleError
from townlet_core.samples.manifest import Entry, PlainManifest, files_of, locate, read_manifest
from townlet_core.samples.npz import NpzReader
from townlet_core.samples.sample import ARRAYS, Meta, PlainMeta, check_actions, check_header, read_meta
from townlet_core.samples.seal import read_seal
from townlet_core.samples.verify import manifest_at

# In a tick an agent sees, expects, acts, and gets: what differs first in this order is nearest to the cause.
ORDER = (
    *("map", "features", "action_mask", "last_map", "last_features", "last_action_mask", "value_preds", "actions"),
    *("old_log_probs", "events", "reward_terms", "rewards", "terminated", "truncated", "dones"),
)
# Array -> what its last axis, or for the map its first of a tick, is named after.
NAMED_AFTER = {
    "map": "map_channels",
    "last_map": "map_channels",
    "features": "feature_names",
    "last_features": "feature_names",
    "reward_terms": "reward_term_names",
    "events": "event_names",
}
TOLD = ("scenario_name", "config_hash", "seed", "ticks", "worlds", "policy", "policy_hash", "tool_version")
MOST_SHOWN = 20  # of a hash
MOST_KEYS, MOST_OF_VALUE = 12, 40  # of a configuration that are named; signs of a value
MASKS = ("action_mask", "last_action_mask")
ABSENT = "nothing"  # what a tree has where the other has something

Array = NDArray[Any]


class Life(NamedTuple):
    """A sample of one of the captures."""

    agent: str
    world: int
    npz: Path
    meta: PlainMeta

    @property
    def first(self) -> int:
        """Tick at which it begins; the predecessor's all begin with the capture."""
        return self.meta.first_tick if isinstance(self.meta, Meta) else 0

    @property
    def stop(self) -> int:
        """Tick after its last."""
        return self.first + self.meta.timesteps


class Side(NamedTuple):
    """One of the captures."""

    path: Path
    manifest: PlainManifest
    lives: dict[tuple[int, str], Life]  # by world and agent


class Columns(NamedTuple):
    """Columns that both have of an array, and where each has them."""

    names: tuple[str, ...]
    in_a: list[int]
    in_b: list[int]


def read_side(place: Path) -> Side:
    """Read the manifest and the meta files of a capture.

    Raises:
        SampleError: there is no capture, or one of them cannot be read.
    """
    path = manifest_at(place)
    manifest = read_manifest(path)
    lives: dict[tuple[int, str], Life] = {}
    for entry in manifest.samples:
        meta = read_meta(locate(path, entry.meta))
        world = entry.world if isinstance(entry, Entry) else 0
        twins = sum(life.meta.agent_id == meta.agent_id and life.world == world for life in lives.values())
        agent = meta.agent_id if not twins else f"{meta.agent_id}#{twins + 1}"
        lives[world, agent] = Life(agent, world, locate(path, entry.sample), meta)
    return Side(path, manifest, lives)


def names_of(life: Life, array: str) -> tuple[str, ...]:
    """Give what the columns of an array are called; nothing for an array that has none, or whose meta does not say."""
    if array in MASKS:
        return actions_of(life.meta)
    names: tuple[str, ...] = getattr(life.meta, NAMED_AFTER.get(array, ""), ())
    return names


def actions_of(meta: PlainMeta) -> tuple[str, ...]:
    """Give what the actions are called, by id."""
    if isinstance(meta, Meta):
        return meta.action_names
    by_id = {number: action for action, number in meta.action_lookup.items()}
    return tuple(by_id.get(number, f"action {number}") for number in range(meta.action_dim))


def shared(names_a: Sequence[str], names_b: Sequence[str]) -> Columns:
    """Find the columns that both have."""
    places = {name: number for number, name in enumerate(names_b)}
    both = [(name, number, places[name]) for number, name in enumerate(names_a) if name in places]
    return Columns(tuple(name for name, _, _ in both), [place for _, place, _ in both], [place for _, _, place in both])


def read_array(life: Life, reader: NpzReader, array: str) -> Array:
    """Read an array, checked against its meta file.

    Raises:
        SampleError: with the file and the array.
    """
    check_header(reader, array, life.meta)
    found = reader.read(array)
    if array == "actions":
        check_actions(life.npz, found, life.meta)
    return found


def in_common_ids(actions: Array, meta: PlainMeta, ids: dict[str, int]) -> Array:
    """Number actions by what they are, however a capture numbers them.

    Args:
        ids: grows by the actions that it does not hold yet.
    """
    table = np.array([ids.setdefault(name, len(ids)) for name in keys_of(meta)], np.int64)
    numbered: Array = table[actions]
    return numbered


def keys_of(meta: PlainMeta) -> list[str]:
    """Give the text of each action in the lookup, by id; it is the same in any capture."""
    by_id = {number: action for action, number in meta.action_lookup.items()}
    return [by_id.get(number, f"action {number}") for number in range(meta.action_dim)]


def per_tick(array: str) -> bool:
    """Tell arrays that have a row a tick from what was seen after the last."""
    return ARRAYS[array].axes[0] in ("T", "T+1")


def settings(a: Side, b: Side) -> Iterator[str]:
    """Say what two captures were made from, where that is not the same."""
    scenarios = [getattr(side.manifest.metadata, "scenario_name", None) for side in (a, b)]
    for key in TOLD:
        values = [getattr(side.manifest.metadata, key, None) for side in (a, b)]
        if values[0] != values[1] and None not in values:
            shown = [str(getattr(value, "name", value))[:MOST_SHOWN] for value in values]
            yield f"{key}: {shown[0]} in A, {shown[1]} in B"
            if key == "config_hash" and scenarios[0] == scenarios[1]:
                yield from _config_keys(a, b)


def _config_keys(a: Side, b: Side) -> Iterator[str]:
    """Name the keys that are not the same in two configurations of a scenario, as far as seals tell these."""
    try:
        one, other = (read_seal(files_of(side.path).seal).config for side in (a, b))
    except SampleError:
        return
    found = _parted(one, other, ())
    yield from islice(found, MOST_KEYS)
    left_out = sum(1 for _ in found)
    if left_out:
        yield f"config: {left_out:,} more keys"


def _parted(one: object, other: object, path: tuple[str, ...]) -> Iterator[str]:
    """Go through two trees and name what differs."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in dict.fromkeys((*one, *other)):
            yield from _parted(one.get(name, ABSENT), other.get(name, ABSENT), (*path, name))
    elif isinstance(one, list) and isinstance(other, list):
        for place in range(max(len(one), len(other))):
            mine, theirs = (each[place] if place < len(each) else ABSENT for each in (one, other))
            yield from _parted(mine, theirs, (*path, str(place)))
    elif one != other:
        shown = [value if value is ABSENT else json.dumps(value) for value in (one, other)]
        key = ".".join(path[1:] if path[0] == "scenario" else path)  # as --set calls it
        yield f"config: {key}: {' in A, '.join(map(_short, shown))} in B"


def _short(text: object) -> str:
    words = str(text)
    return words if len(words) <= MOST_OF_VALUE else f"{words[:MOST_OF_VALUE]}..."


def who(agent: str, world: int) -> str:
    """Name a life; the first world goes without saying."""
    return agent if world == 0 else f"{agent} of world {world}"
