"""Logs as they come, each with the whole of what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from townlet_cli.app import main

CORPUS = Path(__file__).parents[1] / "corpus" / "telemetry"
LOGS = sorted(CORPUS.glob("*.jsonl"))


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_all_that_is_wrong_with_a_log_is_said(
    log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(CORPUS)
    code = main(["telemetry", "validate", log.name])
    said = capsys.readouterr()
    assert said.out + said.err + f"exit code {code}\n" == log.with_suffix(".txt").read_text(encoding="utf-8")


def test_no_expected_text_has_lost_its_log() -> None:
    assert {text.stem for text in CORPUS.glob("*.txt")} == {log.stem for log in LOGS}
