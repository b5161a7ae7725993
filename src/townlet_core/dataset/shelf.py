"""Where Minari keeps its datasets: a folder in which several exports may be at work, and each dataset is whole.

An export writes in a hidden folder of its own, which it has locked, and moves what it has written into place while it
has the shelf locked. So of two exports to one name the second finds the dataset of the first, as any later one does.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from townlet_core.errors import OutputError
from townlet_core.samples.putting import sync

DATA, METADATA = "data", "metadata.json"  # where Minari keeps them in the folder of a dataset
DRAFT = ".townlet-draft-"
NAMESPACE = "namespace_metadata.json"  # what Minari knows a namespace by
# In a draft: what is written, what it replaces, and where that was, as long as it may have to go back.
NEW, OLD, PLACE = "new", "old", "place"


@contextmanager
def drafted(shelf: Path) -> Iterator[Path]:
    """Lend a folder of one's own on a shelf, in which the dataset is to be NEW; clear away what killed exports left."""
    with _locked(shelf):
        for left in shelf.glob(f"{DRAFT}*"):
            _clear_if_left(left, shelf)
        draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=shelf))
        lock = _open(draft)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        (draft / NEW).mkdir()
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        os.close(lock)


def put(draft: Path, target: Path, shelf: Path, *, force: bool) -> None:
    """Give the dataset of a draft its name, in place of another if that is allowed.

    Raises:
        OutputError: the name was taken meanwhile.
    """
    with _locked(shelf):
        check_free(target, shelf, force=force)
        for namespace in reversed(_namespaces(target, shelf)):
            namespace.mkdir(exist_ok=True)
            if not (namespace / NAMESPACE).exists():
                (namespace / NAMESPACE).write_text("{}", encoding="utf-8")
        (draft / PLACE).write_text(str(target.relative_to(shelf)), encoding="utf-8")
        sync(draft / PLACE)
        sync(draft)
        if os.path.lexists(target):
            os.rename(target, draft / OLD)
        try:
            os.rename(draft / NEW, target)
        except OSError:
            _put_back(draft, shelf)
            raise
        sync(target.parent)
        (draft / PLACE).unlink()


def check_free(target: Path, shelf: Path, *, force: bool) -> None:
    """Refuse a name that is taken, unless by a dataset that may be replaced.

    Raises:
        OutputError: it is taken, or lies in the folder of a dataset, where Minari would not find it.
    """
    for namespace in _namespaces(target, shelf):
        if (namespace / DATA).exists():
            raise OutputError("is a dataset, and no namespace", where=str(namespace), hint="choose another name")
    if not os.path.lexists(target):
        return
    if not (target / DATA / METADATA).is_file():
        raise OutputError("is there already, and is no dataset", where=str(target), hint="choose another name")
    if not force:
        hint = "give --force to replace it, or choose another name"
        raise OutputError("holds a dataset already", where=str(target), hint=hint)


def _namespaces(target: Path, shelf: Path) -> list[Path]:
    """Give the folders between a dataset and the shelf, the innermost first."""
    return [shelf / above for above in list(target.relative_to(shelf).parents)[:-1]]


def _clear_if_left(draft: Path, shelf: Path) -> None:
    """Remove the draft of an export that was killed; what it had taken from its place goes back there."""
    if draft.is_symlink() or not draft.is_dir():
        return
    lock = _open(draft)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _put_back(draft, shelf)
        shutil.rmtree(draft, ignore_errors=True)
    except BlockingIOError:
        return  # it is at work
    finally:
        os.close(lock)


def _put_back(draft: Path, shelf: Path) -> None:
    """Put what a draft was to replace back into its place, if nothing has come there."""
    if os.path.lexists(draft / OLD) and (draft / PLACE).exists():
        place = shelf / (draft / PLACE).read_text(encoding="utf-8")
        if not os.path.lexists(place):
            os.rename(draft / OLD, place)


@contextmanager
def _locked(shelf: Path) -> Iterator[None]:
    """Keep other exports off a shelf for a moment, and wait for those that do so."""
    lock = _open(shelf)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
