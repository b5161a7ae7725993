"""How a capture reaches its folder: whole, or not at all.

A capture is made in a hidden folder of its target, the stage, and every file is on the disk before any is moved. Then a
plan is written, the files of an earlier capture move into the stage's old/, the new ones out of its new/, the manifest
last. Where each file stands tells how far that went, so that it can be taken back at any point: after an exception by
the same process, after a kill or a power cut by the next capture into the folder.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO, Annotated

from townlet_core.errors import OutputError
from townlet_core.locks import only_one
from townlet_core.samples.jsonfile import json_bytes, parse_model, read_json, text_like
from townlet_core.samples.manifest import MANIFEST, STAGE_PREFIX
from townlet_core.samples.putting import sync
from townlet_core.samples.replacing import in_the_way, to_replace
from townlet_core.schema import StrictModel

PLAN = "plan.json"
ABOUT = "about.json"  # what is being captured, for a repair
NEW, OLD, SPOOL = "new", "old", "spool"
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SYNC_THREADS = 16  # a file system writes its journal once for all who wait: ten times faster with thousands of files


class Plan(StrictModel):
    """What a commit moves into place: names of files, the manifest last. It stands in the stage while that goes on."""

    new: tuple[Annotated[str, text_like(r"[^/.][^/]*", "the name of a file")], ...]


class Stage:
    """A capture in the making."""

    def __init__(self, folder: Path, target: Path, replaces: tuple[str, ...]) -> None:
        self._folder = folder
        self._target = target
        self.replaces = replaces  # files that make way for those of the capture
        self.new = folder / NEW  # the files of the capture
        self.about = folder / ABOUT
        self.spool = folder / SPOOL  # for files that are needed on the way
        for part in (NEW, OLD, SPOOL):
            (folder / part).mkdir(exist_ok=True)

    def create(self, name: str) -> IO[bytes]:
        """Open a file of the capture for writing; nobody sees it before the commit."""
        return (self.new / name).open("xb")

    def clear(self) -> None:
        """Remove the stage and all in it that has not been committed."""
        with undisturbed():
            _settle(self._folder, self._target)

    def commit(self, manifest: str) -> None:
        """Put all files that were created into place, instead of those of an earlier capture; the manifest last.

        Raises:
            OutputError: somebody else has put a file of that name there; nothing is changed.
        """
        new, old, target = self._folder / NEW, self._folder / OLD, self._target
        names = [*sorted(set(os.listdir(new)) - {manifest}), manifest]
        for name in names:
            if name not in self.replaces and os.path.lexists(target / name):
                raise in_the_way(target, name)
        with ThreadPoolExecutor(SYNC_THREADS) as pool:
            list(pool.map(sync, (new / name for name in names)))
        sync(new)
        with undisturbed():
            _write_plan(self._folder, Plan(new=tuple(names)))
            for name in self.replaces:
                if os.path.lexists(target / name):
                    os.rename(target / name, old / name)
            sync(old)
            sync(target)
            for name in names:
                if name == manifest:
                    sync(target)  # all others are there when the manifest comes
                os.rename(new / name, target / name)
            try:
                sync(target)
            except OSError:  # nobody knows whether it would outlast a power cut: it is taken back
                os.rename(target / manifest, new / manifest)
                raise


@contextmanager
def staged(
    target: Path,
    prefix: str,
    *,
    force: bool = False,
    replaces: tuple[str, ...] | None = None,
    option: str = "--output",
) -> Iterator[Stage]:
    """Lend a stage in a folder, which is made if need be. What has not been committed at the end is gone without trace.

    Args:
        replaces: files that make way; None: those of the captures that are there.
        option: that names the folder, for hints.

    Raises:
        OutputError: not a folder, not writable, in use, full; holds a capture and force is not given; or holds files
            with names of this capture that belong to none. Before the body runs, wherever that can be known.
    """
    made: list[Path] = []
    stages: list[Path] = []
    try:
        with undisturbed():
            _make(target, made, option)
        with _locked(target, option):
            try:
                with undisturbed():
                    recover(target)
                if replaces is None:
                    replaces = to_replace(target, prefix, option, force=force)
                with undisturbed():
                    stages.append(Path(tempfile.mkdtemp(prefix=STAGE_PREFIX, dir=target)))
                yield Stage(stages[0], target, replaces)
            finally:
                with undisturbed():
                    for stage in stages:
                        _settle(stage, target)
    except OSError as error:
        raise _cannot_write(error, target) from error
    finally:
        with undisturbed(), suppress(OSError):  # a folder that holds something stays
            for path in reversed(made):
                path.rmdir()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Have the signals that end a program wait until the body is done: what they interrupt here is never cleared up.

    Only the main thread is interrupted by signals, so elsewhere there is nothing to do.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    before = {number: signal.signal(number, lambda came, _: waiting.append(came)) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: it was not set from Python
        for came in waiting[:1]:
            signal.raise_signal(came)


@contextmanager
def left_behind(target: Path) -> Iterator[Stage | None]:
    """Lend the stage that a killed capture has left in a folder, with its commit taken back; None where there is none.

    It stays there unless the body commits or clears it. The folder is locked meanwhile.

    Raises:
        OutputError: a capture is writing there, or several have left something.
    """
    try:
        with _locked(target, "folder"):
            stages = _stages(target)
            if len(stages) > 1:
                hint = "the next capture into the folder clears them away"
                raise OutputError("several captures have left something", where=str(target), hint=hint)
            with undisturbed():
                ended = [stage for stage in stages if _withdraw(stage, target)]
                for stage in ended:
                    _settle(stage, target)
            try:
                yield Stage(stages[0], target, ()) if stages and not ended else None
            except BaseException:
                with undisturbed(), suppress(OSError):  # what stays half moved is taken back by the next
                    for stage in stages:
                        _withdraw(stage, target)
                raise
    except OSError as error:
        raise _cannot_write(error, target) from error


def _stages(target: Path) -> list[Path]:
    """Give what captures that were killed have left; a stage with links in it is none of ours."""
    found = sorted(target.glob(f"{STAGE_PREFIX}*"))
    return [stage for stage in found if not any(path.is_symlink() for path in (stage, stage / NEW, stage / OLD))]


def recover(target: Path) -> None:
    """Take back what captures that were killed have left half done. The caller holds the lock of the folder."""
    for stage in _stages(target):
        _settle(stage, target)


def clear_up(target: Path, *, option: str = "--output") -> None:
    """Take back what captures that were killed have left half done in a folder; remove it if nothing else is in it.

    Raises:
        OutputError: it cannot be done, or somebody writes there at this moment.
    """
    if not target.is_dir():
        return
    try:
        with _locked(target, option), undisturbed():
            recover(target)
            if not os.listdir(target):
                target.rmdir()
    except OSError as error:
        raise _cannot_write(error, target) from error


def _settle(stage: Path, target: Path) -> None:
    """Take a commit back unless it has come to its end, and remove the stage. Can itself be killed and called again."""
    _withdraw(stage, target)
    shutil.rmtree(stage, ignore_errors=True)


def _withdraw(stage: Path, target: Path) -> bool:
    """Take a commit back unless it has come to its end; say whether it has. Can itself be killed and called again."""
    ended = False
    if (stage / PLAN).exists():
        names = parse_model(Plan, read_json(stage / PLAN)[0], stage / PLAN).new
        ended = not (stage / NEW / names[-1]).exists()
        if not ended:
            _take_back(stage, target, names)
        with suppress(OSError) if ended else nullcontext():  # a commit that has ended is no failure any more
            os.unlink(stage / PLAN)  # from here on the stage is rubbish, even half removed
            sync(stage)
    return ended


def _take_back(stage: Path, target: Path, names: tuple[str, ...]) -> None:
    """Move all new files back into the stage, then all old ones back into place."""
    for name in names:
        if not os.path.lexists(stage / NEW / name) and os.path.lexists(target / name):
            os.rename(target / name, stage / NEW / name)
    sync(target)
    for name in sorted(os.listdir(stage / OLD), key=lambda name: (name.endswith(MANIFEST), name)):
        if os.path.lexists(target / name):
            raise in_the_way(target, name)
        os.rename(stage / OLD / name, target / name)
    sync(target)


def _write_plan(stage: Path, plan: Plan) -> None:
    """Write the plan so that it is there whole or not at all."""
    draft = stage / f"{PLAN}.draft"
    draft.write_bytes(json_bytes(plan))
    sync(draft)
    os.rename(draft, stage / PLAN)
    sync(stage)


def _make(target: Path, made: list[Path], option: str) -> None:
    """Make a folder and those above it, and note which were not there before."""
    if os.path.lexists(target) and not target.is_dir():
        raise OutputError("is not a folder", where=str(target), hint=f"name a folder for the capture with {option}")
    for path in reversed([path for path in (target, *target.parents) if not path.exists()]):
        with suppress(FileExistsError):  # somebody else was faster
            path.mkdir()
            made.append(path)


def _locked(target: Path, option: str) -> AbstractContextManager[None]:
    """Keep other captures out of a folder."""
    return only_one(
        target, "another capture is writing here", hint=f"wait until it has ended, or choose another {option}"
    )


def _cannot_write(error: OSError, target: Path) -> OutputError:
    """Say what kept the capture from being written, and where if that is outside its folder."""
    elsewhere = isinstance(error.filename, str) and not Path(error.filename).is_relative_to(target)
    where = error.filename if elsewhere else str(target)
    reason = (error.strerror or str(error)).lower()
    todo = "free some space; " if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
    return OutputError(f"cannot be written: {reason}", where=where, hint=f"{todo}nothing was changed there")
