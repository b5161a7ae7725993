"""Lives that are proven whole, and what is said of them when a capture is put together anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field

from townlet_core.errors import SampleError
from townlet_core.samples.commit import Stage
from townlet_core.samples.findings import Findings
from townlet_core.samples.jsonfile import json_bytes
from townlet_core.samples.manifest import MANIFEST, METRICS, SEAL, Entry, Manifest, Metadata, Missing, Repair
from townlet_core.samples.metrics import columns_from, measure
from townlet_core.samples.npz import NpzReader
from townlet_core.samples.provenance import printable, version_of
from townlet_core.samples.sample import Meta, read_meta
from townlet_core.samples.seal import Seal, bytes_sha256
from townlet_core.samples.soundness import check_arrays, check_metrics
from townlet_core.samples.writer import metrics_of
from townlet_core.schema import StrictModel

Outcome = Literal["sound", "finished", "rebuilt", "partial"]


class RepairReport(StrictModel):
    """What came of a repair, printed by --json."""

    place: str = Field(description="folder, as it was named")
    outcome: Outcome = Field(
        description="sound: left alone; finished: an interrupted capture was whole and is in place; rebuilt: what was "
        "lost could be written anew; partial: lives are missing"
    )
    samples: int = Field(description="lives that are in it")
    rebuilt: tuple[str, ...] = Field(description="files that were written anew")
    missing: tuple[Missing, ...] = Field(description="what is not in it any more")
    set_aside: tuple[str, ...] = Field(description="names that damaged files, and what belongs to them, were given")
    notes: tuple[str, ...] = Field(description="what is good to know")


class Kept(NamedTuple):
    """A life that is proven whole."""

    entry: Entry
    meta: Meta
    arrays: dict[str, str]  # name -> hash
    digest: str  # of the meta file


def proven(npz: Path, beside: Path) -> Kept:
    """Check a life against its own words: shapes, types, checksums, and metrics taken from the arrays.

    Raises:
        SampleError: something is not as they say.
    """
    meta, found = read_meta(beside), Findings()
    if not isinstance(meta, Meta):
        raise SampleError("is none of this program's", where=str(beside))
    taken = check_arrays(found, npz, meta)
    if taken is not None:
        check_metrics(found, {f"{beside}: metrics": meta.metrics}, measure(columns_from(taken, meta), meta), ours=True)
    for problem in found.problems():
        raise SampleError(problem.problem, where=problem.where)
    with NpzReader(npz) as reader:
        arrays = {name: reader.sha256(name) for name in reader.headers}
    return Kept(_entry(npz.name, beside.name, meta), meta, arrays, bytes_sha256(beside.read_bytes()))


def _entry(sample: str, name: str, meta: Meta) -> Entry:
    return Entry(sample=sample, meta=name, agent_id=meta.agent_id, frame_count=meta.timesteps, world=meta.world)


def note(why: str, rebuilt: Sequence[str], missing: Iterable[Missing]) -> Repair:
    """Say in the manifest what was done."""
    return Repair(
        why=why,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        tool_version=version_of("townlet"),
        rebuilt=tuple(rebuilt),
        missing=tuple(missing),
    )


def conclude(stage: Stage, prefix: str, metadata: Metadata, kept: Sequence[Kept], seal: Seal) -> None:
    """Write metrics, manifest and seal of the lives that are kept, and put them into place."""
    metrics = json_bytes(metrics_of(metadata, {each.entry.sample: each.meta.metrics for each in kept}))
    manifest = json_bytes(Manifest(metadata=metadata, samples=tuple(each.entry for each in kept)))
    files = {each.entry.meta: each.digest for each in kept}
    files |= {f"{prefix}{METRICS}": bytes_sha256(metrics), f"{prefix}{MANIFEST}": bytes_sha256(manifest)}
    samples = {each.entry.sample: each.arrays for each in kept}
    sealed = json_bytes(seal.model_copy(update={"files": files, "samples": samples}))
    for ending, data in ((METRICS, metrics), (MANIFEST, manifest), (SEAL, sealed)):
        with stage.create(f"{prefix}{ending}") as file:
            file.write(data)
    stage.commit(f"{prefix}{MANIFEST}")


def report(folder: Path, outcome: Outcome, samples: int, *, missing: Sequence[Missing] = ()) -> RepairReport:
    return RepairReport(
        place=printable(folder),
        outcome=outcome,
        samples=samples,
        rebuilt=(),
        missing=tuple(missing),
        set_aside=(),
        notes=(),
    )
