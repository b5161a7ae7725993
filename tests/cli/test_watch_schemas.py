"""What `townlet telemetry watch` prints, and the rules that it reads, are what docs/schemas says."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import json_schemas
import jsonschema
import pytest

from tests.cli.conftest import Townlet
from tests.telemetry.reading import ours, theirs, write
from townlet_core.telemetry.watching.rules import load_rules
from townlet_core.telemetry.watching.thresholds import default_rules

GUIDE = Path(__file__).parents[2] / "docs" / "howto" / "watch_a_run.md"
RULES = """\
rules:
  - {metric: loss_entropy, below: -1}
  - {metric: grad_norm, above: 5, for: 2, clear: 4}
  - {metric: grad_norm_max, change_over: 1, above: 2, severity: critical, message: look}
  - {metric: sps, missing: true}
"""


def schema_of(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(json_schemas.schema_files()[json_schemas.file_of(name)])
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


def objects(printed: str) -> list[dict[str, Any]]:
    return [json.loads(text) for text in printed.splitlines()]


def test_all_that_is_printed_to_programs_is_what_the_schema_says(townlet: Townlet, tmp_path: Path) -> None:
    """The gradient fires in epochs 2 and 3, is NaN in the next and fine in the last; then comes a line that is none."""
    lengths: tuple[float | None, ...] = (6.0, 6.0, None, 1.0)
    records = [
        ours(n, grad_norm=length, grad_norm_max=9.0 + 3 * n, **({"nonfinite": {"grad_norm": "nan"}} if n == 3 else {}))
        for n, length in enumerate(lengths, 1)
    ]
    with write(tmp_path / "ppo.jsonl", records).open("ab") as file:
        file.write(b"oops\n")
    (tmp_path / "rules.yaml").write_text(RULES)
    done = townlet("telemetry", "watch", "ppo.jsonl", "--rules", "rules.yaml", "--json")
    told = objects(done.stdout)
    assert {each["type"] for each in told} == {"record", "alert", "resolved", "warning", "end"}
    schema = schema_of("watch_event")
    for each in told:
        jsonschema.validate(each, schema)
        for key in each:  # every key is always there, and no other
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate({name: value for name, value in each.items() if name != key}, schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**each, "weather": "fine"}, schema)


def test_what_is_printed_of_the_predecessors_logs_is_what_the_schema_says(townlet: Townlet, tmp_path: Path) -> None:
    write(tmp_path / "ppo.jsonl", [theirs(1), theirs(2)])
    schema = schema_of("watch_event")
    for each in objects(townlet("telemetry", "watch", "ppo.jsonl", "--json").stdout):
        jsonschema.validate(each, schema)


def test_what_a_backtest_prints_is_what_its_schema_says(townlet: Townlet, tmp_path: Path) -> None:
    write(tmp_path / "ppo.jsonl", [ours(1, grad_norm_max=99.0)])
    tried = objects(townlet("telemetry", "rules", "backtest", "ppo.jsonl", "--json").stdout)
    schema = schema_of("rule_tried")
    assert len(tried) == len(default_rules())
    for each in tried:
        jsonschema.validate(each, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**tried[0], "fired": "often"}, schema)


def test_the_rules_of_the_guide_are_what_the_schema_says(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    jsonschema.validate(tomllib.loads(text), schema_of("rules"))
    (tmp_path / "rules.toml").write_text(text)
    assert load_rules(tmp_path / "rules.toml")


@pytest.mark.parametrize(
    "rule", [{"metric": "sps", "abov": 1}, {"metric": "sps", "for": 0}, {"above": 1}, "sps above 1"]
)
def test_what_a_rules_file_may_not_say_the_schema_does_not_allow(rule: object) -> None:
    jsonschema.validate({"rules": [{"metric": "sps", "below": 1, "n_of": [1, 2]}]}, schema_of("rules"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"rules": [rule]}, schema_of("rules"))
