"""Captures as datasets of Minari (https://minari.farama.org): an episode a life, with all that its sample holds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet_core.dataset.shelf import DATA, NEW, check_free, drafted, put
from townlet_core.dataset.sources import Capture, Source, find_captures, sample_of, sources_of
from townlet_core.errors import InputError, OutputError, SampleError, UsageError
from townlet_core.samples.manifest import Manifest, Metadata, files_of, locate
from townlet_core.samples.npz import NpzReader
from townlet_core.samples.putting import sync
from townlet_core.samples.sample import Meta, Sample
from townlet_core.samples.seal import read_seal

if TYPE_CHECKING:
    from gymnasium.spaces import Dict, Discrete

NAME = re.compile(r"(?:[A-Za-z0-9_][\w/-]*[\w-]/)?[A-Za-z0-9_][\w-]*-v\d+", re.ASCII)
ROOM, ROOM_A_LIFE = 1.5, 2**20  # bytes that HDF5 takes for a byte, and for a life, at most: 1.3 and 0.3 were measured
AGREEING = ("map_shape", "map_channels", "feature_names", "action_names", "reward_term_names", "event_names")


class Exported(NamedTuple):
    """What came of it."""

    place: Path  # folder of the dataset
    episodes: int
    steps: int
    size: int  # bytes


def export(place: Path, name: str, *, force: bool = False) -> Exported:
    """Write a capture as a dataset where Minari keeps its own: MINARI_DATASETS_PATH, or its folder in the home folder.

    Observations have one row more than there are steps: the last is what was seen after the last step. So have infos,
    as Minari collects them: row t + 1 tells of step t, and row 0 of the beginning. `value` is of the observation of its
    row; `log_prob` has no first row to tell of, and NaN there.

    The dataset is there whole or not at all.

    Args:
        place: folder of the capture, or its manifest.
        name: of the dataset: [NAMESPACE/]NAME-vNUMBER.

    Raises:
        InputError: Minari is not installed; the capture is damaged, altered, or of the predecessor.
        UsageError: it cannot be called that.
        OutputError: there is one of that name and force is not given, or it cannot be written.
    """
    if NAME.fullmatch(name) is None or "//" in name:
        hint = "such as town/breakfast-v0"
        raise UsageError(f"must be [NAMESPACE/]NAME-vNUMBER, found '{name}'", where="NAME", hint=hint)
    _look_for_minari()
    (capture,) = find_captures([place])
    if not isinstance(capture.manifest, Manifest):
        hint = "capture anew"
        problem = "lacks what a dataset has to tell, such as how lives ended: the predecessor made it"
        raise SampleError(problem, where=str(capture.path), hint=hint)
    from minari.storage import get_dataset_path

    try:
        root, target = Path(get_dataset_path()), Path(get_dataset_path(name))
        check_free(target, root, force=force)
        with drafted(root) as draft:
            _ask_for_room(draft / "room", capture)
            done = _write(capture, name, draft / NEW / DATA)
            put(draft, target, root, force=force)
    except OSError as error:
        raise _cannot_write(error, name) from error
    return done._replace(place=target)


def _look_for_minari() -> None:
    """Refuse to begin where Minari, or what it writes files with, is missing."""
    try:
        import h5py  # noqa: F401
        import minari  # noqa: F401
    except ImportError as error:
        hint = "pip install 'townlet[minari]'"
        raise InputError(f"needs {error.name}, which is not installed", where="--to minari", hint=hint) from error


def _ask_for_room(path: Path, capture: Capture) -> None:
    """Fail here where the disk is too full: HDF5 would fail later, and can then bring the whole process down."""
    lives = len(capture.manifest.samples)
    unpacked = sum(_unpacked(source) for source in sources_of([capture]))
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, int(unpacked * ROOM) + lives * ROOM_A_LIFE)
    path.unlink()


def _unpacked(source: Source) -> int:
    """Add up the sizes of a sample's arrays."""
    with NpzReader(locate(source.capture.path, source.entry.sample)) as reader:
        return sum(header.contents_size for header in reader.headers.values())


def _write(capture: Capture, name: str, data: Path) -> Exported:
    """Write all lives, one at a time, and what is told of them together."""
    from minari.dataset.minari_storage import MinariStorage

    lives = _lives(capture)
    first = next(lives)
    observations, actions = _spaces(first.meta)
    storage = MinariStorage.new(data, observation_space=observations, action_space=actions, data_format="hdf5")
    storage.update_metadata(_metadata(capture, first.meta, name))
    storage.update_episodes(_episode(life) for life in chain([first], lives))
    for path in (*data.iterdir(), data, data.parent):
        sync(path)
    size = sum(path.stat().st_size for path in data.iterdir())
    return Exported(data.parent, storage.total_episodes, storage.total_steps, size)


def _lives(capture: Capture) -> Iterator[Sample]:
    """Read the samples one at a time; refuse one that sees, does or is told other things than the first."""
    first: Meta | None = None
    for source in sources_of([capture]):
        sample = sample_of(source)
        assert isinstance(sample, Sample)  # a manifest of ours has samples of ours: see dataset.sources
        first = first or sample.meta
        for key in AGREEING:
            if getattr(sample.meta, key) != getattr(first, key):
                where = f"{capture.path.with_name(source.entry.meta)}: {key}"
                raise SampleError("is not the same as in the first sample", where=where, hint="capture anew")
        yield sample


def _spaces(meta: Meta) -> tuple[Dict, Discrete]:
    """Describe what agents see and do. Features are normalised to [-1, 1]."""
    from gymnasium.spaces import Box, Dict, Discrete

    actions = len(meta.action_names)
    observations = Dict(
        {
            "map": Box(0, 1, meta.map_shape, np.float32),
            "features": Box(-1, 1, (len(meta.feature_names),), np.float32),
            "action_mask": Box(0, 1, (actions,), np.int8),
        }
    )
    return observations, Discrete(actions)


def _episode(sample: Sample) -> Any:
    """Put a life into the form of an episode, with nothing lost."""
    from minari.data_collector import EpisodeBuffer

    meta, rows = sample.meta, sample.meta.timesteps + 1
    none, masks = np.float32(np.nan), _with_last(sample.action_mask, sample.last_action_mask)
    return EpisodeBuffer(
        observations={
            "map": _with_last(sample.map, sample.last_map),
            "features": _with_last(sample.features, sample.last_features),
            "action_mask": masks.astype(np.int8),
        },
        actions=sample.actions,
        rewards=sample.rewards,  # anything with a length that HDF5 can store
        terminations=sample.terminated,
        truncations=sample.truncated,
        infos={
            "agent_id": [meta.agent_id] * rows,
            "world": np.full(rows, meta.world, np.int64),
            "tick": np.arange(meta.first_tick, meta.first_tick + rows),
            "log_prob": np.concatenate([[none], sample.old_log_probs]).astype(np.float32),
            "value": sample.value_preds,
            "reward_terms": _columns(meta.reward_term_names, sample.reward_terms),
            "events": _columns(meta.event_names, sample.events),
        },
    )


def _with_last(rows: NDArray[Any], last: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([rows, last[None]])


def _columns(names: tuple[str, ...], table: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Name the columns of a table [T, names]; at the beginning nothing has happened yet."""
    whole = np.concatenate([np.zeros_like(table[:1]), table])
    return {name: np.ascontiguousarray(whole[:, number]) for number, name in enumerate(names)}


def _metadata(capture: Capture, meta: Meta, name: str) -> dict[str, Any]:
    """Say where the dataset comes from, in Minari's words where it has some."""
    about = capture.manifest.metadata
    assert isinstance(about, Metadata)
    seal = read_seal(files_of(capture.path).seal)
    return {
        "dataset_id": name,
        "minari_version": version("minari"),
        "algorithm_name": about.policy.name,
        "description": f"{about.scenario_name}: {about.scenario_description}",
        "townlet": {
            **about.model_dump(mode="json", exclude={"schema_version", "config_path", "config_id"}),
            "config": seal.config,
            "commit": seal.commit,
            "variant": meta.variant,
            "reward_clip": meta.reward_clip,
            **{key: list(getattr(meta, key)) for key in AGREEING},
        },
    }


def _cannot_write(error: OSError, name: str) -> OutputError:
    reason = (error.strerror or str(error)).lower()
    return OutputError(f"cannot be written: {reason}", where=error.filename or name, hint="nothing was changed")
