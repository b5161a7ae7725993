"""`townlet rollout play` on terminals that are small, old or strange."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Townlet
from tests.cli.terminals import Terminal

POC = ("rollout", "play", "poc_hybrid", "--speed", "0.5")


@pytest.mark.parametrize(
    ("columns", "row", "foot"),
    [
        # Of 40 columns the map has 16, and 2 are between: "1 anna ", three levels, money, and what she is at.
        pytest.param(40, "1 anna ▇▇▇  3.00 idle", "space stop · ? help · q quit", id="40"),
        # Of 30 the map has 12: what is left of money would be a wrong number.
        pytest.param(30, "1 anna ▇▇▇ idle", "space stop · ? help · q quit", id="30"),
        pytest.param(20, "1 a", "? help · q quit", id="20"),
    ],
)
def test_of_a_narrow_terminal_nothing_is_told_by_half(tmp_path: Path, columns: int, row: str, foot: str) -> None:
    with Terminal(tmp_path, *POC, columns=columns, rows=12) as terminal:
        terminal.wait_for("poc_hybrid")
        lines = [line.rstrip() for line in terminal.screen().splitlines()]
        terminal.type("q")
        assert terminal.end() == 0
    assert lines[1].lstrip("▀ ").startswith(row)
    assert lines[-1] == foot


def test_the_help_fits_a_terminal_of_80_columns(tmp_path: Path) -> None:
    with Terminal(tmp_path, *POC) as terminal:
        terminal.wait_for("poc_hybrid")
        terminal.type("?")
        terminal.wait_for("home end")
        lines = [line.rstrip() for line in terminal.screen().splitlines()]
        terminal.type("q")
        terminal.end()
    assert any(line.endswith("home end  the first tick; the last") for line in lines)
    assert any(line.endswith("tab 1…9   who is in focus") for line in lines)


def test_on_a_terminal_that_cannot_be_drawn_over_frames_are_printed(tmp_path: Path) -> None:
    with Terminal(tmp_path, "rollout", "play", "kitchen_breakfast", "--range", ":2", TERM="dumb") as terminal:
        assert terminal.end() == 0
    assert b"tick 1 of 240" in terminal.seen
    assert b"\x1b" not in terminal.seen


def test_a_terminal_whose_encoding_lacks_the_signs_is_told_what_to_do(tmp_path: Path) -> None:
    with Terminal(tmp_path, "rollout", "play", "kitchen_breakfast", PYTHONIOENCODING="ascii") as terminal:
        assert terminal.end() == 3
    said = terminal.seen.decode("ascii").replace("\r\n", "\n")
    assert said == (
        "error: standard output: its encoding, ascii, has not the signs that a town is drawn with\n"
        "hint: set LC_ALL=C.UTF-8, or give --frames\n"
    )


def test_of_a_part_it_is_not_said_that_all_came_out_as_captured(townlet: Townlet, tmp_path: Path) -> None:
    townlet("rollout", "capture", "kitchen_breakfast", "--output", "out")
    with Terminal(tmp_path, "rollout", "play", "out", "--range", ":5", "--speed", "240") as terminal:
        terminal.wait_for("■ end")
        terminal.type("q")
        assert terminal.end() == 0
    assert b"as it was captured" not in terminal.seen
