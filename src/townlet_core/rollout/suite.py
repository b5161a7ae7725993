"""Many captures into one folder, several at a time: what is to be done, and who may do it."""

from __future__ import annotations

import fcntl
import os
import platform
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from townlet_core.config.find import find_configs
from townlet_core.errors import OutputError, SampleError, UsageError
from townlet_core.locks import open_lock
from townlet_core.rollout.request import CaptureRequest, check_request
from townlet_core.rollout.running import Rules, Run, Watcher
from townlet_core.rollout.task import Task
from townlet_core.rollout.workers import Workers
from townlet_core.samples.manifest import MANIFEST
from townlet_core.samples.suite_report import LOCK, SUITE, SuiteReport, check_report, read_report

HOLDER = re.compile(rb"\d+ on [^\n]* [0-9a-f]{16}\n")  # what stands in the lock: its process, its machine, by chance
MOST_CAPTURES = 100_000
MOST_RETRIES = 1000
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # of object storage; a path has lost one of its slashes


@dataclass(frozen=True)
class SuiteRequest:
    """What to capture, and where to."""

    sources: tuple[str, ...]  # paths, names and patterns of configurations
    root: Path
    every: CaptureRequest  # what is the same of all captures; its source, output and seed are not used
    rules: Rules
    seeds: tuple[int, ...] = ()  # none: each scenario's own
    resume: bool = False


def run_suite(request: SuiteRequest, workers: Workers, watcher: Watcher) -> SuiteReport:
    """Capture every scenario, with every seed, into a folder of its own; give what has become of each.

    One that fails never stops the others. Whatever goes wrong, what is under a final name is whole, and suite.json says
    how far it came.

    Args:
        watcher: hears of all that happens; at last of the report, also where an exception ends the suite.

    Raises:
        TownletError: nothing can be captured at all, or suite.json cannot be written.
    """
    _check(request)
    sources, notes = find_configs(request.sources)
    if len(sources) * max(1, len(request.seeds)) > MOST_CAPTURES:
        raise UsageError(f"are more than {MOST_CAPTURES:,} captures", where="--seeds", hint="make several suites of it")
    for text in notes:
        watcher.noted(text)
    with _only_suite(request.root) as (token, word):
        _tell_of_killed(request.root, watcher)
        tasks = list(_tasks(request, sources, token, word))
        if not (request.resume or request.every.force):
            _refuse_captures(tasks, request.root)
        note = workers.check(tasks[0])
        if note is not None:
            watcher.noted(note)
        return Run(request.root, tasks, workers, watcher, request.rules).to_the_end()


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read numbers and ranges such as 0:5, which ends before 5, with commas between them.

    Raises:
        UsageError: it is neither, or a seed comes twice.
    """
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,19})(?::(\d{1,19}))?", part.strip(), re.ASCII)
        first, end = (int(match[1]), int(match[2] or int(match[1]) + 1)) if match else (0, 0)
        if first >= end:
            problem = f"must be numbers or ranges such as 0:5, with commas between them, found '{text}'"
            raise UsageError(problem, where="--seeds", hint="0:5 is 0, 1, 2, 3 and 4")
        if len(seeds) + end - first > MOST_CAPTURES:
            raise UsageError(f"are more than {MOST_CAPTURES:,}", where="--seeds", hint="make several suites of it")
        seeds += range(first, end)
    if len(set(seeds)) < len(seeds):
        raise UsageError("name a seed twice", where="--seeds")
    return tuple(seeds)


def _check(request: SuiteRequest) -> None:
    """Refuse options that make no sense, before anything is done."""
    rules = request.rules
    if ADDRESS.match(str(request.root)):
        hint = "captures are put in place by renaming: mount the storage as a file system, or copy the folder there"
        raise UsageError("object storage cannot be written to", where="--output-root", hint=hint)
    if not 0 <= rules.retries <= MOST_RETRIES:
        problem = f"must be a whole number from 0 to {MOST_RETRIES}, found {rules.retries}"
        raise UsageError(problem, where="--retries")
    if rules.timeout is not None and not rules.timeout > 0:
        raise UsageError(f"must be more than 0 seconds, found {rules.timeout:g}", where="--timeout")
    if request.resume and request.every.force:
        hint = "--resume keeps what is right and makes the rest anew, --force makes all anew"
        raise UsageError("cannot go together with --force", where="--resume", hint=hint)
    for seed in (None, *request.seeds[-1:], *request.seeds[:1]):
        check_request(replace(request.every, seed=seed))


def _tasks(request: SuiteRequest, sources: dict[str, str], token: Path, word: str) -> Iterator[Task]:
    """Give what is to be done: every scenario, with every seed."""
    root = request.root.absolute()
    for stem, source in sources.items():
        for seed in request.seeds or (None,):
            name = stem if seed is None else f"{stem}/seed_{seed}"
            output = root / name
            force = request.every.force or request.resume
            yield Task(
                name=name,
                request=replace(request.every, source=source, output=output, seed=seed, force=force),
                log=output.with_name(f"{output.name}.log"),
                attempt=0,
                resume=request.resume,
                folder=os.getcwd(),
                token=token.absolute(),
                word=word,
            )


def _refuse_captures(tasks: list[Task], root: Path) -> None:
    """Refuse to begin where captures would be refused one by one."""
    there = [task.name for task in tasks if any(task.request.output.glob(f"*{MANIFEST}"))]
    if there:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        hint = "give --resume to keep what is right, --force to replace all, or choose another --output-root"
        raise OutputError(f"holds captures already ({there[0]}{more})", where=str(root), hint=hint)


@contextmanager
def _only_suite(root: Path) -> Iterator[tuple[Path, str]]:
    """Keep other suites out of a folder, which is made if need be; the lock goes with the process.

    Yields:
        the file that is locked, and what stands in it: nobody else has the same.

    Raises:
        OutputError: it cannot be written to, another suite is at work there, or suite.json is somebody else's.
    """
    lock = root / LOCK
    descriptor = -1
    try:
        try:
            _make(root)
            descriptor = open_lock(lock, HOLDER, instead="choose another --output-root")
            _take(descriptor, root)
            word = f"{os.getpid()} on {platform.node()} {secrets.token_hex(8)}\n"
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, word.encode(), 0)
        except OSError as error:
            problem = f"cannot be written: {(error.strerror or str(error)).lower()}"
            hint = "name a folder for the captures with --output-root"
            raise OutputError(problem, where=str(lock if os.path.lexists(lock) else root), hint=hint) from error
        check_report(root)
        yield lock, word
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _tell_of_killed(root: Path, watcher: Watcher) -> None:
    """Tell of a suite that says it is running in a folder whose lock is ours."""
    try:
        earlier = read_report(root / SUITE) if (root / SUITE).is_file() else None
    except SampleError:
        return  # it is written anew
    if earlier is not None and earlier.state == "running":
        watcher.noted("the suite before was interrupted without a word: its suite.json said that it was running")


def _make(root: Path) -> None:
    """Make a folder, or say what is in its place."""
    if os.path.lexists(root) and not root.is_dir():
        problem = "is not a folder" if root.exists() else "is a link that leads nowhere"
        raise OutputError(problem, where=str(root), hint="name a folder for the captures with --output-root")
    root.mkdir(parents=True, exist_ok=True)


def _take(descriptor: int, root: Path) -> None:
    """Lock a file, or say who has."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 300, 0).decode("utf-8", "replace").rpartition(" ")[0]
        problem = f"another suite is at work here, process {holder}" if holder else "another suite is at work here"
        hint = "wait until it has ended, or choose another --output-root"
        raise OutputError(problem, where=str(root), hint=hint) from error
    except OSError as error:
        raise OutputError(f"cannot be locked: {(error.strerror or str(error)).lower()}", where=str(root)) from error
