"""What `townlet telemetry explain` has to say, for people and, as one JSON object, for programs."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, JsonValue

from townlet_core.schema import StrictModel

VERSION: Final = 1


class ExplainedChange(StrictModel):
    """A point at which the metric changes."""

    epoch: float = Field(description="first epoch after it")
    low: float = Field(description="it lies from this epoch")
    high: float = Field(description="to this one, with a confidence of 95 %")
    kind: Literal["step", "bend"] = Field(description="step: the level jumps; bend: it goes on in another direction")
    before: float = Field(description="median of the points before it")
    after: float = Field(description="median of the points after it")
    effect: float | None = Field(description="their difference in standard deviations (1.4826 MAD); null: no noise")
    gain: float = Field(description="squared error that it saves, in variances of the noise: how plain it is")
    is_better: bool | None = Field(description="whether it went up, of a metric that should; null: nobody can say")


class Moved(StrictModel):
    """A key that is not what it was, or not what it is in the other log."""

    key: str = Field(description="key of the record")
    group: str = Field(description="what it is about: loss, agents, reward_terms, events, ...")
    before: float = Field(description="median before; of the other log")
    after: float = Field(description="median after; of this log")
    difference: float = Field(description="after less before")
    effect: float | None = Field(description="difference in standard deviations (1.4826 MAD); null: there is no noise")
    limit: float = Field(description="effect from which on it is told of: four standard errors, at least 1")
    changed_at: float | None = Field(description="epoch of the key's own change; null in a comparison of two logs")
    low: float | None = Field(description="that lies from this epoch")
    high: float | None = Field(description="to this one, with a confidence of 95 %")
    order: Literal["first", "with", "after"] | None = Field(
        description="first: surely before the metric, after: surely after it; with: cannot be told"
    )


class LossPart(StrictModel):
    """What a part of the loss adds to the change of loss_total."""

    key: str = Field(description="key of the part")
    difference: float = Field(description="change of its median, times its weight in loss_total")


class Setting(StrictModel):
    """A setting that changes within the run, or differs between two."""

    key: str = Field(description="key of the record")
    epoch: float | None = Field(description="first epoch of the new value, or of the difference; null: all of them")
    before: JsonValue = Field(description="value before; of the other log")
    after: JsonValue = Field(description="value after; of this log")


class NoNumber(StrictModel):
    """A key that has been no number."""

    key: str = Field(description="key of the record")
    epoch: float = Field(description="first epoch of these")
    kind: str = Field(description="nan, inf, -inf, or too large to reckon with, there")
    count: int = Field(description="how many records these are")


class WorstAgent(StrictModel):
    """Who had the least mean reward in most epochs before the change, and after it."""

    before: str = Field(description="id of an agent")
    after: str = Field(description="id of an agent")


class Against(StrictModel):
    """The run beside another one."""

    log: str = Field(description="the other log")
    run: str = Field(description="number and id of its run")
    epochs: tuple[float, float] | None = Field(description="first and last epoch that both have; null: there are none")
    settings: tuple[Setting, ...] = Field(description="what differs in settings")
    same_until: float | None = Field(description="last epoch up to which both are the same to the bit; null: none is")
    parted_at: float | None = Field(description="epoch from which the metric differs beyond noise; null: it does not")
    parted_again: float | None = Field(description="epoch from which it differs no more; null: it does to the end")
    difference: float | None = Field(description="median difference of the metric from parted_at on")
    moved: tuple[Moved, ...] = Field(description="keys that differ from parted_at on, the largest effect first")


class Explanation(StrictModel):
    """What can be said of a run: what `townlet telemetry explain --json` prints."""

    explanation_version: Literal[1] = Field(VERSION, description="version of this format")
    log: str = Field(description="the log, as it was named")
    run: str = Field(description="number and id of the run")
    runs: int = Field(description="runs that were looked at to find it: those of the log, or 1 if it was named")
    epochs: tuple[float, float] = Field(description="its first and last epoch")
    epochs_a_point: int = Field(description="records of which a point is the mean; 1 but in a very long run")
    metric: str = Field(description="key whose changes are looked for")
    points: int = Field(description="points that have a number of the metric")
    noise: float | None = Field(description="standard deviation of the metric's noise; null: too few points")
    correlation: float | None = Field(description="correlation of that from point to point, at most 0.75")
    verdict: tuple[str, ...] = Field(description="the result in sentences")
    changes: tuple[ExplainedChange, ...] = Field(description="changes of the metric, in their order")
    explained: float | None = Field(
        description="epoch that moved is about: of the plainest change, or the one asked for"
    )
    moved: tuple[Moved, ...] = Field(description="keys that moved there, the largest effect first")
    loss_parts: tuple[LossPart, ...] = Field(description="what the parts of the loss add to its change there")
    worst_agent: WorstAgent | None = Field(description="who fared worst; null: not in the log, or nothing is explained")
    settings: tuple[Setting, ...] = Field(description="settings that change within the run")
    not_finite: tuple[NoNumber, ...] = Field(description="keys that have been no number, the earliest first")
    against: Against | None = Field(description="the run beside another one, where one was named")
    undecided: tuple[str, ...] = Field(description="what this cannot tell, in sentences")
