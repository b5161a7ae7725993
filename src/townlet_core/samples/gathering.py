"""What is there to merge: the captures below a folder, and what keeps them from being merged."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from townlet_core.errors import SampleError
from townlet_core.samples.findings import Problem, problem_of
from townlet_core.samples.manifest import STAGE_PREFIX, Manifest, is_hidden, manifests_below, read_manifest
from townlet_core.samples.provenance import printable
from townlet_core.samples.suite_report import SuiteEntry, SuiteReport, is_killed, read_report, reports_below
from townlet_core.samples.verify import examine

TEMPLATE = "_"  # what the names of templates begin with


def gather(
    root: Path, include: Sequence[str], *, allow_template: bool
) -> tuple[dict[str, Path], list[Problem], list[str]]:
    """Find the captures below a root; give their manifests by scenario, what is wrong with them, and what was left out.

    Args:
        include: globs of scenarios; none: all of them.

    Raises:
        SampleError: there is nothing to merge.
    """
    captures: dict[str, Path] = {}
    problems: list[Problem] = []
    notes: list[str] = []
    found = manifests_below(root)
    for path in found:
        try:
            name = _scenario_of(path)
        except SampleError as error:
            problems.append(problem_of(error))
            continue
        if not _is_wanted(name, include):
            continue
        if name.startswith(TEMPLATE) and not allow_template:
            notes.append(f"{path.parent} is of the template {name}: passed over without --allow-template")
        elif name in captures:
            hint = (
                f"keep one of them there; with a seed each they are told apart in {name}/seed_N, as a suite makes them"
            )
            problems.append(Problem(where=printable(path), problem=f"is of {name}, as is {captures[name]}", hint=hint))
        else:
            captures[name] = path
            problems += examine(path).problems or _missing(path)
    problems += _incomplete(root, {path.parent for path in found})
    _ask_suites(root, include, problems, notes)
    if not captures and not problems:
        left = f" of {', '.join(include)}" if include else ""
        hint = "make captures there with 'townlet rollout capture SCENARIO --output ROOT/SCENARIO'"
        raise SampleError(f"holds no capture{left} to merge", where=str(root), hint=hint)
    return captures, problems, notes


def _is_wanted(name: str, include: Sequence[str]) -> bool:
    """Say whether a scenario, with its seed or without, fits a glob."""
    return not include or any(fnmatchcase(each, glob) for glob in include for each in (name, name.partition("/")[0]))


def _scenario_of(path: Path) -> str:
    """Give the name that the golden has for the scenario of a capture: that of its configuration.

    In the folder that a suite with --seeds makes for it the seed belongs to the name: kitchen/seed_3.
    """
    manifest = read_manifest(path)
    if not isinstance(manifest, Manifest):
        raise SampleError("has no seal, as the predecessor's have none", where=str(path), hint="capture again")
    name, folder = manifest.metadata.config_id, Path(os.path.abspath(path)).parent
    seed = f"seed_{manifest.metadata.seed}"
    return f"{name}/{seed}" if (folder.parent.name, folder.name) == (name, seed) else name


def _missing(path: Path) -> Iterator[Problem]:
    """Name what a repaired capture lacks."""
    manifest = read_manifest(path)
    repair = manifest.metadata.repair if isinstance(manifest, Manifest) else None
    for each in repair.missing if repair is not None else ():
        yield Problem(where=printable(path), problem=f"{each.what}: {each.why}", hint="it is not whole; capture again")


def _incomplete(root: Path, whole: set[Path]) -> Iterator[Problem]:
    """Name folders with samples, or what an interrupted capture has left, and without a manifest."""
    for stage in sorted(root.rglob(f"{STAGE_PREFIX}*")):
        if stage.parent not in whole:
            hint = "wait until it has ended; if it was killed, see 'townlet rollout repair'"
            yield Problem(where=printable(stage.parent), problem="holds a capture that is not done", hint=hint)
    for sample in sorted(root.rglob("*.npz")):
        if not is_hidden(sample, root) and not any(folder in whole for folder in sample.parents):
            whole.add(sample.parent)
            problem = f"holds samples such as {sample.name} and no manifest"
            yield Problem(where=printable(sample.parent), problem=problem, hint="capture again")


def _ask_suites(root: Path, include: Sequence[str], problems: list[Problem], notes: list[str]) -> None:
    """Have suites tell of captures that were to be made: those that are not done are problems."""
    for path in reports_below(root):
        try:
            report = read_report(path)
        except SampleError as error:
            notes.append(f"{error.where}: {error.problem}: whether captures of a suite are missing is not known")
            continue
        for entry in report.captures:
            if not _is_wanted(entry.name, include):
                continue
            if entry.status not in ("captured", "kept"):
                problems.append(_not_done(path, entry, report))
            elif not (path.parent / entry.manifest).exists():
                notes.append(f"{path.parent / entry.name}: was {entry.status} by a suite, and is not there any more")


def _not_done(path: Path, entry: SuiteEntry, report: SuiteReport) -> Problem:
    """Tell of a capture that a suite has not made."""
    what = {"failed": "has failed", "stopped": "was stopped"}.get(entry.status, "is not done")
    reason = f": {entry.reason}" if entry.reason else ""
    hint = "run the suite again with --resume, or merge others alone with --include"
    if is_killed(report, path.parent):
        reason = reason or ": the suite was interrupted without a word, though suite.json says that it is running"
    elif report.state == "running":
        reason, hint = (
            reason or ": the suite is at work",
            "wait until it has ended, or merge others alone with --include",
        )
    return Problem(where=f"{printable(path)}: {entry.name}", problem=f"{what}{reason}", hint=hint)
