"""A suite in one process, where each of its steps can be made to fail: those of the suite as those of its workers."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import QUIET_TOWN
from tests.faults.injecting import run
from tests.samples.captures import contents
from townlet_cli.suite_view import watching
from townlet_core.rollout.attempt import attempt
from townlet_core.rollout.request import CaptureRequest
from townlet_core.rollout.running import Rules
from townlet_core.rollout.suite import SuiteRequest, run_suite
from townlet_core.rollout.task import News, Task
from townlet_core.rollout.workers import Compiling, Heard
from townlet_core.samples.manifest import Manifest, read_manifest
from townlet_core.samples.suite_report import read_report
from townlet_core.samples.verify import examine

NAMES = ("kept", "anew", "first")
OUT = Path("out")


class Here:
    """Does one task after the other, when it is asked what has come of them."""

    jobs = 1

    def __init__(self) -> None:
        self._tasks: list[tuple[int, Task]] = []

    def check(self, example: Task) -> None:
        """Nothing is different here."""

    def start(self, number: int, task: Task) -> None:
        self._tasks.append((number, task))

    def stop(self, number: int) -> None:
        self._tasks = [each for each in self._tasks if each[0] != number]

    def hear(self, seconds: float | None) -> list[Heard | Compiling]:
        heard: list[Heard | Compiling] = []
        for number, task in self._tasks:

            def tell(news: News, number: int = number) -> None:
                heard.append(Heard(number, news))

            tell(attempt(task, tell))
        self._tasks = []
        return heard

    def close(self) -> None:
        """Nobody is left."""


def suite(*names: str) -> int:
    """Run a suite of towns, as the command does; one that fails is tried again."""
    every = CaptureRequest(source="", output=OUT)
    request = SuiteRequest(tuple(f"{name}.yaml" for name in names), OUT, every, Rules(retries=1), resume=True)
    with watching(as_json=False) as watcher:
        return 0 if run_suite(request, Here(), watcher).all_well else 4


def with_suite(folder: Path) -> None:
    """One town of an earlier suite is as it was, one has become longer, and a third one is new."""
    for name in NAMES:
        (folder / f"{name}.yaml").write_text(QUIET_TOWN)
    ended = run(folder, lambda: suite("kept", "anew"))
    assert ended.code == 0, ended.said
    (folder / "anew.yaml").write_text(QUIET_TOWN.replace("ticks: 10", "ticks: 20"))
    (folder / OUT / "diary.txt").write_text("mine")


def go_on() -> int:
    """Resume that suite."""
    return suite(*NAMES)


def whole_suite(folder: Path, before: dict[str, bytes], after: dict[str, bytes]) -> None:
    """Every manifest stands over a whole capture, and what suite.json calls captured is there."""
    assert (folder / OUT / "diary.txt").read_bytes() == b"mine"
    for name in NAMES:
        if manifest(folder, name).exists():
            assert examine(manifest(folder, name)).problems == ()
        else:  # a capture that was killed while it moved files has put the older one aside
            assert name == "first" or [*(folder / OUT / name).glob(".townlet-stage-*/old/*_manifest.json")]
    for entry in read_report(folder / OUT / "suite.json").captures:
        if entry.status in ("captured", "kept"):
            assert ticks(folder, entry.name) == entry.ticks
    for log in (folder / OUT).glob("*.log"):
        assert log.read_bytes()[:2] in (b"", b"20"), "it begins with the time"


def manifest(folder: Path, name: str) -> Path:
    return folder / OUT / name / "rollout_sample_manifest.json"


def ticks(folder: Path, name: str) -> int:
    found = read_manifest(manifest(folder, name))
    assert isinstance(found, Manifest)
    return found.metadata.ticks


def suite_done(folder: Path, after: dict[str, bytes]) -> None:
    whole_suite(folder, after, after)
    report = read_report(folder / OUT / "suite.json")
    assert (report.state, report.all_well, len(report.captures)) == ("ended", True, 3)
    assert [ticks(folder, name) for name in NAMES] == [10, 20, 10]
    assert {len(read_manifest(manifest(folder, name)).samples) for name in NAMES} == {1}
    hidden = [name for name in contents(folder) if any(part.startswith(".") for part in name.split("/"))]
    assert hidden == ["out/.suite.lock"]
