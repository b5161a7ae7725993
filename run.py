#!/usr/bin/env python3
"""Run a command in the project's own environment, which the first call makes.

    python3 run.py townlet rollout capture kitchen_breakfast --output captures/breakfast
    python3 run.py pytest
    python3 run.py nox

Needs nothing but Python 3.11 or newer. The environment is the folder .venv beside this file (or the one that
TOWNLET_ENV names); it holds the project, installed in place, with its tools. It is brought up to date when
pyproject.toml asks for something else, and can be deleted at any time.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import typing

ROOT = pathlib.Path(__file__).resolve().parent
ENVIRONMENT = pathlib.Path(os.environ.get("TOWNLET_ENV", str(ROOT / ".venv"))).absolute()
PROGRAMS = ENVIRONMENT / "bin"
STAMP = ENVIRONMENT / "townlet-installed"
OLDEST_PYTHON = (3, 11)
EXTRA = "dev"
CANNOT_SET_UP = 3
USAGE = 2


def main() -> None:
    """Make the environment if need be, then become the command."""
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__, file=sys.stdout if len(sys.argv) > 1 else sys.stderr)
        sys.exit(0 if len(sys.argv) > 1 else USAGE)
    check_python()
    with_lock(set_up)
    become(sys.argv[1:])


def fail(problem: str, hint: str, code: int = CANNOT_SET_UP) -> "typing.NoReturn":
    """Say what is wrong and what to do, and end."""
    print("error: " + problem + "\nhint: " + hint, file=sys.stderr)
    sys.exit(code)


def check_python() -> None:
    """End with advice where this Python cannot make the environment."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        fail(
            "this is Python " + found + "; the project needs " + wanted + " or newer",
            "call it with a newer one, such as python" + wanted + " run.py ...",
        )
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            fail(
                "this Python (" + sys.executable + ") has no module " + module,
                "install it (on Debian and Ubuntu: the package python3-venv) or call another Python",
            )


def with_lock(action: "typing.Callable[[], None]") -> None:
    """Do it while no other call of this script does; the lock goes with the descriptor."""
    descriptor = os.open(str(ROOT), os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("waiting for another run.py that is setting up ...", file=sys.stderr)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        action()
    finally:
        os.close(descriptor)


def wanted_stamp() -> str:
    """Give a hash of all that decides what is installed: what is asked for, by which Python, from where."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    decides = [project["project"], project["build-system"], project["tool"]["hatch"], EXTRA, sys.version, str(ROOT)]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def set_up() -> None:
    """Make the environment, or bring it up to date, unless it is so already."""
    stamp = wanted_stamp()
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == stamp and (PROGRAMS / "python").exists():
        return
    print("setting up " + str(ENVIRONMENT) + " (once; it takes a few minutes) ...", file=sys.stderr)
    install = [str(PROGRAMS / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    if not sys.stderr.isatty():
        install.append("--quiet")
    do([sys.executable, "-m", "venv", *how_to_begin(), str(ENVIRONMENT)], "see above; is the disk full or read-only?")
    STAMP.write_text("unfinished", encoding="utf-8")
    do([*install, "--editable", str(ROOT) + "[" + EXTRA + "]"], "see above; is the package index within reach?")
    STAMP.write_text(stamp, encoding="utf-8")
    print("done", file=sys.stderr)


def how_to_begin() -> "list[str]":
    """Begin anew where the environment is of this script's making, in place where it is not; spare other folders."""
    if STAMP.is_file():
        return ["--clear"]
    if ENVIRONMENT.is_dir() and any(ENVIRONMENT.iterdir()) and not (ENVIRONMENT / "pyvenv.cfg").is_file():
        fail(str(ENVIRONMENT) + ": not empty and not a virtual environment", "name another folder in TOWNLET_ENV")
    return []


def do(command: "list[str]", hint: str) -> None:
    """Run one step of the installation; what it prints goes to standard error, which is not data."""
    code = subprocess.call(command, stdout=sys.stderr.fileno())
    if code != 0:
        fail("'" + " ".join(command) + "' failed with exit code " + str(code), hint)


def become(command: "list[str]") -> None:
    """Replace this process by a program of the environment, with the environment's programs first in the path."""
    program = shutil.which(command[0], path=str(PROGRAMS))
    if program is None:
        fail("no program '" + command[0] + "' in " + str(PROGRAMS), "try townlet, pytest, nox, ruff or mypy", USAGE)
    variables = dict(os.environ)
    variables.pop("PYTHONHOME", None)
    variables["VIRTUAL_ENV"] = str(ENVIRONMENT)
    variables["PATH"] = str(PROGRAMS) + os.pathsep + variables.get("PATH", os.defpath)
    variables.setdefault("NOX_DEFAULT_VENV_BACKEND", "none")  # nox runs its sessions right here: see noxfile.py
    os.execve(str(program), [str(program), *command[1:]], variables)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
