"""The town that a capture was made in, and who acted there, taken out of its seal."""

from __future__ import annotations

import json
import math
from pathlib import Path

from pydantic import ValidationError

from townlet_core.config.checks import check_manifest, check_scenario
from townlet_core.config.load import config_hash
from townlet_core.config.places import check_map, check_places
from townlet_core.config.reach import check_reach
from townlet_core.config.scenario import Town
from townlet_core.config.steps import check_steps
from townlet_core.errors import SampleError
from townlet_core.policy.decision import KERNEL_POLICIES, KernelPolicy, find_policy
from townlet_core.rollout.horizon import with_ticks
from townlet_core.rollout.request import MOST_SEED
from townlet_core.samples.seal import Seal, config_sha256

LONGEST = 1_000_000  # ticks, as far as plans may reach: a capture may be shorter than what is planned in its town
OTHER_VERSION = "it was captured with another version of Townlet: do it with that one"


def town_in(seal: Seal, path: Path) -> Town:
    """Take the town out of a seal and check it as one that was just read: kernels trust what they are given.

    Args:
        path: of the seal.

    Raises:
        SampleError: the town was altered, or is none to this version of Townlet.
    """
    if seal.seed > MOST_SEED:
        raise SampleError(f"must be at most {MOST_SEED}, found {seal.seed}", where=f"{path}: seed")
    where = f"{path}: config"
    if config_sha256(seal.config) != seal.config_hash:
        raise SampleError("has been altered: its hash is not that beside it", where=where)
    try:
        town = Town.model_validate_json(json.dumps(seal.config))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        problem = f"is no town to this version: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise SampleError(problem, where=where, hint=OTHER_VERSION) from error
    if config_hash(town) != seal.config_hash or town.scenario.scenario.ticks != seal.ticks:
        raise SampleError("means another town to this version", where=where, hint=OTHER_VERSION)
    scenario = with_ticks(town, LONGEST).scenario
    for check in (
        check_manifest(town.manifest),
        check_map(scenario.map),
        check_scenario(scenario, town.manifest),
        check_steps(scenario, town.manifest),
        check_places(scenario),
        check_reach(scenario),
    ):
        for flaw in check:
            raise SampleError(flaw.clause, where=f"{where}.{'.'.join(map(str, flaw.path))}", hint=flaw.hint)
    return town


def policy_in(seal: Seal, path: Path) -> KernelPolicy | None:
    """Take who acted out of a seal, if it was a policy of the program's own: its name says how much chance took.

    Raises:
        SampleError: there is no such policy.
    """
    name, plus, noise = seal.policy.name.partition("+")
    if seal.policy.kind == "learned" or name not in KERNEL_POLICIES:
        return None
    try:
        share = float(noise) if plus else 0.0
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1 or (policy := find_policy(name, share)).name != seal.policy.name:
        raise SampleError(f"no policy is called '{seal.policy.name}'", where=f"{path}: policy.name")
    return policy
