"""The command itself: help, misuse, exit codes, and what happens when the reader of its output goes away."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.cli.conftest import QUIET_TOWN, Townlet

# `townlet --help` takes about 0.08 s; the bound is the promise to users, doubled for a busy machine.
HELP_SECONDS = 0.6


def test_help_names_every_group_and_goes_to_standard_output(townlet: Townlet) -> None:
    done = townlet("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "rollout    Run a town and keep what happened." in done.stdout
    assert "telemetry  Look at the logs of training." in done.stdout
    assert "config     Look at scenarios and check them." in done.stdout


def test_help_comes_at_once(townlet: Townlet) -> None:
    def seconds() -> float:
        began = time.perf_counter()
        townlet("--help")
        return time.perf_counter() - began

    assert min(seconds() for _ in range(3)) < HELP_SECONDS


def test_the_version_is_that_of_the_installed_package(townlet: Townlet) -> None:
    done = townlet("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"townlet {version('townlet')}\n", "")


@pytest.mark.parametrize("words", [(), ("rollout",), ("config",)], ids=" ".join)
def test_a_group_without_a_command_shows_its_help_as_a_misuse(townlet: Townlet, words: tuple[str, ...]) -> None:
    done = townlet(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(" ".join(["Usage: townlet", *words]))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(
            "rolout", "error: no such command 'rolout'. Did you mean 'rollout'?\nhint: see 'townlet --help'", id="group"
        ),
        pytest.param("config shew", "error: no such command 'shew'. Did you mean", id="command"),
        pytest.param("config list --jsn", "error: no such option: --jsn", id="option"),
        pytest.param("config show", "error: missing argument 'CONFIG'", id="argument"),
        pytest.param("rollout capture kitchen_breakfast", "error: missing option '--output' / '-o'", id="no output"),
        pytest.param(
            "rollout capture x -o y --ticks 1.5",
            "error: invalid value for '--ticks' / '-t': must be a whole number, found '1.5'\n",
            id="fraction",
        ),
        pytest.param(
            "config schema --of x",
            "error: invalid value for '--of': 'x' is not one of 'scenario', 'affordances'\n",
            id="choice",
        ),
    ],
)
def test_a_misuse_is_named_with_the_place_of_its_help(townlet: Townlet, words: str, message: str) -> None:
    done = townlet(*words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
    assert "\nhint: see 'townlet" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("option", "range_"),
    [
        ("--ticks 0", "from 1 to 1000000, found 0"),
        ("--ticks -5", "from 1 to 1000000, found -5"),
        ("--worlds 0", "from 1 to 100000, found 0"),
        ("--seed -1", "from 0 to 9223372036854775807, found -1"),
        ("--threads 1025", "from 1 to 1024, found 1025"),
    ],
)
def test_a_number_out_of_range_is_refused_with_the_range(townlet: Townlet, option: str, range_: str) -> None:
    done = townlet("rollout", "capture", "x", "-o", "y", *option.split())
    said = f"error: {option.split()[0]}: must be a whole number {range_}\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


@pytest.mark.parametrize(
    ("failure", "code", "said"),
    [
        pytest.param(
            "raise TownletError('gone', where='a', hint='look')", 3, "error: a: gone\nhint: look\n", id="error"
        ),
        pytest.param("raise UsageError('too many')", 2, "error: too many\n", id="usage"),
        pytest.param("raise typer.Exit(1)", 1, "", id="finding"),
        pytest.param("raise KeyboardInterrupt", 130, "interrupted; nothing is left half done\n", id="interrupted"),
        pytest.param(
            "signal.raise_signal(signal.SIGTERM)", 143, "ended by SIGTERM; nothing is left half done\n", id="ended"
        ),
        pytest.param(
            "signal.raise_signal(signal.SIGHUP)", 129, "ended by SIGHUP; nothing is left half done\n", id="hung up"
        ),
        pytest.param("raise BrokenPipeError(32, 'Broken pipe')", 141, "", id="reader gone"),
    ],
)
def test_each_way_to_fail_has_its_own_exit_code(failure: str, code: int, said: str) -> None:
    done = run_command(failure)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", said)


def test_a_fault_of_ours_shows_where_it_is_and_does_not_look_like_a_finding() -> None:
    done = run_command("1 / 0")
    assert done.returncode == 70
    assert done.stderr.startswith("Traceback")
    assert "ZeroDivisionError: division by zero\nerror: this is a fault in townlet" in done.stderr


def test_too_little_memory_is_said_in_a_sentence() -> None:
    done = run_command("raise MemoryError")
    assert done.returncode == 3
    assert done.stderr == "error: there is not enough memory for this\nhint: take fewer worlds, or a smaller town\n"


def test_a_reader_that_goes_away_ends_the_command_without_a_word() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as nobody:
        done = subprocess.run(
            [sys.executable, "-m", "townlet_cli", "config", "schema"],
            stdout=nobody, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("words", ["config schema", "config list", "--help", "--version"])
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_an_output_that_takes_no_more_is_an_error(words: str, unbuffered: str) -> None:
    done = shell(f"{words} >/dev/full", variables={"PYTHONUNBUFFERED": unbuffered})
    assert (done.returncode, done.stderr) == (3, "error: standard output: cannot be written: no space left on device\n")


@pytest.mark.parametrize(
    ("redirected", "code", "printed"),
    [
        pytest.param("config list >&-", 0, "", id="output closed"),
        pytest.param("config list 2>&-", 0, "scenario", id="errors closed"),
        pytest.param("config check nope 2>&-", 3, "", id="errors closed, and one to tell"),
        pytest.param("config check nope 2>/dev/full", 3, "", id="errors to a full disk"),
        pytest.param("config 2>/dev/full", 2, "", id="help to a full disk"),
    ],
)
def test_a_stream_that_is_closed_or_full_changes_nothing_else(redirected: str, code: int, printed: str) -> None:
    done = shell(redirected)
    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.startswith(printed)


def test_signs_that_the_encoding_lacks_are_written_as_escapes(tmp_path: Path) -> None:
    (tmp_path / "café.yaml").write_text(QUIET_TOWN)
    variables = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    done = shell("config check café.yaml", folder=tmp_path, variables=variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"caf(\\xe9|\\udcc3\\udca9)\.yaml: ok \(quiet_town\)\n", done.stdout)


def shell(
    words: str, folder: Path | None = None, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command as a shell does, which can redirect its streams."""
    command, env = f"{sys.executable} -m townlet_cli {words}", {**os.environ, **(variables or {})}
    return subprocess.run(command, shell=True, cwd=folder, env=env, capture_output=True, text=True, check=False)


def run_command(statement: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose body is one statement, within the command's boundary."""
    script = f"""
import signal, sys, typer
from townlet_cli.app import app, main
from townlet_core.errors import TownletError, UsageError
@app.command()
def fail() -> None:
    {statement}
sys.exit(main(["fail"]))
"""
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
