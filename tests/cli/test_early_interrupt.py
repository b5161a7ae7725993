"""Ctrl-C while the program is still being loaded: it ends as it does at any other time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["townlet"]
MODULE, _, FUNCTION = SCRIPT.partition(":")
WAYS_IN = {
    "module": ["-m", "townlet_cli"],
    "script": ["-c", f"import sys; from {MODULE} import {FUNCTION}; sys.exit({FUNCTION}())"],  # as pip writes it
}
# Python imports this by itself when it starts. It tells when a module is about to be imported, and waits there.
WAITING = """\
import os, sys

def wait(event, arguments):
    if event == "import" and arguments[0] == os.environ.get("WAIT_BEFORE"):
        del os.environ["WAIT_BEFORE"]
        os.write(1, b"here\\n")
        os.read(0, 1)

sys.addaudithook(wait)
"""


@pytest.mark.parametrize("way", WAYS_IN)
@pytest.mark.parametrize(
    "module",
    ["townlet_cli.app", "typer", "typer.main", "townlet_core.errors", "townlet_cli.telemetry", "townlet_cli.train"],
)
def test_it_ends_quietly_whatever_is_being_imported(tmp_path: Path, way: str, module: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(WAITING)
    path = os.pathsep.join([str(tmp_path), str(ROOT / "src")])
    command = [sys.executable, *WAYS_IN[way], "--version"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path, "WAIT_BEFORE": module},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)  # which closes what it waits for
    assert (process.returncode, *said) == (130, b"", b"")


def test_nothing_of_the_program_is_loaded_before_its_way_in_can_be_left() -> None:
    script = f"import sys; before = set(sys.modules); import {MODULE}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) - {"__future__"} == {"townlet_cli", "townlet_cli.__main__"}
