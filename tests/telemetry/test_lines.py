"""Lines are read one at a time: what is no record is told by its line, and costs no more memory than a record."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from tests.telemetry.reading import check, line, ours, write
from townlet_core.errors import InputError
from townlet_core.telemetry.lines import MOST_LINE_BYTES, Fault, lines, opened, parsed, repeated_keys


@pytest.mark.parametrize("size", [MOST_LINE_BYTES, MOST_LINE_BYTES + 1, 20_000_000])
@pytest.mark.parametrize("begin", [b"{", b"x", b"\0"])
def test_a_line_that_is_too_long_is_told_by_its_number_and_the_next_is_read(
    tmp_path: Path, size: int, begin: bytes
) -> None:
    log = tmp_path / "ppo.jsonl"
    log.write_bytes(line(ours(1)) + begin * size + b"\n" + line(ours(2)))
    problems, summary = check(log)
    assert problems == [f"{log}:2: must have at most 4,194,304 bytes, got {size:,}"]
    assert (summary.records, summary.epochs) == (2, (1, 2))


def test_a_line_of_the_greatest_length_is_read(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    longest = line(ours(1))
    log.write_bytes(longest[:-1].ljust(MOST_LINE_BYTES - 1) + b"\n")
    assert check(log)[0] == []


@pytest.mark.parametrize("kept", [20, 100, -4])
def test_compressed_data_that_end_too_soon_are_told(tmp_path: Path, kept: int) -> None:
    packed = gzip.compress(b"".join(line(ours(n)) for n in range(1, 400)))
    log = tmp_path / "ppo.jsonl.gz"
    log.write_bytes(packed[:kept])
    problems, summary = check(log)
    assert problems[-1].startswith(
        f"{log}:{summary.records + 1}: the compressed data are damaged: compressed file ended"
    )


def test_compressed_data_that_are_damaged_are_told(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"".join(line(ours(n)) for n in range(1, 400))))
    packed[len(packed) // 2 :] = b"x" * 50
    log = tmp_path / "ppo.jsonl.gz"
    log.write_bytes(packed)
    problems, _ = check(log)
    assert "the compressed data are damaged: " in problems[-1]


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r": cannot be read: is a directory$"), opened(tmp_path):
        pass


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"  \r\n"])
def test_nothing_but_blank_lines_are_no_lines(content: bytes) -> None:
    assert list(lines(io.BytesIO(content))) == []


def test_lines_have_their_numbers_with_blank_ones_counted() -> None:
    content = b'\n{"a": 1}\n\n  {"a": 2}\n{"a": 3}'
    assert [number for number, _ in lines(io.BytesIO(content))] == [2, 4, 5]


def test_a_torn_line_is_told_from_one_that_merely_lacks_its_newline() -> None:
    assert list(lines(io.BytesIO(b'{"a": 1}'))) == [(1, b'{"a": 1}')]
    assert list(lines(io.BytesIO(b'{"a": 1'))) == [(1, Fault("7 bytes of a torn line", is_torn=True))]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (b'{"a": 1, "b": 2}', []),
        (b'{"a": 1, "a": 2, "a": 3}', ["a"]),
        (b'{"a": {"b": 1, "b": 2}, "c": {"a": 1}}', []),
        (b'{"b": 1, "a": 1, "b": 2, "\\u0061": 2}', ["a", "b"]),
    ],
)
def test_repeated_keys_are_named(text: bytes, names: list[str]) -> None:
    assert repeated_keys(text) == names


def test_what_json_does_not_count_as_space_is_no_end_of_a_record(tmp_path: Path) -> None:
    log, broken = tmp_path / "ppo.jsonl", line(ours(2)).rstrip() + b"\x0b\n"
    log.write_bytes(line(ours(1)) + broken)
    [problem] = check(log)[0]
    assert problem.startswith(f"{log}:2: is not JSON: trailing characters at column {len(broken) - 1}, got ")


def test_what_a_terminal_would_obey_is_shown_as_what_it_is() -> None:
    assert parsed(b"\x1b[2Jdear diary") == Fault("is not JSON: expected value at column 1", "\\x1b[2Jdear diary")


def test_a_log_without_a_record_cannot_be_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no record"):
        check(write(tmp_path / "ppo.jsonl", []))
