"""What `townlet telemetry validate --json` prints is what docs/schemas says, whatever the log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import json_schemas
import jsonschema
import pytest

from tests.cli.conftest import Townlet
from tests.telemetry.reading import ours, write

CORPUS = sorted((Path(__file__).parents[1] / "corpus" / "telemetry").glob("*.jsonl"))


def told(printed: str) -> list[dict[str, Any]]:
    """Read what was printed, every line of which is what the schema says."""
    schema = json.loads(json_schemas.schema_files()[json_schemas.file_of("finding")])
    jsonschema.Draft202012Validator.check_schema(schema)
    checked = jsonschema.Draft202012Validator(schema)
    found = [json.loads(text) for text in printed.splitlines()]
    for each in found:
        checked.validate(each)
        for key in each:  # every key is always there, and no other
            assert not checked.is_valid({name: value for name, value in each.items() if name != key})
        assert not checked.is_valid({**each, "weather": "fine"})
    return found


def test_every_line_about_every_log_of_the_corpus_is_what_the_schema_says(townlet: Townlet, tmp_path: Path) -> None:
    """The baseline has loss_value, which is known of all of them, and grad_norm 0, of which no share is finite."""
    (tmp_path / "b.json").write_text('{"loss_value": 3, "grad_norm": 0}')
    words = ("--json", "--baseline", "b.json", "--relative", "--drift-threshold", "0.1")
    found = told(townlet("telemetry", "validate", *CORPUS, "no.jsonl", *words).stdout)
    assert {each["type"] for each in found} == {"problem", "warning", "log", "error", "end"}
    logs = [each for each in found if each["type"] == "log"]
    assert len(logs) + sum(each["type"] == "error" for each in found) == len(CORPUS) + 1
    for log in logs:
        for kind in ("records", "problems", "warnings"):  # the drifts beyond their limits are the log's, no file's
            beyond = sum(drift["beyond"] for drift in log["drift"]) if kind == "problems" else 0
            assert log[kind] == sum(file[kind] for file in log["files"]) + beyond
    assert {drift["drift"] for log in logs for drift in log["drift"] if drift["key"] == "grad_norm"} == {None}


@pytest.mark.parametrize(
    ("key", "value", "baseline"),
    [
        pytest.param("finished", True, 0, id="a truth"),
        pytest.param("weather", "fine", 1, id="a word"),
        pytest.param("weather", 10**400, 1, id="a whole number beyond all others"),
        pytest.param("weather", 1.7e308, -1.7e308, id="a difference beyond all numbers"),
        pytest.param("weather", float("inf"), 1, id="no number"),
    ],
)
def test_a_drift_is_told_of_numbers_alone(
    townlet: Townlet, tmp_path: Path, key: str, value: object, baseline: float
) -> None:
    write(tmp_path / "ppo.jsonl", [ours(1, **{key: value})])
    (tmp_path / "b.json").write_text(json.dumps({"loss_value": 3.0, key: baseline}))
    done = townlet("telemetry", "validate", "ppo.jsonl", "--json", "--baseline", "b.json", "--drift-threshold", "inf")
    [log] = [each for each in told(done.stdout) if each["type"] == "log"]
    assert done.stderr == ""
    assert {drift["limit"] for drift in log["drift"]} == {None}


def test_a_mean_beyond_all_numbers_is_no_baseline_and_said_to_be_none(townlet: Townlet, tmp_path: Path) -> None:
    """Two of 1.7e308 have a sum that is infinite."""
    write(tmp_path / "ppo.jsonl", [ours(n, **{"events.rain": 1.7e308}) for n in (1, 2)])
    done = townlet("telemetry", "validate", "ppo.jsonl", "--json", "--baseline", "ppo.jsonl")
    [log, _] = told(done.stdout)
    assert "events.rain" not in {drift["key"] for drift in log["drift"]}
    assert "events.rain" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("validate", "--json"),
        ("watch", "--json", "--loss-threshold", "1", "--on-alert", "cat > alert.json"),
        ("rules", "backtest", "--json"),
        ("explain", "--json"),
        ("summary", "--format", "json"),
    ],
    ids=lambda words: words[0],
)
def test_a_log_may_have_a_name_that_is_no_text(tmp_path: Path, words: tuple[str, ...]) -> None:
    """The byte ff is none of UTF-8; JSON says it as Python reads it, so that the file can be found."""
    name = os.fsdecode(b"p\xffo.jsonl")
    write(tmp_path / name, [ours(1), ours(2)])
    command = [sys.executable, "-m", "townlet_cli", "telemetry", *words, name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "fault in townlet" not in done.stderr
    assert done.returncode in (0, 1)
    texts = [done.stdout] if done.stdout.startswith("{\n") else done.stdout.splitlines()
    if words[0] != "rules":
        assert name in json.dumps([json.loads(text) for text in texts], ensure_ascii=False)
    if words[0] == "watch":
        assert json.loads((tmp_path / "alert.json").read_text())["file"] == name


def test_signs_that_an_encoding_lacks_are_written_out_as_json_has_it(tmp_path: Path) -> None:
    write(tmp_path / "é\N{GRINNING FACE}.jsonl", [ours(1)])
    command = [sys.executable, "-m", "townlet_cli", "telemetry", "watch", "é\N{GRINNING FACE}.jsonl", "--json"]
    ascii_ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=ascii_)
    assert {json.loads(text).get("file") for text in done.stdout.splitlines()} >= {"é\N{GRINNING FACE}.jsonl"}
