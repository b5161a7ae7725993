"""The JSON Schemas of the configuration files, with which editors complete and check YAML."""

from __future__ import annotations

from typing import Any, Literal

from townlet_core.config.scenario import Scenario
from townlet_core.config.town import AffordanceManifest

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(of: Literal["scenario", "affordances"] = "scenario") -> dict[str, Any]:
    """Describe the scenarios or the affordance manifests that load_town accepts, cross-checks apart."""
    model = Scenario if of == "scenario" else AffordanceManifest
    return {"$schema": DIALECT, "$id": f"urn:townlet:{of}", **model.model_json_schema()}
