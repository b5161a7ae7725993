"""The archive beneath an NPZ file: how an entry is written, and that every byte of a file belongs to one.

What stands before, between and after the entries is seen by no reader of arrays, and by no hash of theirs.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

LOCAL_BYTES = 30  # of what stands before an entry, without its name and what is extra
DIRECTORY_BYTES = 46  # of what stands of it in the directory, without these
END_BYTES, END_BYTES_64 = 22, 22 + 56 + 20  # of the end of the directory, in its small and its large form
DESCRIPTOR_BYTES = (12, 16, 20, 24)  # behind an entry that was written into a pipe
HAS_DESCRIPTOR, IS_UTF8 = 0x8, 0x800  # flags of an entry
ZIP64_EXTRA = 1
PIECE_BYTES = 2**20


def new_entry(name: str, size: int, kind: int) -> zipfile.ZipInfo:
    """Describe an entry that is to be written, without the time of day in it.

    Args:
        size: bytes when unpacked, known ahead, which decides whether zip64 is needed.
    """
    entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = kind
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    entry.file_size = size
    return entry


def check_tight(file: IO[bytes], archive: zipfile.ZipFile) -> None:
    """See that entries and directory follow one another from the first byte of a file to the last.

    Raises:
        ValueError: something stands before, between or after them, or they overlap.
    """
    at = 0
    for entry in sorted(archive.infolist(), key=lambda entry: entry.header_offset):
        _expect(at, entry.header_offset)
        at = _data_start(file, entry) + entry.compress_size
        if entry.flag_bits & HAS_DESCRIPTOR:
            at += _descriptor_bytes(file, at, entry)
    _expect(at, archive.start_dir)
    for entry in archive.infolist():
        name = entry.orig_filename.encode("utf-8" if entry.flag_bits & IS_UTF8 else "cp437")
        at += DIRECTORY_BYTES + len(name) + len(entry.extra) + len(entry.comment)
    size = os.fstat(file.fileno()).st_size
    _expect(at + (END_BYTES_64 if size == at + END_BYTES_64 else END_BYTES), size)
    commented = next((entry.filename for entry in archive.infolist() if entry.comment), None)
    if archive.comment or commented:
        raise ValueError("holds a comment, which no array has")


def _expect(at: int, found: int) -> None:
    if found > at:
        many = "1 byte that belongs" if found - at == 1 else f"{found - at} bytes that belong"
        raise ValueError(f"holds {many} to no array, from byte {at} on")
    if found < at:
        raise ValueError(f"its parts overlap at byte {found}")


def _data_start(file: IO[bytes], entry: zipfile.ZipInfo) -> int:
    """Give where the data of an entry begin, as what stands before them says."""
    file.seek(entry.header_offset)
    head = file.read(LOCAL_BYTES)
    if len(head) < LOCAL_BYTES:
        raise EOFError(f"ends in the midst of {entry.filename}")
    name, extra = int.from_bytes(head[26:28], "little"), int.from_bytes(head[28:30], "little")
    return entry.header_offset + LOCAL_BYTES + name + extra


def _descriptor_bytes(file: IO[bytes], at: int, entry: zipfile.ZipInfo) -> int:
    """Give how long the descriptor behind an entry is: it may begin with a word of its own, and have long sizes."""
    file.seek(at)
    found = file.read(max(DESCRIPTOR_BYTES))
    crc = entry.CRC.to_bytes(4, "little")
    for word in (b"", b"PK\x07\x08"):
        for width in (4, 8):
            sizes = b"".join(size.to_bytes(8, "little")[:width] for size in (entry.compress_size, entry.file_size))
            if found.startswith(word + crc + sizes):
                return len(word + crc + sizes)
    raise ValueError(f"{entry.filename} does not end as it should")


def unpack(file: IO[bytes], entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield what an entry unpacks to; when the last piece has come, its checksum has been checked.

    Raises:
        EOFError: it ends early, or goes on after its end.
        zipfile.BadZipFile: it is not what its checksum was taken from.
        zlib.error: it cannot be unpacked.
    """
    crc = length = 0
    for piece in _inflate(file, entry) if entry.compress_type == zipfile.ZIP_DEFLATED else _raw(file, entry):
        crc = zlib.crc32(piece, crc)
        length += len(piece)
        if length > entry.file_size:
            raise EOFError("does not end where it should")
        yield piece
    if length < entry.file_size:
        raise EOFError(f"ends {entry.file_size - length} bytes early")
    if crc != entry.CRC:
        raise zipfile.BadZipFile(f"bad CRC-32 for file {entry.filename!r}")


def _raw(file: IO[bytes], entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the bytes of an entry as they stand in the file."""
    at = _data_start(file, entry)
    left = entry.compress_size
    while left:
        file.seek(at)  # others read it too
        piece = file.read(min(left, PIECE_BYTES))
        if not piece:
            raise EOFError(f"ends {left} bytes early")
        at += len(piece)
        left -= len(piece)
        yield piece


def _inflate(file: IO[bytes], entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield what deflated bytes unpack to, a bounded piece at a time."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    for packed in _raw(file, entry):
        while packed and not unpacker.eof:
            yield unpacker.decompress(packed, PIECE_BYTES)
            packed = unpacker.unconsumed_tail
        if packed or unpacker.unused_data:
            raise EOFError(f"{entry.filename} is followed by bytes that belong to no array")
    while not unpacker.eof:
        piece = unpacker.decompress(b"", PIECE_BYTES)  # what a piece had no room for
        if not piece and not unpacker.eof:
            raise EOFError("ends too early")
        yield piece


def is_as_written(file: IO[bytes], entry: zipfile.ZipInfo) -> bool:
    """Say whether all that stands about an entry is what this program writes."""
    ours = new_entry(entry.filename.removesuffix(".npy"), entry.file_size, entry.compress_type)
    ours.CRC, ours.compress_size = entry.CRC, entry.compress_size
    told = ("date_time", "create_system", "external_attr", "internal_attr", "flag_bits", "volume", "reserved")
    if any(getattr(entry, each) != getattr(ours, each) for each in told) or not _only_zip64(entry.extra):
        return False
    head = ours.FileHeader(entry.file_size * 1.05 > zipfile.ZIP64_LIMIT)
    file.seek(entry.header_offset)
    return file.read(len(head)) == head and _data_start(file, entry) == entry.header_offset + len(head)


def _only_zip64(extra: bytes) -> bool:
    return not extra or (extra[:2] == ZIP64_EXTRA.to_bytes(2, "little") and extra[2] + 4 == len(extra))
