"""Captures of machines that do not share the folder of the suite: what they need goes there, their files come here.

There a capture is made in a folder for that alone. Its files come in pieces, and are put in place here as those of any
capture are: all of them, or none.
"""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from townlet_core.config.load import own_files
from townlet_core.errors import InputError, OutputError, TownletError
from townlet_core.policy.decision import names_a_policy
from townlet_core.policy.saved import POLICY_JSON, WEIGHTS, find_checkpoint
from townlet_core.rollout.request import CaptureRequest
from townlet_core.rollout.suite_log import open_log
from townlet_core.rollout.task import Captured, Failed, News, Task
from townlet_core.samples.commit import Stage, staged
from townlet_core.samples.manifest import MANIFEST

PIECE_BYTES = 8 << 20
PREFIX = "townlet-away-"
YOUNG_SECONDS = 60.0  # a folder younger than that may not be locked yet


@dataclass(frozen=True)
class Parcel:
    """What a capture is made from: files by their absolute paths."""

    files: dict[str, bytes]


@dataclass(frozen=True)
class Piece:
    """What comes next in some files of a capture: their names, and bytes of each."""

    parts: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Log:
    """What an attempt has to say."""

    text: bytes


Sent = Log | Piece | Captured | Failed


def pack(request: CaptureRequest) -> Parcel:
    """Read the files that a capture is made from, and that do not come with the installation.

    Those that cannot be read are left out: the attempt says so.
    """
    files: dict[Path, Path] = {}  # what is read, by the path that it has there
    with suppress(TownletError):
        files |= {path: path for path in own_files(request.source, request.overrides)}
    if not names_a_policy(request.policy):
        with suppress(InputError):
            asked = Path(request.policy)
            checkpoint = find_checkpoint(asked)
            there = checkpoint if checkpoint.is_relative_to(asked) else asked  # a link goes as what it leads to
            files |= {there / name: checkpoint / name for name in (POLICY_JSON, WEIGHTS)}
    contents: dict[str, bytes] = {}
    for path, source in files.items():
        with suppress(OSError):
            contents[os.path.abspath(path)] = source.read_bytes()
    return Parcel(contents)


# Where the capture is made


def attempt_away(task: Task, parcel: Parcel, tell: Callable[[News], None]) -> Iterator[Sent]:
    """Make an attempt in a folder of its own; yield the log, the files in pieces, and at last what came of it."""
    from townlet_core.rollout.attempt import attempt

    missing = _missing(task.request, parcel)
    if missing is not None:
        yield Failed(f"{missing}: is not there on {platform.node()}; what has a relative path is sent", is_final=True)
        return
    with _scratch() as folder:
        here = _unpacked(task, parcel, folder)
        made = attempt(here, tell)
        if here.log.exists():
            yield Log(here.log.read_bytes())
        if isinstance(made, Captured):
            yield from _pieces(here.request.output)
    yield made


def _missing(request: CaptureRequest, parcel: Parcel) -> str | None:
    """Give an absolute path of something that is where the suite is, and not here."""
    places = (request.source, request.policy)
    for path in (place for place in places if os.path.isabs(place) and not os.path.exists(place)):
        if any(Path(file).is_relative_to(path) for file in parcel.files):
            return path
    return None


@contextmanager
def _scratch() -> Iterator[Path]:
    """Lend a folder, and remove those of processes that were killed."""
    root = Path(tempfile.gettempdir())
    for old in root.glob(f"{PREFIX}*"):
        with suppress(OSError):
            _remove_left(old)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _remove_left(folder: Path) -> None:
    """Remove a folder that nobody has locked."""
    if time.time() - folder.stat().st_mtime < YOUNG_SECONDS:
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    finally:
        os.close(descriptor)


def _unpacked(task: Task, parcel: Parcel, folder: Path) -> Task:
    """Lay out what was sent, so that relative paths lead to it; give the task as it is here."""
    root, token = folder / "in", folder / task.token.name
    for path, contents in parcel.files.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(contents)
    start = root / task.folder.lstrip("/")
    start.mkdir(parents=True, exist_ok=True)
    token.write_text(task.word, encoding="utf-8")
    request = replace(task.request, output=folder / "out")
    return replace(task, request=request, log=folder / "log", folder=str(start), token=token, resume=False)


def _pieces(folder: Path) -> Iterator[Piece]:
    """Read all files of a folder, the manifest last."""
    parts: list[tuple[str, bytes]] = []
    size = 0
    for path in sorted(folder.iterdir(), key=lambda path: (path.name.endswith(MANIFEST), path.name)):
        with path.open("rb") as file:
            while data := file.read(PIECE_BYTES - size):
                parts.append((path.name, data))
                size += len(data)
                if size == PIECE_BYTES:
                    yield Piece(tuple(parts))
                    parts, size = [], 0
    yield Piece(tuple(parts))


# Where the suite is


class Arrival:
    """What comes of an attempt made elsewhere, until it is whole."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._open = ExitStack()
        self._stage: Stage | None = None

    def take(self, sent: Sent) -> Captured | Failed | None:
        """Take what comes next; give what came of the attempt if this is the end of it."""
        try:
            return self._take(sent)
        except OutputError as error:
            problem = f"{error.where}: {error.problem}"
        except OSError as error:
            problem = f"{error.filename or self._task.request.output}: cannot be written: {str(error.strerror).lower()}"
        self.drop()
        return Failed(problem)

    def _take(self, sent: Sent) -> Captured | Failed | None:
        if isinstance(sent, Log):
            self._task.log.parent.mkdir(parents=True, exist_ok=True)
            with open(open_log(self._task.log, anew=self._task.attempt == 1), "ab") as log:
                log.write(sent.text)
        elif isinstance(sent, Piece):
            stage = self._stage = self._stage or self._begin()
            for name, data in sent.parts:
                with (stage.new / name).open("ab") as file:
                    file.write(data)
        else:
            if isinstance(sent, Captured) and self._stage is not None:
                self._stage.commit(self._task.request.prefix + MANIFEST)
            self.drop()
            return sent
        return None

    def _begin(self) -> Stage:
        request = self._task.request
        stage = staged(request.output, request.prefix, force=request.force, option="--output-root")
        return self._open.enter_context(stage)

    def drop(self) -> None:
        """Leave no trace of what has not been put in place."""
        self._open.close()
