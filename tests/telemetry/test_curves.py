"""Reading curves: which run a value belongs to, what is no number, where a run was stopped and its log rotated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.telemetry.epochs import record
from tests.telemetry.reading import line, ours, theirs, write
from townlet_core.errors import InputError
from townlet_core.telemetry.plotting.curves import MOST_RUNS, LogCurves, Mark, RunCurves, Wanted, read_curves

MONDAY = datetime(2026, 2, 2, tzinfo=UTC)


def read(log: Path, *patterns: str, run: str | None = None) -> LogCurves:
    return read_curves(log, Wanted(patterns or ("loss_value",), run=run))


def values(run: RunCurves, key: str = "loss_value") -> list[tuple[float, float | None]]:
    return [(point.epoch, point.value) for point in run.columns[key].points()]


def at(seconds: float, **others: object) -> dict[str, object]:
    """Values that tell when an epoch ended."""
    return {"time": (MONDAY + timedelta(seconds=seconds)).isoformat(), "epoch_duration_sec": 2.0, **others}


def test_runs_of_a_log_are_told_apart_by_their_id(tmp_path: Path) -> None:
    anna, ben = {"run_id": "anna"}, {"run_id": "ben", "seed": 7}
    log = write(tmp_path / "log", [ours(1, **anna), ours(2, **anna, loss_value=1.0), ours(1, **ben), ours(2, **ben)])
    runs = read(log).runs
    assert [(run.run_id, run.seed, run.first, run.last) for run in runs] == [("anna", None, 1, 2), ("ben", 7, 1, 2)]
    assert values(runs[0]) == [(1, 3.5), (2, 1.0)]
    assert [run.run_id for run in read(log, run="2").runs] == ["ben"]


def test_runs_without_an_id_are_told_apart_by_epochs_that_fall(tmp_path: Path) -> None:
    log = write(tmp_path / "log", [theirs(1), theirs(2), theirs(1, loss_value=2.0), theirs(2)])
    assert [values(run) for run in read(log).runs] == [[(1, 3.5), (2, 3.5)], [(1, 2.0), (2, 3.5)]]


def test_a_record_goes_to_its_own_run_where_another_has_begun(tmp_path: Path) -> None:
    log = write(tmp_path / "log", [ours(1), ours(1, run_id="ben"), ours(2)])
    assert [(run.run_id, run.records) for run in read(log).runs] == [("anna", 2), ("ben", 1)]


def test_what_is_no_number_is_a_gap_however_it_was_written(tmp_path: Path) -> None:
    """Ours say so with null and `nonfinite`; the predecessor wrote NaN; text is no number either."""
    records = [
        ours(1),
        ours(2, loss_value=None, nonfinite={"loss_value": "nan"}),
        ours(3, loss_value=float("nan")),
        ours(4, loss_value="3.5"),
        ours(5),
    ]
    found = read(write(tmp_path / "log", records))
    assert values(found.runs[0]) == [(1, 3.5), (2, None), (3, None), (4, None), (5, 3.5)]
    assert found.problems == 2


def test_what_is_not_defined_is_no_point(tmp_path: Path) -> None:
    """No episode has ended in epochs 1 and 3: there is no return, which is not a gap."""
    returns: list[dict[str, object]] = [{"ep_return_mean": None}, {"ep_return_mean": 2.0}, {}, {"ep_return_mean": 4.0}]
    log = write(tmp_path / "log", [ours(number, **found) for number, found in enumerate(returns, start=1)])
    assert values(read(log, "ep_return_mean").runs[0], "ep_return_mean") == [(2, 2.0), (4, 4.0)]


def test_a_run_that_was_stopped_is_marked_where_it_goes_on(tmp_path: Path) -> None:
    """An epoch takes two seconds: epoch 3 ends a minute late, epoch 5 follows the last planned one at once."""
    records = [
        ours(1, **at(0)),
        ours(2, **at(2)),
        ours(3, **at(64)),
        ours(4, **at(66, finished=True)),
        ours(5, **at(68)),
    ]
    run = read(write(tmp_path / "log", records)).runs[0]
    assert run.resumed == [Mark(3, "goes on after a pause of 1 min 0 s"), Mark(5, "goes on after it was finished")]


def test_a_slow_epoch_is_no_pause(tmp_path: Path) -> None:
    records = [ours(1, **at(0)), ours(2, **at(3620, epoch_duration_sec=3590.0))]  # 30 s more than it took
    assert read(write(tmp_path / "log", records)).runs[0].resumed == []


def test_rotations_are_marked_where_a_run_goes_on_in_the_next_file(tmp_path: Path) -> None:
    record(tmp_path / "log", range(1, 6), max_entries=2)
    run = read(tmp_path / "log").runs[0]
    assert run.rotated == [Mark(3, "the log goes on in log.2"), Mark(5, "the log goes on in log")]
    assert values(run) == [(epoch, 3.5) for epoch in range(1, 6)]


def test_a_run_that_begins_in_the_next_file_is_not_marked(tmp_path: Path) -> None:
    write(tmp_path / "log.1", [ours(1)])
    write(tmp_path / "log", [ours(2, epoch=1, run_id="ben")])
    assert [run.rotated for run in read(tmp_path / "log").runs] == [[], []]


def test_records_whose_epoch_does_not_grow_are_left_out_and_counted(tmp_path: Path) -> None:
    run = read(write(tmp_path / "log", [ours(1), ours(2), ours(2, loss_value=9.0), ours(3)])).runs[0]
    assert (values(run), run.left_out) == ([(1, 3.5), (2, 3.5), (3, 3.5)], 1)


def test_a_torn_end_and_lines_that_are_no_records_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(line(ours(1)) + b"oh\n" + line(ours(2)) + line(ours(3))[:40])
    found = read(tmp_path / "log")
    assert (values(found.runs[0]), found.problems) == ([(1, 3.5), (2, 3.5)], 1)


def test_only_what_is_wanted_becomes_a_column(tmp_path: Path) -> None:
    log = write(tmp_path / "log", [ours(1, **{"agents.anna.reward_mean": 1.0, "agents.worst": "anna"})])
    run = read(log, "agents.*", "lr").runs[0]
    assert [key for key, column in run.columns.items() if column.points()] == ["lr", "agents.anna.reward_mean"]


def test_more_runs_than_can_be_told_apart_are_refused(tmp_path: Path) -> None:
    log = write(tmp_path / "log", [ours(1, run_id=f"run{number}") for number in range(MOST_RUNS + 1)])
    with pytest.raises(InputError, match="has more than 40 runs") as caught:
        read(log)
    assert caught.value.hint == "choose one with --run"
    assert len(read(log, run="41").runs) == 1
