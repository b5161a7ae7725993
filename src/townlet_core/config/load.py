"""From a path or a name to a town that has passed every check, or to all that is wrong with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from townlet_core.config.checks import check_manifest, check_scenario
from townlet_core.config.find import find_config, find_manifest, shipped_configs
from townlet_core.config.flaw import Flaw
from townlet_core.config.ground import DRAWN_ID
from townlet_core.config.override import apply_override
from townlet_core.config.places import can_be_laid, check_map, check_places
from townlet_core.config.reach import check_reach
from townlet_core.config.scenario import Scenario, Town
from townlet_core.config.steps import check_steps
from townlet_core.config.town import AffordanceManifest
from townlet_core.documents.cuts import Cuts
from townlet_core.documents.document import read_document
from townlet_core.documents.nodes import Finding, key_place, place_of
from townlet_core.documents.text import as_error, read_text
from townlet_core.documents.validate import Reading, read_record
from townlet_core.errors import InputError

# What the checks go on with where the file does not say it rightly.
_STAND_INS = {"name": "town", "scenario": {"ticks": 1_000_000}, "map": {"width": 1, "height": 1}}
_EMPTY_MANIFEST: dict[str, object] = {"kinds": {}, "affordances": {}}


def load_town(source: str, overrides: Sequence[str] = ()) -> Town:
    """Load a scenario and the affordance manifest it names.

    Args:
        source: path of a YAML file, or the name of a shipped scenario.
        overrides: key.path=value each, applied before anything is checked.

    Raises:
        InputError: there is no such file, or it cannot be read.
        UsageError: an override has no '='.
        ConfigError: all that is wrong with the scenario, its overrides and its manifest.
    """
    path = find_config(source)
    document = read_document(read_text(path), str(path))
    findings, root = document.findings, document.root
    if root is None:
        raise as_error(findings, str(path), overrides)
    for override in overrides:
        findings += apply_override(root, override)
    scenario = read_record(Scenario, root, _STAND_INS)
    manifest, in_manifest = _load_manifest(scenario, path)
    findings += [*scenario.findings, *in_manifest, *_cross_check(scenario, manifest)]
    if findings or scenario.record is None or manifest is None or manifest.record is None:
        raise as_error(findings, str(path), overrides)
    return Town(scenario=scenario.record, manifest=manifest.record)


def own_files(source: str, overrides: Sequence[str] = ()) -> list[Path]:
    """Find the files that a scenario is read from and that are not shipped, as far as a wrong one tells of them.

    Raises:
        InputError: there is no such scenario, or it cannot be read.
        UsageError: an override has no '='.
    """
    path = find_config(source)
    files = [path]
    root = read_document(read_text(path), str(path)).root
    if root is not None:
        for override in overrides:
            apply_override(root, override)
        scenario = read_record(Scenario, root, _STAND_INS).record
        with suppress(InputError):
            files += [find_manifest(scenario.affordances, path)] if scenario is not None else []
    return [file for file in files if shipped_configs() not in file.parents]


def config_hash(town: Town) -> str:
    """Identify a town: sha256 of its JSON, the same however its YAML was laid out.

    The keys keep their order, because that of the manifest fixes action ids; models fix all others.
    """
    text = json.dumps(town.model_dump(mode="json"), separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _load_manifest(scenario: Reading[Scenario], path: Path) -> tuple[Reading[AffordanceManifest] | None, list[Finding]]:
    at = ("affordances",)
    if scenario.record is None or scenario.cuts.concern(at):
        return None, []
    try:
        file = find_manifest(scenario.record.affordances, path)
        text = read_text(file)
    except InputError as error:
        clause = f"{error.where}: {error.problem}" if error.where else error.problem
        return None, [Finding(place_of(scenario.cuts.root, at), at, clause, error.hint)]
    document = read_document(text, str(file))
    if document.root is None:
        return None, document.findings
    reading = read_record(AffordanceManifest, document.root, _EMPTY_MANIFEST)
    return reading, document.findings + reading.findings


def _cross_check(scenario: Reading[Scenario], manifest: Reading[AffordanceManifest] | None) -> list[Finding]:
    """Check what was read, and keep what does not merely follow from what is reported already."""
    known = manifest.record if manifest is not None else None
    lost = scenario.cuts.words() | (manifest.cuts.words() if manifest is not None else frozenset())
    findings: list[Finding] = []
    if manifest is not None and known is not None:
        findings += _found(check_manifest(known), manifest.cuts, lost)
    if scenario.record is not None:
        findings += _found(_check_town(scenario.record, known, scenario.cuts), scenario.cuts, lost)
    return findings


def _check_town(town: Scenario, manifest: AffordanceManifest | None, cuts: Cuts) -> Iterator[Flaw]:
    """Make the checks that still mean something: those of places need a whole map, those of ways all places."""
    sound = not cuts.concern(("map",))
    drawing = list(check_map(town.map)) if sound else []
    for flaw in (*check_scenario(town, manifest), *check_steps(town, manifest)):
        if (sound and not drawing) or flaw.word is None or not DRAWN_ID.fullmatch(flaw.word):
            yield flaw
    places = list(check_places(town)) if sound and can_be_laid(town.map) else []
    yield from (*drawing, *places)
    if sound and not drawing and not places and not cuts.concern(("objects",)) and not cuts.concern(("agents",)):
        yield from check_reach(town)


def _found(flaws: Iterable[Flaw], cuts: Cuts, lost: frozenset[str]) -> Iterator[Finding]:
    for flaw in flaws:
        path = cuts.original(flaw.path)
        if flaw.word not in lost and not cuts.concern(path):
            place = key_place(cuts.root, path) if flaw.at_key else place_of(cuts.root, path)
            yield Finding(place, path, flaw.clause, flaw.hint)
