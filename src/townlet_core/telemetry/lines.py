"""The lines of a file of a log, one at a time, whatever a crash, an editor or another program has done to it."""

from __future__ import annotations

import codecs
import gzip
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast

from pydantic_core import from_json

from townlet_core.errors import InputError

STDIN: Final = Path("-")
MOST_LINE_BYTES: Final = 2**22  # a record of thousands of agents has half of that
BLOCK_BYTES: Final = 2**17  # read at once: a few dozen records, where the default holds two or three
GZIP_MAGIC: Final = b"\x1f\x8b"
SPACE: Final = b" \t\r\n"  # of JSON; bytes count more signs as space
CURLY, NEWLINE = ord("{"), ord("\n")
SHOWN_CHARACTERS: Final = 30


class Fault(NamedTuple):
    """What stands where a record should."""

    what: str
    got: str | None = None
    is_torn: bool = False  # it is the end of a line that was not written to its end


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file of a log to read, unpacked if it is compressed; `-` is standard input.

    Raises:
        InputError: it cannot be read.
    """
    try:
        if path == STDIN:
            yield _unpacked(sys.stdin.buffer)
            return
        with path.open("rb", buffering=BLOCK_BYTES) as file:
            yield _unpacked(file)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise  # it is the reader of what we write that has gone
        raise cannot_read(error, path) from error


def cannot_read(error: OSError, path: Path) -> InputError:
    """Say what keeps a log from being read."""
    reason = (error.strerror or str(error)).lower()
    missing = isinstance(error, FileNotFoundError)
    return InputError("no such file" if missing else f"cannot be read: {reason}", where=str(path))


def lines(file: BinaryIO) -> Iterator[tuple[int, bytes | Fault]]:
    """Give the lines with their numbers, from 1; blank ones are left out, a byte order mark is taken off.

    No more than MOST_LINE_BYTES are held. What has no newline at its end is given as a line if it is a whole object.
    """
    number = 0
    read = file.readline
    try:
        while line := read(MOST_LINE_BYTES):
            number += 1
            if line[0] == CURLY and line[-1] == NEWLINE:
                yield number, line
            else:
                is_cut = line[-1] != NEWLINE and len(line) >= MOST_LINE_BYTES
                found = too_long(len(line) + _rest_of_line(file)) if is_cut else judged(line, is_first=number == 1)
                if found is not None:
                    yield number, found
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield number + 1, Fault(f"the compressed data are damaged: {str(error).lower()}")


def judged(line: bytes, *, is_first: bool) -> bytes | Fault | None:
    """Look at a line that may not begin and end as a record does; None for a blank one.

    Args:
        line: to its newline, or to the end of a file that nobody adds to.
        is_first: a byte order mark may stand before it.
    """
    if is_first:
        line = line.removeprefix(codecs.BOM_UTF8)
    if not line.strip():
        return None
    if line[-1] != NEWLINE and isinstance(parsed(line), Fault):
        zeros = " (zeros among them)" if b"\0" in line else ""
        return Fault(f"{len(line):,} bytes of a torn line{zeros}", is_torn=True)
    return line


def too_long(length: int) -> Fault:
    """Word that a line has more bytes than may be held."""
    return Fault(f"must have at most {MOST_LINE_BYTES:,} bytes", f"{length:,}")


def parsed(line: bytes) -> dict[str, Any] | Fault:
    """Read the object on a line; of keys that are there twice the last is given."""
    try:
        found = from_json(line.rstrip(SPACE))
    except ValueError as error:
        return _not_json(line, str(error))
    return found if isinstance(found, dict) else Fault("must be an object of keys and values", _shown(line))


def may_have_more(line: bytes, record: Mapping[str, Any]) -> bool:
    """Say whether a line has more colons than its record needs: keys that the record lacks, or that are there twice."""
    inside: dict[str, str] = record.get("nonfinite") or {}
    time: str = record.get("time") or ""
    return line.count(b":") != len(record) + len(inside) + time.count(":") or b"\\" in line


def repeated_keys(line: bytes) -> list[str]:
    """Name the keys that an object has more than once; the line must be valid."""
    import json

    seen: list[list[str]] = []
    json.loads(line, object_pairs_hook=lambda pairs: seen.append([key for key, _ in pairs]))
    return sorted(key for key, count in Counter(seen[-1]).items() if count > 1)


def _unpacked(file: BinaryIO) -> BinaryIO:
    peeked: bytes = cast(Any, file).peek(2)
    return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if peeked.startswith(GZIP_MAGIC) else file


def _rest_of_line(file: BinaryIO) -> int:
    length = 0
    while piece := file.readline(2**16):
        length += len(piece)
        if piece[-1] == NEWLINE:
            return length - 1
    return length


def _not_json(line: bytes, message: str) -> Fault:
    """Say why a line is not JSON: what is wrong with its bytes before what is wrong with its words."""
    if b"\0" in line:
        return Fault("holds zero bytes, as a crash leaves them", f"{line.count(0):,}")
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return Fault(f"is not UTF-8 at byte {error.start + 1}", f"0x{line[error.start]:02x}")
    reason, _, column = message.partition(" at line 1 column ")
    at = f" at column {column}" if column else ""
    return Fault(f"is not JSON: {reason.replace('EOF', 'end')}{at}", _shown(line))


def _shown(line: bytes) -> str:
    text = line[: 4 * SHOWN_CHARACTERS].decode(errors="replace").strip()
    return printable(text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "...")


def printable(text: str) -> str:
    """Show what a terminal might obey as what it is."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
