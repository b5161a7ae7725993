"""What the benchmarks share: the machine and its load, rounds of timings, tables."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

LIBRARIES = ("townlet", "numba", "llvmlite", "numpy", "pydantic")


def machine() -> str:
    """Name the processor, the cores this process may use, and the versions of what is measured."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.is_file() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    versions = ", ".join(f"{library} {version(library)}" for library in LIBRARIES)
    return f"{model}, {cores()} cores; Python {platform.python_version()}, {versions}"


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> str:
    """Tell the load averages of the last 1, 5 and 15 minutes."""
    return "load average " + " ".join(f"{average:.2f}" for average in os.getloadavg())


class Taken(NamedTuple):
    """The time that one call took."""

    wall: float  # seconds
    processor: float  # seconds, of all threads; without those in which another program had the core


def taken(action: Callable[[], object]) -> Taken:
    """Time one call."""
    wall, processor = time.perf_counter(), time.process_time()
    action()
    return Taken(time.perf_counter() - wall, time.process_time() - processor)


def with_spread(figures: Sequence[float], unit: Callable[[float], str]) -> str:
    """Word the median of some figures, with the least and the largest."""
    return f"{unit(statistics.median(figures))} ({unit(min(figures))} to {unit(max(figures))})"


def millions(figure: float) -> str:
    return f"{figure / 1e6:.2f} M"


def thousands(figure: float) -> str:
    return f"{figure / 1e3:.1f} k"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table in Markdown, so that it can be read here and pasted there."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines)
