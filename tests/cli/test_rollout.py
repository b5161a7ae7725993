"""`townlet rollout capture`, as its users call it: what it shows, what it leaves, and how it refuses."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import resource
import shlex
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Townlet, unmeasured
from townlet_core.rollout.report import CaptureReport

KITCHEN = """\
name: kitchen
description: Anna, Ben and Cara share a kitchen.
scenario: {ticks: 120}
map:
  rows:
    - "########"
    - "#B....F#"
    - "#......#"
    - "#S....T#"
    - "########"
  legend: {B: bed, F: fridge, S: shower, T: stove}
agents:
  - {id: anna, at: [2, 2], needs: {hunger: 0.3}}
  - {id: ben, at: [3, 2], needs: {hunger: 0.4}}
  - {id: cara, at: [4, 2]}
"""
OWN_FILES = ["rollout_sample_manifest.json", "rollout_sample_metrics.json", "rollout_sample_seal.json"]
# Long enough that it is still running when a test disturbs it, after a second or two.
LONG = ("--ticks", "1000000")


@pytest.fixture
def kitchen(tmp_path: Path) -> Path:
    file = tmp_path / "kitchen.yaml"
    file.write_text(KITCHEN, encoding="utf-8")
    return file


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_capture_leaves_a_sample_for_each_agent_and_shows_their_metrics(
    townlet: Townlet, kitchen: Path, tmp_path: Path
) -> None:
    townlet("rollout", "capture", kitchen, "-o", "warm")  # kernels may have to be compiled here
    done = townlet("rollout", "capture", kitchen, "--output", "out")
    assert done.returncode == 0
    samples = [
        f"rollout_sample_{agent}.{kind}" for agent in ("anna_001", "ben_002", "cara_003") for kind in ("json", "npz")
    ]
    assert names(tmp_path / "out") == sorted(samples + OWN_FILES)
    lines = done.stdout.splitlines()
    assert " ".join(lines[0].split()) == "agent ticks reward mean entropy blocked rivalry late events end"
    assert [line.split()[:2] for line in lines[1:4]] == [["anna", "120"], ["ben", "120"], ["cara", "120"]]
    assert any(line.split()[0] == "meal_eaten" for line in lines[5:-2])
    assert lines[-2].startswith("kitchen: 120 ticks, 1 world, 3 samples, 360 agent-steps, ")
    assert lines[-1] == "out/rollout_sample_manifest.json"
    assert "\x1b" not in done.stdout + done.stderr


def test_the_report_for_programs_says_the_same_as_the_files(townlet: Townlet, kitchen: Path, tmp_path: Path) -> None:
    done = townlet("rollout", "capture", kitchen, "-o", "out", "--json", "--ticks", "30", "--worlds", "2")
    report = CaptureReport.model_validate_json(done.stdout)
    assert (report.ticks, report.worlds, report.agent_steps) == (30, 2, 180)
    written = json.loads((tmp_path / "out" / "rollout_sample_metrics.json").read_text())["samples"]
    assert {sample.sample: sample.metrics for sample in report.samples} == written
    assert "note: --ticks 30 wins over the 120 ticks of the scenario\n" in done.stderr


def test_every_option_reaches_the_capture(townlet: Townlet, kitchen: Path, tmp_path: Path) -> None:
    done = townlet(
        "rollout", "capture", kitchen, "-o", "out", "-t", "20", "--prefix", "day", "--agent", "ben", "--agent", "anna",
        "--compress", "-s", "9", "-w", "2", "-p", "random", "--threads", "2", "--set", "agents.1.wallet=7", "--json",
    )  # fmt: skip
    report = CaptureReport.model_validate_json(done.stdout)
    assert (report.seed, report.policy, report.agents) == (9, "random", ("anna", "ben"))
    assert [sample.agent for sample in report.samples] == ["anna", "ben"] * 2
    assert all(name.startswith("day_") for name in names(tmp_path / "out"))
    with np.load(tmp_path / "out" / report.samples[1].sample) as arrays:
        assert arrays["rewards"].shape == (20,)
        wallet = arrays["features"][0, 3]
    assert wallet == np.float32(7 / 8)  # the feature is money / (money + 1)


def test_a_town_without_agents_gets_alice_and_bob_on_demand(townlet: Townlet, tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("name: empty\nscenario: {ticks: 20}\nmap: {width: 9, height: 9}\n")
    refused = townlet("rollout", "capture", "empty.yaml", "-o", "out")
    assert (refused.returncode, names(tmp_path)) == (3, ["empty.yaml"])
    assert refused.stderr == (
        "error: empty.yaml: nobody lives in this town, so there is nothing to capture\n"
        "hint: list some under agents, or give --auto-seed-agents\n"
    )
    done = townlet("rollout", "capture", "empty.yaml", "-o", "out", "--auto-seed-agents", "--json")
    assert CaptureReport.model_validate_json(done.stdout).agents == ("alice", "bob")
    assert "note: nobody lives in this town: alice and bob were placed in it\n" in done.stderr


def test_a_folder_with_a_capture_in_it_is_replaced_only_by_force(
    townlet: Townlet, kitchen: Path, tmp_path: Path
) -> None:
    townlet("rollout", "capture", kitchen, "-o", "out", "-t", "20")
    before = {name: (tmp_path / "out" / name).read_bytes() for name in names(tmp_path / "out")}
    refused = townlet("rollout", "capture", kitchen, "-o", "out", "-t", "20", "--agent", "anna")
    assert refused.returncode == 3
    assert refused.stderr.startswith("error: out: holds a capture already")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in names(tmp_path / "out")} == before
    assert townlet("rollout", "capture", kitchen, "-o", "out", "-t", "20", "--agent", "anna", "--force").returncode == 0
    assert names(tmp_path / "out") == ["rollout_sample_anna_001.json", "rollout_sample_anna_001.npz", *OWN_FILES]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param("no.yaml -o out", 3, "error: no.yaml: no such file\n", id="missing file"),
        pytest.param("nowhere -o out", 3, "error: unknown scenario 'nowhere'\n", id="unknown scenario"),
        pytest.param(". -o out", 3, "error: .: is a folder, not a file\n", id="folder"),
        pytest.param("broken.yaml -o out", 3, "error: broken.yaml:2:1: ", id="broken YAML"),
        pytest.param("kitchen.yaml -o ''", 2, "error: invalid value for '--output' / '-o': is empty\n", id="no folder"),
        pytest.param(
            "kitchen.yaml -o kitchen.yaml", 3, "error: kitchen.yaml: is not a folder\n", id="output is a file"
        ),
        pytest.param("kitchen.yaml -o /proc/no/such", 3, "error: /proc/no: cannot be written", id="unwritable output"),
        pytest.param("kitchen.yaml -o out --agent ana", 2, "error: --agent: no agent 'ana' in this town", id="agent"),
        pytest.param("kitchen.yaml -o out --policy rand", 2, "error: ", id="policy"),
        pytest.param("kitchen.yaml -o out --prefix ../x", 2, "error: --prefix: must begin", id="prefix"),
        pytest.param("kitchen.yaml -o out --set clock.tick=1", 3, "error: --set clock.tick=1: unknown key", id="set"),
        pytest.param(
            "kitchen.yaml -o out --set agents.9.wallet=1", 3, "error: --set agents.9.wallet=1: ", id="set place"
        ),
        pytest.param("kitchen.yaml -o out --set wallet", 2, "error: --set wallet: ", id="set without value"),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing_behind(
    townlet: Townlet, kitchen: Path, tmp_path: Path, words: str, code: int, said: str
) -> None:
    (tmp_path / "broken.yaml").write_text("name: [\n")
    before = names(tmp_path)
    done = townlet("rollout", "capture", *shlex.split(words))
    assert done.stderr.startswith(said)
    assert (done.returncode, done.stdout, names(tmp_path)) == (code, "", before)


@pytest.mark.parametrize(("columns", "shown"), [(80, ["late", "ended"]), (60, ["entropy", "ended"])])
def test_the_table_fits_a_terminal_and_says_who_and_how_it_ended(
    kitchen: Path, tmp_path: Path, columns: int, shown: list[str]
) -> None:
    """Cara faints; where there is no room, the last metrics are left out, and nothing is cut or folded."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    variables = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"TERM": "xterm"}
    idle = ("--set", "agents.2.needs={hunger: 0.0}", "--set", "agents.2.schedule={steps: [{do: wait, ticks: 200}]}")
    options = (*idle, "--set", "lifecycle={faint_after_ticks: 20, replace: false}", "-o", "out")
    command = [sys.executable, "-m", "townlet_cli", "rollout", "capture", str(kitchen), *options]
    done = subprocess.run(command, cwd=tmp_path, env=variables, stdout=theirs, stderr=subprocess.PIPE, check=False)
    os.close(theirs)
    assert done.returncode == 0, done.stderr
    lines = re.sub(r"\x1b\[[0-9;]*m", "", os.read(ours, 65_536).decode()).splitlines()
    os.close(ours)
    assert shown[0] in lines[0].split()
    assert [line.split()[0] for line in lines[1:4]] == ["anna", "ben", "cara"]
    assert [line.split()[-1] for line in lines[1:4]] == ["cut", "cut", shown[1]]
    assert max(map(len, lines[:4])) <= columns


def start(tmp_path: Path, kitchen: Path, *words: str) -> subprocess.Popen[str]:
    """Start a long capture, and wait until it is at work in its folder."""
    command = [sys.executable, "-m", "townlet_cli", "rollout", "capture", str(kitchen), "-o", "out", *LONG, *words]
    running = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(1200):
        if any((tmp_path / "out").glob(".townlet-stage-*/**/*")) or running.poll() is not None:
            break
        time.sleep(0.05)
    time.sleep(0.2)
    assert running.poll() is None, "it ended before it could be disturbed"
    return running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_capture_that_is_stopped_leaves_nothing_behind(kitchen: Path, tmp_path: Path, number: signal.Signals) -> None:
    running = start(tmp_path, kitchen)
    running.send_signal(number)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 128 + number
    assert said.endswith("; nothing is left half done\n")
    assert names(tmp_path) == ["kitchen.yaml"]


def test_a_killed_capture_leaves_nothing_under_a_final_name_and_the_next_one_clears_up(
    townlet: Townlet, kitchen: Path, tmp_path: Path
) -> None:
    running = start(tmp_path, kitchen)
    running.kill()
    running.communicate(timeout=60)
    assert all(name.startswith(".townlet-stage-") for name in names(tmp_path / "out"))
    assert townlet("rollout", "capture", kitchen, "-o", "out", "-t", "20").returncode == 0
    assert not [name for name in names(tmp_path / "out") if name.startswith(".")]


def test_a_full_disk_is_an_error_and_leaves_nothing_behind(townlet: Townlet, kitchen: Path, tmp_path: Path) -> None:
    townlet("rollout", "capture", kitchen, "-o", "warm", "-t", "20")
    before = names(tmp_path)

    def allow_small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = subprocess.run(
        [sys.executable, "-m", "townlet_cli", "rollout", "capture", str(kitchen), "-o", "out"],
        cwd=tmp_path, capture_output=True, text=True, check=False, preexec_fn=allow_small_files_only, env=unmeasured(),
    )  # fmt: skip
    assert (done.returncode, done.stdout, names(tmp_path)) == (3, "", before)
    assert done.stderr.startswith("error: out")
    assert "Traceback" not in done.stderr


def read_on(terminal: int) -> None:
    """Read what is written to a terminal until nobody has it open any more."""
    with contextlib.suppress(OSError):  # which is how its end is told
        while os.read(terminal, 4096):
            pass


def test_progress_is_shown_on_a_terminal_only(kitchen: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "townlet_cli", "rollout", "capture", str(kitchen), "-o", "out", *LONG]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs) as running:
        os.close(theirs)
        shown = b""
        while b"capturing" not in shown:
            shown += os.read(ours, 4096)
        reading = threading.Thread(target=read_on, args=[ours], daemon=True)  # as a terminal does
        reading.start()
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
        reading.join(timeout=60)
    os.close(ours)
    assert running.returncode == 130

    quiet = start(tmp_path, kitchen)
    time.sleep(1.5)
    quiet.send_signal(signal.SIGINT)
    _, said = quiet.communicate(timeout=60)
    assert "capturing" not in said
