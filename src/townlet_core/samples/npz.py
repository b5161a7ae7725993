"""NPZ files: written as a stream with the same bytes every time; read with every size checked before it is believed."""

from __future__ import annotations

import hashlib
import math
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from townlet_core.errors import SampleError
from townlet_core.samples.zipped import check_tight, is_as_written, new_entry, unpack

MAGIC = b"\x93NUMPY"
MAX_HEADER_BYTES = 4096
MAX_BYTES = 16 * 2**30  # all arrays of one file together: 8 million ticks of hybrid observations
MAX_DEFLATE_RATIO = 1032  # deflate cannot do better: 258 bytes in 2 bits
HEADER = re.compile(
    r"\{'descr': '(\|[biu]1|[<>][iu][248]|[<>]f[248])', 'fortran_order': (True|False), "
    r"'shape': \(((?:\d{1,18}(?:, \d{1,18}){0,7},?)?)\), \} *\n"
)
KINDS_OF_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, OverflowError)

Array = NDArray[Any]


class Stream(NamedTuple):
    """An array that is written in pieces."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    pieces: Iterable[Array]  # of that dtype; put one after another along the first axis they are the array


class Header(NamedTuple):
    """What stands before the contents of an array."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    size: int  # bytes of the header itself

    @property
    def contents_size(self) -> int:
        """Bytes of the contents."""
        return math.prod(self.shape) * self.dtype.itemsize


class ContentsHash:
    """The running hash of an array: its type, its shape and its contents, whatever they are packed in."""

    def __init__(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        self._hash = hashlib.sha256(f"{dtype.str} {','.join(map(str, shape))}\n".encode())
        self.update = self._hash.update
        self.hexdigest = self._hash.hexdigest


def array_sha256(array: Array) -> str:
    """Hash an array as the seal of a capture does."""
    contents = ContentsHash(array.dtype, array.shape)
    contents.update(np.ascontiguousarray(array).data)
    return contents.hexdigest()


def whole(name: str, array: Array) -> Stream:
    """Make a stream of an array that is at hand."""
    return Stream(name, array.dtype, array.shape, (array,))


def write_npz(file: IO[bytes], streams: Iterable[Stream], *, compress: bool = False) -> dict[str, str]:
    """Write arrays one after another, a piece at a time, and give the hash of each by name.

    Args:
        file: seekable, open for writing, at its beginning.
        streams: taken in turn, so that no two arrays need be in memory at once.
    """
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(file, "w", kind) as archive:
        return {stream.name: _write_array(archive, stream, kind) for stream in streams}


def _write_array(archive: zipfile.ZipFile, stream: Stream, kind: int) -> str:
    """Write one entry, and give the hash of its contents."""
    shape = ", ".join(map(str, stream.shape)) + ("," if len(stream.shape) == 1 else "")
    text = f"{{'descr': '{stream.dtype.str}', 'fortran_order': False, 'shape': ({shape}), }}"
    padded = text.ljust(-(-(len(text) + 11) // 64) * 64 - 11) + "\n"  # contents begin at a multiple of 64
    head = MAGIC + b"\x01\x00" + len(padded).to_bytes(2, "little") + padded.encode()
    size = math.prod(stream.shape) * stream.dtype.itemsize
    entry = new_entry(stream.name, len(head) + size, kind)
    contents = ContentsHash(stream.dtype, stream.shape)
    written = 0
    with archive.open(entry, "w") as target:
        target.write(head)
        for piece in stream.pieces:
            if piece.dtype != stream.dtype:
                raise ValueError(f"{stream.name}: a piece of {piece.dtype} for an array of {stream.dtype}")
            data = np.ascontiguousarray(piece).data.cast("B") if piece.size else b""
            target.write(data)
            contents.update(data)
            written += len(data)
    if written != size:
        raise ValueError(f"{stream.name}: {written} bytes of pieces for {size} bytes of array")
    return contents.hexdigest()


class NpzReader:
    """An NPZ file open for reading. Nothing is unpickled, and no size in it is believed before it is checked.

    Raises:
        SampleError: on opening and on reading: missing, truncated, altered, or larger than max_bytes; names the array.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        with self._blame():
            if path.exists() and not path.is_file():
                raise ValueError("is not a file")  # a device may have no end
            self._file = path.open("rb")
        try:
            with self._blame():
                self._archive = zipfile.ZipFile(self._file)
                check_tight(self._file, self._archive)
            self._entries = self._checked_entries(max_bytes)
            self.headers = {name: self._read_header(name) for name in self._entries}
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def is_as_written(self) -> bool:
        """Say whether it is packed as this program packs; another one has packed it anew, if not."""
        return all(is_as_written(self._file, entry) for entry in self._entries.values())

    def read(self, name: str) -> Array:
        """Read one array whole."""
        header = self._header(name)
        with self._blame(name):
            array = np.empty(header.shape[::-1] if header.fortran else header.shape, header.dtype)
        target = array.reshape(-1).view(np.uint8)
        at = 0
        for piece in self._pieces(name):
            target[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
            at += len(piece)
        return np.ascontiguousarray(array.T) if header.fortran else array

    def sha256(self, name: str) -> str:
        """Hash one array as the seal of a capture does, in pieces where its order allows."""
        header = self._header(name)
        if header.fortran:
            return array_sha256(self.read(name))
        contents = ContentsHash(header.dtype, header.shape)
        for piece in self._pieces(name):
            contents.update(piece)
        return contents.hexdigest()

    def _header(self, name: str) -> Header:
        if name not in self.headers:
            raise SampleError("no such array in the file", where=f"{self.path}: {name}")
        return self.headers[name]

    def _pieces(self, name: str) -> Iterator[bytes]:
        """Yield the contents of an array; its checksum has been checked when the last piece has come."""
        skip = self.headers[name].size
        with self._blame(name):
            for piece in unpack(self._file, self._entries[name]):
                yield piece[skip:]
                skip = max(0, skip - len(piece))

    def _checked_entries(self, max_bytes: int) -> dict[str, zipfile.ZipInfo]:
        """Give the entries by array name, refusing what no NPZ has and what cannot fit."""
        entries: dict[str, zipfile.ZipInfo] = {}
        total = 0
        for entry in self._archive.infolist():
            name = entry.filename.removesuffix(".npy")
            problem = self._problem_of(entry, known=name in entries)
            if problem:
                raise SampleError(problem, where=f"{self.path}: {name}")
            total += entry.file_size
            entries[name] = entry
        if total > max_bytes:
            raise SampleError(f"unpacks to {total} bytes, more than the limit of {max_bytes}", where=str(self.path))
        return entries

    @staticmethod
    def _problem_of(entry: zipfile.ZipInfo, *, known: bool) -> str | None:
        """Say what is wrong with an entry of the archive, as far as its directory tells."""
        packed = entry.compress_size
        most = packed if entry.compress_type == zipfile.ZIP_STORED else packed * MAX_DEFLATE_RATIO
        checks = (
            (not entry.filename.endswith(".npy"), "not an array: its name does not end in .npy"),
            (known, "comes twice in the file"),
            (bool(entry.flag_bits & 0x1), "is encrypted"),
            (entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED), "is packed in an unknown way"),
            (entry.file_size > most, f"says it unpacks {packed} bytes to {entry.file_size}, which cannot be"),
        )
        return next((problem for fails, problem in checks if fails), None)

    def _read_header(self, name: str) -> Header:
        """Read what stands before the contents, and check that the contents are as long as it says."""
        entry = self._entries[name]
        with self._blame(name), self._archive.open(entry) as source:
            start = source.read(8)
            width = {b"\x01\x00": 2, b"\x02\x00": 4, b"\x03\x00": 4}.get(start[6:])
            if start[:6] != MAGIC or width is None:
                raise ValueError("not an array in NPY format")
            length = int.from_bytes(source.read(width), "little")
            if length > MAX_HEADER_BYTES:
                raise ValueError(f"its header is {length} bytes long")
            parts = HEADER.fullmatch(source.read(length).decode("latin-1"))
        if parts is None:
            raise SampleError("not an array of plain numbers", where=f"{self.path}: {name}")
        shape = tuple(int(extent) for extent in re.findall(r"\d+", parts[3]))
        header = Header(np.dtype(parts[1]), shape, parts[2] == "True", 8 + width + length)
        if entry.file_size != header.size + header.contents_size:
            problem = f"shape {shape} of {header.dtype} does not fit its {entry.file_size - header.size} bytes"
            raise SampleError(problem, where=f"{self.path}: {name}")
        return header

    @contextmanager
    def _blame(self, name: str | None = None) -> Iterator[None]:
        """Turn what the zip reader may raise on a damaged file into an error that names file and array."""
        where = f"{self.path}: {name}" if name else str(self.path)
        try:
            yield
        except OSError as error:
            raise SampleError(f"cannot be read: {(error.strerror or str(error)).lower()}", where=where) from error
        except KINDS_OF_DAMAGE as error:
            raise SampleError(f"damaged: {_plain(error)}", where=where) from error


def _plain(error: BaseException) -> str:
    """Give the message of a foreign error in our manner."""
    text = str(error) or "ends too early"
    return (text[:1].lower() + text[1:]).rstrip(".")
