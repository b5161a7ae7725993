"""Whether a capture is what it says it is: hashes, shapes, types, and its metrics taken from the arrays anew.

A capture of the predecessor has no seal. It is checked against its own words, and what cannot be verified is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import Field

from townlet_core.errors import SampleError
from townlet_core.samples.findings import Findings, Problem, problem_of
from townlet_core.samples.manifest import (
    MANIFEST,
    Entry,
    Manifest,
    PlainEntry,
    PlainManifest,
    files_of,
    find_manifest,
    locate,
    manifests_below,
    read_manifest,
    unfinished,
)
from townlet_core.samples.metrics import MetricsFile, columns_from, measure, read_metrics
from townlet_core.samples.provenance import printable
from townlet_core.samples.sample import (
    Meta,
    PlainMeta,
    PolicyNote,
    read_meta,
)
from townlet_core.samples.seal import Seal, mismatches, names_sha256, read_seal
from townlet_core.samples.soundness import check_arrays, check_metrics
from townlet_core.schema import StrictModel

MOST_NAMED = 5  # samples that are not in the manifest


class Verification(StrictModel):
    """What came of verifying a capture."""

    place: str = Field(description="folder or manifest, as it was named")
    manifest: str = Field(description="path of the manifest")
    scenario: str | None = Field(description="name of the scenario; none where the capture does not say")
    samples: int = Field(description="samples that the manifest lists")
    ticks: int = Field(description="ticks of all of them that could be read")
    hashes: int = Field(description="hashes of files and arrays that the seal holds, all compared")
    metrics: int = Field(description="metrics taken from the arrays anew and compared")
    recaptured: int | None = Field(
        None, description="hashes that were the same when captured again; none: not asked for"
    )
    unverified: tuple[str, ...] = Field(description="what nothing in the capture vouches for")
    notes: tuple[str, ...] = Field(description="what is good to know")
    problems: tuple[Problem, ...] = Field(description="everything that is not as the capture says")

    def with_recapture(self, equal: int, differences: Iterable[SampleError], notes: Iterable[str]) -> Verification:
        """Add what came of capturing again."""
        problems = (*self.problems, *map(problem_of, differences))
        return self.model_copy(update={"recaptured": equal, "problems": problems, "notes": (*self.notes, *notes)})


class VerifyReport(StrictModel):
    """What came of verifying captures, printed by --json."""

    captures: tuple[Verification, ...] = Field(description="each that could be verified")


def examine(place: Path) -> Verification:
    """Verify a capture and give all that is wrong with it.

    Args:
        place: folder of the one capture in it, or a manifest.

    Raises:
        SampleError: there is no capture, or more than one.
    """
    path = manifest_at(place)
    own, found = files_of(path), Findings()
    manifest: PlainManifest | None = None
    seal: Seal | None = None
    metrics: MetricsFile | None = None
    with found:
        manifest = read_manifest(path)
    sealed = own.seal.exists()
    if sealed:
        with found:
            seal = read_seal(own.seal)
    elif isinstance(manifest, Manifest):
        found.add(f"{own.seal.name} is missing", str(path), "nothing vouches for the capture any more; capture again")
    with found:
        metrics = read_metrics(own.metrics)
    if seal is not None:
        for error in mismatches(seal, path, manifest):
            found.take(error)
    if isinstance(manifest, Manifest):
        _check_origin(found, path, manifest, seal, metrics)
    if manifest is not None:
        _check_samples(found, path, manifest, seal, metrics)
    return Verification(
        place=printable(place),
        manifest=printable(path),
        scenario=manifest.metadata.scenario_name if manifest is not None and manifest.metadata else None,
        samples=len(manifest.samples) if manifest is not None else 0,
        ticks=found.ticks,
        hashes=len(seal.files) + sum(map(len, seal.samples.values())) if seal is not None else 0,
        metrics=found.metrics,
        unverified=() if sealed or isinstance(manifest, Manifest) else _without_a_seal(manifest),
        notes=(*_notes(path, manifest), *_packed_anew(found.packed_anew)),
        problems=found.problems(),
    )


def captures_at(place: Path) -> list[Path]:
    """Give the capture that a path names, or the captures in the folders below it."""
    own = not place.is_dir() or any(place.glob(f"*{MANIFEST}"))
    folders = [] if own else list(dict.fromkeys(path.parent for path in manifests_below(place)))
    return folders or [place]


def manifest_at(place: Path) -> Path:
    """Give the manifest of the capture that a folder holds or a path names.

    Raises:
        SampleError: there is none.
    """
    if place.is_file() and place.name.endswith(MANIFEST):
        return place
    if place.is_file():
        raise SampleError(
            f"is not named *{MANIFEST}", where=str(place), hint="name a capture's folder, or its manifest"
        )
    return find_manifest(place)


def _notes(path: Path, manifest: PlainManifest | None) -> Iterator[str]:
    """Say what is missing in a capture that was repaired, and what stands in its folder beside it."""
    repair = manifest.metadata.repair if isinstance(manifest, Manifest) else None
    if repair is not None:
        yield f"it was repaired: {repair.why}"
        for each in repair.missing:
            yield f"missing: {each.what}: {each.why}"
    strays = _strays(path, manifest) if manifest is not None else []
    if strays:
        yield f"samples that {path.name} does not list lie beside it: {_some(strays)}"
    for stage in unfinished(path.parent):
        yield f"{stage.name} is of another capture into this folder, which goes on or was interrupted"


def _packed_anew(samples: list[str]) -> Iterator[str]:
    """Tell of samples whose bytes are not those that were written, though their arrays may be."""
    if samples:
        yield f"packed anew by another program, which leaves arrays as they are: {_some(samples)}"


def _some(names: list[str]) -> str:
    """Name the first of many."""
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(printable(name) for name in names[:MOST_NAMED]) + more


def _strays(path: Path, manifest: PlainManifest) -> list[str]:
    """Name samples that look like those of a capture and are not in it, nor in another that is beside it."""
    own, listed = files_of(path).prefix, {entry.sample for entry in manifest.samples}
    others = [files_of(other).prefix for other in path.parent.glob(f"*{MANIFEST}") if files_of(other).prefix != own]
    closer = tuple(f"{other}_" for other in others if other.startswith(own))
    names = sorted(npz.name for npz in path.parent.glob("*.npz") if npz.name.startswith(f"{own}_"))
    return [name for name in names if name not in listed and not name.startswith(closer)]


def _without_a_seal(manifest: PlainManifest | None) -> tuple[str, ...]:
    """Say what only a seal vouches for."""
    missing = ["that nothing was altered since: there is no seal"]
    if manifest is None or manifest.metadata is None:
        missing.append("what it was made from: its manifest does not say")
    else:
        missing.append("that it was made from what its manifest says")
    return tuple(missing)


def _check_origin(
    found: Findings, path: Path, manifest: Manifest, seal: Seal | None, metrics: MetricsFile | None
) -> None:
    """Check that manifest, seal and metrics tell the same origin."""
    about, own = manifest.metadata, files_of(path)
    if not manifest.samples:
        found.add("holds no samples", str(path))
    if seal is not None:
        for key in ("config_hash", "seed", "worlds", "ticks", "policy", "policy_hash"):
            _check_same(found, f"{own.seal}: {key}", getattr(seal, key), getattr(about, key), path.name)
    if metrics is not None and metrics.metadata is not None:
        for key in ("config_hash", "seed", "ticks", "scenario_name"):
            _check_same(
                found, f"{own.metrics}: metadata.{key}", getattr(metrics.metadata, key), getattr(about, key), path.name
            )


def _check_same(found: Findings, where: str, value: object, other: object, says: str) -> None:
    """Note where two files tell different things."""
    if value != other:
        found.add(f"is {_shown(value)}; {says} says {_shown(other)}", where)


def _shown(value: object) -> object:
    """Word a policy; all others are shown as they are."""
    return f"{value.name} ({value.kind}, {value.log_probs})" if isinstance(value, PolicyNote) else value


def _check_samples(
    found: Findings, path: Path, manifest: PlainManifest, seal: Seal | None, metrics: MetricsFile | None
) -> None:
    """Check each sample, and that there are metrics of each and of no other."""
    own = files_of(path)
    for number, entry in enumerate(manifest.samples):
        with found:
            meta = read_meta(locate(path, entry.meta))
            _check_meta(found, path, number, entry, meta, seal)
            with found:
                taken = check_arrays(found, locate(path, entry.sample), meta)
                found.ticks += meta.timesteps
                stored = {f"{path.with_name(entry.meta)}: metrics": meta.metrics}
                if metrics is not None and entry.sample in metrics.samples:
                    stored[f"{own.metrics}: samples.{entry.sample}"] = metrics.samples[entry.sample]
                if taken is not None:
                    check_metrics(found, stored, measure(columns_from(taken, meta), meta), ours=isinstance(meta, Meta))
    if metrics is not None:
        listed = {entry.sample for entry in manifest.samples}
        for name in sorted(listed ^ set(metrics.samples)):
            problem = f"{name} is not in it" if name in listed else f"holds {name}, which the manifest does not list"
            found.add(problem, str(own.metrics))


def _check_meta(
    found: Findings, path: Path, number: int, entry: PlainEntry, meta: PlainMeta, seal: Seal | None
) -> None:
    """Compare a meta file with the manifest and the seal."""
    where = f"{path}: samples.{number}"
    if isinstance(meta, Meta) is not isinstance(entry, Entry):
        found.add(f"was not written together with {path.name}", str(path.with_name(entry.meta)))
    for key, listed in (("agent_id", entry.agent_id), ("frame_count", entry.frame_count)):
        if listed is not None:
            _check_same(found, f"{where}.{key}", listed, getattr(meta, key), entry.meta)
    if isinstance(meta, Meta):
        if isinstance(entry, Entry):
            _check_same(found, f"{where}.world", entry.world, meta.world, entry.meta)
        if seal is not None:
            own = str(path.with_name(entry.meta))
            if meta.first_tick + meta.timesteps > seal.ticks:
                problem = f"is {meta.first_tick}; {meta.timesteps} ticks from there end after the {seal.ticks} of all"
                found.add(problem, f"{own}: first_tick")
            _check_same(found, f"{own}: policy", meta.policy, seal.policy, "the seal")
            for key, wanted in (("action_names", seal.actions_hash), ("feature_names", seal.features_hash)):
                if names_sha256(getattr(meta, key)) != wanted:
                    found.add("are not those whose hash is in the seal", f"{own}: {key}")
