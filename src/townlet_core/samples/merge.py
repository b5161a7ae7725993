"""Merges the metrics of captures into the golden ones: what changed is reviewed, and taken where it is accepted."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field

from townlet_core.errors import OutputError, SampleError, UsageError
from townlet_core.locks import only_one
from townlet_core.samples.findings import Problem
from townlet_core.samples.gathering import gather
from townlet_core.samples.goldens import (
    CHANGES,
    SELECTOR,
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
from townlet_core.samples.jsonfile import is_there, parse_model
from townlet_core.samples.manifest import files_of
from townlet_core.samples.metrics import read_metrics
from townlet_core.samples.provenance import git_commit, printable, version_of
from townlet_core.samples.putting import put_in_place
from townlet_core.samples.seal import bytes_sha256
from townlet_core.schema import StrictModel

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
    captures, refused, notes = gather(request.root, request.include, allow_template=request.allow_template)
    _check_place(output)
    with nullcontext() if request.dry_run else _only_merge(output):
        golden, tolerances = read_golden(request.golden), read_tolerances(request.golden)
        if output != request.golden.resolve():
            _check_elsewhere(output)
        if not is_there(request.golden):
            notes.append(f"{request.golden} is not there yet")
        if not is_there(beside(request.golden, TOLERANCES)):
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
        if not selector or selector.count("/") > 3:
            raise UsageError(f"must be {SELECTOR}, found '{selector}'", where="--accept")


def _check_place(output: Path) -> None:
    """Refuse a place for the golden where nothing can be written, or something else is.

    Raises:
        OutputError: it is.
    """
    try:
        output.parent.stat()
        is_other = output.exists() and not output.is_file()
    except (FileNotFoundError, NotADirectoryError) as error:
        hint = "run it where the golden is, make the folder, or name another file"
        raise OutputError("there is no such folder", where=str(output.parent), hint=hint) from error
    except OSError as error:
        raise OutputError(f"cannot be written: {(error.strerror or str(error)).lower()}", where=str(output)) from error
    if is_other:
        raise OutputError("is not a file", where=str(output), hint="name another file")


def _check_elsewhere(output: Path) -> None:
    """Refuse to write the result over what is no golden.

    Raises:
        OutputError: it is none.
    """
    try:
        read_golden(output)
    except SampleError as error:
        hint = "name another file, or move it away"
        raise OutputError("is there already, and holds no golden metrics", where=str(output), hint=hint) from error


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
        log = beside(output, CHANGES).resolve()
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
    lines = _lines(log)
    if lines:
        last = parse_model(Accepted, lines[-1], log)
        if last.before == known and last.after != known:
            lines.pop()
    return ("\n".join([*lines, json.dumps(entry.model_dump(mode="json"), ensure_ascii=False)]) + "\n").encode()


def _lines(log: Path) -> list[str]:
    """Read the file of accepted changes; there are none where there is no file.

    Raises:
        SampleError: it is no such file.
    """
    if not is_there(log):
        return []
    if not log.is_file():
        raise SampleError("is not a file", where=str(log), hint="move it away")
    try:
        return log.read_bytes().decode().splitlines()
    except UnicodeDecodeError as error:
        raise SampleError(f"not UTF-8: byte {error.start}", where=str(log)) from error


@contextmanager
def _only_merge(output: Path) -> Iterator[None]:
    """Keep other merges out of the folder of the output; the lock goes with the process.

    Raises:
        OutputError: another merge is writing there; or what the body does cannot be done, and nothing is changed.
    """
    try:
        with only_one(output.parent, "another merge is writing here", hint="wait until it has ended"):
            yield
    except OSError as error:
        todo = "free some space; " if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        reason, hint = (error.strerror or str(error)).lower(), f"{todo}the golden is as it was"
        raise OutputError(f"cannot be written: {reason}", where=str(output), hint=hint) from error
