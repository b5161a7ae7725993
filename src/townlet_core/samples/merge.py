"""Merges the metrics of captures into the golden ones: what changed is reviewed, and taken where it is accepted."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import Field

from townlet_core.errors import OutputError, SampleError, UsageError
from townlet_core.samples.findings import Problem, problem_of
from townlet_core.samples.goldens import (
    CHANGES,
    TOLERANCES,
    Change,
    Kind,
    Review,
    Stats,
    accept,
    apply,
    beside,
    golden_bytes,
    read_golden,
    read_tolerances,
    review,
)
from townlet_core.samples.jsonfile import parse_model
from townlet_core.samples.manifest import STAGE_PREFIX, Manifest, files_of, manifests_below, read_manifest
from townlet_core.samples.metrics import read_metrics
from townlet_core.samples.provenance import git_commit, printable, version_of
from townlet_core.samples.putting import put_in_place
from townlet_core.samples.seal import bytes_sha256
from townlet_core.samples.verify import examine
from townlet_core.schema import StrictModel

TEMPLATE = "_"  # what the names of templates begin with
KINDS: tuple[Kind, ...] = ("changed", "added", "removed", "tolerated")


@dataclass(frozen=True)
class MergeRequest:
    """What to merge, and into what."""

    root: Path
    golden: Path
    output: Path | None = None  # None: the golden itself
    include: tuple[str, ...] = ()  # globs of scenarios; none: all of them
    allow_template: bool = False
    dry_run: bool = False
    accept: tuple[str, ...] = ()  # selectors
    reason: str | None = None  # why they are accepted


class Accepted(StrictModel):
    """A line of the file of accepted changes: why the golden is not what it was."""

    when: str = Field(description="UTC, ISO 8601")
    reason: str | None = Field(description="why, in the words of who accepted it; none where scenarios came new")
    accept: tuple[str, ...] = Field(description="the selectors that were given")
    scenarios: tuple[str, ...] = Field(description="those of which something was accepted")
    counts: dict[str, int] = Field(description="metrics by what was with them")
    before: str | None = Field(description="sha256 of the golden before; none where there was no file")
    after: str = Field(description="sha256 of the golden after")
    tool_version: str | None = Field(description="version of Townlet; none where it runs uninstalled")
    commit: str | None = Field(description="git commit of the program; none where that is not known")


class MergeReport(StrictModel):
    """What came of a merge, printed by --json."""

    golden: str = Field(description="the golden that was compared with")
    output: str = Field(description="the file that takes what was accepted")
    captures: dict[str, str] = Field(description="scenario -> folder of its capture")
    notes: tuple[str, ...] = Field(description="what is good to know")
    refused: tuple[Problem, ...] = Field(description="what is wrong with captures; nothing is merged then")
    counts: dict[str, int] = Field(description="metrics by what is with them")
    changes: tuple[Change, ...] = Field(description="all that is not as the golden says")
    open: int = Field(description="changes that nobody has accepted and no tolerance excuses")
    written: bool = Field(description="the output was written")


def merge(request: MergeRequest) -> MergeReport:
    """Compare captures with the golden metrics, and write what was accepted, and why.

    Raises:
        UsageError: options that make no sense, or a selector that names no change.
        SampleError: there is nothing to merge, or the golden or its tolerances cannot be read.
        OutputError: another merge is writing, or the output cannot be written; it is as it was then.
    """
    _check(request)
    output = (request.output or request.golden).resolve()
    captures, refused, notes = _captures(request)
    if not output.parent.is_dir():
        hint = "run it where the golden is, make the folder, or name another file"
        raise OutputError("there is no such folder", where=str(output.parent), hint=hint)
    with nullcontext() if request.dry_run else _only_merge(output):
        golden, tolerances = read_golden(request.golden), read_tolerances(request.golden)
        if not request.golden.exists():
            notes.append(f"{request.golden} is not there yet")
        if not beside(request.golden, TOLERANCES).exists():
            notes.append(f"{beside(request.golden, TOLERANCES)} is not there, so every difference is a change")
        found, written = Review((), 0), False
        if not refused:
            metrics = {name: read_metrics(files_of(path).metrics).samples for name, path in captures.items()}
            found = review(golden, metrics, tolerances)
            found = found._replace(changes=accept(found.changes, request.accept, golden))
            written = not request.dry_run and _take(request, output, golden, found)
    return MergeReport(
        golden=printable(request.golden),
        output=printable(request.output or request.golden),
        captures={name: printable(path.parent) for name, path in captures.items()},
        notes=tuple(notes),
        refused=tuple(refused),
        counts={kind: found.count(kind) for kind in KINDS} | {"unchanged": found.unchanged},
        changes=found.changes,
        open=found.open,
        written=written,
    )


def _check(request: MergeRequest) -> None:
    """Refuse options that make no sense together."""
    if request.accept and not (request.reason or "").strip():
        raise UsageError("needs --reason", where="--accept", hint="say in a sentence why the new numbers are right")
    if request.reason is not None and not request.accept:
        raise UsageError("is for what is accepted", where="--reason", hint="say what that is with --accept")
    for selector in request.accept:
        if not selector or selector.count("/") > 2:
            raise UsageError(f"must be SCENARIO[/SAMPLE[/METRIC]], found '{selector}'", where="--accept")


def _captures(request: MergeRequest) -> tuple[dict[str, Path], list[Problem], list[str]]:
    """Find the captures below a root; give their manifests by scenario, what is wrong with them, and what was left out.

    Raises:
        SampleError: there is nothing to merge.
    """
    captures: dict[str, Path] = {}
    problems: list[Problem] = []
    notes: list[str] = []
    found = manifests_below(request.root)
    for path in found:
        try:
            name = _scenario_of(path)
        except SampleError as error:
            problems.append(problem_of(error))
            continue
        if request.include and not any(fnmatchcase(name, glob) for glob in request.include):
            continue
        if name.startswith(TEMPLATE) and not request.allow_template:
            notes.append(f"{path.parent} is of the template {name}: passed over without --allow-template")
        elif name in captures:
            hint = "keep one of them there"
            problems.append(Problem(where=printable(path), problem=f"is of {name}, as is {captures[name]}", hint=hint))
        else:
            captures[name] = path
            problems += examine(path).problems or _missing(path)
    problems += _incomplete(request.root, {path.parent for path in found})
    if not captures and not problems:
        left = f" of {', '.join(request.include)}" if request.include else ""
        hint = "make captures there with 'townlet rollout capture SCENARIO --output ROOT/SCENARIO'"
        raise SampleError(f"holds no capture{left} to merge", where=str(request.root), hint=hint)
    return captures, problems, notes


def _scenario_of(path: Path) -> str:
    """Give the name that the golden has for the scenario of a capture: that of its configuration."""
    manifest = read_manifest(path)
    if not isinstance(manifest, Manifest):
        raise SampleError("has no seal, as the predecessor's have none", where=str(path), hint="capture again")
    return manifest.metadata.config_id


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
        hidden = any(part.startswith(".") for part in sample.relative_to(root).parts)
        if not hidden and not any(folder in whole for folder in sample.parents):
            whole.add(sample.parent)
            problem = f"holds samples such as {sample.name} and no manifest"
            yield Problem(where=printable(sample.parent), problem=problem, hint="capture again")


def _take(request: MergeRequest, output: Path, golden: Stats, found: Review) -> bool:
    """Write what was accepted, if it makes a difference; say whether it did."""
    merged = apply(golden, found.changes)
    elsewhere = output != request.golden.resolve()
    any_taken = any(change.taken for change in found.changes)
    if not any_taken and (found.open or not elsewhere):
        return False
    data = golden_bytes(merged)
    before = output.read_bytes() if output.exists() else None
    if data == before or (before is not None and not elsewhere and merged == golden):
        return False
    files = [(output, data)]
    if any_taken:
        log = beside(output, CHANGES)
        files.insert(0, (log, _log_with(log, request, found, before, data)))
    put_in_place(files)
    return True


def _log_with(log: Path, request: MergeRequest, found: Review, before: bytes | None, after: bytes) -> bytes:
    """Give the file of accepted changes with one more; an entry of a merge that did not come to its end is dropped."""
    accepted = [change for change in found.changes if change.taken]
    known = before if before is None else bytes_sha256(before)
    entry = Accepted(
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        reason=request.reason,
        accept=request.accept,
        scenarios=tuple(dict.fromkeys(change.scenario for change in accepted)),
        counts={kind: count for kind in KINDS if (count := sum(change.kind == kind for change in accepted))},
        before=known,
        after=bytes_sha256(after),
        tool_version=version_of("townlet"),
        commit=git_commit(),
    )
    lines = log.read_text("utf-8").splitlines() if log.exists() else []
    if lines:
        last = parse_model(Accepted, lines[-1], log)
        if last.before == known and last.after != known:
            lines.pop()
    return ("\n".join([*lines, json.dumps(entry.model_dump(mode="json"), ensure_ascii=False)]) + "\n").encode()


@contextmanager
def _only_merge(output: Path) -> Iterator[None]:
    """Keep other merges out of the folder of the output; the lock goes with the process.

    Raises:
        OutputError: another merge is writing there; or what the body does cannot be done, and nothing is changed.
    """
    descriptor = -1
    try:
        descriptor = os.open(output.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            hint = "wait until it has ended"
            raise OutputError("another merge is writing here", where=str(output.parent), hint=hint) from error
        yield
    except OSError as error:
        todo = "free some space; " if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        reason, hint = (error.strerror or str(error)).lower(), f"{todo}the golden is as it was"
        raise OutputError(f"cannot be written: {reason}", where=str(output), hint=hint) from error
    finally:
        if descriptor >= 0:
            os.close(descriptor)
