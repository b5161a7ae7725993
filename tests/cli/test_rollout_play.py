"""`townlet rollout play`, as its users call it: frames as text, a terminal with keys, and how it is left."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from tests.cli.conftest import Townlet
from tests.cli.terminals import Terminal
from tests.samples.captures import write_capture, write_old_capture

KITCHEN = """\
name: kitchen
description: Anna and Ben share a shower.
scenario: {ticks: 20}
clock: {start_tick: 420}
map:
  rows:
    - "######"
    - "#.S..#"
    - "######"
  legend: {S: shower}
jobs:
  - {id: guard, place: [3, 1], start: 430, end: 440, wage: 0.5}
agents:
  - id: anna
    at: [3, 1]
    needs: {hunger: 0.75, hygiene: 0.5, energy: 1.0}
    job: guard
    schedule: {steps: [{do: start, object: shower_1, affordance: use_shower}]}
  - id: ben
    at: [4, 1]
    wallet: 3.5
    schedule: {steps: [{do: wait, ticks: 100}]}
"""
LEFT = b"\x1b[?25h\x1b[?1049l"  # the cursor is seen, and the screen is that of before


@pytest.fixture
def kitchen(tmp_path: Path) -> Path:
    file = tmp_path / "kitchen.yaml"
    file.write_text(KITCHEN, encoding="utf-8")
    return file


GOLDEN = """\
tick 0 of 20 · day 1, 07:00
######
#.Sab#
######
a anna  hunger 0.75  hygiene 0.50  energy 1.00  money 2.00  guard: pre  idle
b ben   hunger 0.80  hygiene 0.80  energy 0.80  money 3.50  idle

tick 2 of 20 · day 1, 07:02
######
#.Sab#
######
a anna  hunger 0.74  hygiene 0.50  energy 0.99  money 1.80  guard: pre  use shower 1/30
b ben   hunger 0.79  hygiene 0.80  energy 0.79  money 3.50  idle

"""


def test_a_town_is_printed_frame_by_frame_where_nobody_watches(townlet: Townlet, kitchen: Path) -> None:
    done = townlet("rollout", "play", kitchen, "--every", "2", "--range", ":3")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == GOLDEN


def test_a_capture_is_printed_as_the_town_was_when_it_was_captured(townlet: Townlet, kitchen: Path) -> None:
    live = townlet("rollout", "play", kitchen, "--policy", "random", "--seed", "5", "--ticks", "12", "--set",
                   "agents.0.wallet=9")  # fmt: skip
    townlet("rollout", "capture", kitchen, "-o", "out", "-p", "random", "-s", "5", "-t", "12", "--set",
            "agents.0.wallet=9")  # fmt: skip
    again = townlet("rollout", "play", "out")
    assert again.stdout == live.stdout
    assert "tick 12 of 12" in again.stdout
    assert "money 9.00" in again.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(["nowhere"], 3, "error: unknown scenario 'nowhere'", id="no such scenario"),
        pytest.param(["old"], 3, "error: old/rollout_sample_manifest.json: cannot be played again", id="predecessor"),
        pytest.param(["empty"], 3, "error: empty: holds no capture", id="no capture"),
        pytest.param(["kitchen.yaml", "--world", "1"], 2, "error: --world: is for captures", id="world"),
        pytest.param(["old", "--seed", "1"], 2, "error: --seed: is for configurations", id="seed of a capture"),
        pytest.param(["old", "--policy", "random"], 2, "error: --policy: is for configurations", id="policy"),
        pytest.param(["kitchen.yaml", "--policy", "rand"], 2, "error: --policy: unknown policy", id="unknown policy"),
        pytest.param(["kitchen.yaml", "--speed", "0"], 2, "error: --speed: must be a number from", id="speed"),
        pytest.param(["kitchen.yaml", "--every", "0"], 2, "error: --every: must be at least 1", id="every"),
        pytest.param(["kitchen.yaml", "--range", "9"], 2, "error: invalid value for '--range'", id="range"),
        pytest.param(["kitchen.yaml", "--range", "21:"], 2, "error: --range: begins at tick 21", id="late range"),
        pytest.param(["kitchen.yaml", "-o", "town.png"], 2, "error: --output: must end in .gif", id="format"),
        pytest.param(["kitchen.yaml", "-o", "no/town.gif"], 3, "error: no/town.gif: cannot be written", id="no folder"),
        pytest.param(["kitchen.yaml", "-o", "t.html", "--scale", "9"], 2, "error: --scale: has no effect", id="scale"),
        pytest.param(["kitchen.yaml", "-o", "town.gif", "--frames"], 2, "error: --frames: has no effect", id="frames"),
        pytest.param(["kitchen.yaml", "-o", "town.gif", "--speed", "9"], 2, "error: --speed: has no effect", id="slow"),
        pytest.param(["kitchen.yaml", "--fps", "9"], 2, "error: --fps: is about a file", id="fps"),
        pytest.param(["kitchen.yaml", "-o", "t.gif", "--fps", "0"], 2, "error: --fps: must be a whole", id="no fps"),
        pytest.param(["kitchen.yaml", "-o", "t.html", "--fps", "0"], 2, "error: --fps: must be a whole", id="page fps"),
        pytest.param(
            ["new/rollout_sample_seal.json"],
            2,
            "error: new/rollout_sample_seal.json: is the seal of a capture, and no configuration\n"
            "hint: name the folder of the capture, new, or the *_manifest.json in it\n",
            id="a seal",
        ),
        pytest.param(
            ["new/rollout_sample_metrics.json"], 2, "error: new/rollout_sample_metrics.json: is the me", id="m"
        ),
        pytest.param(
            ["new/rollout_sample_anna_001.npz"],
            2,
            "error: new/rollout_sample_anna_001.npz: is a sample of a capture, and no",
            id="npz",
        ),
        pytest.param(
            ["new/rollout_sample_anna_001.json"],
            2,
            "error: new/rollout_sample_anna_001.json: is the meta file of a sample of",
            id="meta",
        ),
        pytest.param(["no_seal.json"], 3, "error: no_seal.json: no such file", id="no seal"),
        pytest.param(
            ["kitchen.yaml", "-o", "town.gif", "--ticks", "100000"],
            2,
            "error: --output: would be too large: 100,001 frames of 462 x 224\nhint: there is room for 5,797 of these: "
            "show less with --range or --every, or take a --scale below 32\n",
            id="a film",
        ),
        pytest.param(
            ["kitchen.yaml", "-o", "no/t.gif", "--ticks", "100000", "--range", ":1"],
            3,
            "error: no/t.gif: cannot be written",
            id="a short part of a film",
        ),
        pytest.param(["kitchen.yaml", "--focus", "ana"], 2, "error: --focus: no agent 'ana'", id="focus"),
    ],
)
def test_bad_input_is_refused(
    townlet: Townlet, kitchen: Path, tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "old").mkdir()
    write_old_capture(tmp_path / "old")
    write_capture(tmp_path / "new", "rollout_sample")
    done = townlet("rollout", "play", *words)
    assert (done.returncode, done.stdout, done.stderr.startswith(said)) == (code, "", True), done.stderr


@pytest.mark.parametrize("name", ["town.gif", "town.apng", "town.html"])
def test_a_town_is_drawn_into_a_file(townlet: Townlet, kitchen: Path, tmp_path: Path, name: str) -> None:
    done = townlet("rollout", "play", kitchen, "-o", name, "--range", ":3", "--fps", "4")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(rf"{name}: 3 frames, [\d.]+ kB\n", done.stdout)
    assert townlet("rollout", "play", kitchen, "-o", name).stderr.startswith(f"error: {name}: is there already\n")
    assert townlet("rollout", "play", kitchen, "-o", name, "--range", ":2", "--force").stdout.startswith(f"{name}: 2 ")


def test_a_town_is_played_on_a_terminal_and_keys_steer_it(kitchen: Path, tmp_path: Path) -> None:
    with Terminal(tmp_path, "rollout", "play", "kitchen.yaml", "--speed", "0.5") as terminal:
        terminal.wait_for("tick 0/20")
        assert "▶ 0.5/s" in terminal.screen()
        terminal.type(" ")
        terminal.wait_for("❚❚")
        terminal.type("...")
        terminal.wait_for("tick 3/20")
        terminal.type("\x1b[D")
        terminal.wait_for("tick 2/20")
        terminal.type("\x1b[H")
        terminal.wait_for("tick 0/20")
        terminal.type("\x1b[F")
        terminal.wait_for("tick 3/20")
        terminal.type("?")
        terminal.wait_for("this help")
        assert "S  shower" in terminal.screen()
        terminal.type("?")
        terminal.wait_until_gone("this help")
        terminal.type("+ +")
        terminal.wait_for("▶ 2/s")
        terminal.type("q")
        assert terminal.end() == 0
        assert terminal.modes() == terminal.modes_before
        assert LEFT in terminal.seen


def test_all_that_is_asked_for_is_on_the_screen_at_80_by_24(kitchen: Path, tmp_path: Path) -> None:
    with Terminal(tmp_path, "rollout", "play", "kitchen.yaml", "--speed", "0.5") as terminal:
        terminal.type(" ..")
        terminal.wait_for("tick 2/20")
        lines = [line.rstrip() for line in terminal.screen().splitlines()]
        terminal.type("q")
        terminal.end()
    assert lines[0] == "kitchen day 1 07:02 tick 2/20 ❚❚ scripted, seed 0"
    wall, floor = " " * 4, " " * 4  # tiles are 4 cells wide and 2 high
    assert lines[3].rstrip() == wall + floor + "showannaben"
    assert lines[1][26:].split("  ")[0] == "1 anna"
    assert (lines[1][34:51], lines[1][-10:]) == ("use shower 1/30  ", "guard: pre")
    assert lines[-1].startswith("space stop")
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 24
    text = "\n".join(lines)
    assert "hunger ███▊· hygiene ██▌·· energy █████ 1.80" in text  # 0.745 of 5 cells: 3 and 6 eighths
    assert "2 ben  idle" in text


def test_without_colour_there_are_letters_and_no_colours(kitchen: Path, tmp_path: Path) -> None:
    with Terminal(tmp_path, "rollout", "play", "kitchen.yaml", "--speed", "0.5", NO_COLOR="1") as terminal:
        terminal.wait_for("tick 0/20")
        terminal.type("q")
        terminal.end()
        assert not re.search(rb"\x1b\[[0-9;]*[34]8;", terminal.seen)
        assert "annaben" in terminal.screen()


@pytest.mark.parametrize("columns", [20, 40, 200])
def test_a_terminal_of_any_size_will_do(tmp_path: Path, columns: int) -> None:
    with Terminal(
        tmp_path, "rollout", "play", "poc_hybrid", "--speed", "0.5", columns=columns, rows=columns // 4
    ) as terminal:
        terminal.wait_for("poc_hybrid")
        terminal.type("z\tz\x1b[Z7")
        terminal.wait_for("poc_hybrid")
        terminal.type("q")
        assert terminal.end() == 0
        lines = terminal.screen().splitlines()
    assert len(lines) <= columns // 4
    assert max(map(len, lines)) <= columns


def test_who_is_in_focus_is_seen_among_many(tmp_path: Path) -> None:
    with Terminal(tmp_path, "rollout", "play", "market_town", "--focus", "citizen_150", "--speed", "0.5") as terminal:
        terminal.wait_for("of 208")
        assert "citizen_150" in terminal.screen()
        terminal.type("\t")
        terminal.wait_for("  citizen_151 ")
        terminal.type("q")
        assert terminal.end() == 0


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        pytest.param("\x03", 130, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, 143, id="SIGTERM"),
        pytest.param(signal.SIGHUP, 129, id="SIGHUP"),
        pytest.param("q", 0, id="q"),
        pytest.param("\x1b", 0, id="escape"),
    ],
)
def test_the_terminal_is_as_it_was_whatever_ends_the_play(
    kitchen: Path, tmp_path: Path, ending: str | signal.Signals, code: int
) -> None:
    with Terminal(tmp_path, "rollout", "play", "kitchen.yaml", "--speed", "0.5") as terminal:
        terminal.wait_for("tick 0/20")
        assert terminal.modes() != terminal.modes_before
        if isinstance(ending, str):
            terminal.type(ending)
        else:
            terminal.process.send_signal(ending)
        assert terminal.end() == code
        assert terminal.modes() == terminal.modes_before
        assert terminal.seen.count(LEFT) == 1


def test_the_terminal_is_as_it_was_after_an_error_on_the_way(townlet: Townlet, kitchen: Path, tmp_path: Path) -> None:
    """With another seed in the seal, chance acts as before but random newcomers and talks come out otherwise."""
    townlet("rollout", "capture", kitchen, "-o", "out", "--set", "agents.1.needs={hunger: 0.0}", "--set",
            "lifecycle.faint_after_ticks=8")  # fmt: skip
    seal = tmp_path / "out" / "rollout_sample_seal.json"
    seal.write_text(seal.read_text().replace('"seed": 0,\n  "worlds"', '"seed": 7,\n  "worlds"'))
    with Terminal(tmp_path, "rollout", "play", "out", "--speed", "200") as terminal:
        assert terminal.end() == 3
        assert terminal.modes() == terminal.modes_before
        assert LEFT in terminal.seen
        said = terminal.seen.split(LEFT)[1].decode()
    assert re.search(r"error: tick \d+: ben: .* in the capture and .* when it is played again", said)


def test_a_capture_that_was_played_to_its_end_came_out_as_captured(
    townlet: Townlet, kitchen: Path, tmp_path: Path
) -> None:
    townlet("rollout", "capture", kitchen, "-o", "out")
    with Terminal(tmp_path, "rollout", "play", "out", "--speed", "240") as terminal:
        terminal.wait_for("■ end")
        terminal.type("q")
        assert terminal.end() == 0
        assert b"note: all of it came out as it was captured" in terminal.seen
