"""A dataset: the lives of captures, one after another, as rows to learn from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from townlet_core.dataset.columns import Columns, LogProbs, log_probs_of, new_columns
from townlet_core.dataset.packed import Layout, Observations, Packed, is_binary
from townlet_core.dataset.shuffling import shuffled
from townlet_core.dataset.sources import Capture, Source, find_captures, meta_of, sample_of, sources_of
from townlet_core.dataset.tables import Agreement, Place, Tables
from townlet_core.errors import SampleError
from townlet_core.samples.manifest import Manifest, Metadata, files_of
from townlet_core.samples.metrics import read_metrics
from townlet_core.samples.sample import Meta, Metrics, PlainSample, Sample


class LifeSpan(NamedTuple):
    """Where one life lies among the rows, and where it comes from."""

    first: int
    stop: int  # the row after its last
    capture: Path  # as it was named
    sample: str  # NPZ file, relative to the manifest
    agent_id: str
    log_probs: LogProbs
    has_last: bool  # the observation after the last tick is known; else that before it stands in for it
    learned: bool = False  # a network acted


class Baseline(NamedTuple):
    """What the captures' metrics come to. None where a sample does not have one."""

    sample_count: int
    reward_mean: float | None  # these are means over samples
    reward_sum: float | None  # over all samples
    reward_sum_mean: float | None
    log_prob_mean: float | None
    rivalry_max_mean_avg: float | None
    rivalry_max_max_avg: float | None
    rivalry_avoid_count_mean_avg: float | None
    rivalry_avoid_count_max_avg: float | None


class Dataset:
    """Rows of what agents saw, did and got: one a tick of a life, life after life. Rows can be read by many threads."""

    def __init__(
        self,
        captures: Sequence[Capture],
        tables: Tables,
        lives: Sequence[LifeSpan],
        columns: Columns,
        packed: Packed,
        baseline: Baseline | None,
    ) -> None:
        self.map_channels, self.map_shape, self.feature_names, self.action_names = tables
        self.lives = tuple(lives)
        self.steps = lives[-1].stop
        self.actions, self.rewards, self.log_probs, self.terminated, self.truncated = columns
        self.is_ours = all(isinstance(capture.manifest, Manifest) for capture in captures)
        abouts = [capture.manifest.metadata for capture in captures]
        self.config_hashes = _distinct([about.config_hash for about in abouts if isinstance(about, Metadata)])
        self.scenario_names = _distinct([about.scenario_name for about in abouts if about])
        self.baseline = baseline
        self._packed = packed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def spilled(self) -> bool:
        """Whether observations lie in files, for want of memory."""
        return self._packed.spilled

    def observations(self, rows: NDArray[np.int64]) -> Observations:
        """Give what was seen before acting, at rows in any order."""
        _check_range("row", rows, self.steps)
        return self._packed.take(rows)

    def last_observations(self, lives: NDArray[np.int64]) -> Observations:
        """Give what was seen after the last tick of lives, by their numbers."""
        _check_range("life", lives, len(self.lives))
        return self._packed.take(self.steps + lives)

    def passes(self, *, seed: int, epoch: int, batch: int, block: int = 16) -> Iterator[NDArray[np.int64]]:
        """Give every row once, in an order that seed and epoch decide, in batches of row numbers.

        Args:
            block: so many rows in a row stay together.
        """
        return shuffled(self.steps, seed=seed, epoch=epoch, batch=batch, block=block)

    def close(self) -> None:
        """Let go of the observations, and of the files that they may lie in."""
        self._packed.close()


def open_dataset(places: Sequence[Path], *, memory_bytes: int = 2 * 2**30, spill_folder: Path | None = None) -> Dataset:
    """Read captures and check all that can be checked of them.

    Args:
        places: folders of one capture each, or manifests.
        memory_bytes: where packed observations take more, they lie in files.
        spill_folder: of these files; None for the system's folder of temporary files.

    Raises:
        SampleError: a capture is not whole, or two of them do not agree.
        OutputError: the files do not fit their folder.
    """
    captures = find_captures(places)
    sources = list(sources_of(captures))
    tables, lives = _survey(sources)
    baseline = _baseline(captures)
    columns = new_columns(lives[-1].stop)
    rows = lives[-1].stop + len(lives)
    tiles, features, actions = math.prod(tables.map_shape), len(tables.feature_names), len(tables.action_names)
    bits = Layout(tiles, features, actions, binary=True)
    packed = Packed(rows, bits, memory_bytes=memory_bytes, folder=spill_folder)
    if not _fill(packed, columns, sources, lives):
        packed = Packed(rows, bits._replace(binary=False), memory_bytes=memory_bytes, folder=spill_folder)
        _fill(packed, columns, sources, lives)
    return Dataset(captures, tables, lives, columns, packed, baseline)


def _survey(sources: Sequence[Source]) -> tuple[Tables, list[LifeSpan]]:
    """Read all meta files: what they agree on, and how long each life is."""
    agreement = Agreement()
    lives: list[LifeSpan] = []
    at = 0
    for source in sources:
        meta, place = meta_of(source), source.capture.place
        agreement.add(meta, Place(str(place), source.entry.meta))
        stop = at + meta.timesteps
        policy = meta.policy if isinstance(meta, Meta) else None
        ours, learned = policy is not None, policy is not None and policy.kind == "learned"
        sample, log_probs = source.entry.sample, log_probs_of(meta)
        lives.append(LifeSpan(at, stop, place, sample, meta.agent_id, log_probs, ours, learned))
        at = stop
    return agreement.tables(), lives


def _fill(packed: Packed, columns: Columns, sources: Sequence[Source], lives: Sequence[LifeSpan]) -> bool:
    """Read all samples, one at a time. False, with all let go, if a map holds more than bits can."""
    with ExitStack() as undo:
        undo.callback(packed.close)
        for number, (source, life) in enumerate(zip(sources, lives, strict=True)):
            sample = sample_of(source)
            where = str(source.capture.path.with_name(life.sample))
            if sample.meta.timesteps != life.stop - life.first:
                raise SampleError("was changed while it was read", where=where)
            columns.put(life.first, sample, where)
            if packed.layout.binary and not _is_binary(sample):
                return False
            _put_observations(packed, sample, life.first, lives[-1].stop + number)
        packed.keep()
        undo.pop_all()
    return True


def _is_binary(sample: PlainSample) -> bool:
    """Say whether the maps of a sample can be kept in bits."""
    return is_binary(sample.map) and (not isinstance(sample, Sample) or is_binary(sample.last_map))


def _put_observations(packed: Packed, sample: PlainSample, first: int, last: int) -> None:
    """Put what was seen in a life, and at a row of its own what was seen at its end.

    The predecessor forbade nothing, and kept no last observation: that before the last tick stands in for it.
    """
    if isinstance(sample, Sample):
        packed.put(first, sample.map, sample.features, sample.action_mask)
        packed.put(last, sample.last_map[None], sample.last_features[None], sample.last_action_mask[None])
    else:
        every = np.ones((1, packed.layout.actions), np.bool_)
        packed.put(first, sample.map, sample.features, np.broadcast_to(every, (len(sample.map), every.shape[1])))
        packed.put(last, sample.map[-1:], sample.features[-1:], every)


def _baseline(captures: Sequence[Capture]) -> Baseline | None:
    """Put the metrics of all samples together; None if a capture comes without."""
    paths = [files_of(capture.path).metrics for capture in captures]
    if not all(path.exists() for path in paths):
        return None
    found: list[Metrics] = []
    for capture, path in zip(captures, paths, strict=True):
        samples = read_metrics(path).samples
        for entry in capture.manifest.samples:
            if entry.sample not in samples:
                raise SampleError(f"has no metrics of {entry.sample}", where=str(path))
            found.append(samples[entry.sample])
    return Baseline(
        sample_count=len(found),
        reward_mean=_mean(found, "reward_mean"),
        reward_sum=_total(found, "reward_sum"),
        reward_sum_mean=_mean(found, "reward_sum"),
        log_prob_mean=_mean(found, "log_prob_mean"),
        rivalry_max_mean_avg=_mean(found, "rivalry_max_mean"),
        rivalry_max_max_avg=_mean(found, "rivalry_max_max"),
        rivalry_avoid_count_mean_avg=_mean(found, "rivalry_avoid_count_mean"),
        rivalry_avoid_count_max_avg=_mean(found, "rivalry_avoid_count_max"),
    )


def _total(samples: Sequence[Metrics], name: str) -> float | None:
    """Add up a metric over samples; None if one of them lacks it."""
    values = [value for metrics in samples if (value := metrics.get(name)) is not None]
    return sum(values) if len(values) == len(samples) else None


def _mean(samples: Sequence[Metrics], name: str) -> float | None:
    """Give the mean of a metric over samples; None if one of them lacks it."""
    total = _total(samples, name)
    return None if total is None else total / len(samples)


def _distinct(names: Sequence[str | None]) -> tuple[str, ...]:
    """Give each name once, in order."""
    return tuple(dict.fromkeys(name for name in names if name is not None))


def _check_range(what: str, numbers: NDArray[np.int64], stop: int) -> None:
    """Refuse numbers that would mean other rows."""
    if numbers.size and not (numbers.min() >= 0 and numbers.max() < stop):
        raise IndexError(f"{what} {numbers.min()} to {numbers.max()}, of {stop}")
