"""From a file of settings, or a shipped one's name, to settings that have passed every check."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from townlet_core.config.find import existing_file, shipped_settings
from townlet_core.config.override import apply_override
from townlet_core.config.ppo import TrainingSettings
from townlet_core.config.scenario import Scenario
from townlet_core.documents.document import Document, read_document
from townlet_core.documents.nodes import Mapping, Place
from townlet_core.documents.text import as_error, read_text
from townlet_core.documents.validate import read_record
from townlet_core.errors import InputError, did_you_mean
from townlet_core.schema import record_at

SECTIONS = tuple(TrainingSettings.model_fields)


def load_settings(source: str | None, overrides: Sequence[str] = ()) -> TrainingSettings:
    """Load the settings of a training.

    Args:
        source: path of a YAML file, or the name of a shipped one; None: the defaults.
        overrides: key.path=value each, applied before anything is checked.

    Raises:
        InputError: there is no such file, or it cannot be read.
        UsageError: an override has no '='.
        ConfigError: all that is wrong with it.
    """
    path = find_settings(source) if source is not None else None
    document = Document(Mapping(Place("settings")), []) if path is None else _read(path)
    findings, root = document.findings, document.root
    if root is None:
        raise as_error(findings, str(path), overrides)
    for override in overrides:
        findings += apply_override(root, override)
    reading = read_record(TrainingSettings, root, {})
    findings += reading.findings
    if findings or reading.record is None:
        raise as_error(findings, str(path or "settings"), overrides)
    return reading.record


def _read(path: Path) -> Document:
    return read_document(read_text(path), str(path), instead="leave --settings out to have the defaults")


def find_settings(source: str) -> Path:
    """Find the file that a path or a name means.

    Raises:
        InputError: there is none.
    """
    shipped = shipped_settings()
    if source in shipped:
        return shipped[source]
    if not source:
        raise InputError("is empty", where="--settings")
    near = did_you_mean(source, shipped)
    known = f"known are {', '.join(shipped)}, or give the path of a YAML file"
    if not Path(source).suffix and not Path(source).exists():
        raise InputError(f"unknown settings '{source}'", where="--settings", hint=near or known)
    return existing_file(Path(source), near or known)


def split_overrides(overrides: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tell the overrides of a scenario from those of the settings, whose keys begin with the name of a section."""
    ours = tuple(each for each in overrides if each.partition("=")[0].strip().split(".")[0] in SECTIONS)
    return tuple(each for each in overrides if each not in ours), ours


def refuse_strays(overrides: Sequence[str]) -> None:
    """Refuse an override whose key begins like none of a scenario; the settings' own have been taken out.

    Raises:
        InputError: with the nearest key of both, or all with which one can begin.
    """
    for override in overrides:
        key, sign, _ = override.partition("=")
        first = key.strip().split(".")[0]
        if not sign or not first or first in Scenario.model_fields:
            continue  # what is wrong with it, its scenario knows
        beginnings = (*SECTIONS, *Scenario.model_fields)
        inner = {key: f"{section}.{key}" for section in SECTIONS for key in _keys_of(section)}
        known = f"keys begin with {', '.join(beginnings)}"
        hint = f"did you mean '{inner[first]}'?" if first in inner else did_you_mean(first, beginnings) or known
        raise InputError("unknown key", where=f"--set {override}", hint=hint)


def _keys_of(section: str) -> Iterable[str]:
    record = record_at(TrainingSettings, (section,))
    assert record is not None
    return record.model_fields
