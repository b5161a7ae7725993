"""One capture of a suite as a piece of work: what is given to a worker, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from townlet_core.rollout.request import CaptureRequest


@dataclass(frozen=True)
class Task:
    """An attempt at a capture."""

    name: str  # folder of the capture, below that of the suite
    request: CaptureRequest
    log: Path
    attempt: int  # from 1
    resume: bool  # keep what is there, if it is what would be made
    folder: str  # that relative paths begin at
    token: Path  # file in the folder of the suite
    word: str  # what stands in that file: who does not find it there writes somewhere else


@dataclass(frozen=True)
class Began:
    """A worker has begun: it has loaded all that it needs."""


@dataclass(frozen=True)
class Advanced:
    """So much of the work is done."""

    done: int
    total: int


@dataclass(frozen=True)
class Captured:
    """It is there."""

    kept: bool  # by an earlier suite
    reason: str | None  # why it is made anew, or what of a kept one is not as it would be now
    scenario: str
    config_hash: str
    seed: int
    agents: tuple[str, ...]  # recorded
    ticks: int
    samples: int
    agent_steps: int
    seconds: float
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failed:
    """It is not, and nothing has been changed there."""

    reason: str
    is_final: bool = False  # another attempt would come to the same
    died: bool = False  # the worker has: it could neither clear up nor write the log
    seconds: float = 0.0


News = Began | Advanced | Captured | Failed
