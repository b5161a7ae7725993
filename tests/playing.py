"""Play towns and hash everything that was seen, done and got: `python -m tests.playing TICKS NAME...`."""

from __future__ import annotations

import hashlib
import sys

import numpy as np

from tests.towns import town
from townlet_core.config.load import load_town
from townlet_core.config.scenario import Town
from townlet_core.policy.decision import KERNEL_POLICIES
from townlet_core.rollout.collect import collect
from townlet_core.world.town import compile_town


def crowded(observation: str = "hybrid") -> Town:
    """A town of hunger, short lives and short episodes."""
    return town(
        "F..S...",
        ".C...B.",
        ".......",
        population={"count": 6, "jobs": ["baker"]},
        jobs=[{"id": "baker", "place": [3, 2], "start": 3, "end": 17, "grace_ticks": 2, "absent_after_ticks": 5}],
        clock={"ticks_per_day": 20},
        ticks=40,
        features={"observation": observation},
        needs={need: {"decay": 0.06, "weight": 1.0} for need in ("hunger", "hygiene", "energy")},
        lifecycle={"faint_after_ticks": 2, "replace_after_ticks": 2},
        rivalry={},
        trust={},
        rewards={"shaping_scale": 0.5},
        perturbations=[
            {"kind": "power_outage", "chance": 0.1, "duration_ticks": 2},
            {"kind": "price_spike", "chance": 0.1, "duration_ticks": 3},
        ],
    )


def digest(config: Town, ticks: int) -> str:
    """sha256 of all frames, under each policy, with the map packed and drawn."""
    hashed, compiled = hashlib.sha256(), compile_town(config)
    for policy in KERNEL_POLICIES.values():
        for planes in (False, True):
            for frames in collect(compiled, worlds=1, seed=1, policy=policy, ticks=ticks, planes=planes):
                for array in frames:
                    hashed.update(np.ascontiguousarray(array).tobytes())
    return hashed.hexdigest()


if __name__ == "__main__":
    for name in sys.argv[2:]:
        made = name in ("hybrid", "full", "compact")
        print(name, digest(crowded(name) if made else load_town(name), int(sys.argv[1])))
