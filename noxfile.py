"""The project's checks: `nox` runs them all, `nox --list` names them, `nox -s tests -- -k queues` passes words on.

Two ways to run them. `python3 run.py nox` (and .ci/run) runs every session in the one environment that run.py keeps,
so that numba and torch are installed once. A bare `nox` gives each session an environment of its own.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "docs", "tests"]

GOLDEN_SCENARIOS = Path(__file__).with_name("tests") / "goldens" / "scenarios.txt"
FUZZED = (
    "yaml",
    "toml",
    "manifest",
    "meta",
    "metrics",
    "seal",
    "npz",
    "log",
    "rules yaml",
    "policy",
    "training",
    "tensors",
)


def install(session: nox.Session, *requirements: str) -> None:
    """Install into the session's own environment, if it has one; the shared one holds everything already."""
    if session.venv_backend != "none":
        session.install(*requirements)


@nox.session
def lint(session: nox.Session) -> None:
    """Style: ruff's rules and its format."""
    install(session, "ruff>=0.9")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Types: mypy, strict."""
    install(session, "--editable", ".[dev]")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """The generated reference is up to date. (Links and examples are checked by tests/test_docs.py.)"""
    install(session, "--editable", ".")
    session.run("python", "docs/generate.py", "--check")


@nox.session
def tests(session: nox.Session) -> None:
    """Tests with coverage: rules, laws, corpora, commands, import table, docs."""
    install(session, "--editable", ".[test]")
    if session.posargs:
        session.run("pytest", *session.posargs)
    else:
        session.run("coverage", "erase")
        session.run("pytest", "--cov", "--cov-report=term", "--durations=10")


@nox.session
def ray(session: nox.Session) -> None:
    """Suites on a Ray cluster, one that the tests start on this machine: not among the checks, as Ray is large."""
    install(session, "--editable", ".[test,ray]")
    session.run("pytest", "-m", "ray", *(session.posargs or ["tests"]))


@nox.session
def faults(session: nox.Session) -> None:
    """The whole matrix of faults: every write, fsync, rename, ... fails in turn. The tests take samples of it."""
    install(session, "--editable", ".[test]")
    session.run("pytest", "tests/faults", "-m", "faults", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzz the readers, led by coverage (atheris); words on: -- yaml npz -max_total_time=600."""
    install(session, "--editable", ".[test]")
    session.install("atheris>=3")
    targets = [word for word in session.posargs if not word.startswith("-")]
    options = [word for word in session.posargs if word.startswith("-")] or ["-max_total_time=60"]
    for target in targets or FUZZED:
        session.run("python", "-m", "tests.fuzz.driven", target, *options)


@nox.session
def bench(session: nox.Session) -> None:
    """Benchmarks, which print tables: not among the checks, as their figures are the machine's."""
    install(session, "--editable", ".")
    for script in session.posargs or ["benchmarks/sim.py", "benchmarks/cli.py"]:
        session.run("python", script)


@nox.session
def goldens(session: nox.Session) -> None:
    """Capture the golden scenarios and review what changed; take it with -- --accept SELECTOR --reason TEXT."""
    install(session, "--editable", ".")
    root = Path(session.create_tmp()) / "goldens"
    shutil.rmtree(root, ignore_errors=True)
    scenarios = GOLDEN_SCENARIOS.read_text("utf-8").split()
    session.run("townlet", "rollout", "suite", *scenarios, "--output-root", str(root), "--compress")
    session.run("townlet", "rollout", "merge", str(root), *session.posargs)
