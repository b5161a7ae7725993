"""What to capture, and where to: what is asked for, before anything that simulates is loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from townlet_core.errors import UsageError
from townlet_core.policy.decision import KernelPolicy, find_policy, names_a_policy

PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
MOST_TICKS = 1_000_000
MOST_WORLDS = 100_000
MOST_THREADS = 1024
MOST_SEED = 2**63 - 1


@dataclass(frozen=True)
class CaptureRequest:
    """What to capture, and where to."""

    source: str  # path of a configuration, or name of a scenario
    output: Path
    ticks: int | None = None  # None: as many as the scenario says
    prefix: str = "rollout_sample"
    agents: tuple[str, ...] = ()  # none named: all of them
    auto_seed_agents: bool = False
    compress: bool = False
    seed: int | None = None  # None: the scenario's
    worlds: int = 1
    policy: str = "scripted"
    noise: float = 0.0  # share of the decisions of a policy of the kernels that chance takes
    force: bool = False
    overrides: tuple[str, ...] = ()  # key.path=value
    threads: int = 1


def check_request(request: CaptureRequest) -> KernelPolicy | None:
    """Refuse options that no town can meet; give the policy, unless it is the folder of a checkpoint.

    Raises:
        UsageError: with the option.
    """
    numbers = (
        ("--ticks", request.ticks, 1, MOST_TICKS),
        ("--worlds", request.worlds, 1, MOST_WORLDS),
        ("--threads", request.threads, 1, MOST_THREADS),
        ("--seed", request.seed, 0, MOST_SEED),
    )
    for option, number, least, most in numbers:
        if number is not None and not least <= number <= most:
            raise UsageError(f"must be a whole number from {least} to {most}, found {number}", where=option)
    if not 0 <= request.noise <= 1:
        raise UsageError(f"must be a number from 0 to 1, found {request.noise}", where="--noise")
    if not PREFIX.fullmatch(request.prefix):
        problem = f"must begin with a letter or digit and hold only those, '_', '.' and '-', found {request.prefix!r}"
        raise UsageError(problem, where="--prefix", hint="it is the beginning of file names")
    if request.noise and request.policy != "scripted":
        hint = "leave it out: random is chance alone, and a network has doubts of its own"
        raise UsageError(f"has no effect on the policy {request.policy}", where="--noise", hint=hint)
    return find_policy(request.policy, request.noise) if names_a_policy(request.policy) else None
