"""Suites on a Ray cluster with a machine that does not see the folder of the suite: it has mounts of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.rollout.kitchens import KITCHEN, npz_files
from tests.rollout.suites import LONG, children_of, contents, is_alive, wait_until, write_broken, write_field
from townlet_core.samples.seal import verify
from townlet_core.samples.suite_report import SuiteReport

RAY = Path(sys.executable).with_name("ray")
HIDE = 'mount -t tmpfs none "$0" && mkdir "$1" && export TMPDIR="$1" && shift 1 && exec "$@"'
APART = ["unshare", "--map-root-user", "--mount", "sh", "-c", HIDE]
ENVIRONMENT = {**os.environ, "RAY_AUTH_MODE": "token", "OMP_NUM_THREADS": "1"}


def can_hide() -> bool:
    if shutil.which("unshare") is None:
        return False
    with TemporaryDirectory() as folder:
        return (
            subprocess.run([*APART, folder, f"{folder}/tmp", "true"], capture_output=True, check=False).returncode == 0
        )


pytestmark = [pytest.mark.ray, pytest.mark.skipif(not can_hide(), reason="needs namespaces of mounts")]


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder that the other machine does not see."""
    return tmp_path_factory.mktemp("hidden")


@pytest.fixture(scope="module")
def address(hidden: Path) -> Iterator[str]:
    """Start a cluster of a head without CPUs for tasks, and a machine that has two."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    common = ["--block", "--disable-usage-stats"]
    started: list[subprocess.Popen[bytes]] = []
    with TemporaryDirectory(dir="/tmp", prefix="t") as temporary:
        head = ["--head", "--port", str(port), "--num-cpus", "0", "--include-dashboard=false", "--temp-dir", temporary]
        other = ["--address", f"127.0.0.1:{port}", "--num-cpus", "2"]
        try:
            started.append(start([str(RAY), "start", *head, *common]))
            wait_until(lambda: answers(port))
            started.append(start([*APART, str(hidden), f"{hidden}/tmp", str(RAY), "start", *other, *common]))
            wait_until(lambda: status(port).count(" node_") == 2)
            yield f"127.0.0.1:{port}"
        finally:
            processes = [pid for process in started for pid in (process.pid, *children_of(process.pid))]
            for process in reversed(started):
                process.terminate()
                process.wait(60)
            wait_until(lambda: not any(map(is_alive, processes)))


def start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def status(port: int) -> str:
    command = [str(RAY), "status", "--address", f"127.0.0.1:{port}"]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False).stdout


class Suite:
    """A suite as a command; its folder is hidden from the other machine."""

    def __init__(self, folder: Path, address: str | None, *words: str) -> None:
        where = [] if address is None else ["--executor", "ray", "--ray-address", address]
        command = [sys.executable, "-m", "townlet_cli", "rollout", "suite", *words, *where]
        pipe = subprocess.PIPE
        self.running = subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=pipe, stderr=pipe, text=True)

    def ended(self) -> tuple[int, str]:
        """Wait for its end; give the exit code, and what was said."""
        told, said = self.running.communicate(timeout=120)
        return self.running.returncode, told + said


def report_of(root: Path) -> SuiteReport:
    return SuiteReport.model_validate_json((root / "suite.json").read_bytes())


@pytest.fixture
def folder(hidden: Path, request: pytest.FixtureRequest) -> Path:
    path = hidden / str(request.node.name)
    path.mkdir()
    return path


def test_captures_are_sent_home_and_are_the_same(address: str, folder: Path) -> None:
    (folder / "towns").mkdir()
    (folder / "towns" / "kitchen.yaml").write_text(KITCHEN)
    write_broken(folder / "towns")
    words = ["towns/*.yaml", "kitchen_breakfast", "--seeds", "1:3", "--worlds", "2"]
    code, said = Suite(folder, address, *words, "-o", "there").ended()
    assert f"note: {folder}/there is another folder on " in said
    here, said_here = Suite(folder, None, *words, "-o", "here", "-j", "2").ended()
    assert (code, here) == (4, 4), (said, said_here)
    for entry, twin in zip(report_of(folder / "there").captures, report_of(folder / "here").captures, strict=True):
        assert (entry.name, entry.status, entry.reason) == (twin.name, twin.status, twin.reason)
        theirs, ours = folder / "there" / entry.name, folder / "here" / entry.name
        assert npz_files(ours) == npz_files(theirs)
        assert contents(ours) == contents(theirs)
        assert entry.status == "failed" or verify(theirs) == []
        assert "attempt 1 at " in (folder / "there" / entry.log).read_text()


def test_what_is_there_is_kept_and_the_rest_is_made(address: str, folder: Path) -> None:
    write_field(folder, "field")
    write_field(folder, "other")
    assert Suite(folder, address, "field.yaml", "-o", "out").ended()[0] == 0
    code, said = Suite(folder, address, "*.yaml", "-o", "out", "--resume").ended()
    assert code == 0, said
    assert [entry.status for entry in report_of(folder / "out").captures] == ["kept", "captured"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_that_is_interrupted_leaves_nothing(address: str, folder: Path, number: signal.Signals) -> None:
    write_field(folder, "long", ticks=LONG)
    suite = Suite(folder, address, "long.yaml", "-o", "out")
    wait_until(lambda: bool(away()))
    scratch = os.open(f"/proc/{away()[0]}/root{folder.parent}/tmp", os.O_RDONLY)
    wait_until(lambda: any(Path(f"/proc/self/fd/{scratch}").glob("townlet-away-*/out")))
    suite.running.send_signal(number)
    code, said = suite.ended()
    assert code == 128 + number, said
    wait_until(lambda: not away())
    assert not [name for name in os.listdir(scratch) if name.startswith("townlet-away-")]
    os.close(scratch)
    assert sorted(os.listdir(folder / "out")) == [".suite.lock", "suite.json"]


def away() -> list[int]:
    """Give the processes that make an attempt."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and b"ray::attempt_there" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_one_whose_process_dies_is_tried_again(address: str, folder: Path) -> None:
    write_field(folder, "field", ticks=60_000)  # some pieces
    suite = Suite(folder, address, "field.yaml", "-o", "out", "--retries", "1")
    wait_until(lambda: bool(away()))
    os.kill(away()[0], signal.SIGKILL)
    code, said = suite.ended()
    assert code == 0, said
    [entry] = report_of(folder / "out").captures
    assert (entry.status, entry.attempts) == ("captured", 2)
    assert verify(folder / "out" / "field") == []
