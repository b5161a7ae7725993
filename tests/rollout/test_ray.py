"""Suites on a Ray cluster, which the tests start on this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.rollout.kitchens import KITCHEN, npz_files
from tests.rollout.suites import (
    LONG,
    Listener,
    children_of,
    contents,
    is_alive,
    kill_once,
    process_in,
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


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayWorkers]:
    with RayWorkers(2, address=None) as workers:
        yield workers


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


def test_the_first_that_fails_ends_the_others_where_that_is_asked(cluster: RayWorkers, tmp_path: Path) -> None:
    sources = [write_field(tmp_path, "long", ticks=LONG), write_broken(tmp_path), write_field(tmp_path, "waiting")]
    entries = run(cluster, tmp_path / "out", *sources, fail_fast=True)
    # Two at a time: the third is not begun.
    assert statuses(entries) == {"long": "stopped", "broken": "failed", "waiting": "stopped"}
    assert entries["long"].reason == "another had failed"
    assert not [*(tmp_path / "out").rglob(".townlet-*")]


def title(process: int) -> str:
    """Give what a process calls itself."""
    return Path(f"/proc/{process}/cmdline").read_text(encoding="utf-8")


class Command:
    """A suite of a long capture as a command, on a cluster of its own."""

    def __init__(self, folder: Path, temporary: Path, words: tuple[str, ...]) -> None:
        long = write_field(folder, "long", ticks=LONG)
        command = [sys.executable, "-m", "townlet_cli", "rollout", "suite", long, "-o", "out", "--executor", "ray"]
        pipe, environment = subprocess.PIPE, {**os.environ, "TMPDIR": str(temporary)}
        self.root = folder / "out"
        self.temporary = temporary
        self.running = subprocess.Popen(
            [*command, *words], cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True
        )

    def wait_for(self, what: Callable[[], bool]) -> None:
        wait_until(lambda: self.running.poll() is not None or what(), seconds=100)
        assert self.running.poll() is None, self.running.communicate()

    def plays(self) -> bool:
        return any(self.root.glob("long/.townlet-stage-*/spool/*"))

    def starts(self) -> bool:
        return any(self.temporary.glob("townlet-ray-*/session_*/logs/gcs_server.out"))

    def end(self, number: int | None) -> tuple[str, str]:
        """Send a signal, if any; wait until nothing is left, and give what was printed."""
        others = children_of(self.running.pid)
        if number is not None:
            self.running.send_signal(number)
        said = self.running.communicate(timeout=60)
        wait_until(lambda: not any(map(is_alive, others)))
        assert os.listdir(self.temporary) == []
        return said


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """Start a command; it does not outlive the test."""
    started: list[Command] = []
    with TemporaryDirectory(dir="/tmp", prefix="t") as temporary:  # short, as Ray wants it

        def start(*words: str) -> Command:
            started.append(Command(tmp_path, Path(temporary), words))
            return started[-1]

        yield start
        for command in started:
            if command.running.poll() is None:
                command.running.terminate()
                command.running.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_interrupted_ends_its_cluster_with_itself(
    start: Callable[..., Command], number: signal.Signals
) -> None:
    command = start()
    command.wait_for(command.plays)
    _, said = command.end(number)
    assert command.running.returncode == 128 + number, said
    report = SuiteReport.model_validate_json((command.root / "suite.json").read_bytes())
    assert (report.executor, report.state, report.captures[0].status) == ("ray", "interrupted", "stopped")
    assert not (command.root / "long").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_interrupted_while_ray_starts_leaves_nothing_of_it(
    start: Callable[..., Command], number: signal.Signals
) -> None:
    command = start()
    command.wait_for(command.starts)
    _, said = command.end(number)
    assert command.running.returncode == 128 + number, said


def test_what_ray_says_of_a_process_that_dies_does_not_mix_with_the_report(start: Callable[..., Command]) -> None:
    command = start("--json", "-j", "1")
    command.wait_for(command.plays)
    os.kill(process_in(command.root / "long.log"), signal.SIGKILL)
    told, _ = command.end(None)
    report = SuiteReport.model_validate_json(told)
    assert (command.running.returncode, report.jobs) == (4, 1)
    assert report.captures[0].reason == "Ray: its process was ended, as where memory runs out"


def test_a_cluster_that_goes_ends_the_suite_with_an_error(start: Callable[..., Command]) -> None:
    command = start()
    command.wait_for(command.plays)
    [channel] = [pid for pid in children_of(command.running.pid) if "ray::Channel" in title(pid)]
    os.kill(channel, signal.SIGKILL)
    _, said = command.end(None)
    assert "error: --executor ray: the cluster has gone: " in said
    assert command.running.returncode == 3
    report = SuiteReport.model_validate_json((command.root / "suite.json").read_bytes())
    assert (report.state, report.captures[0].status) == ("interrupted", "stopped")


def test_a_head_that_dies_ends_the_suite_before_ray_ends_the_process(start: Callable[..., Command]) -> None:
    command = start("--worlds", "8")  # which takes longer than is waited for the head
    command.wait_for(command.plays)
    [head] = [pid for pid in children_of(command.running.pid) if "gcs_server" in title(pid).split("\0")[0]]
    os.kill(head, signal.SIGKILL)
    _, said = command.end(None)
    assert "error: --executor ray: the cluster has gone: its head does not answer at " in said
    assert command.running.returncode == 3
    report = SuiteReport.model_validate_json((command.root / "suite.json").read_bytes())
    assert (report.state, report.captures[0].status) == ("interrupted", "stopped")


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        pytest.param("127.0.0.1:1", "cannot be joined: nobody answers there: connection refused", id="nobody there"),
        pytest.param("ray://a:10001", "must be auto or HOST:PORT, found 'ray://a:10001'", id="no address"),
        pytest.param("127.0.0.1:{port}", "cannot be joined: Failed to connect to Ray cluster at ", id="not Ray"),
    ],
)
def test_a_cluster_that_is_not_there_is_refused(address: str, problem: str) -> None:
    script = (
        "import sys\n"
        "from townlet_core.errors import TownletError\n"
        "from townlet_core.rollout.ray_workers import RayWorkers\n"
        "try: RayWorkers(1, address=sys.argv[1])\n"
        "except TownletError as error: print(error.problem)"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = address.format(port=server.getsockname()[1])
        done = subprocess.run([sys.executable, "-c", script, place], capture_output=True, text=True, check=False)
    assert done.stdout.startswith(problem)
