"""Where configuration files are: given by path, or shipped with Townlet and given by name."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from townlet_core.errors import InputError, did_you_mean

_NAME = re.compile(r"[A-Za-z0-9_-]+")
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
