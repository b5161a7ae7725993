"""The one decorator of all kernels, and the folder in which their machine code is kept.

Numba's cache looks only at the file of the outermost function, so a constant changed elsewhere would bring back the
old result: the folder's name therefore contains a hash of the sources of this package. `_nrt=False` leaves out
reference counting (kernels then run two to four times faster, and two threads scale) and forbids allocation inside
kernels; it is an underscore option of Numba (0.60 to 0.68 have it): should it go, leave it out here and all else still
works, more slowly.

With `NUMBA_DISABLE_JIT=1` the same functions run as plain Python on `np.recarray` views, with the same bits.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., Any])
PACKAGE = Path(__file__).resolve().parents[1]
KEEP_DAYS = 30
_numba: Any = numba  # its types know neither `_nrt` nor the settings in `config`


def kernel_sources() -> list[Path]:
    """List the files that kernels are made from, constants they use included."""
    folders = [file for part in ("world", "policy") for file in (PACKAGE / part).rglob("*.py")]
    files = ("config/expression.py", "rollout/collect.py", "rollout/frames.py")
    return sorted([*folders, *(PACKAGE / file for file in files)])


def source_hash() -> str:
    """Hash the sources that kernels are made from, with the versions that compile them."""
    digest = hashlib.sha256(f"{numba.__version__} {np.__version__}".encode())
    for file in kernel_sources():
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Choose and make the folder for machine code.

    It lies under NUMBA_CACHE_DIR, XDG_CACHE_HOME or ~/.cache; where nothing can be written, among temporary files.
    """
    name = source_hash()
    try:
        base = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = Path(base) / "townlet" / "kernels" / name
        prepare(folder)
    except (OSError, RuntimeError):  # the latter: there is no home
        folder = private_folder() / name
        prepare(folder)
    return folder


def private_folder() -> Path:
    """Make a folder among the temporary files that nobody else can have put code into; it stays if it has our name."""
    folder = Path(tempfile.gettempdir()) / f"townlet-kernels-{os.getuid()}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
        return folder
    fresh = Path(tempfile.mkdtemp(prefix=f"{folder.name}-"))
    atexit.register(shutil.rmtree, fresh, ignore_errors=True)
    return fresh


def prepare(folder: Path) -> None:
    """Make the folder of kernels, or mark it as used; a new one is the occasion to drop what nobody uses.

    Raises:
        OSError: nothing can be written there.
    """
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        drop_old_kernels(folder.parent)
    os.utime(folder)
    if not os.access(folder, os.W_OK):
        raise PermissionError(folder)


def drop_old_kernels(kernels: Path) -> None:
    """Remove what no run has touched for KEEP_DAYS."""
    oldest = time.time() - KEEP_DAYS * 86_400
    for folder in kernels.iterdir():
        if folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)


_numba.config.CACHE_DIR = str(cache_folder())
_OPTIONS = {"nogil": True, "error_model": "numpy", "_nrt": False, "no_cfunc_wrapper": True}
if _numba.config.DISABLE_JIT:
    np.seterr(over="ignore")  # 64-bit keys wrap around, by design


class Kernel:
    """A compiled function: other kernels call its code directly or have it inlined, Python calls it through a wrapper.

    The wrapper is made, and kept in the cache together with all code that it needs, when Python first calls it. To
    give every kernel a wrapper, which unpacks dozens of arrays, and a place in the cache would make the first
    compilation half as long again and the cache six times as large.
    """

    def __init__(self, function: Callable[..., Any], *, inlined: bool) -> None:
        functools.update_wrapper(self, function)
        self._inner = _numba.njit(no_cpython_wrapper=True, forceinline=inlined, **_OPTIONS)(function)
        self._outer = _numba.njit(cache=True, **_OPTIONS)(function)
        self._numba_type_ = numba.types.Dispatcher(self._inner)  # what this object is to the code of other kernels

    def __call__(self, *args: Any) -> Any:
        return self._outer(*args)


def kernel(function: F) -> F:
    """Compile a module-level function on its first call, from the cache where it can.

    It becomes part of the code of the kernels that call it: a call copies every array of a tuple such as the tables,
    120 words, and costs more than most rules do. With all calls a tick takes twice as long.
    """
    compiled: Any = function if _numba.config.DISABLE_JIT else Kernel(function, inlined=True)
    return cast(F, compiled)


def kernel_apart(function: F) -> F:
    """Compile a kernel that stays a function of its own: a large one, called once for all agents of a world."""
    compiled: Any = function if _numba.config.DISABLE_JIT else Kernel(function, inlined=False)
    return cast(F, compiled)


def records(array: NDArray[Any]) -> NDArray[Any]:
    """Give the fields of records attribute access where kernels run as plain Python."""
    return array.view(np.recarray) if _numba.config.DISABLE_JIT and array.dtype.names else array
