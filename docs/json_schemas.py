"""The JSON Schemas of files that Townlet writes, for docs/schemas: one list, in which a new format has a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, TypeAdapter
from schema_tables import table

from townlet_core.config.json_schema import DIALECT, json_schema
from townlet_core.samples.manifest import Manifest
from townlet_core.samples.metrics import MetricsFile
from townlet_core.samples.seal import Seal
from townlet_core.telemetry.explaining.explanation import Explanation
from townlet_core.telemetry.findings import FINDING
from townlet_core.telemetry.record import IN_A_FAMILY, EpochRecord
from townlet_core.telemetry.summarising.summary import Summary
from townlet_core.telemetry.watching.backtest import RuleTried
from townlet_core.telemetry.watching.events import EVENT
from townlet_core.telemetry.watching.rules import RulesFile


class Schema(NamedTuple):
    """A format of a file, or of what a command prints."""

    name: str  # of its file, docs/schemas/<name>.schema.json
    model: type[BaseModel] | TypeAdapter[Any]
    meaning: str
    # What we write has all its keys, which are then required; in what is read some may be left out.
    mode: Literal["serialization", "validation"] = "serialization"


# Add a format here, and run docs/generate.py.
SCHEMAS = (
    Schema("telemetry_record", EpochRecord, "a line of a telemetry log, version 1.1", "validation"),
    Schema("telemetry_summary", Summary, "what `townlet telemetry summary --format json` prints"),
    Schema("explanation", Explanation, "what `townlet telemetry explain --json` prints"),
    Schema("finding", FINDING, "a line of what `townlet telemetry validate --json` prints"),
    Schema("watch_event", EVENT, "a line of what `townlet telemetry watch --json` prints"),
    Schema("rule_tried", RuleTried, "a line of what `townlet telemetry rules backtest --json` prints"),
    Schema("manifest", Manifest, "the manifest of a capture, `<prefix>_manifest.json`"),
    Schema("metrics", MetricsFile, "the metrics of its samples, `<prefix>_metrics.json`"),
    Schema("rules", RulesFile, "the rules of `townlet telemetry watch`, in TOML or YAML", "validation"),
    Schema("seal", Seal, "the hashes of all its files, `<prefix>_seal.json`"),
)
# Those that `townlet config schema` writes.
CONFIG = {"scenario": "a scenario, in YAML", "affordances": "an affordance manifest, in YAML"}


def schema_files() -> dict[str, str]:
    """Give all schemas: file name -> text."""
    schemas = {each.name: _schema(each) for each in SCHEMAS}
    schemas["scenario"], schemas["affordances"] = json_schema("scenario"), json_schema("affordances")
    return {file_of(name): json.dumps(schema, indent=2) + "\n" for name, schema in schemas.items()}


def schemas_page(notice: str) -> str:
    """List the schemas."""
    text = f"{notice}# JSON Schemas\n\nFor editors, and for programs that check what they read before they trust it. "
    text += (
        "They say what a key may be; what keys say of one another, `townlet telemetry validate` and `townlet config "
    )
    text += "check` know. The dialect is 2020-12.\n\n"
    return text + table(("schema", "of"), _rows())


def file_of(name: str) -> str:
    """Name the file of a schema."""
    return f"{name}.schema.json"


def _rows() -> Iterator[tuple[str, str]]:
    for name, meaning in [*((each.name, each.meaning) for each in SCHEMAS), *CONFIG.items()]:
        yield f"[{file_of(name)}](../schemas/{file_of(name)})", meaning


def _schema(of: Schema) -> dict[str, Any]:
    """Describe what is written, or what is read."""
    if isinstance(of.model, TypeAdapter):
        schema = of.model.json_schema(mode=of.mode)
    else:
        schema = of.model.model_json_schema(mode=of.mode)
    if of.model is EpochRecord:  # its families are open, all else is not
        schema["patternProperties"] = {f"^({IN_A_FAMILY.pattern})$": schema["additionalProperties"]}
        schema["additionalProperties"] = False
    return {"$schema": DIALECT, "$id": f"urn:townlet:{of.name}", **schema}
