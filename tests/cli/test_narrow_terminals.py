"""Tables in a terminal that is too narrow for them: its lines break, and no number is cut."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.conftest import in_terminal
from tests.samples.captures import write_capture
from tests.telemetry.reading import ours, write


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("validate a.jsonl --baseline b.jsonl", ["0.00012345", "1.234e-05", "0.0001111"]),
        ("rules backtest a.jsonl", ["epochs firing", "nothing to look at", "|reward_advantage_corr| below 1e-09"]),
        ("explain a.jsonl --metric lr", ["0.0001234", "1.234e-05", "what this cannot tell"]),
    ],
)
def test_in_a_narrow_terminal_no_number_is_cut(tmp_path: Path, words: str, numbers: list[str]) -> None:
    write(tmp_path / "a.jsonl", [ours(n, lr=0.0001234 if n < 20 else 0.00001234) for n in range(1, 41)])
    write(tmp_path / "b.jsonl", [ours(1, lr=0.00012345)])
    shown = in_terminal(tmp_path, "telemetry", *words.split(), COLUMNS="40", NO_COLOR="1")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert "…" not in plain
    assert [number for number in numbers if number not in plain] == []


@pytest.mark.parametrize("columns", ["120", "60", "40", "30"])
def test_of_a_capture_columns_are_left_out_and_no_number_is_cut(tmp_path: Path, columns: str) -> None:
    write_capture(tmp_path / "a", agents=("anna", "ben"))
    write_capture(tmp_path / "b", agents=("anna", "ben"), mood=0.75)
    for words, code in ((["show", "a"], 0), (["show", "a", "--agent", "anna"], 0), (["diff", "a", "b"], 1)):
        shown = in_terminal(tmp_path, "rollout", *words, code=code, COLUMNS=columns, NO_COLOR="1")
        assert "…" not in shown
        assert ("-0.250" if words == ["show", "a"] else "0.25") in shown  # her reward; the largest difference
