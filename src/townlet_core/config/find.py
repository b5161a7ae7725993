"""Where configuration files are: given by path, or shipped with Townlet and given by name."""

from __future__ import annotations

import fnmatch
import glob
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from townlet_core.errors import InputError, UsageError, did_you_mean

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_PATTERN = re.compile(r"[*?[]")
_SUFFIXES = (".yaml", ".yml")


@cache
def shipped_configs() -> Path:
    """Find the folder of the shipped configs: inside the package when installed, in the repository otherwise.

    Raises:
        InputError: the installation has lost it.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "_configs", package.parents[1] / "configs"):
        if folder.is_dir():
            return folder
    raise InputError("the shipped configs are missing", where=str(package), hint="install townlet again")


def list_scenarios() -> dict[str, Path]:
    """List the shipped scenarios and examples, by name; templates, whose names begin with '_', are left out."""
    return {name: path for name, path in _shipped().items() if not name.startswith("_")}


def shipped_settings() -> dict[str, Path]:
    """List the shipped settings of training, by name."""
    return _named("ppo")


def find_config(source: str) -> Path:
    """Find the scenario that a path or a name means.

    Raises:
        InputError: there is no such file or scenario.
    """
    if _NAME.fullmatch(source):
        shipped = _shipped()
        if source in shipped:
            return shipped[source]
        if not Path(source).is_file():
            raise _unknown("scenario", source, list(shipped), list(list_scenarios()))
    hint = "give the path of a YAML file, or a scenario's name"
    if Path(source).stem in _shipped():
        hint = f"did you mean the shipped scenario '{Path(source).stem}'? It is given by its name alone"
    if not source:
        raise InputError("no configuration is given", hint=hint)
    return existing_file(Path(source), hint)


def find_configs(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Find the scenarios that paths, names and patterns mean; give them by stem, and what is good to know of that.

    A pattern (*, ?, [...], and ** for folders below) means the YAML files that match it; where none does, the shipped
    scenarios whose names match. Templates, whose names begin with '_', are passed over.

    Raises:
        InputError: there is no such file or scenario, or none is left.
        UsageError: two of them have the same stem.
    """
    found: dict[str, str] = {}
    notes: list[str] = []
    for source in (source for word in words for source in _sources(word)):
        stem = Path(source).stem
        if stem.startswith("_"):
            notes.append(f"{source} is passed over, as its name begins with '_'")
        elif stem not in found:
            found[stem] = source
        elif find_config(found[stem]).resolve() == find_config(source).resolve():
            notes.append(f"{source} is named twice, and taken once")
        else:
            problem = f"{found[stem]} and {source} are both called '{stem}'"
            raise UsageError(problem, hint="each has a folder of that name: rename one, or run them apart")
    if not found:
        raise InputError("no configuration is left", hint="give the path of a YAML file, or a scenario's name")
    return found, notes


def _sources(word: str) -> list[str]:
    """Give the paths or names that a word means: itself, or what matches it where it is a pattern."""
    if not _PATTERN.search(word) or Path(word).is_file():
        find_config(word)
        return [word]
    files = [path for path in sorted(glob.glob(word, recursive=True)) if path.endswith(_SUFFIXES)]
    found = [path for path in files if Path(path).is_file()] or fnmatch.filter(_shipped(), word)
    if not found:
        raise InputError("matches no YAML file and no scenario's name", where=word, hint="see 'townlet config list'")
    return found


def find_manifest(source: str, scenario: Path) -> Path:
    """Find the affordance manifest that a scenario names: a shipped one, or a path relative to the scenario.

    Raises:
        InputError: there is no such manifest.
    """
    if not _NAME.fullmatch(source):
        return existing_file(scenario.parent / source, "give a path relative to the scenario, or 'core'")
    known = _named("affordances")
    if source not in known:
        raise _unknown("affordance manifest", source, list(known), list(known))
    return known[source]


def existing_file(path: Path, hint: str) -> Path:
    """Refuse a path that is no file.

    Raises:
        InputError: it is missing, a folder or something else.
    """
    try:
        if path.is_file():
            return path
        missing = not path.exists()
    except OSError as error:
        raise InputError(f"cannot be looked up: {(error.strerror or str(error)).lower()}", where=str(path)) from error
    if not missing:
        raise InputError("is a folder, not a file" if path.is_dir() else "is not a file", where=str(path))
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    near = did_you_mean(path.name, (file.name for file in beside if file.suffix in _SUFFIXES))
    raise InputError("no such file", where=str(path), hint=near or hint)


def _named(folder: str) -> dict[str, Path]:
    return {path.stem: path for path in sorted((shipped_configs() / folder).glob("*.yaml"))}


def _shipped() -> dict[str, Path]:
    return _named("scenarios") | _named("examples")


def _unknown(what: str, name: str, known: list[str], shown: list[str]) -> InputError:
    near = did_you_mean(name, known)
    return InputError(f"unknown {what} '{name}'", hint=near or f"known are {', '.join(shown)}, or give a path")
