"""Makes the n-th write, fsync, rename, ... below a folder fail or kill, in a child of this process.

Patched are the doors through which Python changes a disk: `open`, which gets a raw file of our own below its buffer, so
that the writes of zipfile, NumPy, safetensors and json are seen as the kernel would see them; and os.write, os.fsync,
os.rename, os.replace, os.mkdir, os.unlink, os.rmdir and os.open. Not seen are writes by C code to a descriptor of its
own (ndarray.tofile, mmap, shutil's sendfile, Pillow's encoders given a real file): of these Townlet has only the copies
of damaged files that a repair sets aside. Nor is the loss of what was never synced: a kill is not a
power cut, and what is left to chance there is what the syncs are for.
"""

from __future__ import annotations

import builtins
import errno
import gc
import io
import os
import signal
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from townlet_core.errors import TownletError

Kind = Literal["create", "write", "fsync", "rename", "remove", "mkdir"]
Failure = Literal["disk full", "bad disk", "kill"]

GROWING = ("create", "write", "mkdir")  # what a full disk goes on refusing
ERRORS = {"disk full": errno.ENOSPC, "bad disk": errno.EIO}


class Fault(NamedTuple):
    """What goes wrong: the number-th of a kind, from 1. A full disk stays full; a bad one fails once."""

    kind: Kind
    number: int
    failure: Failure


class Ended(NamedTuple):
    """How a child ended."""

    code: int  # negative: the signal that killed it
    said: str  # on standard error
    counts: Counter[str]  # steps by kind


class Injector:
    """Counts the steps below a folder, and has one of them fail."""

    def __init__(self, folder: Path, fault: Fault | None) -> None:
        self._folder = os.path.realpath(folder)
        self._fault = fault
        self._lock = threading.Lock()
        self._full = False
        self.counts: Counter[str] = Counter()

    def step(self, kind: Kind, place: Any, *, at: int | None = None, first: Callable[[], object] | None = None) -> None:
        """Count a step, and fail instead of it; `first` does what of it is done before that.

        Args:
            at: descriptor of the folder that a relative place is in.
        """
        if not self._is_below(place, at):
            return
        with self._lock:
            self.counts[kind] += 1
            fails = self._fault is not None and (kind, self.counts[kind]) == self._fault[:2]
            fails = fails or (self._full and kind in GROWING)
            self._full = self._full or (fails and self._fault is not None and self._fault.failure == "disk full")
        if fails and self._fault is not None:
            if first is not None:
                first()
            if self._fault.failure == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            number = ERRORS[self._fault.failure]
            raise OSError(number, os.strerror(number), *((os.fspath(place),) if not isinstance(place, int) else ()))

    def _is_below(self, place: Any, at: int | None) -> bool:
        if isinstance(place, int):
            path = os.readlink(f"/proc/self/fd/{place}")
        else:
            start = os.getcwd() if at is None else os.readlink(f"/proc/self/fd/{at}")
            path = os.path.join(start, os.fspath(place))
        path = os.path.normpath(path)
        return f"{path}/".startswith(f"{self._folder}/")

    def patch(self) -> None:
        """Put the doors under watch, for as long as this process lives."""
        for kind, names in (("rename", ("rename", "replace")), ("remove", ("unlink", "remove", "rmdir")),
                            ("mkdir", ("mkdir",)), ("fsync", ("fsync", "fdatasync"))):  # fmt: skip
            for name in names:
                setattr(os, name, self._watched(kind, getattr(os, name)))  # type: ignore[arg-type]
        os.open = self._open(os.open)
        os.write = self._write(os.write)
        builtins.open = io.open = self._file_open(io.open)

    def _watched(self, kind: Kind, real: Callable[..., Any]) -> Callable[..., Any]:
        def door(place: Any, *others: Any, dir_fd: int | None = None, **options: Any) -> Any:
            self.step(kind, place, at=dir_fd)
            if dir_fd is not None:
                options["dir_fd"] = dir_fd
            return real(place, *others, **options)

        return door

    def _open(self, real: Callable[..., int]) -> Callable[..., int]:
        def door(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            if flags & os.O_CREAT and not os.path.lexists(path):
                self.step("create", path, at=dir_fd)
            return real(path, flags, mode, dir_fd=dir_fd)

        return door

    def _write(self, real: Callable[[int, Any], int]) -> Callable[[int, Any], int]:
        def door(descriptor: int, data: Any) -> int:
            self.step("write", descriptor, first=lambda: real(descriptor, bytes(data)[: len(data) // 2]))
            return real(descriptor, data)

        return door

    def _file_open(self, real: Callable[..., Any]) -> Callable[..., Any]:
        injector = self

        class RawFile(io.FileIO):
            def write(self, data: Any) -> int:
                half = bytes(data)[: len(data) // 2]
                injector.step("write", self.fileno(), first=lambda: io.FileIO.write(self, half))
                return super().write(data)

        def door(
            file: Any,
            mode: str = "r",
            buffering: int = -1,
            encoding: str | None = None,
            errors: str | None = None,
            newline: str | None = None,
            closefd: bool = True,
            opener: Any = None,
        ) -> Any:
            if isinstance(file, int) or not set(mode) & set("wxa+") or not injector._is_below(file, None):
                return real(file, mode, buffering, encoding, errors, newline, closefd, opener)
            if not os.path.lexists(file) or "x" in mode:
                injector.step("create", file)
            raw = RawFile(file, mode.replace("b", "").replace("t", ""), closefd, opener)
            if buffering == 0:
                return raw
            buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding or "utf-8", errors, newline)

        return door


def run(folder: Path, action: Callable[[], int], fault: Fault | None = None) -> Ended:
    """Run an action in a child that works in a folder and has a fault there."""
    said, counted = (folder.with_name(f"{folder.name}.{ending}") for ending in ("stderr", "counts"))
    child = os.fork()
    if child == 0:
        gc.freeze()  # what is there now is no litter of the action's
        code = 99
        try:
            code = _run(folder, action, fault, said, counted)
        finally:
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    counts = Counter(counted.read_text().split()) if status >= 0 else Counter()
    return Ended(status, said.read_text(), counts)


def _run(folder: Path, action: Callable[[], int], fault: Fault | None, said: Path, counted: Path) -> int:
    """Be the child: speak into files, have the fault, act, and write what was counted."""
    for number, target in ((1, Path(os.devnull)), (2, said)):
        os.dup2(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115  # lives as it does
    sys.unraisablehook = sys.__unraisablehook__
    os.chdir(folder)
    injector = Injector(folder, fault)
    injector.patch()
    try:
        code = action()
    except TownletError as error:  # as the boundary of the command does
        print(f"error: {error}", file=sys.stderr)
        code = error.exit_code
    except Exception:  # noqa: BLE001  # whatever it is, the parent shall see it
        print(traceback.format_exc(), file=sys.stderr)
        code = 70
    gc.collect()  # a file that nobody has closed complains now
    sys.stderr.flush()
    counted.write_text(" ".join(injector.counts.elements()))
    return code
