"""The manifest: the list of a capture's samples and the commit point of the capture."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import AfterValidator, ConfigDict, Field

from townlet_core.errors import SampleError
from townlet_core.samples.jsonfile import check_version, parse_model, read_json, text_like
from townlet_core.samples.sample import PolicyNote
from townlet_core.schema import StrictModel

SCHEMA_VERSION: Final = 1
MANIFEST, METRICS, SEAL = "_manifest.json", "_metrics.json", "_seal.json"  # what a capture's own files end in
STAGE_PREFIX = ".townlet-stage-"  # of the folder that a capture is made in


def _inside(path: str) -> str:
    """Refuse a path that leaves the folder of the manifest, as far as its letters tell; give it without dots."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
        raise ValueError(f"the path {path!r} leaves the folder of the manifest")
    return str(PurePosixPath(path))


SamplePath = Annotated[str, text_like(r"(?s).*\.npz", "an .npz file"), AfterValidator(_inside)]
MetaPath = Annotated[str, text_like(r"(?s).*\.json", "a .json file"), AfterValidator(_inside)]


class PlainEntry(StrictModel):
    """A sample of any capture. In the predecessor's older form the last two are missing."""

    model_config = ConfigDict(extra="ignore")

    sample: SamplePath = Field(description="NPZ file, relative to the manifest")
    meta: MetaPath = Field(description="JSON file of the sample, relative to the manifest")
    agent_id: str | None = Field(None, description="who lived it")
    frame_count: Annotated[int, Field(ge=0)] | None = Field(None, description="ticks of the life")


class Entry(PlainEntry):
    """A sample of a capture of ours."""

    model_config = ConfigDict(extra="forbid")

    agent_id: str = Field(description="who lived it")
    frame_count: Annotated[int, Field(ge=1)] = Field(description="ticks of the life")
    world: Annotated[int, Field(ge=0)] = Field(description="number of the world")


class PlainMetadata(StrictModel):
    """Where a capture comes from, as any of its kinds may say."""

    model_config = ConfigDict(extra="ignore")

    config_path: str | None = Field(None, description="configuration file, as it was named")
    config_id: str | None = Field(None, description="name of the configuration")
    scenario_name: str | None = Field(None, description="name of the scenario")
    scenario_description: str | None = Field(None, description="what happens in it")
    ticks: int | None = Field(None, description="ticks simulated")
    seed: int | None = Field(None, description="seed of all randomness")
    policy_hash: str | None = Field(None, description="sha256 of the policy's parameters; none for a policy without")
    capture_timestamp: str | None = Field(None, description="when it was made, UTC, ISO 8601")


class Missing(StrictModel):
    """Something that a repaired capture does not hold any more."""

    what: str = Field(description="a sample, or whose lives")
    why: str = Field(description="what became of it")


class Repair(StrictModel):
    """What was done to a capture that was interrupted or damaged."""

    why: str = Field(description="what had happened to it")
    when: str = Field(description="when it was repaired, UTC, ISO 8601")
    tool_version: str | None = Field(description="version of Townlet that did it; none where it runs uninstalled")
    rebuilt: tuple[str, ...] = Field(description="files that were written anew from the others")
    missing: tuple[Missing, ...] = Field(description="what is not in it; nothing where all lives are")


class Metadata(PlainMetadata):
    """Where a capture of ours comes from."""

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[1] = Field(SCHEMA_VERSION, description="version of this file's format")
    tool_version: str | None = Field(description="version of Townlet; none where it runs uninstalled")
    config_path: str = Field(description="configuration file, as it was named")
    config_id: str = Field(description="name of the configuration: its file name without the ending")
    config_hash: str = Field(description="sha256 of the resolved configuration")
    scenario_name: str = Field(description="name of the scenario")
    scenario_description: str = Field(description="what happens in it")
    ticks: Annotated[int, Field(ge=1)] = Field(description="ticks simulated")
    worlds: Annotated[int, Field(ge=1)] = Field(description="number of worlds simulated")
    seed: Annotated[int, Field(ge=0)] = Field(description="seed of all randomness")
    policy: PolicyNote = Field(description="who acted")
    capture_timestamp: str = Field(description="when it was made, UTC, ISO 8601")
    repair: Repair | None = Field(None, description="what was repaired; none of a capture as it was made")


class PlainManifest(StrictModel):
    """The manifest of any capture."""

    metadata: PlainMetadata | None = Field(description="where it comes from; None in the predecessor's older form")
    samples: tuple[PlainEntry, ...] = Field(description="the samples")


class Manifest(PlainManifest):
    """The manifest of a capture of ours, <prefix>_manifest.json."""

    metadata: Metadata = Field(description="where the capture comes from")
    samples: tuple[Entry, ...] = Field(description="the samples, by world, slot and time")


class CapturedFiles(NamedTuple):
    """Where the files of one capture are."""

    prefix: str
    manifest: Path
    metrics: Path
    seal: Path  # the predecessor wrote none


def files_of(manifest: Path) -> CapturedFiles:
    """Give the places of a capture's own files by that of its manifest."""
    prefix = manifest.name.removesuffix(MANIFEST)
    return CapturedFiles(prefix, manifest, manifest.with_name(prefix + METRICS), manifest.with_name(prefix + SEAL))


def part_of_capture(path: Path) -> str | None:
    """Say which file of a capture somebody has named in place of its folder or manifest; None: it looks like none."""
    if not path.is_file():
        return None
    for ending, what in ((SEAL, "the seal"), (METRICS, "the metrics file"), (".npz", "a sample")):
        if path.name.endswith(ending):
            return what
    return "the meta file of a sample" if path.suffix == ".json" and path.with_suffix(".npz").is_file() else None


def whole_of(part: Path) -> str:
    """Word what to name in place of a file of a capture."""
    return f"name the folder of the capture, {part.parent}, or the *{MANIFEST} in it"


def read_manifest(path: Path) -> PlainManifest:
    """Read a manifest of ours (a Manifest) or either form of the predecessor's (a PlainManifest).

    Raises:
        SampleError: with the file and the key; also where a path would leave the folder, or two samples share a file.
    """
    is_called_so = path.name.endswith(MANIFEST)
    part = None if is_called_so else part_of_capture(path)
    if part is not None:
        raise SampleError(f"is {part} of a capture, and no manifest", where=str(path), hint=whole_of(path))
    text, parsed = read_json(path)
    if isinstance(parsed, list):
        manifest = parse_model(PlainManifest, f'{{"metadata": null, "samples": {text}}}', path)
    elif isinstance(parsed, dict) and isinstance(parsed.get("metadata"), dict):
        manifest = _read_newer(parsed["metadata"], text, path)
    else:
        problem = "not a manifest: neither a list of samples nor metadata and samples"
        raise SampleError(problem, where=str(path), hint=None if is_called_so else f"captures have a *{MANIFEST}")
    _check_twins(manifest, path)
    return manifest


def _read_newer(metadata: dict[str, object], text: str, path: Path) -> PlainManifest:
    """Read the form with metadata, ours if it has a schema version."""
    if "schema_version" not in metadata:
        return parse_model(PlainManifest, text, path)
    check_version(metadata["schema_version"], SCHEMA_VERSION, path)
    return parse_model(Manifest, text, path)


def _check_twins(manifest: PlainManifest, path: Path) -> None:
    """Refuse a file that is named twice."""
    seen: set[str] = set()
    for number, entry in enumerate(manifest.samples):
        for key, name in (("sample", entry.sample), ("meta", entry.meta)):
            if name in seen:
                raise SampleError(f"{name} is named twice", where=f"{path}: samples.{number}.{key}")
            seen.add(name)


def locate(manifest: Path, name: str) -> Path:
    """Give the place of a file that a manifest names.

    Raises:
        SampleError: missing, not a file, or led out of the folder by a symbolic link.
    """
    place = manifest.parent / name
    if leads_out(place, manifest.parent):
        raise SampleError(f"{name} leads out of the folder through a symbolic link", where=str(manifest))
    if not place.is_file():
        repair = "see 'townlet rollout repair', or " if files_of(manifest).seal.exists() else ""
        hint = f"the capture is incomplete; {repair}capture again"
        raise SampleError(f"{name} is missing", where=str(manifest), hint=hint)
    return place


def leads_out(path: Path, folder: Path) -> bool:
    """Say whether symbolic links lead from a path in a folder out of it."""
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def is_hidden(path: Path, root: Path) -> bool:
    """Say whether a path, or a folder that it is in below the root, has a name that begins with a dot."""
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def find_manifest(directory: Path) -> Path:
    """Give the manifest of the one capture in a folder.

    Raises:
        SampleError: no folder, no capture in it, or more than one.
    """
    if not directory.is_dir():
        raise SampleError("no such folder", where=str(directory))
    found = sorted(directory.glob(f"*{MANIFEST}"))
    if not found:
        raise SampleError("holds no capture: there is no *_manifest.json", where=str(directory), hint=_left(directory))
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise SampleError(f"holds more than one capture: {names}", where=str(directory), hint="name one manifest")
    return found[0]


def unfinished(folder: Path) -> list[Path]:
    """Give what captures that were killed have left in a folder."""
    return sorted(folder.glob(f"{STAGE_PREFIX}*")) if folder.is_dir() else []


def _left(folder: Path) -> str | None:
    """Say what to do with a folder that has no manifest, if something of a capture is there."""
    if unfinished(folder):
        return "an interrupted capture is here: see 'townlet rollout repair'"
    if any(folder.glob(f"*{SEAL}")):
        return "a capture that has lost its manifest is here: see 'townlet rollout repair'"
    return None


def manifests_below(root: Path) -> list[Path]:
    """Give the manifests in a folder and in those below it, in the order of their names; hidden ones are passed over.

    Raises:
        SampleError: there is no such folder, or one of them cannot be read.
    """
    if not root.is_dir():
        raise SampleError("no such folder", where=str(root))
    found: list[Path] = []
    for folder, below, names in os.walk(root, onerror=_cannot_list):
        below[:] = sorted(name for name in below if not name.startswith("."))
        found += [Path(folder, name) for name in sorted(names) if name.endswith(MANIFEST) and not name.startswith(".")]
    return found


def _cannot_list(error: OSError) -> None:
    raise SampleError(f"cannot be read: {(error.strerror or str(error)).lower()}", where=str(error.filename)) from error
