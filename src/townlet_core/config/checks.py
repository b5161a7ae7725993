"""What no single value can show: names that must exist, places that must be free, times that must come."""

from __future__ import annotations

from typing import NamedTuple

from townlet_core.config.scenario import Scenario
from townlet_core.config.town import AffordanceManifest
from townlet_core.config.document import Path


class Flaw(NamedTuple):
    """Something that does not fit together."""

    path: Path
    clause: str
    hint: str | None = None
    word: str | None = None  # the name that is unknown, where one is
    at_key: bool = False  # the key is to blame rather than its value


def check_manifest(manifest: AffordanceManifest) -> list[Flaw]:
    return []


def check_scenario(
    scenario: Scenario, manifest: AffordanceManifest | None, *, drawn: bool, whole: bool
) -> list[Flaw]:
    return []
