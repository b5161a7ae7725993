"""What a crash left half written is set aside, and what is no log is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.telemetry.epochs import names, record, stream, values
from townlet_core.errors import OutputError
from townlet_core.telemetry.ending import BLOCK_BYTES, lines_backwards
from townlet_core.telemetry.lines import MOST_LINE_BYTES
from townlet_core.telemetry.log import TelemetryLog

TORN = b'{"epoch":3,"updates":8,"transitions":160'


@pytest.mark.parametrize(
    "torn",
    [
        pytest.param(TORN, id="cut off"),
        pytest.param(b"\0" * 5000, id="zeros"),
        pytest.param(TORN + b"\0" * 50, id="cut off, then zeros"),
        pytest.param(b"\0" * 50 + b'"seq":3}\n', id="zeros, then the end of a line"),
        pytest.param(b"\0" * 50 + b'"seq":3}\n' + TORN, id="zeros, the end of a line, cut off"),
        pytest.param(b"{" + b"x" * 3 * BLOCK_BYTES, id="longer than is read at once"),
    ],
)
def test_a_torn_tail_is_set_aside_and_not_extended(tmp_path: Path, torn: bytes) -> None:
    log = tmp_path / "ppo.jsonl"
    record(log, range(1, 3))
    with log.open("ab") as file:
        file.write(torn)
    with TelemetryLog(log, run_id="anna") as again:
        assert again.notes == [f"set aside {len(torn)} bytes of a torn line in ppo.jsonl.torn-1"]
        again.write(values(3))
    assert stream(log, "log_stream_offset") == [1, 2, 3]
    assert (tmp_path / "ppo.jsonl.torn-1").read_bytes() == torn


def test_what_was_set_aside_before_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    for _ in range(2):
        record(log, range(1, 2))
        with log.open("ab") as file:
            file.write(TORN)
    record(log, range(1, 2))
    assert names(tmp_path) == ["ppo.jsonl", "ppo.jsonl.torn-1", "ppo.jsonl.torn-2"]
    assert stream(log, "log_stream_offset") == [1, 2, 3]


@pytest.mark.parametrize("torn", [TORN, b"{", b"\0\0\0", b'{"epo\0\0'])
def test_a_log_whose_first_record_is_torn_begins_anew(tmp_path: Path, torn: bytes) -> None:
    log = tmp_path / "ppo.jsonl"
    log.write_bytes(torn)
    record(log, range(1, 2))
    assert stream(log, "log_stream_offset") == [1]
    assert (tmp_path / "ppo.jsonl.torn-1").read_bytes() == torn


def test_an_empty_file_is_a_log(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    log.touch()
    record(log, range(1, 2))
    assert stream(log) == [1]


@pytest.mark.parametrize(
    "content",
    [
        b"dear diary",
        b"dear diary\n",
        b"\n",
        b"[1, 2]\n",
        b'{"epoch": 1, "telemetry_version": 1.0}\n',
        b'{"epoch": 1, "telemetry_version": 1.1, "log_stream_offset": "1"}\n',
        b'{"epoch": 1, "telemetry_version": 1.1, "log_stream_offset": Infinity}\n',
        b'{"epoch": 1, "telemetry_version": 1.1, "log_stream_offset": true}\n',
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        b'{"epoch": 1, "telemetry_version": 1.1, "log_stream_offset": 1}\ndear diary\n' + TORN,
        b"\0" * MOST_LINE_BYTES,
    ],
    ids=lambda content: repr(content[:20]),
)
def test_a_file_that_is_no_log_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    log = tmp_path / "ppo.jsonl"
    log.write_bytes(content)
    with pytest.raises(OutputError) as caught:
        TelemetryLog(log, run_id="anna")
    assert str(caught.value) == (
        f"{log}: is not a telemetry log: its last line is not a record of version 1.1\n"
        "hint: name another file for the log, or move this one away"
    )
    assert log.read_bytes() == content
    assert names(tmp_path) == ["ppo.jsonl"]


def test_a_segment_that_is_no_log_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "ppo.jsonl.1").write_text("dear diary\n")
    with pytest.raises(OutputError, match=r"/ppo\.jsonl\.1: is not a telemetry log"):
        TelemetryLog(tmp_path / "ppo.jsonl", run_id="anna")


@pytest.mark.parametrize("pieces", [[], [b"a\n"], [b"\n", b"\n", b"b"], [b"x" * 2 * BLOCK_BYTES + b"\n", b"y\n", b"z"]])
def test_lines_are_read_from_the_last_to_the_first(tmp_path: Path, pieces: list[bytes]) -> None:
    (tmp_path / "file").write_bytes(b"".join(pieces))
    with (tmp_path / "file").open("rb") as file:
        found = list(lines_backwards(file))
    assert [line for _, line in found] == pieces[::-1]
    assert [begin for begin, _ in found] == [len(b"".join(pieces[:n])) for n in reversed(range(len(pieces)))]
