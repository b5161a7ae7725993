"""How fast telemetry logs are checked and summarised: `python benchmarks/telemetry.py [--rounds N] [--quick]`.

Rates are of full checks, and of summaries, on one core, by processor time, without the start of the program; the median
of rounds with the least and the largest beside it. Memory is that of the command itself, as users run it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cli import run
from measure import load, machine, table, taken, thousands, with_spread

from townlet_core.telemetry.baseline import Comparison, read_baseline
from townlet_core.telemetry.checks import Check
from townlet_core.telemetry.record import KEYS, epoch_record, line_of

WANTED = 100_000  # records a second
WANTED_MEGABYTES = 80
PREDECESSOR = "30 k", "544 MB for 100,000 records"
RECORDS = 100_000
SIZES = (1_000, 100_000, 1_000_000)
TERMS = ("needs", "wages", "punctuality", "lateness", "social", "faint", "eviction", "survival", "shaping", "commute")
EVENTS = 25  # about as many as a town has

Values = dict[str, Any]
Make = Callable[[int], bytes]


def values(epoch: int) -> Values:
    """Values of an epoch with the 34 keys of version 1.1, with as many digits as real ones have."""
    found: Values = dict.fromkeys(KEYS[:34], 0.1234567890123456 + epoch % 7)
    counts = {"updates": 8, "transitions": 160, "cycle_id": 0, "rollout_ticks": 80, "baseline_sample_count": 2}
    places = {"epoch": epoch, "steps": 160 * epoch, "log_stream_offset": epoch, "telemetry_version": 1.1}
    shares = {"clip_fraction": 0.01250000018626451, "reward_advantage_corr": 0.2871239871236}
    return {**found, **counts, **places, **shares, "data_mode": "rollout"}


def theirs(epoch: int) -> bytes:
    """The line of a record as the predecessor wrote it: every number a float."""
    plain = {key: float(value) if isinstance(value, int) else value for key, value in values(epoch).items()}
    return json.dumps(plain).encode() + b"\n"


def ours(epoch: int) -> bytes:
    """The line of a record of ours with the same keys, and what tells of its place."""
    return _line({**values(epoch), **_place(epoch)})


def full(epoch: int) -> bytes:
    """The line of a record of ours as training in a town of three agents writes it."""
    more: Values = dict.fromkeys(("approx_kl", "explained_variance", "sps", "ep_return_mean"), 0.1234567890123456)
    more |= {f"reward_terms.{term}": 0.1234567890123456 for term in TERMS}
    more |= {f"events.event_{number}": 12 for number in range(EVENTS)}
    more |= {f"agents.agent_{number}.reward_mean": 0.1234567890123456 for number in range(3)}
    more |= {f"welfare.{need}_mean": 0.1234567890123456 for need in ("hunger", "hygiene", "energy")}
    more |= {f"signal.{name}": 0.1234567890123456 for name in ("reward_mean", "reward_std", "reward_clip_fraction")}
    more |= {"scenario": "queue_conflict", "config_hash": "0" * 64, "seed": 7, "epochs_planned": 10**7}
    return _line({**values(epoch), **_place(epoch), **more, "time": "2026-02-01T12:00:00Z"})


def _place(epoch: int) -> Values:
    return {"run_id": "8c949c61f2e0", "seq": epoch}


def _line(found: Values) -> bytes:
    return line_of(epoch_record(found))


def write(path: Path, make: Make, records: int) -> Path:
    """Write a log; records differ in their place alone, as to make each anew takes longer than to check it."""
    path.write_bytes(b"".join(_lines(make, min(records, 1000))))
    with path.open("ab") as file:
        for first in range(1000, records, 1000):
            file.writelines(_renumbered(make(7), first, min(1000, records - first)))
    return path


def _lines(make: Make, records: int) -> Iterator[bytes]:
    return (make(epoch) for epoch in range(1, records + 1))


def _renumbered(line: bytes, first: int, count: int) -> Iterator[bytes]:
    record = json.loads(line)
    floats = isinstance(record["epoch"], float)
    for number in range(first + 1, first + count + 1):
        epoch = float(number) if floats else number
        record |= {"epoch": epoch, "steps": 160 * epoch, "log_stream_offset": epoch}
        if "seq" in record:
            record["seq"] = epoch
        yield json.dumps(record, separators=(", ", ": ") if floats else (",", ":")).encode() + b"\n"


def rates(folder: Path, rounds: int) -> None:
    """Measure checks, and summaries, of several kinds of log."""
    from townlet_core.telemetry.summarising.summarise import summarise  # makes this process larger than most commands

    logs = {
        "1.1 of the predecessor, 34 keys": write(folder / "theirs", theirs, RECORDS),
        "ours, the same keys and its place": write(folder / "ours", ours, RECORDS),
        "ours, 89 keys": write(folder / "full", full, RECORDS),
    }
    baseline = read_baseline(write(folder / "baseline", theirs, 1)).values
    cases: dict[str, Callable[[], object]] = {name: _check(log) for name, log in logs.items()}
    cases["the first, with a baseline"] = _check(folder / "theirs", baseline)
    packed = folder / "packed.gz"
    packed.write_bytes(gzip.compress((folder / "theirs").read_bytes()))
    cases["the first, compressed"] = _check(packed)
    cases["the first, summarised"] = lambda: summarise(folder / "theirs")
    cases["the third, summarised"] = lambda: summarise(folder / "full")
    found: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            found[name].append(RECORDS / taken(case).processor)
    print(f"\n## Full checks of {RECORDS:,} records, {rounds} rounds\n")
    wanted = [thousands(WANTED)] * 3 + [""] * 4
    rows = [(name, with_spread(found[name], thousands), goal) for name, goal in zip(cases, wanted, strict=True)]
    print(table(("log", "records/s", "wanted"), [*rows, ("the predecessor's check of its own", PREDECESSOR[0], "")]))


def _check(log: Path, baseline: dict[str, float] | None = None) -> Callable[[], object]:
    def check() -> None:
        visit = None if baseline is None else Comparison(baseline).visit
        summary = Check(log, report=_refuse, visit=visit).run()
        assert summary.records == RECORDS

    return check


def _refuse(problem: object) -> None:
    raise AssertionError(problem)


def commands(folder: Path, sizes: tuple[int, ...]) -> None:
    """Measure the command: time and memory by the size of the log."""
    rows = []
    for words in (("telemetry", "--help"), ("telemetry", "validate", "--help"), ("telemetry", "summary", "--help")):
        rows.append((f"townlet {' '.join(words)}", *_figures(words), "0.3 s"))
    for size in sizes:
        log = write(folder / f"log_{size}", theirs, size)
        megabytes = f"{log.stat().st_size / 1e6:,.0f} MB"
        wanted = f"{WANTED_MEGABYTES} MB"
        for command in ("validate", "summary"):
            words = ("telemetry", command, str(log))
            rows.append((f"townlet telemetry {command}, {size:,} records ({megabytes})", *_figures(words), wanted))
        if size == RECORDS:
            rows += _plots(log, folder)
        log.unlink()
    print("\n## The command\n")
    print(table(("command", "seconds", "processor time", "memory at most", "wanted"), rows))
    print(f"\nThe predecessor took {PREDECESSOR[1]}.")


def _plots(log: Path, folder: Path) -> list[tuple[str, str, str, str, str]]:
    """Measure plots of a log: in the terminal, and of each kind of file."""
    outputs = {"in a pipe": (), **{kind: ("--output", str(folder / f"plot.{kind}")) for kind in ("html", "svg", "png")}}
    words = ("telemetry", "plot", str(log))
    return [
        (f"townlet telemetry plot, the same log, {name}", *_figures((*words, *output)), "a few seconds")
        for name, output in outputs.items()
    ]


def _figures(words: tuple[str, ...]) -> tuple[str, str, str]:
    run(words, {})  # the first reads the program from the disk
    wall, processor, memory = run(words, {})
    return f"{wall:.2f}", f"{processor:.2f}", f"{memory / 1e6:,.0f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9, help="how often each check is measured")
    parser.add_argument("--quick", action="store_true", help="measure three times only, and no log of a million")
    given = parser.parse_args()
    print(f"{machine()}\nbefore: {load()}")
    with tempfile.TemporaryDirectory() as folder:
        commands(Path(folder), SIZES[:-1] if given.quick else SIZES)  # first: a process is told its parent's memory
        rates(Path(folder), 3 if given.quick else given.rounds)
    print(f"after: {load()}")


if __name__ == "__main__":
    main()
