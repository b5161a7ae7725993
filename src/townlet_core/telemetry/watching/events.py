"""What a watch tells, one object at a time; `townlet telemetry watch --json` writes them as they are here.

A number that a record does not have, or that is no number, is null; `got` then says what there was.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from townlet_core.schema import StrictModel, Told
from townlet_core.telemetry.watching.rules import Severity

Number = float | None
Whole = int | None
Reason = Literal["read", "finished", "failed fast", "interrupted"]
Why = Literal["clear", "new run"]


class BreachSeen(StrictModel):
    """A rule that a record breaks, whether or not it fires yet."""

    rule: str = Field(description="title of the rule")
    metric: str = Field(description="its metric")
    state: Literal["ok", "pending", "FIRING"] = Field(description="of the rule, after this record")
    fires: bool = Field(description="it begins to fire by this record: an alert follows")
    value: Number = Field(description="of the metric")
    got: str | None = Field(description="what there is in place of a number")
    compared: Number = Field(description="with the limit: the value, its change, or epochs without a gain")
    limit: Number = Field(description="that applied to this record; null where the value is no number")
    what: str = Field(description="all this in words")


class RecordSeen(Told):
    """A record of the log."""

    type: Literal["record"] = "record"
    file: str = Field(description="file that it stands in")
    line: int = Field(description="line of that file")
    run: str = Field(description="id of its run, or the number of that")
    epoch: Whole = Field(description="number of the epoch")
    epochs_planned: Whole = Field(description="how many epochs the run is to have")
    steps: Whole = Field(description="transitions learned from so far")
    sps: Number = Field(description="transitions a second")
    epoch_duration_sec: Number = Field(description="seconds that the epoch took")
    time: str | None = Field(description="when the epoch ended, in UTC")
    scenario: str | None = Field(description="name of the scenario")
    finished: bool = Field(description="the run says that it is done")
    values: dict[str, Number] = Field(
        description="ep_return_mean and the metrics that rules are about, as far as the record has them"
    )
    breaches: tuple[BreachSeen, ...] = Field(description="every rule that it breaks")


class Alert(Told):
    """A rule begins to fire; `--on-alert` gets this on standard input."""

    type: Literal["alert"] = "alert"
    rule: str = Field(description="title of the rule; stall where no record came")
    severity: Severity = Field(description="of the rule")
    metric: str | None = Field(description="its metric; null for stall")
    condition: str = Field(description="what it demands")
    log: str = Field(description="the log as it was named")
    file: str | None = Field(description="file of the record; null for stall")
    line: int | None = Field(description="its line")
    run: str | None = Field(description="id of its run, or the number of that")
    epoch: Whole = Field(description="its epoch; for stall that of the last record")
    value: Number = Field(description="of the metric; for stall the seconds without a record")
    got: str | None = Field(description="what there is in place of a number")
    compared: Number = Field(description="with the limit")
    limit: Number = Field(description="that applied; null where the value is no number")
    breaches: int = Field(description="how many epochs made it fire")
    what: str = Field(description="all this in words")
    message: str | None = Field(description="what to do about it")


class Resolved(Told):
    """A rule fires no more."""

    type: Literal["resolved"] = "resolved"
    rule: str = Field(description="title of the rule")
    metric: str | None = Field(description="its metric; null for stall")
    file: str = Field(description="file of the record that ended it")
    line: int = Field(description="line of that file")
    run: str = Field(description="run of that record")
    epoch: Whole = Field(description="epoch of that record")
    value: Number = Field(description="of the metric there")
    since: Whole = Field(description="epoch at which it had begun to fire")
    why: Why = Field(description="the values are fine again, or another run has begun")


class Warned(Told):
    """Something that makes the watch doubtful, such as a line that is no record, or a rule that can never fire."""

    type: Literal["warning"] = "warning"
    is_note: bool = Field(False, description="it is only good to know, such as a run that goes on from a checkpoint")
    what: str = Field(description="in words")
    file: str | None = Field(None, description="file that it is about")
    line: int | None = Field(None, description="line that it is about")


class Ended(Told):
    """Nothing more comes."""

    type: Literal["end"] = "end"
    reason: Reason = Field(
        description="the log was read to its end; the run is finished; --fail-fast; somebody stopped the watch"
    )
    records: int = Field(description="how many were seen")
    alerts: int = Field(description="how often a rule began to fire")
    firing: tuple[str, ...] = Field(description="titles of the rules that fire still")
    warnings: int = Field(description="how many there were")
    exit_code: int = Field(description="of the command")


Event = RecordSeen | Alert | Resolved | Warned | Ended
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])
