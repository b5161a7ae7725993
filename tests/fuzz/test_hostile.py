"""Files made to hurt: each is refused by an error of ours, in little memory and time."""

from __future__ import annotations

import gzip
import io
import json
import os
import resource
import signal
import struct
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.fuzz.readers import READERS, SCENARIO, Reader
from tests.samples.captures import write_capture
from townlet_core.errors import TownletError
from townlet_core.samples.npz import MAGIC
from townlet_core.samples.verify import examine

ROOM = 400 * 2**20  # bytes of addresses beyond those in use
SECONDS = 20
REFUSED, READ = 3, 0


def confined(action: Callable[[], object]) -> tuple[int, str]:
    """Run an action in a child with little room and time; give its exit code and what it said."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code, said = 99, ""
        try:
            signal.alarm(SECONDS)
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM,) * 2)
            action()
            code = READ
        except TownletError as error:
            code, said = REFUSED, str(error)
        except BaseException:  # noqa: BLE001  # whatever it is, the parent shall see it
            said = traceback.format_exc()[-4000:]
        finally:
            os.write(writing, said.encode()[:8000])
            os._exit(code)
    os.close(writing)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with os.fdopen(reading, "rb") as pipe:
        return status, pipe.read().decode(errors="replace")


def npy(header: str, contents: bytes = b"") -> bytes:
    padded = header.encode() + b"\n"
    return MAGIC + b"\x01\x00" + struct.pack("<H", len(padded)) + padded + contents


def npz(*entries: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return file.getvalue()


def pickled() -> bytes:
    file = io.BytesIO()
    np.savez(file, a=np.array([{"a": print}], dtype=object))
    return file.getvalue()


def header(shape: str, descr: str = "<f4") -> str:
    return f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"


def tensors(said: object, contents: bytes = b"") -> bytes:
    head = said if isinstance(said, bytes) else json.dumps(said).encode()
    return struct.pack("<Q", len(head)) + head + contents


DEEP = 100_000
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(20)
)
JSON_READERS = [name for name, reader in READERS.items() if reader.is_json and not name.startswith("capture by")]

HOSTILE: list[tuple[str, str, bytes]] = [
    *((name, "a billion laughs", LAUGHS.encode()) for name in ("yaml", "affordances", "rules yaml")),
    *((name, "nested deeply", b"a: " + b"[" * DEEP + b"]" * DEEP) for name in ("yaml", "affordances", "rules yaml")),
    *((name, "nested deeply in blocks", b"".join(b" " * i + b"- \n" for i in range(2000)))
      for name in ("yaml", "affordances", "rules yaml")),
    ("yaml", "a very long number", SCENARIO.replace("seed: 3", "seed: " + "9" * 100_000).encode()),
    ("rules yaml", "an object of Python", b"rules: !!python/object/apply:os.system [exit]"),
    ("yaml", "an object of Python", b"name: !!python/object/apply:os.system [exit]"),
    ("toml", "nested deeply", b"a = " + b"[" * DEEP + b"]" * DEEP),
    ("toml", "tables nested deeply", b"a = " + b"{a = " * DEEP + b"1" + b"}" * DEEP),
    ("toml", "a key of many parts", b"a" + b".a" * 5000 + b" = 1"),
    ("toml", "a very long number", b"a = " + b"9" * 100_000),
    *((name, "nested deeply", b"[" * DEEP + b"]" * DEEP) for name in JSON_READERS),
    *((name, "objects nested deeply", b'{"a":' * DEEP + b"1" + b"}" * DEEP) for name in JSON_READERS),
    *((name, "a very long number", b'{"schema_version": ' + b"9" * 100_000 + b"}") for name in JSON_READERS),
    *((name, "half a surrogate pair", b'{"schema_version": "\\ud800"}') for name in JSON_READERS),
    ("npz", "a bomb", npz(("a.npy", npy(header(f"({2**28},)")) + bytes(2**28 * 4 // 16)))),
    ("npz", "a bomb that fits its shape", npz(("a.npy", npy(header(f"({2**24 - 64},)", "|u1"), bytes(2**24 - 64))),
                                              ("b.npy", npy(header(f"({2**24 - 64},)", "|u1"), bytes(2**24 - 64))))),
    ("npz", "a huge shape", npz(("a.npy", npy(header("(999999999999999999,)"))))),
    ("npz", "a shape that overflows", npz(("a.npy", npy(header("(4294967296, 4294967296, 4294967296)"))))),
    ("npz", "a shape of nothing and too much", npz(("a.npy", npy(header(f"(0, {10**17}, {10**17})"))))),
    ("npz", "a negative shape", npz(("a.npy", npy(header("(-1,)"))))),
    ("npz", "a header that calls", npz(("a.npy", npy("__import__('os').system('exit')")))),
    ("npz", "a pickle", pickled()),
    ("npz", "objects", npz(("a.npy", npy(header("(1,)", "|O"), b"\x80\x04N.")))),
    ("npz", "a way out of the folder", npz(("../a", npy(header("(0,)"))))),
    ("tensors", "a header longer than the file", struct.pack("<Q", 2**62)),
    ("tensors", "a huge shape", tensors({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}})),
    ("tensors", "a shape that overflows",
     tensors({"a": {"dtype": "F32", "shape": [2**32, 2**32], "data_offsets": [0, 0]}})),
    ("tensors", "nested deeply", tensors(b"[" * DEEP + b"]" * DEEP)),
    ("tensors", "a type of which NumPy knows nothing",
     tensors({"a": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}}, b"\0")),
    ("tensors", "numbers of half the length",
     tensors({"a": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}, b"\0\0")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "what", "data"), HOSTILE, ids=[f"{name}: {what}" for name, what, _ in HOSTILE])
def test_a_hostile_file_is_refused(name: str, what: str, data: bytes, tmp_path: Path) -> None:
    path = READERS[name].valid(tmp_path)
    path.write_bytes(data)
    code, said = confined(lambda: READERS[name].read(path))
    assert code == REFUSED, said


LOG_LINES = {
    "nested deeply": b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "a very long number": b'{"epoch": ' + b"9" * 100_000 + b"}",
    "a very long number in a key that is there twice": b'{"a": 1, "a": ' + b"9" * 100_000 + b"}",
    "half a surrogate pair": b'{"run_id": "\\ud800"}',
    "a line without end": b'{"a": "' + b"x" * 2**26,
    "a packed bomb": gzip.compress(b'{"a": "' + bytes(2**27)),
    "packed lines": gzip.compress(b"{}\n" * 10**5),
}


@pytest.mark.parametrize("what", LOG_LINES)
def test_a_hostile_log_is_told_of_line_by_line(what: str, tmp_path: Path) -> None:
    """A log is read to its end whatever is in it."""
    valid = READERS["log"].valid(tmp_path)
    data = LOG_LINES[what]
    valid.write_bytes(data if data[:2] == b"\x1f\x8b" else valid.read_bytes() + data + b"\n")
    code, said = confined(lambda: READERS["log"].read(valid))
    assert code == READ, said


@pytest.mark.parametrize("name", ["day_anna_001.npz", "day_anna_001.json", "day_seal.json"])
def test_a_link_out_of_the_folder_of_a_capture_is_refused(name: str, tmp_path: Path) -> None:
    write_capture(tmp_path / "out")
    os.rename(tmp_path / "out" / name, tmp_path / name)
    (tmp_path / "out" / name).symlink_to(tmp_path / name)
    found = " ".join(each.problem for each in examine(tmp_path / "out").problems)
    assert f"{name} leads out of the folder through a symbolic link" in found


@pytest.mark.parametrize("path", ["../a.npz", "/a.npz", "b/../../a.npz", "a\\..\\b.npz", "a\0.npz", ".npz/.."])
def test_a_path_out_of_the_folder_of_a_capture_is_refused(path: str, tmp_path: Path) -> None:
    manifest = write_capture(tmp_path)
    said = json.loads(manifest.read_text())
    said["samples"][0]["sample"] = path
    manifest.write_text(json.dumps(said))
    with pytest.raises(
        TownletError, match=r"samples\.0\.sample: (the path .* leaves the folder|must be an \.npz file)"
    ):
        READERS["manifest"].read(manifest)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("what", ["folder", "endless", "pipe"])
def test_what_is_no_file_is_refused(name: str, what: str, tmp_path: Path) -> None:
    reader: Reader = READERS[name]
    path = reader.valid(tmp_path)
    if name in ("tensors", "log"):
        pytest.skip("a hash of it is taken here by the test; a log may be a device")
    if what == "pipe" and not (reader.is_json or name == "npz"):
        pytest.skip("what people write may come through a pipe")
    path.unlink()
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    code, said = confined(lambda: reader.read(path))
    assert code == (READ if name.startswith("capture by") else REFUSED), said  # `examine` gives its problems
