"""NPZ files: the same bytes every time, any array back as it was, and no damage that goes unseen."""

from __future__ import annotations

import hashlib
import os
import struct
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from townlet_core.errors import SampleError
from townlet_core.samples.npz import NpzReader, Stream, array_sha256, whole, write_npz

SMALL = {"needs": np.array([[0.5, 0.25]], np.float32), "dones": np.array([True, False])}


def write(path: Path, arrays: dict[str, NDArray[Any]], *, compress: bool = False) -> dict[str, str]:
    with path.open("wb") as file:
        return write_npz(file, [whole(name, array) for name, array in arrays.items()], compress=compress)


def read(path: Path) -> dict[str, NDArray[Any]]:
    with NpzReader(path) as reader:
        return {name: reader.read(name) for name in reader.headers}


any_array = npst.arrays(
    st.sampled_from(["<f4", "<f8", "<i8", "<i2", "|u1", "|b1"]),
    npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
)


@given(arrays=st.dictionaries(st.sampled_from(["a", "b", "map"]), any_array), compress=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_comes_back_to_the_bit(tmp_path: Path, arrays: dict[str, NDArray[Any]], compress: bool) -> None:
    hashes = write(tmp_path / "a.npz", arrays, compress=compress)
    back = read(tmp_path / "a.npz")
    assert list(back) == list(arrays)
    for name, array in arrays.items():
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)
        assert back[name].tobytes() == array.tobytes()
        assert hashes[name] == array_sha256(array)


def test_numpy_reads_what_we_write_and_we_read_what_numpy_writes(tmp_path: Path) -> None:
    write(tmp_path / "ours.npz", SMALL)
    np.savez_compressed(tmp_path / "its.npz", **SMALL)  # type: ignore[arg-type]
    with np.load(tmp_path / "ours.npz") as ours:
        assert {name: ours[name].tolist() for name in ours} == {"needs": [[0.5, 0.25]], "dones": [True, False]}
    assert {name: array.tolist() for name, array in read(tmp_path / "its.npz").items()} == {
        "needs": [[0.5, 0.25]],
        "dones": [True, False],
    }


def test_an_array_in_columns_comes_back_in_rows(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.int64).reshape(2, 3)
    np.savez(tmp_path / "a.npz", a=np.asfortranarray(array))
    with NpzReader(tmp_path / "a.npz") as reader:
        assert reader.read("a").tolist() == [[0, 1, 2], [3, 4, 5]]
        assert reader.sha256("a") == array_sha256(array)


@pytest.mark.parametrize("compress", [False, True])
def test_the_same_arrays_give_the_same_bytes_at_any_time_and_in_any_pieces(tmp_path: Path, compress: bool) -> None:
    array = np.arange(1000, dtype=np.float32).reshape(100, 10)
    write(tmp_path / "whole.npz", {"a": array}, compress=compress)
    os.utime(tmp_path / "whole.npz", (0, 0))
    pieces = (array[low : low + 7] for low in range(0, 100, 7))
    with (tmp_path / "pieces.npz").open("wb") as file:
        write_npz(file, [Stream("a", array.dtype, array.shape, pieces)], compress=compress)
    assert (tmp_path / "whole.npz").read_bytes() == (tmp_path / "pieces.npz").read_bytes()


def test_the_hash_of_an_array_is_of_its_type_its_shape_and_its_contents() -> None:
    array = np.array([[1, 2]], np.uint8)
    assert array_sha256(array) == hashlib.sha256(b"|u1 1,2\n\x01\x02").hexdigest()
    assert len({array_sha256(other) for other in (array, array.T, array.view(np.int8), array + np.uint8(1))}) == 4


def test_memory_for_writing_and_hashing_does_not_grow_with_the_array(tmp_path: Path) -> None:
    ticks, piece = 40_000, np.ones((1000, 242), np.float32)  # 39 MB in pieces of 1 MB

    def pieces() -> Iterator[NDArray[Any]]:
        for _ in range(ticks // 1000):
            yield piece

    tracemalloc.start()
    with (tmp_path / "long.npz").open("wb") as file:
        hashes = write_npz(file, [Stream("map", piece.dtype, (ticks, 242), pieces())])
    with NpzReader(tmp_path / "long.npz") as reader:
        assert reader.sha256("map") == hashes["map"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20


@pytest.mark.parametrize(
    ("dtype", "pieces", "problem"),
    [
        pytest.param("<f4", [np.zeros(2, "<f4")], "a: 8 bytes of pieces for 12 bytes of array", id="too few"),
        pytest.param("<f4", [np.zeros(3, "<f8")], "a: a piece of float64 for an array of float32", id="another type"),
    ],
)
def test_pieces_that_do_not_make_up_the_array_are_a_mistake_of_the_caller(
    tmp_path: Path, dtype: str, pieces: list[NDArray[Any]], problem: str
) -> None:
    with (tmp_path / "a.npz").open("wb") as file, pytest.raises(ValueError, match=problem):
        write_npz(file, [Stream("a", np.dtype(dtype), (3,), pieces)])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SampleError) as caught:
        NpzReader(tmp_path / "anna.npz")
    assert str(caught.value) == f"{tmp_path}/anna.npz: cannot be read: no such file or directory"


def test_an_array_that_is_not_there_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.npz", SMALL)
    with NpzReader(tmp_path / "a.npz") as reader, pytest.raises(SampleError) as caught:
        reader.read("map")
    assert str(caught.value) == f"{tmp_path}/a.npz: map: no such array in the file"


@pytest.mark.parametrize("compress", [False, True])
def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path, compress: bool) -> None:
    path = tmp_path / "a.npz"
    write(path, SMALL, compress=compress)
    data = path.read_bytes()
    for length in range(0, len(data), 5):
        path.write_bytes(data[:length])
        with pytest.raises(SampleError, match=r"a\.npz: damaged: "):
            read(path)


@pytest.mark.parametrize("compress", [False, True])
def test_a_flipped_bit_is_seen_or_harmless(tmp_path: Path, compress: bool) -> None:
    """Some bits say nothing that matters, such as the time of an entry; then all arrays come back as they were."""
    path = tmp_path / "a.npz"
    write(path, SMALL, compress=compress)
    data = path.read_bytes()
    wanted = {name: array.tobytes() for name, array in SMALL.items()}
    seen = 0
    for bit in range(0, 8 * len(data), 11):
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        path.write_bytes(altered)
        try:
            back = read(path)
        except SampleError as error:
            seen += str(error).startswith(str(path))
        else:
            assert {name: array.tobytes() for name, array in back.items() if name in wanted} == {
                name: contents for name, contents in wanted.items() if name in back
            }
    assert seen > len(data) / 3  # most of those tried, which are 8 in 11 bytes


def test_a_changed_content_names_its_array(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write(path, SMALL)
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<2f", 0.5, 0.25), struct.pack("<2f", 0.5, 0.75)))
    with pytest.raises(SampleError) as caught:
        read(path)
    assert str(caught.value) == f"{path}: needs: damaged: bad CRC-32 for file 'needs.npy'"


def npy(header: str, contents: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + contents


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        pytest.param(
            npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }\n"),
            "a: shape (1000000000000,) of float32 does not fit its 0 bytes",
            id="a shape larger than the file",
        ),
        pytest.param(
            npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n", b"\x80\x04N."),
            "a: not an array of plain numbers",
            id="pickled objects",
        ),
        pytest.param(
            npy("{'descr': __import__('os').system('true'), }\n"), "a: not an array of plain numbers", id="a program"
        ),
        pytest.param(b"PK", "a: damaged: not an array in NPY format", id="no array at all"),
        pytest.param(
            b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "a: damaged: its header is 4294967295 bytes long", id="endless header"
        ),
    ],
)
def test_a_header_is_not_believed(tmp_path: Path, entry: bytes, problem: str) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", entry)
    with pytest.raises(SampleError) as caught:
        NpzReader(path)
    assert str(caught.value) == f"{path}: {problem}"


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    write(path, {"map": np.zeros((1000, 4, 11, 11), np.float32)}, compress=True)  # 2 MB of zeros in a few KB
    assert path.stat().st_size < 20_000
    with pytest.raises(SampleError) as caught:
        NpzReader(path, max_bytes=10**6)
    assert str(caught.value) == f"{path}: unpacks to 1936128 bytes, more than the limit of 1000000"


def test_an_entry_that_cannot_unpack_to_what_it_says_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write(path, {"a": np.zeros(10, np.uint8)}, compress=True)
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = (2**31).to_bytes(4, "little")  # its unpacked size in the directory
    path.write_bytes(data)
    with pytest.raises(SampleError, match=r"a: says it unpacks \d+ bytes to 2147483648, which cannot be"):
        NpzReader(path)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_an_array_that_comes_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"")
        archive.writestr("a.npy", b"")
    with pytest.raises(SampleError, match="a: comes twice in the file"):
        NpzReader(path)


def test_an_array_too_long_for_an_ordinary_zip_file_takes_the_64_bit_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)  # really 2 GiB
    array = np.arange(500, dtype=np.float32)
    write(tmp_path / "long.npz", {"short": array[:100], "long": array})
    data = (tmp_path / "long.npz").read_bytes()
    form_64 = b"\xff\xff\xff\xff\xff\xff\xff\xff\x08\x00\x14\x00long.npy"  # sizes stand in an extra field
    assert form_64 in data
    assert read(tmp_path / "long.npz")["long"].tobytes() == array.tobytes()
