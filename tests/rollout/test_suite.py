"""A suite: many captures by workers of this machine, whatever becomes of some of them."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.disk import longest_file
from tests.rollout.kitchens import KITCHEN, npz_files, take
from tests.rollout.suites import (
    LONG,
    Listener,
    children_of,
    is_alive,
    kill_once,
    run,
    saved,
    statuses,
    wait_until,
    write_broken,
    write_field,
)
from townlet_core.errors import InputError, OutputError, TownletError, UsageError
from townlet_core.rollout.suite import parse_seeds
from townlet_core.rollout.workers import LocalWorkers
from townlet_core.samples.seal import verify


def hidden(root: Path) -> list[str]:
    return [path.name for path in root.rglob(".townlet*")]


def test_every_scenario_gets_the_capture_that_it_gets_alone(two: LocalWorkers, tmp_path: Path, root: Path) -> None:
    (tmp_path / "kitchen.yaml").write_text(KITCHEN)
    field = write_field(tmp_path, "field")
    entries = run(two, root, str(tmp_path / "kitchen.yaml"), field)
    assert statuses(entries) == {"kitchen": "captured", "field": "captured"}
    for name in entries:
        alone = take(tmp_path / f"{name}.yaml", f"alone_{name}")
        assert npz_files(root / name) == npz_files(tmp_path / f"alone_{name}")
        ours, theirs = (folder / "rollout_sample_metrics.json" for folder in (root / name, tmp_path / f"alone_{name}"))
        assert ours.read_bytes() == theirs.read_bytes()
        assert verify(root / name) == []
        entry = entries[name]
        assert (entry.seed, entry.ticks, entry.agents) == (3, alone.ticks, alone.agents)
        assert (entry.agent_steps, entry.samples) == (alone.agent_steps, len(alone.samples))
        assert (entry.config_hash, entry.notes) == (alone.config_hash, alone.notes)
        assert entry.warnings == tuple(warning.text for warning in alone.warnings)
        assert "captured" in (root / entry.log).read_text()
        assert (root / entry.manifest).is_file()


def test_each_seed_has_a_folder_and_a_log(two: LocalWorkers, tmp_path: Path, root: Path) -> None:
    kitchen = tmp_path / "kitchen.yaml"
    kitchen.write_text(KITCHEN)
    entries = run(two, root, str(kitchen), seeds=(0, 5))
    assert {name: entry.seed for name, entry in entries.items()} == {"kitchen/seed_0": 0, "kitchen/seed_5": 5}
    assert sorted(os.listdir(root / "kitchen")) == ["seed_0", "seed_0.log", "seed_5", "seed_5.log"]
    take(kitchen, "alone", seed=5)
    assert npz_files(root / "kitchen" / "seed_5") == npz_files(tmp_path / "alone")


def test_one_that_fails_does_not_stop_the_others_and_a_bad_config_is_not_tried_again(
    two: LocalWorkers, tmp_path: Path, root: Path
) -> None:
    broken, fields = write_broken(tmp_path), [write_field(tmp_path, f"field{n}") for n in range(3)]
    entries = run(two, root, broken, *fields, retries=2)
    assert statuses(entries) == {"broken": "failed", **{f"field{n}": "captured" for n in range(3)}}
    entry = entries["broken"]
    assert (entry.attempts, entry.failures) == (1, (entry.reason,))
    assert str(entry.reason).startswith(f"{broken}:2:1: broken YAML: ")
    assert f"error: {broken}:2:1: broken YAML: " in (root / "broken.log").read_text()
    assert not (root / "broken").exists()
    assert saved(root).captures == tuple(entries.values())


def test_what_fails_is_tried_again_and_each_reason_is_kept(two: LocalWorkers, tmp_path: Path, root: Path) -> None:
    """A file with a name of the capture is in its way until the second attempt has failed."""
    field = write_field(tmp_path, "field")
    block = root / "field" / "rollout_sample_metrics.json"
    block.parent.mkdir(parents=True)
    block.write_text("mine")
    listener = Listener(on_change=lambda entry: block.unlink() if len(entry.failures) == 2 and block.exists() else None)
    entries = run(two, root, field, retries=5, listener=listener)
    entry = entries["field"]
    assert (entry.status, entry.attempts, entry.reason) == ("captured", 3, None)
    reason = (
        f"{root}/field: rollout_sample_metrics.json has a name of this capture and belongs to none that can be read"
    )
    assert entry.failures == (reason, reason)
    assert (root / "field.log").read_text().count(f"error: {reason}") == 2


def test_fail_fast_stops_what_is_under_way_and_what_is_to_come(tmp_path: Path, root: Path) -> None:
    sources = [write_field(tmp_path, "long", ticks=LONG), write_broken(tmp_path), write_field(tmp_path, "field")]
    with LocalWorkers(2) as workers:
        entries = run(workers, root, *sources, fail_fast=True)
    assert statuses(entries) == {"long": "stopped", "broken": "failed", "field": "stopped"}
    assert entries["field"].reason == "another had failed"
    assert (entries["long"].attempts, entries["field"].attempts) == (1, 0)
    assert saved(root).state == "ended"
    assert not (root / "long").exists()


@pytest.mark.parametrize(
    ("number", "reason", "said"),
    [
        pytest.param(signal.SIGKILL, "SIGKILL, as where memory runs out", "", id="killed"),
        pytest.param(signal.SIGSEGV, "SIGSEGV; see its log", "Fatal Python error: Segmentation fault", id="crashed"),
    ],
)
def test_a_worker_that_dies_is_a_failed_attempt_and_another_takes_its_place(
    tmp_path: Path, root: Path, number: int, reason: str, said: str
) -> None:
    ticks = {"one": 60_000, "two": 20, "three": 20}
    sources = [write_field(tmp_path, name, ticks=ticks[name]) for name in ticks]
    with LocalWorkers(1) as workers:
        listener = Listener(on_advance=kill_once(root, number))
        entries = run(workers, root, *sources, retries=1, listener=listener)
    assert statuses(entries) == dict.fromkeys(("one", "two", "three"), "captured")
    assert (entries["one"].attempts, entries["two"].attempts) == (2, 1)
    assert entries["one"].failures == (f"its process was ended by {reason}",)
    log = (root / "one.log").read_text()
    assert said in log
    assert f"attempt 1 failed: its process was ended by {reason}" in log
    assert [verify(root / name) for name in entries] == [[], [], []]
    assert hidden(root) == []


def test_a_worker_that_dies_for_good_leaves_nothing(tmp_path: Path, root: Path) -> None:
    long, field = write_field(tmp_path, "long", ticks=LONG), write_field(tmp_path, "field")
    with LocalWorkers(1) as workers:
        entries = run(workers, root, long, field, listener=Listener(on_advance=kill_once(root, signal.SIGKILL)))
    assert statuses(entries) == {"long": "failed", "field": "captured"}
    assert not (root / "long").exists()


def test_a_time_limit_ends_that_capture_alone(tmp_path: Path, root: Path) -> None:
    fields = [write_field(tmp_path, f"field{n}") for n in range(3)]
    with LocalWorkers(2) as workers:
        entries = run(workers, root, write_field(tmp_path, "long", ticks=LONG), *fields, timeout=1.0, retries=1)
    assert statuses(entries) == {"long": "failed", **{f"field{n}": "captured" for n in range(3)}}
    assert entries["long"].failures == ("took longer than the 1 s of --timeout",) * 2
    assert (root / "long.log").read_text().count("took longer than the 1 s of --timeout") == 2
    assert not (root / "long").exists()


@pytest.mark.slow
def test_a_worker_that_does_not_even_end_when_asked_is_killed(tmp_path: Path, root: Path) -> None:
    """A process that is halted keeps SIGTERM waiting; five seconds later it is killed."""
    long = write_field(tmp_path, "long", ticks=LONG)
    with LocalWorkers(1) as workers:
        listener = Listener(on_advance=kill_once(root, signal.SIGSTOP))
        entries = run(workers, root, long, timeout=1.0, listener=listener)
    assert entries["long"].failures == ("took longer than the 1 s of --timeout",)
    assert not (root / "long").exists()


def test_nobody_is_left_when_the_process_that_workers_come_from_is_killed(tmp_path: Path, root: Path) -> None:
    long = write_field(tmp_path, "long", ticks=LONG)
    ended: list[int] = []
    before = set(children_of(os.getpid()))

    def kill(_: str) -> None:
        if not ended:
            ended.extend(set(children_of(os.getpid())) - before)
            os.kill(min(ended), signal.SIGKILL)

    with LocalWorkers(1) as workers, pytest.raises(TownletError, match="has gone: its process was ended by SIGKILL"):
        run(workers, root, long, listener=Listener(on_advance=kill))
    assert len(ended) == 2
    wait_until(lambda: not any(map(is_alive, ended)))
    (entry,) = saved(root).captures
    assert (saved(root).state, entry.status) == ("interrupted", "stopped")


def test_two_suites_do_not_work_in_one_folder(two: LocalWorkers, tmp_path: Path, root: Path) -> None:
    field, refusals = write_field(tmp_path, "field"), []

    def begin_another(_: object) -> None:
        with pytest.raises(OutputError) as caught:
            run(two, root, field, force=True)
        refusals.append(str(caught.value))

    run(two, root, field, listener=Listener(on_change=begin_another))
    assert re.fullmatch(
        rf"{root}: another suite is at work here, process {os.getpid()} on \S+\n"
        "hint: wait until it has ended, or choose another --output-root",
        refusals[0],
    )
    assert verify(root / "field") == []


def test_captures_that_are_there_are_replaced_only_on_demand(two: LocalWorkers, tmp_path: Path, root: Path) -> None:
    field, other = write_field(tmp_path, "field"), write_field(tmp_path, "other")
    run(two, root, field)
    before = npz_files(root / "field")
    with pytest.raises(OutputError) as caught:
        run(two, root, other, field, ticks=10)
    assert str(caught.value) == (
        f"{root}: holds captures already (field)\n"
        "hint: give --resume to keep what is right, --force to replace all, or choose another --output-root"
    )
    assert (npz_files(root / "field"), (root / "other").exists()) == (before, False)
    run(two, root, other, field, ticks=10, force=True)
    assert npz_files(root / "field") != before


def test_no_suite_is_begun_that_cannot_tell_what_it_does(two: LocalWorkers, tmp_path: Path, root: Path) -> None:
    field = write_field(tmp_path, "field")
    with longest_file(100), pytest.raises(OutputError, match=r"suite\.json: cannot be written: "):
        run(two, root, field)
    assert os.listdir(root) == [".suite.lock"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"retries": -1}, "--retries: must be a whole number from 0 to 1000, found -1", id="retries"),
        pytest.param({"timeout": 0.0}, "--timeout: must be more than 0 seconds, found 0", id="timeout"),
        pytest.param({"timeout": float("nan")}, "--timeout: must be more than 0 seconds, found nan", id="no number"),
        pytest.param({"resume": True, "force": True}, "--resume: cannot go together with --force", id="both"),
        pytest.param({"ticks": 0}, "--ticks: must be a whole number from 1 to 1000000, found 0", id="ticks"),
        pytest.param({"policy": "scrpted"}, "--policy: unknown policy 'scrpted'", id="policy"),
        pytest.param({"seeds": (2**63,)}, "--seed: must be a whole number from 0 to ", id="seed"),
        pytest.param({"noise": 0.5, "policy": "random"}, "--noise: has no effect on the policy random", id="noise"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_anything_is_done(
    two: LocalWorkers, tmp_path: Path, root: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        run(two, root, write_field(tmp_path, "field"), **options)
    assert not root.exists()


def test_a_root_that_is_a_file_or_in_object_storage_is_refused(two: LocalWorkers, tmp_path: Path) -> None:
    field = write_field(tmp_path, "field")
    with pytest.raises(OutputError, match=r"field\.yaml: is not a folder"):
        run(two, Path(field), field)
    with pytest.raises(UsageError, match="--output-root: object storage cannot be written to"):
        run(two, Path("s3://bucket/suite"), field)
    with pytest.raises(InputError, match="no configuration is left"):
        run(two, tmp_path / "suite", str(Path(field).rename(tmp_path / "_field.yaml")))


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        pytest.param("7", (7,), id="one"),
        pytest.param("0:5", (0, 1, 2, 3, 4), id="range"),
        pytest.param("3, 0:2", (3, 0, 1), id="both"),
    ],
)
def test_seeds_are_numbers_and_ranges(text: str, seeds: tuple[int, ...]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "5:5", "1:0", "-1", "a", "1,,2", "0:5,4", "0:9999999", "1:2:3", "٣"])
def test_other_seeds_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--seeds: "):
        parse_seeds(text)


def test_the_report_is_the_file(two: LocalWorkers, tmp_path: Path, root: Path) -> None:
    listener = Listener()
    run(two, root, write_field(tmp_path, "field"), listener=listener)
    assert saved(root) == listener.report
    assert [status for _, status in listener.statuses] == ["running", "captured"]
    assert json.loads((root / "suite.json").read_text())["state"] == "ended"
