"""Puts a capture together anew of which files were damaged or lost: what the seal does not vouch for is left out."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from townlet_core.errors import SampleError
from townlet_core.samples.commit import staged
from townlet_core.samples.kept import Kept, RepairReport, conclude, note, proven, report
from townlet_core.samples.manifest import (
    MANIFEST,
    METRICS,
    SEAL,
    Manifest,
    Metadata,
    Missing,
    find_manifest,
    leads_out,
    locate,
    read_manifest,
)
from townlet_core.samples.provenance import printable
from townlet_core.samples.seal import Seal, bytes_sha256, config_sha256, read_seal
from townlet_core.samples.verify import examine

DAMAGED = ".damaged"  # what the names of files that are set aside end in


def repair_in_place(folder: Path) -> RepairReport:
    """Repair a capture that is in place, if it needs it.

    Raises:
        SampleError: there is none, or none with a seal that proves what is whole.
        OutputError: a capture is writing there, or it cannot be written.
    """
    seals = sorted(folder.glob(f"*{SEAL}"))
    if not seals and not any(folder.glob(f"*{MANIFEST}")):
        raise SampleError("holds no capture, and nothing that one has left", where=str(folder))
    if len(seals) != 1:
        problem = "holds no seal" if not seals else f"holds {len(seals)} seals"
        hint = "only a seal proves what is whole; capture again"
        raise SampleError(problem, where=str(folder), hint=hint)
    prefix = seals[0].name.removesuffix(SEAL)
    path = folder / f"{prefix}{MANIFEST}"
    _check_files(folder, prefix)
    if path.exists():
        find_manifest(folder)
        problems = examine(path).problems
        if not problems:
            return report(folder, "sound", len(read_manifest(path).samples))
    seal = read_seal(seals[0])
    if config_sha256(seal.config) != seal.config_hash:
        raise SampleError("was altered itself, and proves nothing", where=str(seals[0]), hint="capture again")
    return _rebuild(folder, prefix, seal)


def _check_files(folder: Path, prefix: str) -> None:
    """Refuse to begin where the seal is somewhere else, or where something that is no file has the name of one."""
    if leads_out(folder / f"{prefix}{SEAL}", folder):
        problem = "leads out of the folder through a symbolic link"
        raise SampleError(problem, where=str(folder / f"{prefix}{SEAL}"), hint="put the seal itself there")
    for path in (folder / f"{prefix}{ending}" for ending in (MANIFEST, METRICS)):
        if path.exists() and not path.is_file():
            raise SampleError("is not a file", where=str(path), hint="move it away and repair again")


def _rebuild(folder: Path, prefix: str, seal: Seal) -> RepairReport:
    """Write manifest, metrics and seal of those samples that are as the seal says."""
    kept, missing, damaged = _sealed_lives(folder, seal)
    if not kept:
        raise SampleError("no life in it is as its seal says", where=str(folder), hint="capture again")
    own = [f"{prefix}{ending}" for ending in (MANIFEST, METRICS)]
    changed = [name for name in own if _digest(folder / name) != seal.files.get(name)]
    rebuilt = [name for name in own if name in changed or leads_out(folder / name, folder)]
    if not rebuilt and not missing:
        problem, hint = (
            "its files are those of the seal, and do not agree",
            "nothing tells which is right; capture again",
        )
        raise SampleError(problem, where=str(folder), hint=hint)
    metadata = _metadata(folder / own[0], seal, is_sealed=own[0] not in changed)
    before = metadata.repair.missing if metadata.repair is not None else ()
    done = note("files of it were damaged or lost", rebuilt, (*before, *missing))
    aside = [*damaged, *(name for name in changed if (folder / name).exists())]
    kept_as = {name: _free(folder, f"{name}{DAMAGED}") for name in aside}
    names = dict.fromkeys([*own, f"{prefix}{SEAL}", *damaged])
    with staged(folder, prefix, force=True, replaces=tuple(names), option="folder") as stage:
        for name, other in kept_as.items():
            shutil.copy2(folder / name, stage.new / other)
        conclude(stage, prefix, metadata.model_copy(update={"repair": done}), kept, seal)
    return RepairReport(
        place=printable(folder),
        outcome="partial" if missing else "rebuilt",
        samples=len(kept),
        rebuilt=tuple(rebuilt),
        missing=tuple(missing),
        set_aside=tuple(kept_as.values()),
        notes=(),
    )


def _sealed_lives(folder: Path, seal: Seal) -> tuple[list[Kept], list[Missing], list[str]]:
    """Give the lives that are as the seal says, what is missing, and the files that are there and damaged."""
    kept: list[Kept] = []
    missing: list[Missing] = []
    damaged: list[str] = []
    for sample, arrays in seal.samples.items():
        npz, beside = folder / sample, (folder / sample).with_suffix(".json")
        if "/" in sample:
            raise SampleError(f"its seal names {sample}, which is elsewhere", where=str(folder), hint="capture again")
        try:
            for path in (npz, beside):
                locate(npz, path.name)
            life = proven(npz, beside)
            if (life.arrays, life.digest) != (arrays, seal.files.get(beside.name)):
                raise SampleError("was altered", where=str(npz))
            kept.append(life)
        except SampleError as error:
            place = (error.where or "").removeprefix(f"{folder}/").removeprefix(sample).removeprefix(": ")
            why = f"{place}: {error.problem}" if place else error.problem.removeprefix(f"{sample} ")
            missing.append(Missing(what=sample, why=printable(why)))
            damaged += [path.name for path in (npz, beside) if path.is_file() and not path.is_symlink()]
    return kept, missing, damaged


def _free(folder: Path, name: str) -> str:
    """Give a name that is free: what was set aside before stays."""
    names = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(each for each in names if not os.path.lexists(folder / each))


def _digest(path: Path) -> str | None:
    """Hash a small file; None where it is not there."""
    return bytes_sha256(path.read_bytes()) if path.is_file() else None


def _metadata(path: Path, seal: Seal, *, is_sealed: bool) -> Metadata:
    """Take from the manifest where the capture comes from, or from the seal, where the manifest is lost."""
    manifest = read_manifest(path) if is_sealed else None
    if isinstance(manifest, Manifest):
        return manifest.metadata
    scenario = seal.config.get("scenario")
    facts = scenario if isinstance(scenario, dict) else {}
    name = str(facts.get("name", "unknown"))
    made = datetime.fromtimestamp(path.with_name(path.name.replace(MANIFEST, SEAL)).stat().st_mtime, UTC)
    return Metadata(
        tool_version=seal.versions.townlet,
        config_path=name,  # the manifest alone knew the file
        config_id=name,
        config_hash=seal.config_hash,
        scenario_name=name,
        scenario_description=str(facts.get("description", "")),
        ticks=seal.ticks,
        worlds=seal.worlds,
        seed=seal.seed,
        policy=seal.policy,
        policy_hash=seal.policy_hash,
        capture_timestamp=made.isoformat(timespec="seconds"),
    )
