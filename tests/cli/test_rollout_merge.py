"""`townlet rollout merge`, as its users and their CI call it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Townlet
from tests.samples.captures import write_capture
from tests.samples.test_seal import edit

IS_ROOT = os.geteuid() == 0
GOLDEN = ("--golden", "x_stats.json")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_capture(tmp_path / "root" / "kitchen")
    return tmp_path / "root"


def alter(tmp_path: Path, **metrics: float | None) -> None:
    stats = json.loads((tmp_path / "x_stats.json").read_text())
    stats["kitchen"]["day_anna_001.npz"] |= metrics
    (tmp_path / "x_stats.json").write_text(json.dumps(stats))


def test_a_review_shows_what_changed_and_by_how_much(townlet: Townlet, root: Path, tmp_path: Path) -> None:
    first = townlet("rollout", "merge", root, *GOLDEN)
    assert first.returncode == 0
    metrics = len(json.loads((tmp_path / "x_stats.json").read_text())["kitchen"]["day_anna_001.npz"])
    assert first.stdout.splitlines() == [
        "kitchen/day_anna_001.npz",
        f"{metrics} metrics added, taken",
        "",
        f"1 scenario: 0 changed, {metrics} added, 0 removed, 0 tolerated, 0 unchanged",
        "x_stats.json: written",
    ]
    # -0.25 is stored; lateness is (0 + 0 + 0.3) / 3
    alter(tmp_path, reward_sum=-0.5, lateness_mean=None, event_meal_count=4)
    again = townlet("rollout", "merge", root, *GOLDEN)
    assert again.returncode == 1
    assert [line.rstrip() for line in again.stdout.splitlines()] == [
        "kitchen/day_anna_001.npz",
        "metric               golden    new      Δ  Δ %  tolerance  class",
        "reward_sum             -0.5  -0.25  +0.25  +50          0  changed",
        "lateness_mean     undefined    0.1                         changed",
        "event_meal_count          4                                removed",
        "",
        f"1 scenario: 2 changed, 0 added, 1 removed, 0 tolerated, {metrics - 2} unchanged",
        "x_stats.json: left as it is; 3 changes to accept with --accept SELECTOR --reason TEXT",
    ]
    taken = townlet("rollout", "merge", root, *GOLDEN, "--accept", "*", "--reason", "larger meals")
    assert (taken.returncode, taken.stdout.splitlines()[-1]) == (0, "x_stats.json: written")
    assert "larger meals" in (tmp_path / "x_changes.jsonl").read_text()
    assert townlet("rollout", "merge", root, *GOLDEN).returncode == 0


def test_a_dry_run_ends_with_1_when_something_would_change(townlet: Townlet, root: Path, tmp_path: Path) -> None:
    new = townlet("rollout", "merge", root, *GOLDEN, "--dry-run")
    assert (new.returncode, os.listdir(tmp_path)) == (1, ["root"])
    townlet("rollout", "merge", root, *GOLDEN)
    assert townlet("rollout", "merge", root, *GOLDEN, "--dry-run").returncode == 0
    alter(tmp_path, reward_sum=-0.5)
    words = ("--accept", "kitchen", "--reason", "larger meals")
    for extra in ((), words):
        done = townlet("rollout", "merge", root, *GOLDEN, "--dry-run", *extra)
        assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "x_stats.json would take 1 metric"
    assert json.loads((tmp_path / "x_stats.json").read_text())["kitchen"]["day_anna_001.npz"]["reward_sum"] == -0.5


def test_what_is_not_sound_is_refused_and_every_problem_shown(townlet: Townlet, root: Path, tmp_path: Path) -> None:
    edit(root / "kitchen" / "day_seal.json", seed=8)
    (root / "kitchen" / "day_metrics.json").unlink()
    done = townlet("rollout", "merge", "root", *GOLDEN)
    assert (done.returncode, done.stdout, os.listdir(tmp_path)) == (3, "", ["root"])
    assert [line for line in done.stderr.splitlines() if line.startswith("error: ")] == [
        "error: root/kitchen/day_metrics.json: cannot be read: no such file or directory",
        "error: root/kitchen/day_manifest.json: day_metrics.json is missing",
        "error: root/kitchen/day_seal.json: seed: is 8; day_manifest.json says 7",
    ]
    report = json.loads(townlet("rollout", "merge", "root", *GOLDEN, "--json").stdout)
    assert [each["problem"] for each in report["refused"]][-1] == "is 8; day_manifest.json says 7"


def test_nothing_to_merge_and_no_place_for_the_golden_are_no_success(townlet: Townlet, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    nothing = townlet("rollout", "merge", "empty", *GOLDEN)
    assert (nothing.returncode, nothing.stderr.splitlines()[0]) == (3, "error: empty: holds no capture to merge")
    write_capture(tmp_path / "root" / "kitchen")
    lost = townlet("rollout", "merge", "root")  # the golden is in docs/samples, and there is no such folder here
    assert lost.returncode == 3
    assert "docs/samples: there is no such folder" in lost.stderr


def test_a_merge_loads_neither_numba_nor_torch(root: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from townlet_cli.app import main; code = main(sys.argv[1:]);"
        "loaded = {'numba', 'torch'} & set(sys.modules); assert not loaded, loaded; sys.exit(code)"
    )
    words = ["rollout", "merge", "root", *GOLDEN]
    done = subprocess.run(
        [sys.executable, "-c", script, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(IS_ROOT and not shutil.which("setpriv"), reason="who may do everything cannot give that up")
@pytest.mark.parametrize(
    "words",
    [
        pytest.param("--golden locked/x_stats.json", id="golden"),
        pytest.param("--golden locked/x_stats.json --dry-run", id="dry run"),
        pytest.param("--golden locked/below/x_stats.json", id="below"),
        pytest.param("--golden x_stats.json --output locked/below/x_stats.json --dry-run", id="output"),
    ],
)
def test_a_folder_that_is_locked_is_named(root: Path, tmp_path: Path, words: str) -> None:
    (tmp_path / "locked" / "below").mkdir(parents=True)
    (tmp_path / "locked").chmod(0)
    without = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"] if IS_ROOT else []
    command = [*without, sys.executable, "-m", "townlet_cli", "rollout", "merge", str(root), *words.split()]
    try:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    finally:
        (tmp_path / "locked").chmod(0o700)
    assert done.returncode == 3, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "locked" in errors[0]
    assert errors[0].endswith(": permission denied"), errors
