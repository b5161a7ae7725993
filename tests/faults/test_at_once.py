"""Two processes that write to one place at the same time: one wins, the other is told, and the place is whole."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import minari
import pytest

from tests.faults.injecting import Injector
from tests.ppo.runs import townlet
from tests.samples.captures import write_capture
from tests.telemetry.reading import oldest, write
from townlet_core.errors import TownletError
from townlet_core.samples.seal import verify
from townlet_core.telemetry.migrate import migrate as turn_log

ROUNDS = 5
WAYS = pytest.mark.parametrize("holding", [True, False], ids=["sure to overlap", "as it comes"])
Act = Callable[[int], int]


class Holder(Injector):
    """Has the first write below a folder wait until another process has ended, which is told by a file."""

    def __init__(self, folder: Path, other: Path) -> None:
        super().__init__(folder, None)
        self._other = other
        self._held = False

    def step(self, kind: str, place: Any, *, at: int | None = None, first: object = None) -> None:
        if kind == "write" and not self._held and self._is_below(place, at):
            self._held = True
            deadline = time.monotonic() + 30
            while not self._other.exists() and time.monotonic() < deadline:
                time.sleep(0.005)


def together(folder: Path, act: Act, *, holding: bool) -> list[int]:
    """Run an action in two processes that start at one sign; give both exit codes; they speak into said.0, said.1.

    Args:
        holding: whoever writes first waits until the other has ended, so that they are sure to overlap.
    """
    ready, go = os.pipe(), os.pipe()
    children = [_child(folder, act, number, ready[1], go, holding=holding) for number in (0, 1)]
    os.close(go[0])
    assert len(os.read(ready[0], 1) + os.read(ready[0], 1)) == 2  # both stand at the line
    os.close(go[1])
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    for end in ready:
        os.close(end)
    return codes


def _child(folder: Path, act: Act, number: int, ready: int, go: tuple[int, int], *, holding: bool) -> int:
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        signal.alarm(60)
        os.close(go[1])
        os.dup2(os.open(folder.parent / f"said.{number}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), 2)
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115  # lives as long as the child
        if holding:
            Holder(folder, folder.parent / f"done.{1 - number}").patch()
        os.write(ready, b".")
        os.read(go[0], 1)
        code = act(number)
    except TownletError as error:
        os.write(2, f"error: {error}".encode())
        code = error.exit_code
    finally:
        (folder.parent / f"done.{number}").touch()
        os._exit(code)


@WAYS
def test_of_two_captures_into_one_folder_one_wins(tmp_path: Path, holding: bool) -> None:
    agents = (("anna",), ("anna", "ben"))
    for turn in range(ROUNDS):
        folder = tmp_path / str(turn) / "out"
        folder.mkdir(parents=True)

        def capture(number: int, folder: Path = folder) -> int:
            write_capture(folder, agents=agents[number])
            return 0

        codes = together(folder, capture, holding=holding)
        assert sorted(codes) == [0, 3]
        winner = codes.index(0)
        said = (folder.parent / f"said.{1 - winner}").read_text()
        assert "another capture is writing here" in said or (not holding and "holds a capture already" in said)
        assert verify(folder) == []
        assert len([*folder.glob("*.npz")]) == len(agents[winner])
        assert not [path for path in folder.iterdir() if path.name.startswith(".")]


@WAYS
def test_of_two_migrations_into_one_file_one_wins(tmp_path: Path, holding: bool) -> None:
    for turn in range(ROUNDS):
        folder = tmp_path / str(turn) / "out"
        folder.mkdir(parents=True)
        for number in (0, 1):
            write(folder.parent / f"{number}.jsonl", [oldest(epoch) for epoch in range(1, 50 + 50 * number)])

        def migrate(number: int, folder: Path = folder) -> int:
            turned = turn_log(folder.parent / f"{number}.jsonl", folder / "new.jsonl")
            assert turned.records == 49 + 50 * number
            return 0

        codes = together(folder, migrate, holding=holding)
        assert sorted(codes) == [0, 3]
        said = (folder.parent / f"said.{codes.index(3)}").read_text()
        assert "somebody else is writing it" in said or (not holding and "is there already" in said)
        assert len((folder / "new.jsonl").read_text().splitlines()) == 49 + 50 * codes.index(0)
        assert os.listdir(folder) == ["new.jsonl"]


def test_of_two_exports_to_one_name_one_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for turn in range(ROUNDS):
        shelf = tmp_path / str(turn) / "shelf"
        shelf.mkdir(parents=True)
        monkeypatch.setenv("MINARI_DATASETS_PATH", str(shelf))
        agents = (("anna",), ("anna", "ben"))
        for number in (0, 1):
            write_capture(shelf.parent / f"day{number}", agents=agents[number])

        def export(number: int, shelf: Path = shelf) -> int:
            return townlet("rollout", "export", shelf.parent / f"day{number}", "--to", "minari", "town/day-v0")

        codes = together(shelf, export, holding=False)
        assert sorted(codes) == [0, 3]
        assert "holds a dataset already" in (shelf.parent / f"said.{codes.index(3)}").read_text()
        assert minari.load_dataset("town/day-v0").total_episodes == len(agents[codes.index(0)])
        assert os.listdir(shelf) == ["town"]


@WAYS
def test_of_two_merges_into_one_golden_one_wins_or_both_come_in_turn(tmp_path: Path, holding: bool) -> None:
    for turn in range(ROUNDS):
        base = tmp_path / str(turn)
        golden = base / "goldens" / "x_stats.json"
        golden.parent.mkdir(parents=True)
        for number in (0, 1):
            write_capture(base / f"root{number}" / "town", config_id=f"town{number}")

        def merge(number: int, base: Path = base, golden: Path = golden) -> int:
            return townlet("rollout", "merge", base / f"root{number}", "--golden", golden)

        codes = together(golden.parent, merge, holding=holding)
        assert sorted(codes) in ([[0, 3]] if holding else [[0, 3], [0, 0]])
        merged = {f"town{number}" for number in (0, 1) if codes[number] == 0}
        assert set(json.loads(golden.read_text())) == merged
        assert len((golden.parent / "x_changes.jsonl").read_text().splitlines()) == len(merged)
        for number in (0, 1):
            said = (base / f"said.{number}").read_text()
            assert ("another merge is writing here" in said) == (codes[number] == 3)
        assert sorted(os.listdir(golden.parent)) == ["x_changes.jsonl", "x_stats.json"]
