"""How long suites take: `python benchmarks/suite.py [--rounds N] [--ticks N...] [--compress]`.

Each suite is a process of its own, from start to end, as users run it; the first, which may have to compile, is not
counted. What is compared takes turns. Twenty captures of 100,000 ticks take ten gigabytes of disk unless compressed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from measure import load, machine, table, with_spread

TOWNLET = (sys.executable, "-m", "townlet_cli", "rollout")
GOLDEN = (Path(__file__).parents[1] / "tests" / "goldens" / "scenarios.txt").read_text("utf-8").split()
GOLDEN_SECONDS, GAIN = 2.0, 1.7  # wanted
LONG_SEEDS = "0:4"  # of each of five scenarios: twenty captures
ONE, TWO = "one at a time", "two at a time"
COUNTING = (sys.executable, "-c", "for _ in range(60_000_000): pass")  # what two cores gain, if nothing is waited for


class Taken(NamedTuple):
    """What a command took."""

    wall: float  # seconds
    processor: float  # seconds, of all its processes


def taken(*commands: Sequence[str]) -> Taken:
    """Run commands one after the other, each with an empty folder."""
    wall = processor = 0.0
    for words in commands:
        folder = Path(words[-1])
        shutil.rmtree(folder, ignore_errors=True)
        before, began = os.times(), time.perf_counter()
        subprocess.run([*TOWNLET, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wall += time.perf_counter() - began
        after = os.times()
        processor += after.children_user + after.children_system - before.children_user - before.children_system
        shutil.rmtree(folder)
    return Taken(wall, processor)


def seconds(figure: float) -> str:
    return f"{figure:.2f} s"


def golden(rounds: int, folder: Path) -> None:
    """Measure the five scenarios whose metrics are kept: as a suite, and one command a scenario."""
    cases: dict[str, list[list[str]]] = {
        f"suite, {TWO}": [["suite", *GOLDEN, "-j", "2", "-o", str(folder)]],
        f"suite, {ONE}": [["suite", *GOLDEN, "-j", "1", "-o", str(folder)]],
        "a capture each": [["capture", name, "-o", str(folder)] for name in GOLDEN],
    }
    taken(*cases[f"suite, {TWO}"])
    times: dict[str, list[Taken]] = {case: [] for case in cases}
    for _ in range(rounds):
        for case, commands in cases.items():
            times[case].append(taken(*commands))
    rows = []
    for case, each in times.items():
        wall, processor = ([getattr(one, field) for one in each] for field in Taken._fields)
        wanted = f"{GOLDEN_SECONDS:g} s" if case == f"suite, {TWO}" else ""
        rows.append((case, with_spread(wall, seconds), with_spread(processor, seconds), wanted))
    print(f"\n## The five golden scenarios, {rounds} rounds\n")
    print(table(("case", "wall", "processor time", "wanted"), rows))


def counting() -> float:
    """Measure how much faster two processes are that only count than one after the other: the machine's own gain."""
    began = time.perf_counter()
    for _ in range(2):
        subprocess.run(COUNTING, check=True)
    alone, began = time.perf_counter() - began, time.perf_counter()
    both = [subprocess.Popen(COUNTING) for _ in range(2)]
    for process in both:
        process.wait()
    return alone / (time.perf_counter() - began)


def gain(rounds: int, ticks: int, folder: Path, *, compress: bool) -> None:
    """Measure twenty long captures, one and two at a time, and what the machine would give at most just then."""
    times: dict[str, list[Taken]] = {ONE: [], TWO: []}
    most: list[float] = []
    words = ["suite", *GOLDEN, "--seeds", LONG_SEEDS, "--ticks", str(ticks), *(["--compress"] if compress else [])]
    for _ in range(rounds):
        for case, jobs in ((ONE, "1"), (TWO, "2")):
            times[case].append(taken([*words, "-j", jobs, "-o", str(folder)]))
        most.append(counting())
    ratios = [one.wall / two.wall for one, two in zip(times[ONE], times[TWO], strict=True)]
    rows = []
    for case, each in times.items():
        wall, processor = ([getattr(one, field) for one in each] for field in Taken._fields)
        share = statistics.median([p / w for p, w in zip(processor, wall, strict=True)])
        ratio = with_spread(ratios, "{:.2f}×".format) if case == TWO else ""
        wanted = f"{GAIN:g}×" if case == TWO else ""
        rows.append((case, with_spread(wall, seconds), with_spread(processor, seconds), f"{share:.2f}", ratio, wanted))
    rows.append(("two that only count", "", "", "", with_spread(most, "{:.2f}×".format), ""))
    print(f"\n## Twenty captures of {ticks:,} ticks{', compressed' * compress}, {rounds} rounds\n")
    print(table(("case", "wall", "processor time", "cores used", "gain", "wanted"), rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    parser.add_argument("--ticks", type=int, nargs="*", default=[20_000, 100_000], help="lengths of the long captures")
    parser.add_argument("--compress", action="store_true", help="compress the long captures")
    given = parser.parse_args()
    print(f"{machine()}\nbefore: {load()}")
    with tempfile.TemporaryDirectory() as folder:
        golden(given.rounds, Path(folder) / "golden")
        for ticks in given.ticks:
            gain(given.rounds, ticks, Path(folder) / "long", compress=given.compress)
    print(f"\nafter: {load()}")


if __name__ == "__main__":
    main()
