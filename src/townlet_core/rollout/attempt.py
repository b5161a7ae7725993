"""What a worker does: one attempt at a capture, with a log of its own."""

from __future__ import annotations

import faulthandler
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from townlet_core.errors import ConfigError, InputError, OutputError, TownletError, UsageError
from townlet_core.rollout.capture import capture, plan_capture
from townlet_core.rollout.keeping import Kept, find_kept
from townlet_core.rollout.suite_log import line, open_log
from townlet_core.rollout.task import Advanced, Began, Captured, Failed, News, Task
from townlet_core.samples.commit import clear_up

PROGRESS_SECONDS = 0.2
STDOUT, STDERR = 1, 2


def attempt(task: Task, tell: Callable[[News], None]) -> Captured | Failed:
    """Make a capture, or find that it is there already; give what came of it.

    Args:
        tell: hears that it has begun, and of its progress.
    """
    began = time.monotonic()
    tell(Began())
    try:
        check_place(task)
        with _logged(task.log, is_first=task.attempt == 1):
            _say(f"attempt {task.attempt} at {task.name}, by process {os.getpid()} on {platform.node()}")
            return _attempt(task, tell)
    except TownletError as error:
        is_final = isinstance(error, UsageError | ConfigError)
        return Failed(_reason(error), is_final=is_final, seconds=time.monotonic() - began)
    except OSError as error:  # of the capture's own folder, capture has made one of the former
        reason = f"{task.log}: cannot be written: {(error.strerror or str(error)).lower()}"
        return Failed(reason, seconds=time.monotonic() - began)


def _attempt(task: Task, tell: Callable[[News], None]) -> Captured:
    """Do it, and say in the log how it went. A log that cannot be written any more changes nothing about that."""
    try:
        made = _made(task, tell)
    except TownletError as error:
        _say_if_possible(f"failed\nerror: {error}")
        raise
    except MemoryError as error:
        _say_if_possible("failed: there is not enough memory")
        raise TownletError("there is not enough memory for this", hint="take fewer --jobs or --worlds") from error
    except (SystemExit, KeyboardInterrupt):
        _say_if_possible("ended before it was done")
        raise
    remarks = [
        f"{kind}: {text}" for kind, texts in (("note", made.notes), ("warning", made.warnings)) for text in texts
    ]
    what = "kept" if made.kept else "captured"
    try:
        for remark in remarks:
            _write(remark)
        _say(f"{what}: {made.agent_steps:,} agent-steps in {made.samples:,} lives, {made.seconds:.2f} s")
    except OSError as error:
        doubt = f"its log is not complete: {(error.strerror or str(error)).lower()}"
        return replace(made, warnings=(*made.warnings, doubt))
    return made


def _made(task: Task, tell: Callable[[News], None]) -> Captured:
    """Keep what is there, or capture."""
    redone = None
    request = task.request
    if task.resume:
        began = time.monotonic()
        clear_up(request.output, option="--output-root")
        found = find_kept(plan_capture(request))
        if isinstance(found, Kept):
            return _captured_before(found, time.monotonic() - began)
        redone = found
        if redone is not None:
            _say(f"captured anew: {redone}")
    report = capture(request, on_progress=_throttled(tell))
    return Captured(
        kept=False,
        reason=redone and f"made anew: {redone}",
        scenario=report.scenario,
        config_hash=report.config_hash,
        seed=report.seed,
        agents=report.agents,
        ticks=report.ticks,
        samples=len(report.samples),
        agent_steps=report.agent_steps,
        seconds=report.seconds,
        warnings=tuple(warning.text for warning in report.warnings),
        notes=report.notes,
    )


def _captured_before(found: Kept, seconds: float) -> Captured:
    """Tell of a capture that is kept what its files tell."""
    seal = found.seal
    return Captured(
        kept=True,
        reason=found.otherwise,
        scenario=found.manifest.metadata.scenario_name,
        config_hash=seal.config_hash,
        seed=seal.seed,
        agents=found.agents,
        ticks=seal.ticks,
        samples=len(found.manifest.samples),
        agent_steps=sum(entry.frame_count for entry in found.manifest.samples),
        seconds=seconds,
    )


def check_place(task: Task) -> None:
    """Refuse to work where others do not see what is written, and go where relative paths begin.

    Raises:
        OutputError: the folder of the suite is another one here.
        InputError: the folder that paths begin at is not here.
    """
    if not shares_folder(task):
        hint = "give an --output-root that all machines share"
        raise OutputError(f"is not the same folder on {platform.node()}", where=str(task.token.parent), hint=hint)
    try:
        os.chdir(task.folder)
    except OSError as error:
        hint = "start the suite in a folder that all machines share"
        raise InputError(f"is not there on {platform.node()}", where=task.folder, hint=hint) from error


def shares_folder(task: Task) -> bool:
    """Say whether what is written here into the folder of the suite is seen where the suite is."""
    try:
        return task.token.read_text("utf-8") == task.word
    except OSError:
        return False


@contextmanager
def _logged(log: Path, *, is_first: bool) -> Iterator[None]:
    """Send all that is printed, by whomever, to a log.

    Raises:
        OutputError: it cannot be written.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = open_log(log, anew=is_first)
    streams = (STDOUT, STDERR)
    before = [os.dup(stream) for stream in streams]
    _flush()
    for stream in streams:
        os.dup2(descriptor, stream)
    os.close(descriptor)
    faulthandler.enable(STDERR)
    try:
        yield
    finally:
        _flush()
        for stream, old in zip(streams, before, strict=True):
            os.dup2(old, stream)
            os.close(old)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def _say(text: str) -> None:
    """Write a line into the log, with the time."""
    os.write(STDOUT, line(text))  # sys.stdout may be somebody else's


def _say_if_possible(text: str) -> None:
    with suppress(OSError):
        _say(text)


def _write(text: str) -> None:
    os.write(STDOUT, f"{text}\n".encode("utf-8", "backslashreplace"))


def _reason(error: TownletError) -> str:
    """Word an error in a line."""
    problems = error.problems if isinstance(error, ConfigError) else [error]
    first = problems[0]
    more = f" (and {len(problems) - 1} more, in the log)" if len(problems) > 1 else ""
    return f"{first.where}: {first.problem}{more}" if first.where else f"{first.problem}{more}"


def _throttled(tell: Callable[[News], None]) -> Callable[[int, int], None]:
    """Tell of progress no more often than anybody can see."""
    last = time.monotonic()

    def on_progress(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= PROGRESS_SECONDS:
            last = now
            tell(Advanced(done, total))

    return on_progress
