"""Which files of a folder a capture may take the place of."""

from __future__ import annotations

import os
import re
from pathlib import Path

from townlet_core.errors import OutputError, SampleError
from townlet_core.samples.manifest import MANIFEST, METRICS, SEAL, files_of, read_manifest


def to_replace(target: Path, prefix: str, option: str, *, force: bool) -> tuple[str, ...]:
    """Give the names of the files of captures in a folder, each manifest first, if it is allowed to replace them."""
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
    below = [name for name in found if "/" in name]
    if below:
        problem = f"holds a capture with files in folders below, such as {below[0]}"
        raise OutputError(problem, where=str(target), hint=f"remove it by hand, or choose another {option}")
    ours = re.compile(rf"{re.escape(prefix)}(_(.+_)?\d{{3,}}\.(npz|json)|{MANIFEST}|{METRICS}|{SEAL})")
    for name in sorted(set(os.listdir(target)) - set(found)):
        if ours.fullmatch(name):
            raise in_the_way(target, name)
    return tuple(dict.fromkeys(found))


def in_the_way(target: Path, name: str) -> OutputError:
    """Say that a file has a name of the capture."""
    problem = f"{name} has a name of this capture and belongs to none that can be read"
    return OutputError(problem, where=str(target), hint="move it away, or choose another --output or --prefix")
