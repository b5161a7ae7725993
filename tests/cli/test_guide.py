"""The commands of the predecessor's guide, in the form that they have here, run as they stand in the docs."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from statistics import fmean

import pytest

from tests.cli.conftest import Townlet

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "howto" / "from_the_predecessor.md"
TABLE = PAGE.read_text(encoding="utf-8").split("\n## ")[0]
# What a command of the guide did -> what the one in its place must be.
SCRIPTS = {
    "capture_rollout.py": "rollout capture",
    "run_training.py": "train ppo",
    "ppo_telemetry_plot.py": "telemetry plot",
    "validate_ppo_telemetry.py": "telemetry validate",
    "telemetry_watch.py": "telemetry watch",
    "telemetry_summary.py": "telemetry summary",
    "capture_rollout_suite.py": "rollout suite",
    "merge_rollout_metrics.py": "rollout merge",
}
# Words of the guide that stand for something else, or that are for nothing now.
GONE = {"python", "...", "CONFIG", "<log>", "--train-ppo", "--entropy-threshold -0.2"}


def rows() -> list[tuple[str, list[str]]]:
    """Give for each row what the guide says, and the commands that stand for it."""
    cells = [line.strip("| ").split(" | ") for line in TABLE.splitlines() if line.startswith("| ")]
    return [(row[0], re.findall(r"`townlet ([^`]+)`", row[1])) for row in cells if len(row) == 2]


def commands() -> list[str]:
    return [command for _, found in rows() for command in found]


IDLES = "warning: observation_baseline: "  # as that scenario is meant to


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_of_the_guide_has_a_command_that_takes_its_words(script: str) -> None:
    found = [(guide, new) for guide, new in rows() if f"scripts/{script}" in guide]
    assert found
    for guide, (new, *_) in found:
        (old,) = re.findall(r"`([^`]+)`", guide)
        assert new.startswith(SCRIPTS[script])
        for word in GONE:
            old = old.replace(word, "")
        assert set(old.split()) - {f"scripts/{script}"} <= set(new.split())


@pytest.mark.slow
def test_every_command_of_the_page_runs_as_it_stands(townlet: Townlet, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    shutil.copytree(ROOT / "docs" / "samples", tmp_path / "docs" / "samples")
    shown = {}
    for command in commands():
        done = townlet(*shlex.split(command))
        assert done.returncode == 0, f"townlet {command}\n{done.stdout}\n{done.stderr}"
        warned = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
        assert all(line.startswith(IDLES) for line in warned), f"townlet {command}\n{done.stderr}"
        shown[command] = done.stdout
    assert len(shown) == len(commands())
    check_what_was_shown(shown)
    check_what_was_written(tmp_path)


def check_what_was_shown(shown: dict[str, str]) -> None:
    plot = shown_by(shown, "telemetry plot")
    assert "loss_total" in plot
    assert "kl_divergence" in plot
    sample = (ROOT / "docs" / "samples" / "ppo_conflict_telemetry.jsonl").read_text(encoding="utf-8").splitlines()
    mean = re.escape(f"{fmean(json.loads(line)['loss_entropy'] for line in sample):.6g}")
    assert re.search(rf"^loss_entropy +{mean} ", shown_by(shown, "telemetry validate", "--baseline"), re.MULTILINE)
    assert shown_by(shown, "telemetry watch", "!--json").endswith(
        "the run is finished: 1 record, 0 alerts, 0 warnings\n"
    )
    types = [json.loads(line)["type"] for line in shown_by(shown, "telemetry watch", "--json").splitlines()]
    assert types == ["record", "end"]
    assert "| baseline |" not in shown_by(shown, "telemetry summary", "!--baseline")
    assert "| baseline |" in shown_by(shown, "telemetry summary", "--baseline")


def shown_by(shown: dict[str, str], command: str, option: str = "") -> str:
    """Give what a command has shown, with an option or (by a !) without it."""
    texts = [
        text
        for words, text in shown.items()
        if words.startswith(command) and (option.lstrip("!") in words) is not option.startswith("!")
    ]
    assert texts
    return texts[-1]


def check_what_was_written(folder: Path) -> None:
    for capture in ("samples/rollout", "tmp/kitchen", "tmp/rollout_stub"):
        assert (folder / capture / "rollout_sample_manifest.json").is_file()
    log = (folder / "tmp" / "kitchen" / "ppo_log.jsonl").read_text(encoding="utf-8").splitlines()
    first = json.loads(log[0])
    assert (len(log), first["telemetry_version"], first["baseline_sample_count"]) == (2, 1.1, 2)
    # epochs 5, 10 and the last, 12; two of them to a file
    thin = [
        [json.loads(line)["epoch"] for line in (folder / "tmp" / "kitchen" / name).read_text().splitlines()]
        for name in ("thin.jsonl.1", "thin.jsonl")
    ]
    assert thin == [[5, 10], [12]]
    golden = (folder / "docs" / "samples" / "rollout_scenario_stats.json").read_bytes()
    assert golden == (ROOT / "docs" / "samples" / "rollout_scenario_stats.json").read_bytes()  # nothing has changed
