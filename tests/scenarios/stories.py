"""What happened to whom in a captured scenario, asked by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from townlet_core.rollout.capture import capture
from townlet_core.rollout.report import CaptureReport
from townlet_core.rollout.request import CaptureRequest
from townlet_core.samples.manifest import read_manifest
from townlet_core.samples.sample import Sample, read_meta, read_sample


@dataclass(frozen=True)
class Person:
    """A life of T ticks."""

    sample: Sample

    def when(self, event: str) -> list[int]:
        """Ticks at which an event was counted, once for each time."""
        counts = self.sample.events[:, self.sample.meta.event_names.index(event)]
        return np.repeat(np.arange(len(counts)), counts).tolist()

    def feature(self, name: str) -> NDArray[np.float64]:
        """What was seen before each tick, and after the last, `[T + 1]`."""
        column = self.sample.meta.feature_names.index(name)
        seen = np.append(self.sample.features[:, column], self.sample.last_features[column])
        return seen.astype(np.float64)

    def wallet(self, tick: int) -> float:
        """Money before a tick, in cents' precision: the feature is money / (money + 1)."""
        share = float(self.feature("wallet")[tick])
        return round(share / (1 - share), 3)

    def term(self, name: str) -> NDArray[np.float64]:
        """A term of the reward in each tick, `[T]`."""
        return self.sample.reward_terms[:, self.sample.meta.reward_term_names.index(name)].astype(np.float64)

    def uses(self) -> list[tuple[int, int]]:
        """First and last tick of each use that was finished."""
        return list(zip(self.when("affordance_start"), self.when("affordance_finish"), strict=False))


@dataclass(frozen=True)
class Story:
    """A capture of one world."""

    report: CaptureReport
    people: dict[str, Person]  # by the id of the life

    def everybody(self, event: str) -> dict[str, list[int]]:
        """Ticks of an event, for those to whom it happened."""
        return {name: ticks for name, person in self.people.items() if (ticks := person.when(event))}

    def warnings(self) -> set[str]:
        return {warning.kind for warning in self.report.warnings}


def tell(scenario: str, folder: Path, *, agent: str | None = None) -> Story:
    """Capture a scenario as it is shipped, and read what was written."""
    report = capture(CaptureRequest(scenario, folder, agents=() if agent is None else (agent,)))
    people = {}
    for entry in read_manifest(Path(report.manifest)).samples:
        meta = read_meta(folder / entry.meta)
        sample = read_sample(folder / entry.sample, meta)
        assert isinstance(sample, Sample)
        people[meta.agent_id] = Person(sample)
    return Story(report, people)
