"""`townlet rollout show`, as its users call it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Townlet
from tests.samples.captures import write_capture, write_old_capture
from townlet_core.rollout.contents import CaptureContents, read_contents
from townlet_core.samples.ticks import TickRow


@pytest.fixture
def day(tmp_path: Path) -> Path:
    write_capture(tmp_path / "day", agents=("anna", "ben"))
    return tmp_path / "day"


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_a_capture_is_shown_in_tables(townlet: Townlet, day: Path) -> None:
    done = townlet("rollout", "show", "day")
    assert (done.returncode, "\x1b" in done.stdout) == (0, False)
    shown = rows(done.stdout)
    assert shown[0][:5] == ["capture", "day/day_manifest.json", "(2", "samples,", "6"]
    assert ["scenario", "kitchen:", "somebody", "waits"] in shown
    assert ["policy", "scripted", "(deterministic)"] in shown
    assert ["ticks", "3", "in", "1", "world"] in shown
    assert ["agent", "ticks", "reward", "mean", "entropy", "events", "end", "size"] in shown
    assert any(row[:7] == ["anna", "3", "-0.250", "-0.083", "0.637", "3", "cut"] for row in shown)
    assert ["map", "float32", "T", "×", "1", "×", "1", "×", "2", "48", "B"] in shown
    assert ["wait", "4", "66.7%", "█████████████▍"] in shown  # a third of 20 cells twice: 13 and 3 eighths
    assert ["needs", "-2.000", "-0.3333"] in shown
    assert ["chat_success", "4"] in shown
    assert done.stderr == "note: scripted: never used, though allowed at times: request fridge\n"


def test_many_samples_are_shown_in_part(townlet: Townlet, tmp_path: Path) -> None:
    write_capture(tmp_path / "many", agents=[f"agent_{n}" for n in range(23)])
    shown = townlet("rollout", "show", "many").stdout.splitlines()
    assert "... and 3 more, which --json lists" in shown
    assert sum(line.startswith("agent_") for line in shown) == 20


def test_the_report_for_programs_holds_all(townlet: Townlet, day: Path) -> None:
    done = townlet("rollout", "show", "day/day_manifest.json", "--json")
    contents = CaptureContents.model_validate_json(done.stdout)
    assert contents.model_copy(update={"manifest": str(day / "day_manifest.json")}) == read_contents(day)


def test_a_capture_of_the_predecessor_is_shown_with_what_it_lacks(townlet: Townlet, tmp_path: Path) -> None:
    write_old_capture(tmp_path)
    done = townlet("rollout", "show", ".")
    assert done.returncode == 0
    assert ["format", "that", "of", "the", "predecessor,", "older", "form"] in rows(done.stdout)
    assert any(row[:2] == ["lacks", "where"] for row in rows(done.stdout))
    assert ["agent", "ticks", "reward", "mean", "entropy", "end", "size"] in rows(done.stdout)


def test_the_ticks_of_an_agent_are_shown_in_a_table(townlet: Townlet, day: Path) -> None:
    done = townlet("rollout", "show", "day", "--agent", "anna", "--ticks", "1:")
    assert rows(done.stdout) == [
        ["tick", "action", "reward", "hunger", "events"],
        ["1", "move", "north", "-1.0000", "0.40", "invalid_action"],
        ["2", "wait", "0.5000", "0.30", "chat_success", "×2"],
    ]
    told = json.loads(townlet("rollout", "show", "day", "--agent", "anna", "--ticks", ":1", "--json").stdout)
    assert [TickRow.model_validate(row).tick for row in told] == [0]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(["nowhere"], 3, "error: nowhere: no such folder\n", id="no folder"),
        pytest.param(["empty"], 3, "error: empty: holds no capture: there is no *_manifest.json\n", id="no capture"),
        pytest.param(
            ["."], 3, "error: .: holds no capture: there is no *_manifest.json\nhint: name one of the folders below",
            id="captures below",
        ),
        pytest.param(["day", "--agent", "eve"], 2, "error: --agent: no agent 'eve' in this capture", id="agent"),
        pytest.param(["day", "--ticks", "1:2"], 2, "error: --ticks: says which ticks of an agent", id="no agent"),
        pytest.param(["day", "--agent", "anna", "--ticks", "7"], 2, "error: invalid value for '--ticks'", id="ticks"),
        pytest.param(["day", "--agent", "anna", "--ticks", "3:"], 2, "error: --ticks: anna did not live", id="late"),
        pytest.param(["day", "--agent", "anna", "--world", "1"], 2, "error: --world: anna was not", id="world"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(
    townlet: Townlet, day: Path, tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    (tmp_path / "empty").mkdir()
    done = townlet("rollout", "show", *words)
    assert (done.returncode, done.stdout, done.stderr.startswith(said)) == (code, "", True), done.stderr


def test_neither_the_world_nor_torch_is_loaded(day: Path) -> None:
    script = (
        "import sys; from townlet_cli.app import main; code = main(sys.argv[1:]);"
        "loaded = {'numba', 'torch', 'townlet_core.world.kernel'} & set(sys.modules); assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", script, "rollout", "show", str(day)], capture_output=True, check=True)
