"""The JSON Schema that editors complete YAML with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest

from townlet_core.config.json_schema import json_schema
from townlet_core.config.scenario import Scenario


def records(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    yield from (record for record in schema["$defs"].values() if "properties" in record)


@pytest.mark.parametrize("of", ["scenario", "affordances"])
def test_every_record_is_closed_and_every_key_described(of: Literal["scenario", "affordances"]) -> None:
    for record in records(json_schema(of)):
        assert record["additionalProperties"] is False
        assert all(key.get("description") for key in record["properties"].values()), record["title"]


def test_it_has_the_keys_and_the_ranges_of_the_model() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == set(Scenario.model_fields)
    assert schema["required"] == ["name", "scenario", "map"]
    assert schema["$id"] == "urn:townlet:scenario"
    assert schema["$defs"]["Needs"]["properties"]["hunger"] == {
        "title": "Hunger",
        "description": "1 is fed, 0 is starving",
        "type": "number",
        "default": 0.8,
        "minimum": 0,
        "maximum": 1,
    }
    assert schema["$defs"]["Step"]["properties"]["do"]["enum"] == [
        "move", "request", "start", "wait", "release", "chat"
    ]  # fmt: skip


def test_a_manifest_has_a_schema_of_its_own() -> None:
    schema = json_schema("affordances")
    assert set(schema["properties"]) == {"kinds", "affordances"}
    assert schema["$id"] == "urn:townlet:affordances"
