"""What made a capture: the configuration, the program, its libraries and the commit it was checked out at."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import Field

from townlet_core.schema import StrictModel

PACKAGE = Path(__file__).resolve().parents[1]
COMMIT = re.compile(r"[0-9a-f]{40,64}")


class Versions(StrictModel):
    """Versions of all that decides on the bytes of a capture."""

    townlet: str | None = Field(description="version of Townlet; none where it runs uninstalled")
    python: str = Field(description="version of Python")
    numpy: str = Field(description="version of NumPy")
    numba: str | None = Field(description="version of Numba; none where it is not installed")


def versions() -> Versions:
    """Look the versions up without importing what they belong to."""
    return Versions(
        townlet=version_of("townlet"),
        python=platform.python_version(),
        numpy=version("numpy"),
        numba=version_of("numba"),
    )


def printable(path: str | Path) -> str:
    """Give a path as text that a file of UTF-8 can hold, with escapes for bytes that are no text."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def version_of(distribution: str) -> str | None:
    """Give the version of an installed distribution, or None."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def git_commit(package: Path = PACKAGE) -> str | None:
    """Give the commit that the sources are checked out at, or None where they are not in a clone of their own.

    Reads the files of git: starting git takes longer, and it may not be there.
    """
    root = package.parents[1]  # the package stands in src/
    if package.parent.name != "src":
        return None
    try:
        return _commit_of(root / ".git")
    except (OSError, UnicodeDecodeError):
        return None


def _commit_of(git: Path) -> str | None:
    """Follow HEAD to a commit; in a work tree .git is a file that says where its own folder is."""
    if git.is_file():
        git = git.parent / git.read_text("utf-8").strip().removeprefix("gitdir: ")
    shared = git / (git / "commondir").read_text("utf-8").strip() if (git / "commondir").is_file() else git
    head = (git / "HEAD").read_text("utf-8").strip()
    if not head.startswith("ref: "):
        return head if COMMIT.fullmatch(head) else None
    name = head.removeprefix("ref: ")
    for folder in (git, shared):
        if (folder / name).is_file():
            return (folder / name).read_text("utf-8").strip()
    packed = (shared / "packed-refs").read_text("utf-8").splitlines()
    return next((line.split()[0] for line in packed if line.endswith(f" {name}") and line[0] != "#"), None)
