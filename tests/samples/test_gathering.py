"""What a merge takes for captures, what it calls them, and what it says of those that are not there."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.samples.captures import contents, write_capture
from townlet_core.errors import OutputError, SampleError
from townlet_core.samples.goldens import Change, selects
from townlet_core.samples.merge import MergeReport, MergeRequest, merge
from townlet_core.samples.suite_report import Status, SuiteEntry, SuiteReport, save_report

GOLDEN = "x_stats.json"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A root with a capture of the kitchen."""
    write_capture(tmp_path / "root" / "kitchen")
    return tmp_path


def run(place: Path, **options: Any) -> MergeReport:
    return merge(MergeRequest(place / "root", place / GOLDEN, **options))


def save_suite(root: Path, statuses: dict[str, Status]) -> None:
    """Say in suite.json what has become of captures."""
    entries = tuple(
        SuiteEntry(
            name=name,
            config=f"{name}.yaml",
            seed=7,
            status=status,
            reason="broken YAML" if status == "failed" else None,
            manifest=f"{name}/day_manifest.json",
            log=f"{name}.log",
        )
        for name, status in statuses.items()
    )
    save_report(
        SuiteReport(
            tool_version=None,
            state="ended",
            executor="local",
            jobs=1,
            began="2026-01-01T00:00:00+00:00",
            seconds=1.0,
            captures=entries,
        ),
        root,
    )


@pytest.mark.parametrize(
    ("status", "said"),
    [
        pytest.param("failed", "has failed: broken YAML", id="failed"),
        pytest.param("stopped", "was stopped", id="stopped"),
        pytest.param("running", "is not done", id="killed"),
        pytest.param("waiting", "is not done", id="to come"),
    ],
)
def test_a_capture_that_a_suite_has_not_made_is_not_passed_over(place: Path, status: Status, said: str) -> None:
    """An older one that stands there yet is not what the suite was to make."""
    save_suite(place / "root", {"kitchen": "captured", "shower": status})
    for older in (False, True):
        if older:
            write_capture(place / "root" / "shower", config_id="shower")
        (problem,) = run(place).refused
        assert (problem.where, problem.problem) == (f"{place}/root/suite.json: shower", said)
        assert problem.hint == "run the suite again with --resume, or merge others alone with --include"
        assert not (place / GOLDEN).exists()
    assert run(place, include=("kitchen",)).written


def test_what_all_suites_have_made_is_merged_and_what_is_gone_is_told(place: Path) -> None:
    save_suite(place / "root", {"kitchen": "kept", "shower": "captured"})
    report = run(place)
    assert (report.written, report.refused) == (True, ())
    assert f"{place}/root/shower: was captured by a suite, and is not there any more" in report.notes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("{", "suite.json:1:2: not JSON", id="torn"),
        pytest.param('{"schema_version": 9}', "suite.json: schema_version: schema version 9 is not known", id="newer"),
        pytest.param("{}", "suite.json: schema_version: schema version null is not known", id="another's"),
    ],
)
def test_a_suite_that_cannot_be_asked_is_told(place: Path, text: str, said: str) -> None:
    (place / "root" / "suite.json").write_text(text)
    report = run(place)
    assert report.written
    (note,) = [note for note in report.notes if "whether captures of a suite are missing is not known" in note]
    assert said in note


def test_captures_of_several_seeds_are_told_apart(place: Path) -> None:
    """They stand where a suite with --seeds has put them; a golden without seeds goes on beside them."""
    run(place)
    shutil.rmtree(place / "root" / "kitchen")
    for seed in (7, 8):
        write_capture(place / "root" / "kitchen" / f"seed_{seed}", seed=seed)
    save_suite(place / "root", {"kitchen/seed_7": "captured", "kitchen/seed_8": "captured"})
    report = run(place)
    assert list(report.captures) == ["kitchen/seed_7", "kitchen/seed_8"]
    golden = json.loads((place / GOLDEN).read_text())
    assert list(golden) == ["kitchen", "kitchen/seed_7", "kitchen/seed_8"]
    assert golden["kitchen/seed_7"] == golden["kitchen"]
    assert not run(place).written
    golden["kitchen/seed_8"]["day_anna_001.npz"]["reward_sum"] = 9.0
    (place / GOLDEN).write_text(json.dumps(golden))
    (change,) = run(place).changes
    assert (change.scenario, change.metric) == ("kitchen/seed_8", "reward_sum")
    assert run(place, accept=("kitchen/seed_8/day_anna_001/reward_*",), reason="larger meals").written
    assert list(run(place, include=("kitchen/seed_8",)).captures) == ["kitchen/seed_8"]
    assert len(run(place, include=("kitchen",)).captures) == 2


def test_a_seed_is_part_of_the_name_only_in_its_own_folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The capture has the seed 7; from within its folder its name is the same."""
    for folder in ("kitchen/seed_9", "shower/seed_7", "kitchen/seed_7"):
        shutil.rmtree(place / "root")
        write_capture(place / "root" / folder)
        assert list(run(place, dry_run=True).captures) == [
            "kitchen/seed_7" if folder == "kitchen/seed_7" else "kitchen"
        ]
    monkeypatch.chdir(place / "root" / "kitchen" / "seed_7")
    assert list(merge(MergeRequest(Path(), place / GOLDEN, dry_run=True)).captures) == ["kitchen/seed_7"]


@pytest.mark.parametrize(
    ("selector", "scenario", "selected"),
    [
        ("kitchen", "kitchen/seed_0", True),
        ("kitchen/seed_0", "kitchen/seed_0", True),
        ("kitchen/seed_1", "kitchen/seed_0", False),
        ("kitchen/*/*/reward_sum", "kitchen/seed_0", True),
        ("kitchen/anna/reward_sum", "kitchen/seed_0", False),
        ("kitchen/anna/reward_sum", "kitchen", True),
        ("kitchen/seed_0/anna/reward_sum", "kitchen", False),
    ],
)
def test_a_selector_names_the_seed_before_the_sample(selector: str, scenario: str, selected: bool) -> None:
    change = Change(
        scenario=scenario,
        sample="anna.npz",
        metric="reward_sum",
        kind="changed",
        golden=1.0,
        new=2.0,
        difference=1.0,
        relative=1.0,
        tolerance=0.0,
    )
    assert selects(selector, change) == selected


def put_text(path: Path) -> None:
    path.write_text("a diary")


def put_json(path: Path) -> None:
    path.write_text('{"mine": 1}')


@pytest.mark.parametrize(
    ("put", "said"),
    [
        pytest.param(put_text, "is there already, and holds no golden metrics", id="text"),
        pytest.param(put_json, "is there already, and holds no golden metrics", id="other JSON"),
        pytest.param(os.mkdir, "is not a file", id="folder"),
        pytest.param(os.mkfifo, "is not a file", id="pipe"),
    ],
)
def test_the_result_is_not_written_over_what_is_no_golden(place: Path, put: Callable[[Path], None], said: str) -> None:
    put(place / "out.json")
    before = contents(place)
    with pytest.raises(OutputError, match=f"out.json: {said}"):
        run(place, output=place / "out.json")
    assert contents(place) == before
    os.mkfifo(place / GOLDEN)
    with pytest.raises(OutputError, match=f"{GOLDEN}: is not a file"):
        run(place)


@pytest.mark.parametrize(
    ("put", "said"),
    [
        pytest.param(lambda path: path.write_bytes(b"\xff"), "not UTF-8: byte 0", id="no text"),
        pytest.param(put_text, "invalid JSON", id="text"),
        pytest.param(os.mkdir, "is not a file", id="folder"),
        pytest.param(os.mkfifo, "is not a file", id="pipe"),
    ],
)
def test_a_file_of_changes_that_is_none_is_refused(place: Path, put: Callable[[Path], None], said: str) -> None:
    put(place / "x_changes.jsonl")
    with pytest.raises(SampleError, match=f"x_changes.jsonl: {said}"):
        run(place)
    assert not (place / GOLDEN).exists()


def test_a_file_of_changes_may_be_a_link(place: Path) -> None:
    (place / "history").mkdir()
    (place / "x_changes.jsonl").symlink_to("history/changes.jsonl")
    run(place)
    assert (place / "x_changes.jsonl").is_symlink()
    assert len((place / "history" / "changes.jsonl").read_text().splitlines()) == 1


def test_a_suite_that_says_it_runs_is_at_work_or_was_killed(place: Path) -> None:
    """Its lock tells: it goes with the process."""
    save_suite(place / "root", {"kitchen": "captured", "field": "waiting"})
    path = place / "root" / "suite.json"
    path.write_text(path.read_text().replace('"ended"', '"running"'))
    without_a_word = "is not done: the suite was interrupted without a word, though suite.json says that it is running"
    assert [problem.problem for problem in run(place).refused] == [without_a_word]
    with (place / "root" / ".suite.lock").open("w") as lock:
        assert [problem.problem for problem in run(place).refused] == [without_a_word]
        fcntl.flock(lock, fcntl.LOCK_EX)
        (at_work,) = run(place).refused
        assert at_work.problem == "is not done: the suite is at work"
        assert at_work.hint == "wait until it has ended, or merge others alone with --include"
