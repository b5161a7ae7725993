"""`--rules default`: the rules to start from by name, wherever rules can be named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Townlet
from tests.telemetry.reading import oldest, ours, write


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Three epochs; |loss_total| is 9 in the second, which is beyond the 5 of the rules to start from."""
    losses = (1.5, -9.0, 1.5)
    records = [ours(n, loss_total=loss, reward_advantage_corr=0.3) for n, loss in enumerate(losses, 1)]
    return write(tmp_path / "ppo.jsonl", records)


def test_a_watch_by_the_default_rules_is_one_without_any(townlet: Townlet, log: Path) -> None:
    """The note, which says whose rules these are, is for who has not said so."""
    named, unnamed = (townlet("telemetry", "watch", log.name, *words) for words in (("--rules", "default"), ()))
    assert "ALERT (critical): |loss_total| is 9, above 5" in named.stdout
    assert (named.returncode, named.stdout, named.stderr) == (1, unnamed.stdout, "")
    assert "13 rules to start from" in unnamed.stderr


def test_they_stand_beside_thresholds(townlet: Townlet, log: Path) -> None:
    """Thresholds by themselves put others in their place."""
    done = townlet("telemetry", "watch", log.name, "--grad-threshold", "0", "--rules", "default", "--json")
    assert done.stderr == ""
    alerts = {told["rule"] for told in map(json.loads, done.stdout.splitlines()) if told["type"] == "alert"}
    assert alerts >= {"grad_norm above 0", "|loss_total| above 5"}
    done = townlet("telemetry", "watch", log.name, "--loss-threshold", "5", "--rules", "default")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: default: has the rule '|loss_total| above 5', as has an option\n")


def test_only_rules_that_somebody_wrote_are_said_to_look_at_nothing(townlet: Townlet, tmp_path: Path) -> None:
    """Version 1.0 has neither signal.reward_std nor grad_norm_max, about which the option is too."""
    log = write(tmp_path / "ppo.jsonl", [oldest(1), oldest(2)])
    done = townlet("telemetry", "watch", log.name, "--grad-threshold", "99", "--rules", "default")
    assert "rule 'grad_norm_max above 99'" in done.stderr + done.stdout
    assert "signal" not in done.stderr


def test_a_plot_marks_where_they_fire(townlet: Townlet, log: Path) -> None:
    done = townlet("telemetry", "plot", log.name, "--rules", "default", "-m", "lr", "-o", "plot.html")
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "plot.html: 2 metrics of 1 run, epochs 1 to 3, 1 alert\n",
        "",
    )


def test_they_can_be_tried_and_checked(townlet: Townlet, log: Path) -> None:
    named, unnamed = (
        townlet("telemetry", "rules", "backtest", log.name, *more) for more in (("--rules", "default"), ())
    )
    assert (named.returncode, named.stdout, named.stderr) == (0, unnamed.stdout, "")
    assert "|loss_total| above 5" in named.stdout
    assert townlet("telemetry", "rules", "check", "default").stdout == "default: ok (13 rules)\n"


@pytest.mark.parametrize("words", [("watch",), ("rules", "backtest"), ("plot",)], ids=" ".join)
def test_a_file_of_that_name_is_named_by_its_place(
    townlet: Townlet, tmp_path: Path, log: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "default").write_text("rules: [{metric: lr, abov: 1}]")
    assert townlet("telemetry", *words, log.name, "--rules", "default").returncode in (0, 1)
    for place in ("./default", str(tmp_path / "default")):
        done = townlet("telemetry", *words, log.name, "--rules", place)
        assert done.returncode == 3
        assert "default:1:22: rules.0.abov: unknown key" in done.stderr
    assert townlet("telemetry", "rules", "check", "./default").returncode == 1
    assert townlet("telemetry", *words, log.name, "--rules", "").returncode == 2
