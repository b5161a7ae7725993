"""Where a dataset comes from: captures that are whole, and the files of each of their samples."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from townlet_core.errors import SampleError
from townlet_core.samples.manifest import (
    Manifest,
    PlainEntry,
    PlainManifest,
    files_of,
    find_manifest,
    locate,
    read_manifest,
)
from townlet_core.samples.npz import MAX_DEFLATE_RATIO
from townlet_core.samples.sample import Meta, PlainMeta, PlainSample, read_meta, read_sample
from townlet_core.samples.seal import verify


class Capture(NamedTuple):
    """A capture that agrees with its seal, or one of the predecessor's, which has none."""

    place: Path  # as it was named: its folder or its manifest
    path: Path  # of the manifest
    manifest: PlainManifest


class Source(NamedTuple):
    """The files of one sample."""

    capture: Capture
    number: int  # in the manifest

    @property
    def entry(self) -> PlainEntry:
        """What the manifest says of it."""
        return self.capture.manifest.samples[self.number]


def find_captures(places: Sequence[Path]) -> list[Capture]:
    """Find captures by their folders or manifests and check them against their seals, in the order given.

    Raises:
        SampleError: there is none; one is named twice, has no samples, was altered, or is ours and has no seal.
    """
    if not places:
        raise SampleError("no capture is named", hint="name the folder of one, which 'townlet rollout capture' fills")
    manifests = [find_manifest(place) if place.is_dir() else place for place in places]
    named: dict[Path, Path] = {}
    for place, path in zip(places, manifests, strict=True):
        real = Path(os.path.realpath(path))
        if real in named:
            raise SampleError(f"is the same capture as {named[real]}", where=str(place), hint="name each capture once")
        named[real] = place
    return [_check(place, path) for place, path in zip(places, manifests, strict=True)]


def _check(place: Path, path: Path) -> Capture:
    """Read a manifest, and compare the capture with its seal if it has one."""
    manifest = read_manifest(path)
    if not manifest.samples:
        raise SampleError("holds no samples", where=str(path))
    seal = files_of(path).seal
    if seal.exists():
        _check_seal(path)
    elif isinstance(manifest, Manifest):
        raise SampleError(f"{seal.name} is missing", where=str(path), hint="capture again")
    return Capture(place, path, manifest)


def _check_seal(path: Path) -> None:
    """Refuse a capture that was altered, with the first thing that was."""
    found = verify(path)
    if found:
        first, more = found[0], f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        hint = first.hint or "see 'townlet rollout repair', or fetch the files anew from where they are whole"
        raise SampleError(first.problem + more, where=first.where, hint=hint)


def sources_of(captures: Sequence[Capture]) -> Iterator[Source]:
    """Give the samples of captures, in order."""
    for capture in captures:
        for number in range(len(capture.manifest.samples)):
            yield Source(capture, number)


def meta_of(source: Source) -> PlainMeta:
    """Read the meta file of a sample and compare it with the manifest.

    Raises:
        SampleError: it cannot be read, or says otherwise than the manifest or the size of the sample.
    """
    capture, entry = source.capture, source.entry
    path = locate(capture.path, entry.meta)
    meta = read_meta(path)
    if isinstance(meta, Meta) is not isinstance(capture.manifest, Manifest):
        problem = f"was not written together with {capture.path.name}"
        raise SampleError(problem, where=str(path), hint="capture again")
    for key, listed, own in (
        ("agent_id", entry.agent_id, meta.agent_id),
        ("frame_count", entry.frame_count, meta.frame_count),
    ):
        if listed is not None and listed != own:
            where = f"{capture.path}: samples.{source.number}.{key}"
            raise SampleError(f"is {listed}; {entry.meta} says {own}", where=where)
    _check_size(locate(capture.path, entry.sample), meta)
    return meta


def _check_size(sample: Path, meta: PlainMeta) -> None:
    """Refuse a number of ticks that the file cannot hold, before room is made for them."""
    tick_bytes = 4 * (math.prod(meta.map_shape) + len(meta.feature_names) + 1)  # of map, features and reward
    size = sample.stat().st_size
    if meta.timesteps * tick_bytes > size * MAX_DEFLATE_RATIO:
        raise SampleError(
            f"its {size} bytes cannot be {meta.timesteps} ticks, as its meta file says", where=str(sample)
        )


def sample_of(source: Source) -> PlainSample:
    """Read the arrays of a sample, whole.

    Raises:
        SampleError: with the file and the array.
    """
    return read_sample(locate(source.capture.path, source.entry.sample), meta_of(source))
