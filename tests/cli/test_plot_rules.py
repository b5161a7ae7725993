"""`townlet telemetry plot --rules`: what is marked, what is told, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Townlet
from tests.telemetry.plots import with_values


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Nine epochs of a run, with value losses 1 to 9."""
    return with_values(tmp_path / "ppo.jsonl", [float(epoch) for epoch in range(1, 10)], scenario="town", seed=3)


def test_rules_that_fire_are_marked_and_their_metrics_drawn(townlet: Townlet, tmp_path: Path, log: Path) -> None:
    (tmp_path / "rules.toml").write_text(
        "rules = [{metric='loss_value', above=7}, {metric='lr', above=1}, {metric='weather', missing=true}]"
    )
    done = townlet("telemetry", "plot", log.name, "--rules", "rules.toml", "-m", "updates", "-o", "plot.html")
    assert (done.returncode, done.stdout) == (0, "plot.html: 2 metrics of 1 run, epochs 1 to 9, 1 alert\n")
    assert done.stderr == (
        "warning: rule 'weather missing': weather is no key that is known\n"
        "warning: ppo: epoch 1: warning: weather is missing, and has no curve to mark that at\n"
    )
    done = townlet("telemetry", "plot", log.name, "--rules", "rules.toml", "-m", "updates")
    assert "! a rule fires   ━ until it is fine again" in done.stdout


def test_rules_that_make_no_sense_are_refused_before_a_log_is_read(townlet: Townlet, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("rules: [{metric: lr, abov: 1}]")
    done = townlet("telemetry", "plot", "no.jsonl", "--rules", "rules.yaml")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("error: rules.yaml:1:22: rules.0.abov: unknown key\nhint: did you mean 'above'?\n")


def test_a_log_on_standard_input_is_judged_as_it_is_read(tmp_path: Path, log: Path) -> None:
    (tmp_path / "rules.yaml").write_text("rules: [{metric: loss_value, above: 7, name: steep}]")
    command = [
        sys.executable,
        "-m",
        "townlet_cli",
        "telemetry",
        "plot",
        "-",
        "--rules",
        "rules.yaml",
        "-o",
        "plot.html",
    ]
    done = subprocess.run(command, input=log.read_bytes(), capture_output=True, check=False, cwd=tmp_path)
    assert done.stdout.endswith(b"epochs 1 to 9, 1 alert\n")
    assert "warning: steep: loss_value is 8, above 7" in (tmp_path / "plot.html").read_text()
