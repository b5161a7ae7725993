"""What a check finds: nothing where nothing is wrong, and each thing that is by its line."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.telemetry.epochs import record, values
from tests.telemetry.reading import BASE, check, oldest, ours, theirs, write
from tests.telemetry.test_record import BASELINE
from townlet_core.errors import InputError
from townlet_core.telemetry import formats, runs
from townlet_core.telemetry.formats import BASE as KEYS_OF_1_0
from townlet_core.telemetry.formats import LATER, SINCE_1_1
from townlet_core.telemetry.log import TelemetryLog

numbers = st.floats(-1e6, 1e6)
odd = st.sampled_from([math.nan, math.inf, -math.inf])
written: dict[str, st.SearchStrategy[Any]] = {
    "loss_policy": numbers | odd | st.none(),
    "loss_value": numbers | odd,
    "clip_fraction": st.floats(0, 1) | st.none(),
    "adv_std": st.floats(0, 1e300) | odd,
    "explained_variance": st.floats(-1e3, 1) | st.none(),
    "sps": st.floats(0, 1e9),
    "scenario": st.text(min_size=1),
    "seed": st.integers(0, 2**63),
    "time": st.sampled_from(["2026-02-01T12:00:00Z", "2026-02-01T12:00:00+00:00"]),
    "events.faint": st.integers(0, 10**9),
    "agents.anna.reward_mean": numbers | odd | st.none(),
    "agents.worst": st.text(min_size=1),
}


@settings(max_examples=60)
@given(
    st.lists(st.fixed_dictionaries({}, optional=written), min_size=1, max_size=6),
    st.booleans(),
    st.integers(1, 3) | st.none(),
    st.integers(1, 3),
)
def test_whatever_we_write_is_clean(
    epochs: list[dict[str, Any]], with_baseline: bool, max_entries: int | None, frequency: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "ppo.jsonl"
        for run_id in ("anna", "ben"):
            with TelemetryLog(log, run_id=run_id, max_entries=max_entries, frequency=frequency) as open_log:
                for number, some in enumerate(epochs, 1):
                    open_log.write({**values(number), **some, **(BASELINE if with_baseline else {})})
        problems, summary = check(log)
    assert problems == []
    assert (summary.runs, summary.run, summary.warnings) == (2, "2 (ben)", 0)


def test_the_tables_of_versions_have_the_keys_that_the_predecessor_wrote() -> None:
    assert KEYS_OF_1_0 == BASE
    assert len(SINCE_1_1) == 10
    assert all(info.description for info in formats.LaterKeys.model_fields.values())
    assert len(LATER) == 13


@pytest.mark.parametrize("make", [ours, theirs, oldest])
def test_a_log_of_each_version_is_clean(tmp_path: Path, make: Any) -> None:
    problems, summary = check(write(tmp_path / "ppo.jsonl", map(make, range(1, 4))))
    assert problems == []
    assert (summary.records, summary.runs, summary.epochs) == (3, 1, (1, 3))


def test_versions_and_ways_to_write_numbers_may_alternate(tmp_path: Path) -> None:
    records = [ours(1), theirs(2, run_id="anna", seq=2), ours(3, telemetry_version=1.2), ours(4, steps=640.0)]
    assert check(write(tmp_path / "ppo.jsonl", records))[0] == []


def test_runs_without_a_name_are_told_apart_by_epochs_that_fall_back(tmp_path: Path) -> None:
    first = [theirs(n) for n in (1, 2, 3)]
    second = [theirs(n, loss_value=3.25) for n in (1, 2)]
    log = write(tmp_path / "ppo.jsonl", first + second)
    problems, summary = check(log)
    assert (problems, summary.runs, summary.epochs) == ([], 2, (1, 3))
    assert check(log, run="2")[1].epochs == (1, 2)


def test_two_runs_that_are_written_by_turns_are_told_apart_by_their_names(tmp_path: Path) -> None:
    records = [
        ours(n, run_id=run_id, log_stream_offset=2 * n + place)
        for n in (1, 2, 3)
        for place, run_id in enumerate(("anna", "ben"))
    ]
    problems, summary = check(write(tmp_path / "ppo.jsonl", records))
    assert (problems, summary.runs) == ([], 2)


@pytest.mark.parametrize("name", ["ben", "2"])
def test_a_run_is_chosen_by_its_name_or_its_number(tmp_path: Path, name: str) -> None:
    log = tmp_path / "ppo.jsonl"
    write(log, [ours(1, lr=-1.0), ours(1, run_id="ben", log_stream_offset=2), ours(3, run_id="ben", seq=2, lr=-2.0)])
    problems, summary = check(log, run=name)
    assert problems == [f"{log}:3: lr: must be at least 0, got -2"]
    assert (summary.records, summary.runs, summary.run, summary.epochs) == (2, 1, "2 (ben)", (1, 3))


def test_a_run_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    record(log, range(1, 3))
    record(log, range(1, 3), run_id="ben")
    with pytest.raises(InputError) as caught:
        check(log, run="cara")
    assert str(caught.value) == f"{log}: has no run cara\nhint: the last of its 2 runs are 1 (anna), 2 (ben)"


def test_a_log_of_very_many_runs_forgets_the_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_RUNS", 3)
    named = [ours(1, run_id=f"run {n}", log_stream_offset=n) for n in range(1, 9)]
    unnamed = [theirs(1, loss_value=float(n)) for n in range(8)]
    problems, summary = check(write(tmp_path / "ppo.jsonl", named + unnamed))
    assert (problems, summary.runs) == ([], 16)


def test_a_log_without_one_of_its_segments_is_warned_of(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    record(log, range(1, 8), max_entries=2)
    (tmp_path / "ppo.jsonl.2").unlink()
    problems, summary = check(log)
    assert problems == [f"{tmp_path}/ppo.jsonl.3:1: warning: seq: must be 3: records before it are missing, got 5"]
    assert (summary.problems, summary.warnings) == (0, 1)


def test_the_same_problem_in_every_record_is_told_every_time(tmp_path: Path) -> None:
    problems, summary = check(write(tmp_path / "ppo.jsonl", (ours(n, lr=-0.5) for n in range(1, 31))))
    assert len(problems) == summary.problems == 30


wrong = st.sampled_from([True, "1", math.nan, math.inf, -1.5, [], {}, 10**400])


@given(st.sampled_from(["epoch", "updates", "steps", "grad_norm", "clip_fraction", "cycle_id", "seq"]), wrong)
def test_whatever_is_no_number_in_its_range_is_found_by_its_key(key: str, value: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        problems, _ = check(write(Path(folder) / "ppo.jsonl", [ours(1, **{key: value})]))
    assert [problem.split(": ")[1] for problem in problems] == [key]


def told_of_turns(tmp_path: Path, *epochs: int) -> list[int]:
    """Write records without a run_id; give the lines at which it is said that runs take turns."""
    records = [theirs(epoch, log_stream_offset=n, lr=0.001 * n) for n, epoch in enumerate(epochs, 1)]
    found, _ = check(write(tmp_path / "ppo.jsonl", records))
    return [int(text.split(":")[1]) for text in found if "warning: run_id: is missing, and epochs go on" in text]


@pytest.mark.parametrize(
    ("epochs", "line"),
    [
        pytest.param([1, 1, 2, 2, 3, 3, 4, 4, 5, 5], [8], id="two, epoch by epoch"),
        pytest.param([50, 1, 51, 2, 52, 3, 53, 4, 54, 5], [8], id="one began earlier"),
        pytest.param([10, 10, 20, 20, 30, 30, 40, 40], [8], id="every tenth epoch is logged"),
        pytest.param([1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4], [11], id="three"),
        pytest.param([1, 2, 3, 1, 4, 5, 6, 2, 7, 8, 9, 3, 10, 4], [14], id="one is slower"),
    ],
)
def test_runs_without_an_id_that_take_turns_are_told_of_once(
    tmp_path: Path, epochs: list[int], line: list[int]
) -> None:
    """The fourth run to begin by one more epoch than the one before it makes three growths."""
    assert told_of_turns(tmp_path, *epochs) == line


@pytest.mark.parametrize(
    "epochs",
    [
        pytest.param([1, 2, 3] * 6, id="one after the other"),
        pytest.param([1] * 9, id="of one epoch each"),
        pytest.param([*range(1, 13), *range(11, 26), *range(21, 36), *range(31, 46), *range(41, 56)], id="resumed"),
        pytest.param([5, 4, 3, 2, 1], id="falling"),
    ],
)
def test_runs_that_come_one_after_the_other_take_no_turns(tmp_path: Path, epochs: list[int]) -> None:
    assert told_of_turns(tmp_path, *epochs) == []
