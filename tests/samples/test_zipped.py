"""The archive beneath an NPZ file: it holds arrays, and not a byte more, wherever somebody puts one."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.samples.captures import write_capture
from tests.samples.test_npz import SMALL, read, write
from tests.samples.test_seal import repack
from townlet_core.errors import SampleError
from townlet_core.samples.npz import NpzReader
from townlet_core.samples.verify import examine

HEAD = 30 + len("needs.npy")  # bytes before the first array of SMALL


def with_offsets_moved(data: bytes, at: int, by: int) -> bytes:
    """Mend the directory of an archive of two entries into which bytes were put at a place, as a saboteur would."""
    mended = bytearray(data)
    first = mended.index(b"PK\x01\x02")
    second = mended.index(b"PK\x01\x02", first + 4)
    end = mended.rindex(b"PK\x05\x06")
    for place in (first + 42, second + 42, end + 16):
        offset = int.from_bytes(mended[place : place + 4], "little")
        if offset >= at:
            mended[place : place + 4] = (offset + by).to_bytes(4, "little")
    return bytes(mended)


@pytest.mark.parametrize("compress", [False, True])
@given(place=st.integers(0, 10**6), stray=st.binary(min_size=1, max_size=40))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_put_in_anywhere_are_found(tmp_path: Path, compress: bool, place: int, stray: bytes) -> None:
    path = tmp_path / "a.npz"
    write(path, SMALL, compress=compress)
    data = path.read_bytes()
    at = place % (len(data) + 1)
    path.write_bytes(data[:at] + stray + data[at:])
    with pytest.raises(SampleError, match=r"a\.npz"):
        read(path)


@pytest.mark.parametrize(
    ("at", "mended"),
    [
        pytest.param(0, False, id="before all"),
        pytest.param(0, True, id="before all, and the directory mended"),
        pytest.param(175, True, id="between two arrays"),
        pytest.param(344, True, id="before the directory"),
        pytest.param(476, False, id="behind all"),
    ],
)
def test_where_stray_bytes_stand_is_told(tmp_path: Path, at: int, mended: bool) -> None:
    """The first array takes 30 + 9 bytes of its entry, 128 of its header and 8 of two floats.

    The second takes 30 + 9 + 128 + 2, the directory 2 x (46 + 9) and its end 22.
    """
    path = tmp_path / "a.npz"
    write(path, SMALL)
    data = path.read_bytes()
    altered = data[:at] + b"secret" + data[at:]
    path.write_bytes(with_offsets_moved(altered, at, 6) if mended else altered)
    with pytest.raises(SampleError) as caught:
        read(path)
    assert str(caught.value) == f"{path}: damaged: holds 6 bytes that belong to no array, from byte {at} on"


def test_bytes_behind_the_end_of_what_is_deflated_are_found(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write(path, {"needs": SMALL["needs"]}, compress=True)
    data = path.read_bytes()
    packed = int.from_bytes(data[18:22], "little")
    end = HEAD + packed
    longer = (packed + 6).to_bytes(4, "little")
    altered = bytearray(data[:18] + longer + data[22:end] + b"secret" + data[end:])
    directory = altered.index(b"PK\x01\x02")
    altered[directory + 20 : directory + 24] = longer
    altered[-6:-2] = directory.to_bytes(4, "little")
    path.write_bytes(altered)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None  # others do not see it
    with pytest.raises(SampleError) as caught:
        read(path)
    assert str(caught.value) == (f"{path}: needs: damaged: needs.npy is followed by bytes that belong to no array")


def test_a_comment_is_refused(tmp_path: Path) -> None:
    for name in ("of all", "of one"):
        path = tmp_path / f"{name}.npz"
        write(path, SMALL)
        with zipfile.ZipFile(path, "a") as archive:
            if name == "of all":
                archive.comment = b"secret"
            else:
                archive.infolist()[0].comment = b"secret"
                archive.comment = b"x"
                archive.comment = b""  # or the directory would not be written anew
        with pytest.raises(SampleError, match=r"damaged: holds (a comment, which no array has|6 bytes that belong to)"):
            read(path)


def test_arrays_that_share_bytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write(path, SMALL)
    data = bytearray(path.read_bytes())
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4)
    data[second + 42 : second + 46] = (0).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(SampleError, match="damaged: its parts overlap at byte 0"):
        read(path)


@pytest.mark.parametrize("compress", [False, True])
def test_an_archive_that_was_written_into_a_pipe_is_read(tmp_path: Path, compress: bool) -> None:
    """What writes it cannot go back to put sizes before an entry, and puts them behind it."""
    path = tmp_path / "piped.npz"
    write(tmp_path / "a.npz", SMALL)
    script = (
        "import sys, zipfile\n"
        "with zipfile.ZipFile(sys.argv[1]) as old, zipfile.ZipFile(sys.stdout.buffer, 'w', int(sys.argv[2])) as new:\n"
        "    for name in old.namelist(): new.writestr(name, old.read(name))\n"
    )
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "a.npz", str(kind)], check=True, capture_output=True
    )
    path.write_bytes(done.stdout)
    assert done.stdout[6] & 8
    assert {name: array.tolist() for name, array in read(path).items()} == {
        name: array.tolist() for name, array in SMALL.items()
    }
    with NpzReader(path) as reader:
        assert not reader.is_as_written


@pytest.mark.parametrize("compress", [False, True])
def test_an_array_of_many_pieces_comes_back_as_it_was(tmp_path: Path, compress: bool) -> None:
    """3 MB of zeros and noise: pieces of one MB, some of which are packed in a few bytes."""
    array = np.zeros(3 * 2**20 + 5, np.uint8)
    array[2**20 : 2**20 + 2**19] = np.random.default_rng(7).integers(0, 256, 2**19, np.uint8)
    write(tmp_path / "a.npz", {"a": array}, compress=compress)
    assert read(tmp_path / "a.npz")["a"].tobytes() == array.tobytes()


def test_a_single_byte_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write(path, SMALL)
    path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(SampleError, match="holds 1 byte that belongs to no array, from byte 476 on"):
        read(path)


def test_verify_finds_what_was_put_behind_a_sample(tmp_path: Path) -> None:
    write_capture(tmp_path)
    npz = tmp_path / "day_anna_001.npz"
    size = npz.stat().st_size
    with npz.open("ab") as file:
        file.write(b"secret")
    assert [str(problem) for problem in examine(tmp_path).problems] == [
        f"{npz}: damaged: holds 6 bytes that belong to no array, from byte {size} on"
    ]


@pytest.mark.parametrize("compress", [False, True])
def test_verify_tells_of_samples_that_another_program_has_packed_anew(tmp_path: Path, compress: bool) -> None:
    """Their arrays are those that were sealed, so that it is no problem."""
    write_capture(tmp_path, agents=("anna", "ben"))
    npz = tmp_path / "day_anna_001.npz"
    with np.load(npz) as arrays:
        (np.savez_compressed if compress else np.savez)(tmp_path / "other.npz", **arrays)
    shutil.move(tmp_path / "other.npz", npz)
    verification = examine(tmp_path)
    assert verification.problems == ()
    assert verification.notes == ("packed anew by another program, which leaves arrays as they are: day_anna_001.npz",)


def test_what_we_have_packed_ourselves_is_not_told_of(tmp_path: Path) -> None:
    write_capture(tmp_path)
    repack(tmp_path / "day_anna_001.npz", compress=True)
    assert examine(tmp_path).notes == ()
