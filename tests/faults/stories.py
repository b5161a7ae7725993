"""What is broken off in the matrix of faults: each a folder to begin with, an action, and what must hold after it.

A command that writes gets its place here: one more Story in STORIES.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cli.conftest import QUIET_TOWN
from tests.faults.injecting import Fault, run
from tests.faults.suites import go_on, suite_done, whole_suite, with_suite
from tests.ppo.runs import SMALL, check_whole, townlet
from tests.samples.captures import contents, write_capture
from tests.telemetry.epochs import record, stream, values
from townlet_core.samples.manifest import read_manifest
from townlet_core.samples.verify import examine
from townlet_core.telemetry.checks import Check
from townlet_core.telemetry.log import TelemetryLog

Files = dict[str, bytes]
Check_ = Callable[[Path, Files, Files], None]
CAPTURE = ("rollout", "capture", "town.yaml", "--output", "out", "--force")
TRAIN = ("train", "ppo", "town.yaml", "--device", "cpu", "--worlds", "2", "--rollout-ticks", "8", "--epochs", "1",
         "--checkpoint-dir", "runs", "--ppo-log", "log.jsonl",
         *(word for setting in (*SMALL, "ppo.parts=1") for word in ("--set", setting)))  # fmt: skip
RESUME = ("train", "ppo", "town.yaml", "--device", "cpu", "--epochs", "3", "--save-every", "1", "--resume", "runs",
          "--keep-checkpoints", "1", "--checkpoint-dir", "runs", "--ppo-log", "log.jsonl")  # fmt: skip


@dataclass(frozen=True)
class Story:
    """An action that writes.

    Args:
        prepare: fills the folder that it begins with.
        sound: checks what stands under final names, given the files before and those after an undisturbed action.
        settled: checks the folder when the action was run again.
        goes_on: the action may end well in spite of an error, if it tells.
        redone: exit codes of the action when it is run to its end.
        nothing_to_do: exit code of the action when all was done before it failed.
        notes: files that say what was about to be done, which may do so too early.
    """

    name: str
    prepare: Callable[[Path], None]
    action: Callable[[], int]
    sound: Check_
    settled: Callable[[Path, Files], None]
    goes_on: bool = False
    redone: tuple[int, ...] = (0,)
    nothing_to_do: int = 0
    notes: frozenset[str] = frozenset()


def command(*words: str) -> Callable[[], int]:
    return lambda: townlet(*words)


def done(folder: Path, *words: str) -> None:
    """Run a command that must succeed."""
    ended = run(folder, command(*words))
    assert ended.code == 0, ended.said


def shown(files: Files) -> Files:
    """Leave out what is hidden and what has the name of a draft: nobody takes these for results."""
    return {
        name: data
        for name, data in files.items()
        if not any(part.startswith(".") for part in name.split("/")) and not name.endswith(".draft")
    }


def hidden(folder: Path) -> list[str]:
    return sorted({*contents(folder)} - {*shown(contents(folder))})


def of_town(folder: Path) -> None:
    (folder / "town.yaml").write_text(QUIET_TOWN)


def over_a_capture(folder: Path) -> None:
    of_town(folder)
    done(folder, *CAPTURE, "--seed", "1", "--ticks", "5")
    (folder / "out" / "diary.txt").write_text("mine")


def whole_captures(folder: Path, before: Files, after: Files) -> None:
    """Each file is of the earlier capture or the later one; a manifest stands only over a whole capture."""
    found = shown(contents(folder))
    assert found["out/diary.txt"] == b"mine"
    for name, data in found.items():
        assert name in after or name in before
        assert data in (before.get(name), after.get(name)) or isinstance(json.loads(data), dict), name
    for manifest in (folder / "out").glob("*_manifest.json"):
        assert examine(manifest).problems == ()


def captured(folder: Path, after: Files) -> None:
    whole_captures(folder, after, after)
    assert read_manifest(folder / "out" / "rollout_sample_manifest.json").samples[0].frame_count == 10
    assert shown(contents(folder)).keys() == after.keys()
    assert hidden(folder) == []


def with_golden(folder: Path) -> None:
    write_capture(folder / "root" / "kitchen")
    done(folder, "rollout", "merge", "root", "--golden", "g_stats.json")
    stats = json.loads((folder / "g_stats.json").read_text())
    stats["kitchen"]["day_anna_001.npz"]["reward_sum"] = 7.5
    (folder / "g_stats.json").write_text(json.dumps(stats, indent=2) + "\n")


def whole_golden(folder: Path, before: Files, after: Files) -> None:
    found = shown(contents(folder))
    assert found["g_stats.json"] in (before["g_stats.json"], after["g_stats.json"])
    changes = [json.loads(line) for line in found["g_changes.jsonl"].decode().splitlines()]
    assert len(changes) in (1, 2)
    assert {**found, "g_stats.json": b"", "g_changes.jsonl": b""} == {
        **before, "g_stats.json": b"", "g_changes.jsonl": b""
    }  # fmt: skip


def merged(folder: Path, after: Files) -> None:
    assert (folder / "g_stats.json").read_bytes() == after["g_stats.json"]
    assert len((folder / "g_changes.jsonl").read_text().splitlines()) == 2
    done(folder, "rollout", "merge", "root", "--golden", "g_stats.json", "--dry-run")
    assert hidden(folder) == []


def with_checkpoint(folder: Path) -> None:
    of_town(folder)
    done(folder, *TRAIN)


def whole_checkpoints(folder: Path, before: Files, after: Files) -> None:
    """There is always one, whatever has the name of one is whole, and the log too, but for a torn last line."""
    assert check_whole(folder / "runs") in (1, 2, 3)
    check_log(folder)


def check_log(folder: Path) -> None:
    *complete, _ = (folder / "log.jsonl").read_bytes().split(b"\n")
    assert [json.loads(line)["epoch"] for line in complete][:1] == [1]


def trained(folder: Path, after: Files) -> None:
    """All was trained; where old checkpoints could not be removed, the next run has nothing to do and says so."""
    assert check_whole(folder / "runs") == 3
    check_valid(folder)


def check_valid(folder: Path) -> None:
    problems: list[object] = []
    Check(folder / "log.jsonl", report=problems.append).run()
    assert problems == []


def with_log(folder: Path) -> None:
    record(folder / "log.jsonl", range(1, 4), max_entries=2)


def log_four() -> int:
    """Log four epochs of a run, with a new segment after each two; a failing disk is no reason to end."""
    with TelemetryLog(Path("log.jsonl"), run_id=f"run{os.getpid()}", max_entries=2) as log:
        for epoch in range(1, 5):
            log.write(values(epoch))
    assert (log.lost == 0) == (log.failure is None)
    return 0


def whole_log(folder: Path, before: Files, after: Files) -> None:
    check_log_of(folder, least=3)


def check_log_of(folder: Path, *, least: int) -> None:
    offsets = [json.loads(line)["log_stream_offset"] for line in _complete_lines(folder)]
    assert offsets == list(range(1, len(offsets) + 1))
    assert len(offsets) >= least


def _complete_lines(folder: Path) -> Iterator[bytes]:
    numbers = sorted((path for path in folder.glob("log.jsonl.[0-9]*")), key=lambda path: int(path.suffix[1:]))
    for path in [*numbers, folder / "log.jsonl"]:
        if path.exists():
            yield from path.read_bytes().split(b"\n")[:-1]


def logged(folder: Path, after: Files) -> None:
    check_log_of(folder, least=7)
    assert stream(folder / "log.jsonl")[-4:] == [1, 2, 3, 4]
    check_valid(folder)


def with_damage(folder: Path) -> None:
    """Ben's life is damaged, and the metrics are lost."""
    write_capture(folder / "out", agents=("anna", "ben"))
    (folder / "out" / "day_metrics.json").unlink()
    path = folder / "out" / "day_ben_001.npz"
    path = path if path.exists() else next((folder / "out").glob("day_ben_*.npz"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def killed_capture(fault: Fault) -> Callable[[Path], None]:
    """Leave what a capture leaves that is killed."""

    def prepare(folder: Path) -> None:
        def action() -> int:
            write_capture(Path("out"), agents=("anna", "ben"))
            return 0

        (folder / "out").mkdir()
        assert run(folder, action, fault).code < 0

    return prepare


def nothing_lost(folder: Path, before: Files, after: Files) -> None:
    """All that was there is there yet, be it under another name; a life that counts is whole."""
    found = contents(folder)
    for name, data in before.items():
        if name.endswith("anna_001.npz"):
            assert data in found.values(), name
    for name, data in shown(found).items():
        assert data == before.get(name) or not name.endswith(".npz") or data in before.values(), name


def repaired(folder: Path, after: Files) -> None:
    assert examine(folder / "out").problems == ()
    assert hidden(folder) == []
    for name in after:
        if name.endswith(".npz"):
            assert (folder / name).read_bytes() == after[name]


def with_output(name: str) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        record(folder / "log.jsonl", range(1, 4))
        (folder / name).write_text("old") if name else None

    return prepare


def old_or_new(folder: Path, before: Files, after: Files) -> None:
    found = shown(contents(folder))
    assert {name: len(data) for name, data in found.items()} in (
        {name: len(data) for name, data in shown(files).items()} for files in (before, after)
    )


def as_after(folder: Path, after: Files) -> None:
    old_or_new(folder, after, after)


def writes(name: str, *words: str, over: str | None = None) -> Story:
    """Tell of a command with --output, over an older file."""
    return Story(name, with_output(over or ""), command(*words), old_or_new, as_after)


LOG = "log.jsonl"
REPAIR = command("rollout", "repair", "out")
PARTIAL = killed_capture(Fault("create", 4, "kill"))  # ben's life is being written
COMPLETE = killed_capture(Fault("rename", 3, "kill"))  # all is written, and is being moved
STORIES: tuple[Story, ...] = (
    Story("capture", over_a_capture, command(*CAPTURE), whole_captures, captured),
    Story("merge", with_golden, command("rollout", "merge", "root", "--golden", "g_stats.json", "--accept", "*",
          "--reason", "larger meals"), whole_golden, merged,
          notes=frozenset({"g_changes.jsonl"})),
    Story("suite", with_suite, go_on, whole_suite, suite_done, goes_on=True, redone=(0, 4)),
    Story("train", with_checkpoint, command(*RESUME), whole_checkpoints, trained, goes_on=True, nothing_to_do=2),
    Story("log", with_log, log_four, whole_log, logged, goes_on=True),
    Story("repair of damage", with_damage, REPAIR, nothing_lost, repaired, redone=(0, 4)),
    Story("repair of a part", PARTIAL, REPAIR, nothing_lost, repaired, redone=(0, 4)),
    Story("repair of a whole", COMPLETE, REPAIR, nothing_lost, repaired,
          notes=frozenset({"out/day_anna_001.json"})),
    writes("plot", "telemetry", "plot", LOG, "--output", "p.html", over="p.html"),
    writes("summary", "telemetry", "summary", LOG, "--output", "s.md", over="s.md"),
    writes("migrate", "telemetry", "migrate", LOG, "--output", "m.jsonl"),
    writes("export", "telemetry", "export", LOG, "--to", "csv", "e.csv", "--force", over="e.csv"),
    writes("schema", "config", "schema", "--output", "s.json", over="s.json"),
)  # fmt: skip


def story(name: str) -> Story:
    return next(each for each in STORIES if each.name == name)
