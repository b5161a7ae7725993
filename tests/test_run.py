"""run.py, which a newcomer calls first: what it says where it cannot work, and what it runs where it can."""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "run.py"


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder that run.py takes for an environment of its own, with one program in it."""
    folder = tmp_path / "environment"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    program = folder / "bin" / "greet"
    program.write_text('#!/bin/sh\necho "hello $1 from $VIRTUAL_ENV"\nexit 7\n')
    program.chmod(0o755)
    monkeypatch.setenv("TOWNLET_ENV", str(folder))
    spec = importlib.util.spec_from_file_location("run", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.STAMP.write_text(module.wanted_stamp())
    return folder


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, check=False)


def test_a_command_runs_in_the_environment_and_its_exit_code_is_kept(environment: Path) -> None:
    done = run("greet", "Anna")
    assert (done.returncode, done.stdout, done.stderr) == (7, f"hello Anna from {environment}\n", "")


def test_a_program_that_the_environment_lacks_is_a_misuse(environment: Path) -> None:
    done = run("gret")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: no program 'gret' in {environment}/bin\nhint: ")


def test_without_words_it_shows_what_it_is_for() -> None:
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert "python3 run.py townlet rollout capture kitchen_breakfast" in done.stderr
    assert run("--help").stdout == done.stderr


def test_a_folder_that_is_no_environment_is_spared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "letter.txt").write_text("dear Anna")
    monkeypatch.setenv("TOWNLET_ENV", str(tmp_path))
    done = run("townlet")
    assert done.returncode == 3
    assert f"error: {tmp_path}: not empty and not a virtual environment\n" in done.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["letter.txt"]


def test_an_old_python_can_read_it_and_is_told_what_it_needs() -> None:
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 7))
    old = f"import runpy, sys; sys.version_info = (3, 8, 10); sys.argv = ['run.py', 'townlet']; runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"  # noqa: E501
    done = subprocess.run([sys.executable, "-c", old], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("error: this is Python 3.8.10; the project needs 3.11 or newer\nhint: ")


@pytest.mark.slow
def test_an_installation_that_fails_says_so_and_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = tmp_path / "clone"
    clone.mkdir()
    shutil.copy(SCRIPT, clone)
    (clone / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "1"\n[build-system]\nrequires = []\nbuild-backend = "no_such_backend"\n'
        "[tool.hatch]\n"
    )
    monkeypatch.delenv("TOWNLET_ENV", raising=False)
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, str(clone / "run.py"), "townlet"], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.startswith(f"setting up {clone / '.venv'} ")
        assert "hint: see above; is the package index within reach?" in done.stderr
    assert os.listdir(clone / ".venv")
