"""JSON files: what Python's parser would let pass is refused, with the file and the key."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from townlet_core.errors import SampleError
from townlet_core.samples.jsonfile import json_bytes, parse_model, read_json
from townlet_core.schema import StrictModel


class Mood(StrictModel):
    """What a test needs."""

    agent: str
    needs: tuple[float, ...] = Field((), max_length=3)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(b'{"a": 1, "a": 2}', ': the key "a" comes twice in one object', id="a key twice"),
        pytest.param(b'{"x": {"a": 1, "a": 2}}', ': the key "a" comes twice in one object', id="a key twice below"),
        pytest.param(b'{"a": NaN}', ": NaN is not a JSON number", id="not a number"),
        pytest.param(b'{"a": -Infinity}', ": -Infinity is not a JSON number", id="infinity"),
        pytest.param(b"[" * 100_000, ": nested too deeply", id="deep"),
        pytest.param(b'{"a": "\xff"}', ": not UTF-8: byte 7 is 0xff", id="not UTF-8"),
        pytest.param(b'{"a": 1,\n "b"}', ":2:5: not JSON: expecting ':' delimiter", id="broken"),
        pytest.param(b"\xef\xbb\xbf{}", ": begins with a byte order mark, which JSON has not", id="a mark"),
        pytest.param(b"", ":1:1: not JSON: expecting value", id="empty"),
        pytest.param(b'{"a": ' + b"9" * 5000 + b"}", ": holds a number of too many digits", id="an endless number"),
        pytest.param(b" " * 101, ": larger than the limit of 100 bytes", id="too large"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, data: bytes, problem: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(data)
    with pytest.raises(SampleError) as caught:
        read_json(path, max_bytes=100 if len(data) == 101 else 10**6)
    assert str(caught.value).startswith(f"{path}{problem}")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SampleError) as caught:
        read_json(tmp_path / "a.json")
    assert str(caught.value) == f"{tmp_path}/a.json: cannot be read: no such file or directory"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param('{"agent": 1}', "agent: must be text, found 1", id="wrong type"),
        pytest.param(
            '{"agnet": "anna"}', "agent: is missing (and 1 more)", id="two problems, of which the first is told"
        ),
        pytest.param(
            '{"agent": "anna", "neds": []}', "neds: unknown key\nhint: did you mean 'needs'?", id="unknown key"
        ),
        pytest.param('{"agent": "anna", "needs": [true]}', "needs.0: must be a number, found true", id="a truth value"),
        pytest.param('{"agent": "anna", "needs": ["1"]}', "needs.0: must be a number, found the text '1'", id="text"),
    ],
)
def test_a_wrong_key_is_named(text: str, problem: str) -> None:
    with pytest.raises(SampleError) as caught:
        parse_model(Mood, text, Path("mood.json"))
    assert str(caught.value) == f"mood.json: {problem}"


def test_a_model_comes_back_as_it_was_written() -> None:
    mood = Mood(agent="zoë", needs=(0.1, 1e-300, 3.0))
    assert parse_model(Mood, json_bytes(mood).decode(), Path("mood.json")) == mood
