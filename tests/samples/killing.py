"""A program that kills, or interrupts, a capture before each of its steps in turn, and checks what is left behind.

A step is what changes the disk or waits for it: opening a file to write, moving, making, removing, and opening anything
to sync it. Python's audit hook sees each just before it happens. Each capture runs in a child of its own.
"""

from __future__ import annotations

import os
import posix  # for _exit: before that of os coverage takes steps of its own
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.samples.captures import contents, write_capture
from townlet_core.errors import OutputError
from townlet_core.samples.seal import verify

INTERRUPTIONS = "an impatient user"
STEPS = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree", "tempfile.mkdtemp"}

Action = Callable[[], object]


def is_killed(step: int, action: Action) -> bool:
    """Run an action in a child that dies before a step, counted from 0; say whether it came so far."""
    child = os.fork()
    if child == 0:
        signal_before(step, signal.SIGKILL)
        try:
            action()
        finally:
            posix._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def is_interrupted(step: int, action: Action) -> bool:
    """Run an action in a child that is interrupted before a step and again before each that follows."""
    child = os.fork()
    if child == 0:
        signal_before(step, signal.SIGINT)
        code = 0
        try:
            action()
        except KeyboardInterrupt:
            code = 1
        finally:
            posix._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def signal_before(step: int, number: signal.Signals) -> None:
    """Send this process a signal before a step and each that follows."""
    left = step

    def count(event: str, args: tuple[Any, ...]) -> None:
        nonlocal left
        opens = event == "open" and args[1] != "rb" and args[1] != "r"  # os.open has no mode
        if opens or event in STEPS:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), number)

    sys.addaudithook(count)


def kills(
    template: Path, folder: Path, action: Action, ends: Callable[[int, Action], bool] = is_killed
) -> Iterator[int]:
    """End an action at each of its steps, each time in a new copy of a folder; at last let it come to its end."""
    step = 0
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(template, folder)
        if not ends(step, action):
            return
        yield step
        step += 1


def refused(folder: Path) -> None:
    """A capture that takes back what was left half done, but is itself refused: a file is in its way."""
    (folder / "blocked_manifest.json").write_text("mine")
    try:
        write_capture(folder, "blocked", force=True)
    except OutputError:
        (folder / "blocked_manifest.json").unlink()


def check_left(folder: Path, before: Path, after: Path) -> None:
    """Check what a kill has left: everything under its final name is whole, and belongs to either capture."""
    whole = contents(before).items() | contents(after).items()
    assert {item for item in contents(folder).items() if not item[0].startswith(".")} <= whole
    assert (folder / "diary.txt").exists()
    assert [verify(manifest) for manifest in folder.glob("*_manifest.json")] in ([], [[]]), "a manifest without files"


def check_settled(folder: Path, before: Path, after: Path) -> None:
    """Check that the next capture finds the folder as it was before, or as it is after, with nothing hidden in it."""
    refused(folder)
    assert contents(folder) in (contents(before), contents(after)), sorted(contents(folder))


def main(story: str, base: Path) -> int:
    """Tell a story; give the number of kills."""
    before, after, folder, half = (base / name for name in ("before", "after", "folder", "half"))
    before.mkdir()
    (before / "diary.txt").write_text("mine")
    if story != "into a used folder":
        write_capture(before)
    shutil.copytree(before, after)
    write_capture(after, agents=("anna", "ben"), force=True, mood=0.75)
    count = 0
    ends = is_interrupted if story == INTERRUPTIONS else is_killed
    for _ in kills(before, folder, lambda: write_capture(folder, agents=("anna", "ben"), force=True, mood=0.75), ends):
        count += 1
        if ends is is_interrupted:
            assert contents(folder) in (contents(before), contents(after)), sorted(contents(folder))
            continue
        check_left(folder, before, after)
        if story == "and the next one too":
            shutil.rmtree(half, ignore_errors=True)
            shutil.copytree(folder, half)
            count += recovery_killed(half, before, after)
        check_settled(folder, before, after)
    assert contents(folder) == contents(after)
    return count


def recovery_killed(half: Path, before: Path, after: Path) -> int:
    """Kill what takes back a commit that was begun at each of its steps; give the number of kills."""
    count, folder = 0, half.with_name("again")
    if any(half.glob(".townlet-stage-*/plan.json")):
        for _ in kills(half, folder, lambda: refused(folder)):
            count += 1
            (folder / "blocked_manifest.json").unlink(missing_ok=True)
            check_left(folder, before, after)
            check_settled(folder, before, after)
    return count


if __name__ == "__main__":
    print(main(sys.argv[1], Path(sys.argv[2])))
