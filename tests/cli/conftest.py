"""The command as its users call it: a process of its own."""

from __future__ import annotations

import os
import pty
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


def unmeasured() -> dict[str, str]:
    """Give the environment of a process whose files or memory are bounded: measuring its coverage needs some itself."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def in_terminal(folder: Path, *words: str, code: int = 0, **variables: str) -> str:
    """Run `townlet` in a terminal, of 60 columns unless COLUMNS says otherwise, and give what it shows there."""
    mine, its = pty.openpty()
    command = [sys.executable, "-m", "townlet_cli", *words]
    own = {**os.environ, "COLUMNS": "60", "TERM": "xterm-256color", **variables}
    own = {name: value for name, value in own.items() if name != "NO_COLOR" or "NO_COLOR" in variables}
    process = subprocess.Popen(command, cwd=folder, stdin=its, stdout=its, stderr=its, env=own)
    os.close(its)
    shown = b""
    try:
        while piece := os.read(mine, 2**16):
            shown += piece
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(mine)
        assert process.wait(timeout=60) == code
    return shown.decode().replace("\r\n", "\n")


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
