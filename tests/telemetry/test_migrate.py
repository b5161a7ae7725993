"""A log of version 1.0 becomes one of 1.1 that says what it does not know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.telemetry.epochs import lines, names
from tests.telemetry.reading import check, oldest, ours, theirs, write
from townlet_core.errors import InputError, OutputError
from townlet_core.telemetry.formats import SINCE_1_1
from townlet_core.telemetry.migrate import Migrated, migrate


def test_what_version_1_0_did_not_say_is_null(tmp_path: Path) -> None:
    log = write(tmp_path / "old.jsonl", [oldest(1), oldest(2, **{"conflict.rivalry_max_max_avg": 0.5})])
    assert migrate(log, tmp_path / "new.jsonl") == Migrated(2, 2)
    assert check(tmp_path / "new.jsonl")[0] == []
    first, second = lines(tmp_path / "new.jsonl")
    assert [key for key in SINCE_1_1 if first[key] is not None] == ["log_stream_offset"]
    assert (first["log_stream_offset"], second["log_stream_offset"]) == (1, 2)
    assert first["telemetry_version"] == 1.1
    assert first["migrated_from"] == 1.0
    assert {key: first[key] for key in oldest(1)} == {**oldest(1), "telemetry_version": 1.1}
    assert (first["conflict.rivalry_max_max_avg"], second["conflict.rivalry_max_max_avg"]) == (None, 0.5)


def test_records_of_1_1_stay_as_they_are(tmp_path: Path) -> None:
    log = write(tmp_path / "old.jsonl", [oldest(1), ours(2, log_stream_offset=7)])
    assert migrate(log, tmp_path / "new.jsonl") == Migrated(2, 1)
    assert lines(tmp_path / "new.jsonl")[1] == ours(2, log_stream_offset=7)


def test_segments_become_one_file_and_a_torn_end_is_left_out(tmp_path: Path) -> None:
    log = write(tmp_path / "old.jsonl", [oldest(1)])
    second = write(tmp_path / "old.jsonl.1", [oldest(2)])
    second.write_bytes(second.read_bytes() + b'{"epoch": 3.0')
    assert migrate(log, tmp_path / "new.jsonl").records == 2
    assert [record["epoch"] for record in lines(tmp_path / "new.jsonl")] == [1, 2]


def test_only_a_migrated_record_may_leave_open_what_1_1_demands(tmp_path: Path) -> None:
    log = write(tmp_path / "ppo.jsonl", [theirs(1, data_mode=None), theirs(2, data_mode=None, migrated_from=1.0)])
    assert check(log)[0] == [f"{log}:1: data_mode: must be replay, rollout or mixed, got null"]


def test_a_log_with_a_problem_is_refused_by_it_and_nothing_is_written(tmp_path: Path) -> None:
    log = write(tmp_path / "old.jsonl", [oldest(1), oldest(2, lr=-1.0)])
    with pytest.raises(InputError, match=r"old\.jsonl:2: lr: must be at least 0, got -1\nhint: see 'townlet telemetry"):
        migrate(log, tmp_path / "new.jsonl")
    assert names(tmp_path) == ["old.jsonl"]


@pytest.mark.parametrize(("output", "problem"), [("old.jsonl", "is there already"), ("no/where", "cannot be written")])
def test_nothing_is_replaced_and_what_cannot_be_written_is_named(tmp_path: Path, output: str, problem: str) -> None:
    log = write(tmp_path / "old.jsonl", [oldest(1)])
    with pytest.raises(OutputError, match=problem):
        migrate(log, tmp_path / output)
    assert [json.loads(line) for line in log.read_text().splitlines()] == [oldest(1)]
    assert names(tmp_path) == ["old.jsonl"]
