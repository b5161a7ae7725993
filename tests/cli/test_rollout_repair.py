"""`townlet rollout repair`, after a capture that was killed as its users' are."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.cli.conftest import Townlet
from tests.samples.captures import write_capture
from tests.samples.test_seal import edit

WORLDS = 60


def kill_while_it_writes(tmp_path: Path, town: Path) -> None:
    """Begin a capture, and kill it when it has written a few of its lives."""
    words = ["rollout", "capture", str(town), "--worlds", str(WORLDS), "--ticks", "600", "--compress", "-o", "out"]
    command = [sys.executable, "-m", "townlet_cli", *words]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while len([*tmp_path.glob("out/.townlet-stage-*/new/*.json")]) < 3:
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.001)
        os.kill(process.pid, signal.SIGKILL)


def test_the_lives_that_a_killed_capture_had_written_are_kept(
    townlet: Townlet, quiet_town: Path, tmp_path: Path
) -> None:
    kill_while_it_writes(tmp_path, quiet_town)
    killed = townlet("rollout", "verify", "out")
    assert killed.returncode == 3
    assert "hint: an interrupted capture is here: see 'townlet rollout repair'" in killed.stderr
    done = townlet("rollout", "repair", "out", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["outcome"]) == (4, "partial")
    assert 2 <= report["samples"] < WORLDS  # the third may have been begun only
    assert report["missing"][-1]["what"] == f"all lives of anna of world {WORLDS - 1}"
    verified = townlet("rollout", "verify", "out", "--recapture")
    assert verified.returncode == 0
    assert f"out: ok: quiet_town, {report['samples']} samples, " in verified.stdout
    assert "note: out: it was repaired: it was killed before all of its lives were written" in verified.stderr
    assert [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")] == []
    merged = townlet("rollout", "merge", "out", "--golden", "x_stats.json")
    assert merged.returncode == 3
    assert "hint: it is not whole; capture again" in merged.stderr
    again = townlet("rollout", "repair", "out")
    assert (again.returncode, again.stdout) == (
        0,
        f"out: is sound; nothing was changed: {report['samples']} samples\n",
    )


def test_what_is_damaged_is_set_aside_and_what_is_missing_told(townlet: Townlet, tmp_path: Path) -> None:
    write_capture(tmp_path / "day", agents=("anna", "ben"))
    (tmp_path / "day" / "day_ben_002.npz").write_bytes(b"PK")
    (tmp_path / "day" / "day_metrics.json").unlink()
    done = townlet("rollout", "repair", "day")
    assert done.returncode == 4
    assert done.stdout.splitlines() == [
        "day_metrics.json: written anew",
        "missing: day_ben_002.npz: damaged: file is not a zip file",
        "day: is repaired in part: 1 sample",
    ]
    assert done.stderr.splitlines() == [
        "warning: day_ben_002.npz was set aside as day_ben_002.npz.damaged",
        "warning: day_ben_002.json was set aside as day_ben_002.json.damaged",
    ]
    assert townlet("rollout", "verify", "day").returncode == 0


def test_of_much_that_is_missing_the_first_is_named(townlet: Townlet, tmp_path: Path) -> None:
    write_capture(tmp_path / "day", agents=[f"agent_{number}" for number in range(30)])
    for number in range(25):
        (tmp_path / "day" / f"day_agent_{number}_{number + 1:03}.npz").unlink()
    done = townlet("rollout", "repair", "day")
    assert done.stdout.splitlines()[19:] == [
        "missing: day_agent_19_020.npz: is missing",
        "... and 5 more, which the manifest lists",
        "day: is repaired in part: 5 samples",
    ]
    notes = townlet("rollout", "verify", "day").stderr.splitlines()
    assert (len(notes), notes[-1]) == (
        21,
        "note: day: and 6 more, with --json",
    )  # of 25 lives, and that it was repaired


def test_what_cannot_be_proven_is_refused(townlet: Townlet, tmp_path: Path) -> None:
    write_capture(tmp_path / "day")
    edit(tmp_path / "day" / "day_seal.json", config={})
    done = townlet("rollout", "repair", "day")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines()[0] == "error: day/day_seal.json: was altered itself, and proves nothing"
