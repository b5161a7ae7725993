"""Golden metrics: what scenarios are held to, how much of a difference is none, and what of it was accepted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import ConfigDict, Field, RootModel

from townlet_core.errors import UsageError
from townlet_core.samples.jsonfile import is_there, parse_model, read_json, read_versioned
from townlet_core.samples.sample import Metrics
from townlet_core.schema import StrictModel

SCHEMA_VERSION: Final = 1
STATS, TOLERANCES, CHANGES = "_stats", "_tolerances.json", "_changes.jsonl"  # what the three files end in
SELECTOR = "SCENARIO[/seed_N][/SAMPLE[/METRIC]]"  # the seed where captures are of several

Kind = Literal["changed", "tolerated", "added", "removed"]
Amount = Annotated[float, Field(ge=0)]
Stats = dict[str, dict[str, Metrics]]  # scenario -> NPZ file -> metric


class Golden(RootModel[Stats]):
    """The file of golden metrics: scenario -> name of the NPZ file -> metrics."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class Tolerance(StrictModel):
    """How far a metric may be off, and why."""

    absolute: Amount = Field(0.0, description="difference that is none")
    relative: Amount = Field(0.0, description="difference that is none, as a share of the golden value")
    because: Annotated[str, Field(min_length=1)] = Field(description="why it may be off at all")

    def bound(self, golden: float) -> float:
        """Give the largest difference that is none."""
        return max(self.absolute, self.relative * abs(golden))


class Tolerances(StrictModel):
    """The file of tolerances beside the golden. A metric that fits no pattern has to be the same."""

    schema_version: Literal[1] = Field(SCHEMA_VERSION, description="version of this file's format")
    metrics: dict[str, Tolerance] = Field(
        description="metric, with * for any letters -> how far it may be off; the first that fits counts"
    )

    def bound(self, metric: str, golden: float) -> float:
        """Give the largest difference of a metric that is none."""
        found = next((each for pattern, each in self.metrics.items() if fnmatchcase(metric, pattern)), None)
        return found.bound(golden) if found is not None else 0.0


class Change(StrictModel):
    """A metric that is not what the golden says."""

    scenario: str = Field(description="name of the scenario")
    sample: str = Field(description="name of the NPZ file")
    metric: str = Field(description="name of the metric")
    kind: Kind = Field(description="what is with it; tolerated: off by no more than it may be")
    golden: float | None = Field(description="what the golden says; none where it says nothing, or undefined")
    new: float | None = Field(description="what the capture says; none where it says nothing, or undefined")
    difference: float | None = Field(description="new less golden; none where one of them is undefined")
    relative: float | None = Field(description="that as a share of the golden value; none where this is 0")
    tolerance: float | None = Field(description="how large the difference may be; none where there is none")
    taken: bool = Field(False, description="accepted, or of a scenario that is new: the golden takes the new value")


class Review(NamedTuple):
    """What is not as the golden says, and how much is."""

    changes: tuple[Change, ...]
    unchanged: int

    def count(self, kind: Kind) -> int:
        """Count the changes of a kind."""
        return sum(change.kind == kind for change in self.changes)

    @property
    def open(self) -> int:
        """Count what nobody has accepted and no tolerance excuses."""
        return sum(not change.taken and change.kind != "tolerated" for change in self.changes)


def beside(golden: Path, ending: str) -> Path:
    """Give the place of the file of tolerances, or of that of accepted changes."""
    return golden.with_name(golden.stem.removesuffix(STATS) + ending)


def read_golden(path: Path) -> Stats:
    """Read golden metrics; there are none where there is no file.

    Raises:
        SampleError: with the file and the key.
    """
    if not is_there(path):
        return {}
    text, parsed = read_json(path)
    parse_model(Golden, text, path)
    known: Stats = parsed  # not the model's own copy, which writes 1 as 1.0
    return known


def read_tolerances(golden: Path) -> Tolerances:
    """Read the tolerances beside a golden; where there is no file, nothing may be off.

    Raises:
        SampleError: with the file and the key.
    """
    path = beside(golden, TOLERANCES)
    if not is_there(path):
        return Tolerances(metrics={})
    return read_versioned(Tolerances, path, SCHEMA_VERSION)


def review(golden: Stats, found: Mapping[str, Mapping[str, Metrics]], tolerances: Tolerances) -> Review:
    """Compare the metrics of scenarios with the golden; scenarios that were not captured are left alone."""
    changes: list[Change] = []
    compared = 0
    for scenario, samples in found.items():
        known = golden.get(scenario, {})
        for sample in [*known, *(sample for sample in samples if sample not in known)]:
            old, new = known.get(sample, {}), samples.get(sample, {})
            for metric in [*old, *(metric for metric in new if metric not in old)]:
                compared += 1
                change = _change(scenario, sample, metric, old, new, tolerances)
                if change is not None:
                    changes.append(change)
    return Review(tuple(changes), compared - len(changes))


def _change(
    scenario: str, sample: str, metric: str, old: Metrics, new: Metrics, tolerances: Tolerances
) -> Change | None:
    """Compare one metric; nothing where it is the same."""
    golden, value = old.get(metric), new.get(metric)
    kind: Kind = "changed"
    difference = share = bound = None
    if metric not in old or metric not in new:
        kind = "removed" if metric in old else "added"
    elif golden == value:
        return None
    elif golden is not None and value is not None:
        difference, bound = value - golden, tolerances.bound(metric, golden)
        share = difference / abs(golden) if golden else None
        kind = "tolerated" if abs(difference) <= bound else "changed"
    return Change(
        scenario=scenario,
        sample=sample,
        metric=metric,
        kind=kind,
        golden=golden,
        new=value,
        difference=difference,
        relative=share,
        tolerance=bound,
    )


def accept(changes: Sequence[Change], selectors: Sequence[str], golden: Stats) -> tuple[Change, ...]:
    """Mark what selectors name, and scenarios that are new, as taken.

    Args:
        selectors: scenario[/seed_N][/sample[/metric]] each, with * for any letters.

    Raises:
        UsageError: a selector has more parts, or names no change.
    """
    for selector in selectors if changes else ():
        if not any(selects(selector, change) for change in changes):
            hint = f"it is {SELECTOR}, with * for any letters"
            raise UsageError(f"'{selector}' names nothing that changed", where="--accept", hint=hint)
    return tuple(
        change.model_copy(
            update={"taken": change.scenario not in golden or any(selects(selector, change) for selector in selectors)}
        )
        for change in changes
    )


def selects(selector: str, change: Change) -> bool:
    """Say whether a selector names a change. A sample may be named without .npz; a seed is a part of its own."""
    wanted = selector.split("/")
    scenario = [(part,) for part in change.scenario.split("/")]
    named = (*scenario, (change.sample, change.sample.removesuffix(".npz")), (change.metric,))
    return len(wanted) <= len(named) and all(
        any(fnmatchcase(name, pattern) for name in names) for pattern, names in zip(wanted, named, strict=False)
    )


def apply(golden: Stats, changes: Sequence[Change]) -> Stats:
    """Give the golden with what was accepted; all else, and the order of the keys, stays."""
    merged = {
        scenario: {name: dict(metrics) for name, metrics in samples.items()} for scenario, samples in golden.items()
    }
    for change in (change for change in changes if change.taken):
        samples = merged.setdefault(change.scenario, {})
        if change.kind != "removed":
            samples.setdefault(change.sample, {})[change.metric] = change.new
            continue
        del samples[change.sample][change.metric]
        if not samples[change.sample]:
            del samples[change.sample]
    return merged


def golden_bytes(stats: Stats) -> bytes:
    """Give the file that golden metrics are written as."""
    return json.dumps(stats, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def blocks(changes: Sequence[Change]) -> Iterator[tuple[str, str, list[Change]]]:
    """Yield the changes of each sample together, with its scenario and name."""
    grouped: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        grouped.setdefault((change.scenario, change.sample), []).append(change)
    for (scenario, sample), those in grouped.items():
        yield scenario, sample, those
