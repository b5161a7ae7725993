"""One life, taken from the spool and put into the form of a sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from townlet_core.rollout.lives import Life
from townlet_core.rollout.spool import Spool
from townlet_core.samples.metrics import MEASURED_FEATURES, Columns
from townlet_core.samples.npz import Stream, whole
from townlet_core.samples.sample import ARRAYS
from townlet_core.world.town import CompiledTown
from townlet_core.world.view import planes

# Array of a sample -> column of the frames it is.
COLUMNS = {
    "actions": "actions",
    "old_log_probs": "log_probs",
    "rewards": "rewards",
    "terminated": "terminated",
    "truncated": "truncated",
    "reward_terms": "terms",
    "events": "events",
}


def columns_of(spool: Spool, life: Life, town: CompiledTown, *, last_value: float) -> Columns:
    """Read all of a life but its observations; of these, the features that metrics are taken from.

    Args:
        last_value: what the policy expected at the last observation; 0 where it estimates nothing.
    """
    rows = spool.columns(life)
    measured = [name for name in MEASURED_FEATURES if name in town.features]
    places = [town.features.index(name) for name in measured]
    features = np.concatenate([piece[:, places] for piece in spool.pieces("features", life)])
    arrays = {array: rows[column].astype(ARRAYS[array].dtype) for array, column in COLUMNS.items()}
    values = np.append(rows["values"], np.float32(last_value))
    by_name = {name: features[:, number] for number, name in enumerate(measured)}
    return Columns(value_preds=values, features=by_name, **arrays)


def streams_of(spool: Spool, life: Life, columns: Columns, town: CompiledTown) -> Iterator[Stream]:
    """Give the arrays of a sample in the order of ARRAYS, observations read a piece at a time."""
    ticks, (channels, height, width) = life.stop - life.first, town.map_shape
    maps = (planes(tiles, town.map_shape) for tiles in spool.pieces("tiles", life))
    yield Stream("map", np.dtype("<f4"), (ticks, channels, height, width), maps)
    yield Stream("features", np.dtype("<f4"), (ticks, len(town.features)), spool.pieces("features", life))
    for name in ("actions", "old_log_probs", "value_preds", "rewards"):
        yield whole(name, getattr(columns, name))
    yield whole("dones", columns.terminated | columns.truncated)
    masks = (mask.astype(np.bool_) for mask in spool.pieces("action_mask", life))
    yield Stream("action_mask", np.dtype("|b1"), (ticks, len(town.actions.names)), masks)
    yield whole("terminated", columns.terminated)
    yield whole("truncated", columns.truncated)
    end = spool.end(life)
    yield whole("last_map", planes(end["tiles"], town.map_shape))
    yield whole("last_features", end["features"])
    yield whole("last_action_mask", end["action_mask"].astype(np.bool_))
    yield whole("reward_terms", columns.reward_terms)
    yield whole("events", columns.events)
