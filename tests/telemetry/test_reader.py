"""Lines are read ever faster, and never otherwise: what is wrong is found by whichever way they are read."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import ValidationError

from tests.telemetry.reading import check, line, oldest, ours, theirs, write
from townlet_core.telemetry import reader
from townlet_core.telemetry.formats import Format, latest
from townlet_core.telemetry.reader import Reader

values: st.SearchStrategy[object] = (
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-2, 2) | st.text(max_size=2) | st.just([])
)
keys = st.sampled_from(["clip_fraction", "seed", "finished", "events.faint", "sps", "time", "approx_lk", "epoch", "lr"])


def result(form: Format, read: object, content: bytes) -> object:
    """Give the record that is read, with the kinds of its values, or None if it is refused."""
    try:
        found = form.read(content) if read is None else read.read(content)[0]  # type: ignore[attr-defined]
    except ValidationError:
        return None
    return _kinds(found)


@settings(max_examples=200)
@given(st.lists(st.dictionaries(keys, values, max_size=3), min_size=1, max_size=12))
def test_a_reader_that_learns_reads_what_its_format_does(others: list[dict[str, object]]) -> None:
    form, learning = latest(), Reader(latest())
    learning._wanted = 1
    for number, some in enumerate(others, 1):
        content = line({**ours(number), **some})
        assert result(form, learning, content) == result(form, None, content)


SOME = ("epoch", "lr", "clip_fraction", "seed", "finished", "time", "data_mode", "run_id", "nonfinite", "events.faint")
# Of each key: what it may have, what it may not, and what one parser may take and another not.
WRITTEN = (
    *b"""1 0 -0 1.0 1.5 -1 01 1. .5 +1 1e2 1E400 -1e400 NaN -Infinity 0.1e-400 null true True 9223372036854775807
    9223372036854775808 18446744073709551616 18446744073709551617 '' "" "rollout" "a:b" "2026-02-01T12:00:00Z"
    "2026-02-01T12:00:00+00:00" "2026-13-01T12:00:00Z" "2026-02-01" [] {} {"lr":"nan"} {"lr":"no"} {"lr":1}""".split(),
    *(b"", b"1" * 400, b'"\\u0061"', b'"\xff"', b'"\x01"', b"[" * 100_000, b"[" * 3000 + b"]" * 3000),
)
NAMES = (*(key.encode() for key in SOME), b"l\\u0072", b"new", b"", b"agents.anna.reward_mean")
BETWEEN = (b", ", b",", b",,", b" ,\t", b"\n,")
ENDS = (b"", b" ", b"x", b"\0")
TIME = "2026-02-01T12:00:00Z"
WHOLE = {**ours(7), "clip_fraction": 0.5, "seed": 7, "finished": True, "nonfinite": {}, "events.faint": 2, "time": TIME}


def written(parts: list[tuple[bytes, bytes, bytes]], end: bytes, *, floats: bool) -> bytes:
    """Write a right record with other values for some keys, or with more keys; each with what stands before it."""
    changed = {name for name, _, _ in parts}
    kept = {key: value for key, value in whole(floats=floats).items() if key.encode() not in changed}
    more = b"".join(b'%b"%b": %b' % (between, name, value) for name, value, between in parts)
    return line(kept).rstrip()[:-1] + more + b"}" + end + b"\n"


def whole(*, floats: bool) -> dict[str, object]:
    return {key: float(value) if floats and type(value) is int else value for key, value in WHOLE.items()}


@pytest.mark.parametrize("floats", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_decoder_reads_no_value_otherwise_than_its_format_does(name: bytes, floats: bool) -> None:
    """It may refuse, and no more. Some values are not even JSON."""
    form = Format(1.1, migrated=False, floats=floats)
    decode = form.decoder_of(whole(floats=floats))
    for value, between, end in itertools.product(WRITTEN, BETWEEN, ENDS):
        content = written([(name, value, between)], end, floats=floats)
        found = decode(content)
        assert found is None or _kinds(found) == result(form, None, content)


@settings(max_examples=300)
@given(
    st.lists(st.tuples(*map(st.sampled_from, (NAMES, WRITTEN, BETWEEN))), max_size=3),
    st.booleans(),
    st.sampled_from(ENDS),
)
def test_nor_several_values(parts: list[tuple[bytes, bytes, bytes]], floats: bool, end: bytes) -> None:
    form = Format(1.1, migrated=False, floats=floats)
    content = written(parts, end, floats=floats)
    found = form.decoder_of(whole(floats=floats))(content)
    assert found is None or _kinds(found) == result(form, None, content)


@pytest.mark.parametrize("floats", [False, True])
def test_a_decoder_reads_what_is_right(floats: bool) -> None:
    make = theirs if floats else ours
    record = make(7, time=TIME, nonfinite={"lr": "nan"}, **{"events.faint": 2.0, "adv_mean": None})
    found = Format(1.1, migrated=False, floats=floats).decoder_of(record)(line(record))
    assert found == record
    assert list(found) == list(record)


def _kinds(record: dict[str, object]) -> list[tuple[str, type, object]]:
    return [(key, type(value), value) for key, value in sorted(record.items())]


@pytest.mark.parametrize("make", [ours, theirs, oldest])
@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("clip_fraction_max", 5.0, "clip_fraction_max: must be at most 1, got 5"),
        ("agents.anna.reward_mean", "no", 'agents.anna.reward_mean: must be a number, got "no"'),
        ("approx_lk", 0.5, "warning: approx_lk: unknown key (did you mean 'approx_kl'?)"),
        ("steps", -1.0, "steps: must be at least 0, got -1"),
    ],
)
def test_what_comes_late_in_a_log_is_judged_as_if_it_had_come_first(
    tmp_path: Path, key: str, value: object, problem: str, make: type
) -> None:
    many = 2 * reader.FIRST
    log = write(tmp_path / "ppo.jsonl", [*(make(n) for n in range(1, many)), {**make(many), key: value}])
    found = [text for text in check(log)[0] if "not a key of version 1.0" not in text]
    assert found == [f"{log}:{many}: {problem}"]


def test_a_key_that_was_repeated_is_found_late_in_a_log_too(tmp_path: Path) -> None:
    many = 2 * reader.FIRST
    log = write(tmp_path / "ppo.jsonl", (ours(n) for n in range(1, many)))
    with log.open("ab") as file:
        file.write(line(ours(many))[:-2] + b', "lr": 0.5}\n')
    assert check(log)[0] == [f"{log}:{many}: lr: is there more than once"]


def test_what_is_learned_from_is_bounded() -> None:
    """After 1, 4, 16 and 64 records with new keys a validator is made: 85 records make four, not 85."""
    learning = Reader(latest())
    learning._wanted = 1
    made = []
    for number in range(1, 86):
        before = learning._fast
        learning.read(line(ours(number, **{f"events.event_{number}": 1})))
        made += [number] if learning._fast is not before else []
    assert made == [1, 5, 21, 85]


def test_records_with_known_keys_are_not_looked_at_for_new_ones() -> None:
    learning = Reader(latest())
    told = [learning.read(line(ours(n, **({"sps": 1.0} if n == 80 else {}))))[1] for n in range(1, 82)]
    assert told == [True] * reader.FIRST + [False] * (79 - reader.FIRST) + [True, False]
