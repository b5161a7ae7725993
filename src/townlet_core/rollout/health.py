"""Signs that a capture is not worth learning from. They are warnings: the capture is made all the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from townlet_core.samples.metrics import Columns
from townlet_core.samples.sample import Metrics
from townlet_core.schema import StrictModel

MIN_TICKS = 10  # a shorter life is too short to say that something never happens in it
MAX_CLIP_FRACTION = 0.01  # a clip that binds more often hides what agents did
NAMES_SHOWN = 5

Kind = Literal["constant_reward", "saturated_reward", "only_waits", "unused_actions", "no_events"]


class HealthWarning(StrictModel):
    """Something about a capture that is likely to be a mistake in its scenario."""

    kind: Kind = Field(description="what is wrong, for programs")
    text: str = Field(description="what is wrong, for people")
    names: tuple[str, ...] = Field(description="the samples, or actions, that it is about")


class Examined(NamedTuple):
    """What there is to know of a sample."""

    sample: str  # name of the NPZ file
    ticks: int
    is_constant: bool  # every reward is the same
    clip_fraction: float
    only_waits: bool
    events: float


class ActionUse:
    """Which actions were allowed at some time, and which were used."""

    def __init__(self, actions: int) -> None:
        self.allowed = np.zeros(actions, np.bool_)
        self.used = np.zeros(actions, np.bool_)

    def add(self, action_mask: NDArray[Any]) -> None:
        """Take masks [T, N] of somebody who lives."""
        self.allowed |= action_mask.any(axis=0)

    def take(self, actions: NDArray[Any]) -> None:
        """Take actions [T] of somebody who lives."""
        self.used[actions] = True


def examine(sample: str, columns: Columns, metrics: Metrics) -> Examined:
    """Look at one sample of ours."""
    events = (count for name, count in metrics.items() if name.startswith("event_") and count is not None)
    return Examined(
        sample=sample,
        ticks=len(columns.rewards),
        is_constant=bool((columns.rewards == columns.rewards[0]).all()),
        clip_fraction=metrics["reward_clip_fraction"] or 0.0,
        only_waits=metrics["action_wait_count"] == metrics["action_total"],
        events=sum(events),
    )


def find_warnings(
    samples: Sequence[Examined], use: ActionUse, action_names: Sequence[str]
) -> tuple[HealthWarning, ...]:
    """Give a warning for each sign that is there."""
    long = [sample for sample in samples if sample.ticks >= MIN_TICKS]
    constant = [sample.sample for sample in long if sample.is_constant]
    saturated = [sample.sample for sample in long if sample.clip_fraction > MAX_CLIP_FRACTION]
    waiting = [sample.sample for sample in long if sample.only_waits]
    unused = [name for name, idle in zip(action_names, use.allowed & ~use.used, strict=True) if idle]
    silent = [sample.sample for sample in samples] if not any(sample.events for sample in samples) else []
    of = f"of {len(samples)} sample" + ("" if len(samples) == 1 else "s")
    signs: tuple[tuple[Kind, str, list[str]], ...] = (
        ("constant_reward", f"the reward never changes in {len(constant)} {of}: {_some(constant)}", constant),
        (
            "saturated_reward",
            f"the clip binds in over 1 % of ticks in {len(saturated)} {of}: {_some(saturated)}",
            saturated,
        ),
        ("only_waits", f"the agent only waits in {len(waiting)} {of}: {_some(waiting)}", waiting),
        ("unused_actions", f"never used, though allowed at times: {_some(unused)}", unused),
        ("no_events", "nothing happened: there is no event in the whole capture", silent),
    )
    return tuple(HealthWarning(kind=kind, text=text, names=tuple(names)) for kind, text, names in signs if names)


def _some(names: list[str]) -> str:
    """Name the first few."""
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
