"""Which files of a folder a capture may take the place of."""

from __future__ import annotations

import os
import re
from pathlib import Path

from townlet_core.errors import OutputError, SampleError
from townlet_core.samples.manifest import MANIFEST, METRICS, SEAL, files_of, read_manifest
from townlet_core.samples.seal import read_seal

OF_A_CAPTURE = re.compile(r"[^/]+\.(npz|json)")


def to_replace(target: Path, prefix: str, option: str, *, force: bool) -> tuple[str, ...]:
    """Give the names of the files of captures in a folder, each manifest first, if it is allowed to replace them.

    Where a manifest is lost or broken, the seal tells what is of the capture.
    """
    found: list[str] = []
    for manifest in sorted(target.glob(f"*{MANIFEST}")):
        try:
            entries = read_manifest(manifest).samples
        except SampleError:
            continue  # another program's, or in the way: see below
        if not force:
            hint = f"give --force to replace it, or choose another {option}"
            raise OutputError(f"holds a capture already ({manifest.name})", where=str(target), hint=hint)
        own = files_of(manifest)
        names = [own.manifest.name, own.metrics.name, own.seal.name]
        found += names + [name for entry in entries for name in (entry.sample, entry.meta)]
    if force:
        for seal in sorted(set(target.glob(f"*{SEAL}")) - {target / name for name in found}):
            found += _sealed(seal)
    below = [name for name in found if "/" in name]
    if below:
        problem = f"holds a capture with files in folders below, such as {below[0]}"
        raise OutputError(problem, where=str(target), hint=f"remove it by hand, or choose another {option}")
    ours = re.compile(rf"{re.escape(prefix)}(_(.+_)?\d{{3,}}\.(npz|json)|{MANIFEST}|{METRICS}|{SEAL})")
    for name in sorted(set(os.listdir(target)) - set(found)):
        if ours.fullmatch(name):
            raise in_the_way(target, name)
    return tuple(dict.fromkeys(found))


def _sealed(seal: Path) -> list[str]:
    """Give the names of the files of a capture as its seal tells them, as far as they are there; the manifest first."""
    try:
        read = read_seal(seal)
    except SampleError:
        return []  # another program's, or in the way
    manifest = f"{seal.name.removesuffix(SEAL)}{MANIFEST}"
    names = dict.fromkeys((manifest, seal.name, *sorted((*read.files, *read.samples))))
    return [name for name in names if OF_A_CAPTURE.fullmatch(name) and os.path.lexists(seal.with_name(name))]


def in_the_way(target: Path, name: str) -> OutputError:
    """Say that a file has a name of the capture."""
    problem = f"{name} has a name of this capture and belongs to none that can be read"
    hint = "'townlet rollout repair' may make it whole; else move it away, or choose another --output or --prefix"
    return OutputError(problem, where=str(target), hint=hint)
