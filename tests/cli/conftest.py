"""The command as its users call it: a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Townlet = Callable[..., "subprocess.CompletedProcess[str]"]

QUIET_TOWN = """\
name: quiet_town
description: Anna is alone in a field.
scenario: {ticks: 10}
map: {width: 5, height: 5}
agents:
  - {id: anna, at: [1, 1]}
"""


@pytest.fixture
def townlet(tmp_path: Path) -> Townlet:
    """Run `townlet` with some words, in a folder of the test's own."""

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "townlet_cli", *map(str, words)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    return run


@pytest.fixture
def quiet_town(tmp_path: Path) -> Path:
    """Write a town in which nothing much happens."""
    file = tmp_path / "quiet_town.yaml"
    file.write_text(QUIET_TOWN, encoding="utf-8")
    return file
