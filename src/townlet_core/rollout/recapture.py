"""A capture made again from its seal, to see whether it is what the program makes of that configuration and seed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from townlet_core.config.scenario import Town
from townlet_core.errors import OutputError, SampleError, UsageError
from townlet_core.policy.decision import KernelPolicy, Policy
from townlet_core.rollout.capture import capture_again, learned
from townlet_core.rollout.recording import Progress, Recording
from townlet_core.rollout.request import MOST_WORLDS, CaptureRequest
from townlet_core.rollout.sealed_town import policy_in, town_in
from townlet_core.samples.compare import compare
from townlet_core.samples.manifest import METRICS, Entry, Manifest, PlainManifest, files_of, locate, read_manifest
from townlet_core.samples.provenance import git_commit, versions
from townlet_core.samples.sample import Meta, read_meta
from townlet_core.samples.seal import Seal, read_seal
from townlet_core.world.town import compile_town

ITS_OWN = {"capture_timestamp", "tool_version", "repair"}  # what a manifest says of the one time that it was written


class Recapture(NamedTuple):
    """What came of capturing again."""

    equal: int  # hashes that are the same
    differences: list[SampleError]
    notes: list[str]


def recapture(path: Path, *, policy: Path | None = None, on_progress: Progress | None = None) -> Recapture:
    """Capture again in a temporary folder what a seal describes, and compare every array and file with its hash there.

    Args:
        path: the manifest.
        policy: checkpoint of the learned policy that acted; None for one of the program's own.

    Raises:
        SampleError: what is needed for that is not in the capture.
        UsageError: the policy is not the one that acted, or was not given.
    """
    manifest = read_manifest(path)
    if not isinstance(manifest, Manifest) or not files_of(path).seal.exists():
        hint = "its seal would hold the configuration and the seed"
        raise SampleError("cannot be captured again: it has no seal", where=str(path), hint=hint)
    seal = read_seal(files_of(path).seal)
    recording = _recording(path, manifest, seal, policy)
    with _scratch() as folder:
        request = CaptureRequest(recording.source, folder / "capture", prefix=files_of(path).prefix, worlds=seal.worlds)
        report = capture_again(request, recording, on_progress=on_progress)
        again = files_of(request.output / Path(report.manifest).name)
        other = read_seal(again.seal)
        repair = manifest.metadata.repair
        if repair is not None and repair.missing:
            other = _part_of(other, manifest, read_manifest(again.manifest))
        differences = [*_compare_hashes(path, seal, other), *_compare_manifests(path, manifest, again.manifest)]
        parting = _where_they_part(path, again.manifest) if differences else []
        equal = _equal(path, seal, other, is_manifest_equal=not any(each.where == str(path) for each in differences))
    return Recapture(equal, differences, [*parting, *_notes(seal)])


@contextmanager
def _scratch() -> Iterator[Path]:
    """Lend a folder for what is captured again."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="townlet-recapture-")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        hint = "set TMPDIR to a folder with room for the capture"
        raise OutputError(f"no folder for what is captured again: {reason}", hint=hint) from error
    with folder as name:
        yield Path(name)


def _recording(path: Path, manifest: Manifest, seal: Seal, policy: Path | None) -> Recording:
    """Put together who was recorded, from the seal and the meta files."""
    config = _town(seal, files_of(path).seal)
    town = compile_town(config)
    metas = [read_meta(locate(path, entry.meta)) for entry in manifest.samples]
    slots = {meta.slot for meta in metas if isinstance(meta, Meta)}
    unknown = sorted(slots - set(town.slots))
    if unknown:
        problem = f"holds samples of {', '.join(unknown)}; nobody of that name is in the configuration of the seal"
        raise SampleError(problem, where=str(path))
    numbers = [number for number, slot in enumerate(town.slots) if slot in slots]
    source = manifest.metadata.config_path
    return Recording(
        source, town, numbers, seal.worlds, town.horizon, seal.seed, _policy(seal, files_of(path).seal, policy, town)
    )


def _town(seal: Seal, path: Path) -> Town:
    """Take the town out of a seal, if there is room for as many of it as there were."""
    if seal.worlds > MOST_WORLDS:
        raise SampleError(f"must be at most {MOST_WORLDS}, found {seal.worlds}", where=f"{path}: worlds")
    return town_in(seal, path)


def _policy(seal: Seal, path: Path, place: Path | None, town: object) -> Policy | KernelPolicy:
    """Find the policy that acted."""
    own = policy_in(seal, path)
    if own is not None:
        if place is not None:
            hint = f"leave it out: '{seal.policy.name}' acted"
            raise UsageError("is for captures of a learned policy", where="--policy", hint=hint)
        return own
    if place is None:
        hint = "give its checkpoint with --policy"
        raise UsageError(f"the learned policy '{seal.policy.name}' acted", where="--recapture", hint=hint)
    policy = learned(str(place), town)  # type: ignore[arg-type]
    if policy.policy_hash != seal.policy_hash:
        problem = f"has weights of hash {policy.policy_hash}; those of the policy that acted have {seal.policy_hash}"
        raise UsageError(problem, where=f"--policy {place}")
    return policy


def _equal(path: Path, seal: Seal, other: Seal, *, is_manifest_equal: bool) -> int:
    """Count the hashes of a seal that came again. The metrics of a part are those of its lives, and not compared."""
    came = other.files | {path.name: seal.files.get(path.name, "") if is_manifest_equal else ""}
    files = sum(
        came.get(name, digest if name.endswith(METRICS) else "") == digest for name, digest in seal.files.items()
    )
    return files + sum(
        other.samples.get(sample, {}).get(array) == digest
        for sample, arrays in seal.samples.items()
        for array, digest in arrays.items()
    )


def _compare_hashes(path: Path, seal: Seal, other: Seal) -> Iterator[SampleError]:
    """Name every array and file that came out otherwise, but for the manifest."""
    for sample in [*seal.samples, *(sample for sample in other.samples if sample not in seal.samples)]:
        if sample not in other.samples or sample not in seal.samples:
            problem = "did not come again" if sample in seal.samples else "came now and is not in the capture"
            yield SampleError(problem, where=str(path.with_name(sample)))
            continue
        for array, wanted in seal.samples[sample].items():
            if other.samples[sample].get(array) != wanted:
                yield SampleError("came out otherwise when captured again", where=f"{path.with_name(sample)}: {array}")
    for name, digest in seal.files.items():
        if name != path.name and name in other.files and other.files[name] != digest:
            yield SampleError("came out otherwise when captured again", where=str(path.with_name(name)))


def _part_of(whole: Seal, manifest: PlainManifest, again: PlainManifest) -> Seal:
    """Give what a capture again has of a part that was repaired: its lives, by the names that their files have there.

    Where somebody's lives are all missing, those of who comes after are numbered otherwise.
    """
    lives = {(entry.world, entry.agent_id): entry for entry in again.samples if isinstance(entry, Entry)}
    files: dict[str, str] = {}
    samples: dict[str, dict[str, str]] = {}
    for entry in manifest.samples:
        twin = lives.get((entry.world, entry.agent_id)) if isinstance(entry, Entry) else None
        if twin is not None:
            files[entry.meta] = whole.files[twin.meta]
            samples[entry.sample] = whole.samples[twin.sample]
    return whole.model_copy(update={"files": files, "samples": samples})


def _compare_manifests(path: Path, manifest: Manifest, again: Path) -> Iterator[SampleError]:
    """Compare all of the manifests but the time, and the version of what wrote them."""
    other = read_manifest(again)
    if isinstance(other, Manifest) and (
        manifest.metadata.model_dump(exclude=ITS_OWN) != other.metadata.model_dump(exclude=ITS_OWN)
        or (manifest.metadata.repair is None and manifest.samples != other.samples)
    ):
        yield SampleError("came out otherwise when captured again", where=str(path))


def _where_they_part(path: Path, again: Path) -> list[str]:
    """Name the first thing that came out otherwise; nothing where the capture as it lies there cannot be read."""
    try:
        first = compare(path, again).first
    except SampleError:
        return []
    return [f"{first.told('in the capture', 'when captured again')}"] if first is not None else []


def _notes(seal: Seal) -> Iterator[str]:
    """Say what made the capture and is different now."""
    now = versions()
    for what, then, here in (
        *((name, getattr(seal.versions, name), getattr(now, name)) for name in type(now).model_fields),
        ("commit", seal.commit, git_commit()),
    ):
        if then != here:
            yield f"it was captured with {what} {then or 'unknown'}; this is {what} {here or 'unknown'}"
