"""Logs to read: how to write the lines of one, of ours or as the predecessor did, and how to check it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tests.telemetry.epochs import in_log, values
from townlet_core.telemetry.checks import Check, Summary

BASE = tuple(values())[:15]  # the keys of version 1.0


def ours(number: int, **others: object) -> dict[str, object]:
    """Values of the record with some number in a log of one run."""
    return {**in_log(**values(number)), "log_stream_offset": number, "run_id": "anna", "seq": number, **others}


def theirs(number: int, **others: object) -> dict[str, object]:
    """The same by the predecessor, for whom every number is a float."""
    plain = {**values(number), "reward_advantage_corr": 0.0, "log_stream_offset": number, **others}
    return {key: float(value) if isinstance(value, int) else value for key, value in plain.items()}


def oldest(number: int, **others: object) -> dict[str, object]:
    """The same in version 1.0."""
    plain = theirs(number)
    return {**{key: plain[key] for key in BASE}, "telemetry_version": 1.0, **others}


def line(record: dict[str, object]) -> bytes:
    return json.dumps(record).encode() + b"\n"


def write(path: Path, records: Iterable[dict[str, object]]) -> Path:
    """Write a log."""
    path.write_bytes(b"".join(map(line, records)))
    return path


def check(log: Path, *, run: str | None = None) -> tuple[list[str], Summary]:
    """Check a log; give what is wrong with it, and the summary."""
    found: list[str] = []
    summary = Check(log, run=run, report=lambda problem: found.append(str(problem))).run()
    return found, summary


def epochs(log: Path) -> list[float]:
    """Read the epochs of a log in the order in which its records are read."""
    found: list[float] = []
    Check(log, report=lambda _: None, visit=lambda record, *_: found.append(record["epoch"])).run()
    return found
