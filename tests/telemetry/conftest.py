"""A log that is not there yet, and who follows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.telemetry.following import Reader


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "ppo.jsonl"


@pytest.fixture
def reader(log: Path) -> Iterator[Reader]:
    with Reader(log) as reader:
        yield reader
