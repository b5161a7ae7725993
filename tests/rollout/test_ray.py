"""Suites on a Ray cluster, which the tests start on this machine."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rollout.kitchens import KITCHEN, npz_files
from tests.rollout.suites import (
    LONG,
    Listener,
    children_of,
    is_alive,
    kill_once,
    run,
    statuses,
    wait_until,
    write_broken,
    write_field,
)
from townlet_core.rollout.ray_workers import RayWorkers
from townlet_core.rollout.workers import LocalWorkers
from townlet_core.samples.seal import verify
from townlet_core.samples.suite_report import SuiteReport

pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("default")]  # Ray has warnings of its own

TIMES = re.compile(r'"capture_timestamp": "[^"]*"')


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayWorkers]:
    with RayWorkers(2, address=None) as workers:
        yield workers


def contents(folder: Path) -> dict[str, str]:
    """Give the JSON files of a capture without the time at which it was made, and what hashes that."""
    found = {}
    for path in folder.glob("*.json"):
        text = TIMES.sub("", path.read_text())
        if path.name.endswith("_seal.json"):
            seal = json.loads(text)
            seal["files"] = {name: seal["files"][name] for name in seal["files"] if not name.endswith("_manifest.json")}
            text = json.dumps(seal)
        found[path.name] = text
    return found


def test_captures_are_the_same_as_on_this_machine_alone(cluster: RayWorkers, tmp_path: Path) -> None:
    (tmp_path / "kitchen.yaml").write_text(KITCHEN)
    sources = [str(tmp_path / "kitchen.yaml"), "kitchen_breakfast", write_field(tmp_path, "field")]
    there = run(cluster, tmp_path / "there", *sources, worlds=2, seeds=(1, 2))
    with LocalWorkers(2) as workers:
        here = run(workers, tmp_path / "here", *sources, worlds=2, seeds=(1, 2))
    assert set(statuses(there).values()) == {"captured"}
    for name in here:
        ours, theirs = tmp_path / "here" / name, tmp_path / "there" / name
        assert npz_files(ours) == npz_files(theirs) != {}
        assert contents(ours) == contents(theirs) != {}
        assert verify(theirs) == []


def test_one_that_fails_does_not_stop_the_others_and_resume_makes_only_that(
    cluster: RayWorkers, tmp_path: Path
) -> None:
    field, broken = write_field(tmp_path, "field"), write_broken(tmp_path)
    first = run(cluster, tmp_path / "out", broken, field, retries=1)
    assert statuses(first) == {"broken": "failed", "field": "captured"}
    assert (first["broken"].attempts, str(first["broken"].reason).startswith(f"{broken}:2:1: ")) == (1, True)
    write_field(tmp_path, "broken")
    again = run(cluster, tmp_path / "out", broken, field, resume=True)
    assert statuses(again) == {"broken": "captured", "field": "kept"}


def test_a_process_that_dies_is_a_failed_attempt(cluster: RayWorkers, tmp_path: Path) -> None:
    root = tmp_path / "out"
    listener = Listener(on_advance=kill_once(root, signal.SIGKILL))
    entries = run(cluster, root, write_field(tmp_path, "long", ticks=60_000), retries=1, listener=listener)
    assert (entries["long"].status, entries["long"].attempts) == ("captured", 2)
    assert entries["long"].failures[0].startswith("Ray: ")
    assert verify(root / "long") == []
    assert not [*root.rglob(".townlet*")]


def test_a_time_limit_ends_that_capture_alone(cluster: RayWorkers, tmp_path: Path) -> None:
    long, field = write_field(tmp_path, "long", ticks=LONG), write_field(tmp_path, "field")
    entries = run(cluster, tmp_path / "out", long, field, timeout=3.0)
    assert statuses(entries) == {"long": "failed", "field": "captured"}
    assert entries["long"].reason == "took longer than the 3 s of --timeout"
    assert not (tmp_path / "out" / "long").exists()


def test_the_command_ends_its_cluster_with_itself(tmp_path: Path) -> None:
    long = write_field(tmp_path, "long", ticks=LONG)
    command = [sys.executable, "-m", "townlet_cli", "rollout", "suite", long, "-o", "out", "--executor", "ray"]
    running = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    stages = tmp_path / "out" / "long"
    wait_until(lambda: running.poll() is not None or any(stages.glob(".townlet-stage-*/spool/*")), seconds=180)
    assert running.poll() is None, running.communicate()
    others = children_of(running.pid)
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate(timeout=120)
    assert running.returncode == 128 + signal.SIGTERM, said
    wait_until(lambda: not any(map(is_alive, others)))
    report = SuiteReport.model_validate_json((tmp_path / "out" / "suite.json").read_bytes())
    assert (report.executor, report.state, report.captures[0].status) == ("ray", "interrupted", "stopped")
    assert not stages.exists()


def test_a_cluster_that_is_not_there_is_refused(tmp_path: Path) -> None:
    script = (
        "from townlet_core.errors import InputError\n"
        "from townlet_core.rollout.ray_workers import RayWorkers\n"
        "try: RayWorkers(1, address='127.0.0.1:1')\n"
        "except InputError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=os.environ)
    assert done.stdout.startswith("--ray-address 127.0.0.1:1: cannot be joined: ")
