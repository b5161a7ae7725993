"""Whether the arrays of a sample are what its meta file says, and its metrics what the arrays give."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet_core.samples.findings import Findings
from townlet_core.samples.metrics import MEASURED_ARRAYS
from townlet_core.samples.npz import NpzReader
from townlet_core.samples.sample import (
    ARRAYS,
    Meta,
    Metrics,
    PlainMeta,
    check_actions,
    check_finite,
    check_header,
    names_in,
)

EXACT = 1e-12  # of a metric's size: what another libm may make of a logarithm
ROUNDED = 1e-6  # the predecessor's means went through float32


def check_arrays(found: Findings, npz: Path, meta: PlainMeta) -> dict[str, NDArray[Any]] | None:
    """Check the arrays of a sample one by one, and give those that metrics are taken from if all these are sound."""
    taken: dict[str, NDArray[Any]] = {}
    with NpzReader(npz) as reader:
        if isinstance(meta, Meta) and not reader.is_as_written:
            found.packed_anew.append(npz.name)
        with found:
            names_in(reader, meta)
        own = [name for name, spec in ARRAYS.items() if isinstance(meta, Meta) or spec.predecessor]
        for name in (name for name in own if name in reader.headers):
            with found:
                check_header(reader, name, meta)
                array = reader.read(name)
                check_finite(npz, name, array)
                if name in MEASURED_ARRAYS or name == "dones":
                    taken[name] = array
    needed = {name for name in MEASURED_ARRAYS if name in own}
    if "actions" in taken:
        with found:
            check_actions(npz, taken["actions"], meta)
    if isinstance(meta, Meta) and {"dones", "terminated", "truncated"} <= set(taken):
        _check_end(found, npz, taken)
    return taken if needed <= set(taken) else None


def _check_end(found: Findings, npz: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Check that a life ends in its last tick, and there alone."""
    if (arrays["dones"] != (arrays["terminated"] | arrays["truncated"])).any():
        found.add("is not 'terminated or truncated'", f"{npz}: dones")
    if np.flatnonzero(arrays["dones"]).tolist() != [len(arrays["dones"]) - 1]:
        found.add("the life does not end in its last tick, and there alone", f"{npz}: dones")


def check_metrics(found: Findings, stored: Mapping[str, Metrics], computed: Metrics, *, ours: bool) -> None:
    """Compare metrics as they are stored with those of the arrays; the predecessor stored fewer, and rounded ones."""
    for place, metrics in stored.items():
        for key in [*metrics, *(key for key in computed if key not in metrics and ours)]:
            where = f"{place}.{key}"
            if key not in metrics:
                found.add(f"is missing; the arrays give {computed[key]}", where)
            elif key not in computed:
                found.add("is no metric of these arrays", where)
            else:
                found.metrics += 1
                if not agree(metrics[key], computed[key], EXACT if ours else ROUNDED):
                    found.add(f"is {metrics[key]}; the arrays give {computed[key]}", where)


def agree(one: float | None, other: float | None, share: float) -> bool:
    """Say whether two metrics are the same but for a share of their size; undefined is the same as undefined."""
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=share, abs_tol=0.0)
