"""The seal: hashes of all that a capture consists of, and of all that it was made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue

from townlet_core.errors import SampleError
from townlet_core.samples.jsonfile import read_versioned, text_like
from townlet_core.samples.manifest import PlainManifest, files_of, find_manifest, locate, read_manifest
from townlet_core.samples.npz import NpzReader
from townlet_core.samples.provenance import Versions
from townlet_core.samples.sample import PolicyNote
from townlet_core.schema import StrictModel

SCHEMA_VERSION: Final = 1
PIECE_BYTES = 2**20

Sha256 = Annotated[str, text_like(r"[0-9a-f]{64}", "a sha256 in 64 small hexadecimal digits")]


class Seal(StrictModel):
    """The file <prefix>_seal.json."""

    schema_version: Literal[1] = Field(SCHEMA_VERSION, description="version of this file's format")
    versions: Versions = Field(description="of the program and its libraries")
    commit: str | None = Field(description="git commit of the program; none where that is not known")
    config: dict[str, JsonValue] = Field(description="the configuration with all defaults and overrides")
    config_hash: Sha256 = Field(description="hash of that")
    seed: Annotated[int, Field(ge=0)] = Field(description="seed of all randomness; wins over that in the configuration")
    worlds: Annotated[int, Field(ge=1)] = Field(description="number of worlds simulated")
    ticks: Annotated[int, Field(ge=1)] = Field(description="ticks simulated")
    policy: PolicyNote = Field(description="who acted")
    policy_hash: Sha256 | None = Field(description="hash of the policy's parameters; none for a policy without")
    actions_hash: Sha256 = Field(description="hash of the action names, in the order of their ids")
    features_hash: Sha256 = Field(description="hash of the feature names, in order")
    files: dict[str, Sha256] = Field(description="JSON file -> hash of its bytes")
    samples: dict[str, dict[str, Sha256]] = Field(description="NPZ file -> array -> hash of type, shape and contents")


def bytes_sha256(data: bytes) -> str:
    """Hash a file that is at hand."""
    return hashlib.sha256(data).hexdigest()


def names_sha256(names: Sequence[str]) -> str:
    """Hash a list of names."""
    return bytes_sha256(json.dumps(list(names)).encode())


def config_sha256(config: dict[str, JsonValue]) -> str:
    """Hash a configuration as config.load does: its JSON without spaces, keys in their order, which means something."""
    return bytes_sha256(json.dumps(config, separators=(",", ":"), allow_nan=False).encode())


def read_seal(path: Path) -> Seal:
    """Read a seal.

    Raises:
        SampleError: with the file and the key.
    """
    return read_versioned(Seal, path, SCHEMA_VERSION)


def verify(place: Path) -> list[SampleError]:
    """Compare a capture with its seal and give every mismatch, in the order of the seal.

    Args:
        place: folder of the one capture in it, or a manifest.

    Raises:
        SampleError: there is no capture, its manifest cannot be read, or it has no seal that can.
    """
    manifest = find_manifest(place) if place.is_dir() else place
    seal = read_seal(files_of(manifest).seal)
    return list(mismatches(seal, manifest, read_manifest(manifest)))


def mismatches(seal: Seal, manifest: Path, listed: PlainManifest | None) -> Iterator[SampleError]:
    """Compare a capture with its seal.

    Args:
        listed: what the manifest says; None where it cannot be read, and the files are those of the seal alone.
    """
    yield from _in_seal(seal, manifest)
    if listed is not None:
        yield from _in_list(seal, manifest, listed)
    yield from _in_files(seal, manifest)


def _in_seal(seal: Seal, manifest: Path) -> Iterator[SampleError]:
    """Check that the seal lies beside the manifest, and that its configuration is that of its hash."""
    path = files_of(manifest).seal
    try:
        locate(manifest, path.name)
    except SampleError as error:
        yield error
    if config_sha256(seal.config) != seal.config_hash:
        yield SampleError("is not the hash of the configuration beside it", where=f"{path}: config_hash")


def _in_list(seal: Seal, manifest: Path, listed: PlainManifest) -> Iterator[SampleError]:
    """Check that manifest and seal name the same files."""
    own = files_of(manifest)
    names = {own.manifest.name, own.metrics.name, *(entry.meta for entry in listed.samples)}
    names |= {entry.sample for entry in listed.samples}
    sealed = {*seal.files, *seal.samples}
    for name in sorted(names - sealed):
        yield SampleError(f"{name} is not in the seal", where=str(own.seal))
    for name in sorted(sealed - names):
        yield SampleError(f"{name} is in the seal and not in the manifest", where=str(manifest))


def _in_files(seal: Seal, manifest: Path) -> Iterator[SampleError]:
    """Check the files against their hashes."""
    for name, wanted in seal.files.items():
        try:
            found = _file_sha256(locate(manifest, name))
        except SampleError as error:
            yield error
            continue
        if found != wanted:
            yield SampleError("has been altered: its hash is not that of the seal", where=str(manifest.with_name(name)))
    for name, arrays in seal.samples.items():
        try:
            with NpzReader(locate(manifest, name)) as reader:
                yield from _in_arrays(reader, arrays)
        except SampleError as error:
            yield error


def _in_arrays(reader: NpzReader, sealed: dict[str, str]) -> Iterator[SampleError]:
    """Check the arrays of one sample; one that cannot be read does not keep the others from being checked."""
    for array in sorted(set(sealed) ^ set(reader.headers)):
        problem = "is missing" if array in sealed else "is not in the seal"
        yield SampleError(problem, where=f"{reader.path}: {array}")
    for array, wanted in sealed.items():
        if array not in reader.headers:
            continue
        try:
            if reader.sha256(array) != wanted:
                yield SampleError("has been altered: its hash is not that of the seal", where=f"{reader.path}: {array}")
        except SampleError as error:
            yield error


def _file_sha256(path: Path) -> str:
    """Hash a file, a piece at a time."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
    except OSError as error:
        raise SampleError(f"cannot be read: {(error.strerror or str(error)).lower()}", where=str(path)) from error
    return digest.hexdigest()
