"""How long commands take: `python benchmarks/cli.py [--rounds N] [--cold]`.

Each command runs in a process of its own, as users run it; the first, which may have to compile, is not counted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from measure import load, machine, table

TOWNLET = (sys.executable, "-m", "townlet_cli")
START_UPS = (
    (("--help",), 0.3),
    (("rollout", "capture", "--help"), 0.3),
    (("config", "list"), None),
    (("rollout", "capture", "kitchen_breakfast"), 1.5),
    (("rollout", "capture", "kitchen_breakfast", "--json"), 1.5),
)  # words, seconds wanted
CAPTURES = (
    ("poc_hybrid", "--ticks", "100000"),
    ("poc_hybrid", "--ticks", "1000", "--worlds", "64"),
    ("poc_hybrid", "--ticks", "1000", "--worlds", "64", "--compress"),
)


def run(words: Sequence[str], variables: Mapping[str, str]) -> tuple[float, float, int]:
    """Run a command; give the seconds by the wall's clock, those of processor time, and the most memory in bytes."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [*TOWNLET, *words], env={**os.environ, **variables}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"townlet {' '.join(words)}: exit code {process.returncode}"
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit


def into(words: Sequence[str], folder: Path) -> list[str]:
    """Give a capture a folder to write to."""
    return [*words, "--output", str(folder), "--force"] if "capture" in words and "--help" not in words else [*words]


def start_ups(rounds: int, folder: Path) -> None:
    """Measure commands that should answer at once."""
    rows = []
    for words, wanted in START_UPS:
        command = into(words, folder)
        run(command, {})
        taken = [run(command, {}) for _ in range(rounds)]
        wall, processor = ([each[i] for each in taken] for i in (0, 1))
        figures = (f"{value:.2f}" for value in (statistics.median(wall), min(wall), statistics.median(processor)))
        rows.append((f"townlet {' '.join(words)}", *figures, "" if wanted is None else f"{wanted}"))
    print(f"\n## Start-up, {rounds} runs each, seconds\n")
    print(table(("command", "median", "least", "processor time", "wanted"), rows))


def captures(folder: Path) -> None:
    """Measure captures that have something to do: time, memory, size."""
    rows = []
    for words in CAPTURES:
        target = folder / "-".join(words)
        wall, processor, memory = run(into(("rollout", "capture", *words), target), {})
        size = sum(file.stat().st_size for file in target.iterdir())
        figures = (f"{wall:.1f}", f"{processor:.1f}", f"{memory / 1e6:,.0f} MB", f"{size / 1e6:,.0f} MB")
        rows.append((f"townlet rollout capture {' '.join(words)}", *figures))
    print("\n## Captures\n")
    print(table(("command", "seconds", "processor time", "memory at most", "files"), rows))


def cold(folder: Path) -> None:
    """Measure the first capture of all, which compiles the kernels."""
    cache = folder / "cache"
    words = into(("rollout", "capture", "kitchen_breakfast"), folder / "cold")
    wall, processor, _ = run(words, {"NUMBA_CACHE_DIR": str(cache)})
    size = sum(file.stat().st_size for file in cache.rglob("*") if file.is_file())
    print("\n## The first capture, which compiles the kernels\n")
    print(table(("seconds", "processor time", "cache"), [(f"{wall:.1f}", f"{processor:.1f}", f"{size / 1e6:.1f} MB")]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=10, help="how often each start-up is measured")
    parser.add_argument("--cold", action="store_true", help="measure the first compilation too")
    given = parser.parse_args()
    print(f"{machine()}\nbefore: {load()}")
    with tempfile.TemporaryDirectory() as folder:
        start_ups(given.rounds, Path(folder) / "start")
        captures(Path(folder))
        if given.cold:
            cold(Path(folder))
    print(f"after: {load()}")


if __name__ == "__main__":
    main()
