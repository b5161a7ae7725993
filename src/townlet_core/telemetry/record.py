"""What training tells of an epoch: telemetry 1.1, one flat JSON object a line. This is the one list of its keys."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, model_validator

from townlet_core.errors import did_you_mean
from townlet_core.schema import StrictModel, explain
from townlet_core.telemetry.sense import NOTHING, contradictions

VERSION: Final = 1.1

FAMILIES: Final = {
    "agents": "agents.<id>.<name>: of one agent, such as agents.anna.reward_mean",
    "reward_terms": "reward_terms.<term>: mean of a term of the reward, an agent and tick",
    "events": "events.<event>: how often it came about in the epoch",
    "welfare": "welfare.<name>: how the town fares",
    "signal": "signal.<name>: whether there is anything to learn from",
    "system": "system.<name>: what the machine does",
}
_OTHERS = "|".join(family for family in FAMILIES if family != "agents")
IN_A_FAMILY = re.compile(rf"agents(\.[a-z0-9_]+){{2,}}|({_OTHERS})(\.[a-z0-9_]+)+")


def _check_version(found: float) -> float:
    if found != VERSION:
        raise ValueError(f"version {found:g} is not known; this program writes {VERSION}")
    return found


def _check_time(found: str) -> str:
    try:
        offset = datetime.fromisoformat(found).utcoffset()
    except ValueError:
        offset = None
    if offset != timedelta(0):
        raise ValueError(f"must be a time in UTC such as 2026-02-01T12:00:00Z, found {found!r}")
    return found


Number = float | None  # None: undefined, written as null and never as 0
Size = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
Ordinal = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1)]

ALONE: Final = "; null where there is no old policy to compare with, as for captures of a script"


class EpochRecord(StrictModel):
    """An epoch of training. Keys that an epoch has nothing to say about are left out, unless they are required."""

    model_config = ConfigDict(extra="allow")  # the families; check_keys refuses all others

    __pydantic_extra__: dict[str, Number] = Field(init=False)

    epoch: Ordinal = Field(description="number of the epoch, from 1")
    updates: Count = Field(description="gradient steps in the epoch")
    transitions: Count = Field(
        description="transitions learned from in the epoch; in mixed mode the fresh ones, once the policy acts"
    )
    loss_policy: Number = Field(description="clipped policy loss, mean over gradient steps")
    loss_value: Number = Field(description="value loss, before its weight")
    loss_entropy: Number = Field(description="mean entropy of the policy in nats: positive, no loss for all its name")
    loss_total: Number = Field(
        description="what is minimised: loss_policy + value_coef * loss_value - entropy_coef * loss_entropy "
        "+ replay_coef * replay_loss"
    )
    clip_fraction: Share | None = Field(description=f"share of the ratios to the old policy that were clipped{ALONE}")
    adv_mean: Number = Field(description="mean of the advantages, before they are normalised")
    adv_std: Size | None = Field(description="standard deviation of the advantages, before they are normalised")
    grad_norm: Size | None = Field(description="length of the gradient before clipping, mean over gradient steps")
    kl_divergence: Number = Field(
        description=f"KL from the old policy, mean of the log-ratios (k1, can be negative){ALONE}"
    )
    telemetry_version: Annotated[float, AfterValidator(_check_version)] = Field(
        description="version of this format", json_schema_extra={"const": VERSION}
    )
    lr: Size = Field(description="learning rate")
    steps: Count = Field(description="transitions learned from since the run began")

    epoch_duration_sec: Size = Field(description="time that the whole epoch took, in seconds")
    data_mode: Literal["replay", "rollout", "mixed"] = Field(description="what is learned from: captures, play or both")
    cycle_id: Count = Field(description="number of the data set in use, from 0: grows when fresh data is collected")
    batch_entropy_mean: Number = Field(description="entropy in nats, mean over minibatches")
    batch_entropy_std: Size | None = Field(description="entropy in nats, standard deviation over minibatches")
    grad_norm_max: Size | None = Field(description="longest gradient of a step, before clipping")
    kl_divergence_max: Size | None = Field(description=f"largest KL of a minibatch, by amount (k1){ALONE}")
    reward_advantage_corr: Annotated[float, Field(ge=-1, le=1)] | None = Field(
        description="correlation (Pearson) of rewards and advantages; null where either is constant"
    )
    rollout_ticks: Count = Field(description="ticks played in the epoch; 0 where only captures are learned from")
    log_stream_offset: Ordinal = Field(description="number of the record in its log, from 1, across runs and segments")

    conflict_rivalry_max_mean_avg: Number = Field(
        alias="conflict.rivalry_max_mean_avg",
        description="strongest rivalry of an agent: mean over its life, averaged over lives",
    )
    conflict_rivalry_max_max_avg: Number = Field(
        alias="conflict.rivalry_max_max_avg",
        description="strongest rivalry of an agent: most in its life, averaged over lives",
    )
    conflict_rivalry_avoid_count_mean_avg: Number = Field(
        alias="conflict.rivalry_avoid_count_mean_avg",
        description="rivals that an agent avoids: mean over its life, averaged over lives",
    )
    conflict_rivalry_avoid_count_max_avg: Number = Field(
        alias="conflict.rivalry_avoid_count_max_avg",
        description="rivals that an agent avoids: most in its life, averaged over lives",
    )

    baseline_sample_count: Count | None = Field(None, description="samples of the captures learned from")
    baseline_reward_mean: Number = Field(None, description="their reward a tick")
    baseline_reward_sum: Number = Field(None, description="their reward in all")
    baseline_reward_sum_mean: Number = Field(None, description="their reward a sample")
    baseline_log_prob_mean: Number = Field(None, description="mean log-probability of their actions when captured")

    agents_worst: Text | None = Field(
        None, alias="agents.worst", description="agent with the least mean reward in the epoch"
    )
    agents_reward_min: Number = Field(None, alias="agents.reward_min", description="its mean reward a tick")
    agents_reward_max: Number = Field(
        None, alias="agents.reward_max", description="mean reward a tick of the agent with the largest"
    )
    run_id: Text | None = Field(None, description="the run that wrote this; a run that is resumed keeps its own")
    seq: Ordinal | None = Field(None, description="number of the record in its run, from 1")
    approx_kl: Number = Field(
        None, description=f"KL from the old policy, low variance (k3, http://joschu.net/blog/kl-approx.html){ALONE}"
    )
    explained_variance: Annotated[float, Field(le=1)] | None = Field(
        None, description="share of the variance of returns that the values explain; null where returns are constant"
    )
    sps: Size | None = Field(None, description="transitions a second of the whole epoch")
    ep_return_mean: Number = Field(None, description="return of the episodes that ended in the epoch: mean")
    ep_return_std: Size | None = Field(None, description="return of these: standard deviation")
    ep_return_min: Number = Field(None, description="return of these: least")
    ep_return_max: Number = Field(None, description="return of these: most")
    ep_count: Count | None = Field(None, description="how many these are")
    ep_len_mean: Size | None = Field(None, description="ticks of these: mean")
    eval_return_mean: Number = Field(None, description="return of episodes played to evaluate the policy: mean")
    eval_return_std: Size | None = Field(None, description="return of these: standard deviation")
    eval_count: Count | None = Field(None, description="how many these are")
    replay_loss: Number = Field(None, description="loss on captures in mixed mode, before its weight")
    replay_weight_mean: Size | None = Field(None, description="mean weight of a captured transition")
    entropy_coef: Size | None = Field(None, description="weight of the entropy in loss_total")
    value_coef: Size | None = Field(None, description="weight of the value loss in loss_total")
    replay_coef: Size | None = Field(None, description="weight of the replay loss in loss_total")
    finished: bool | None = Field(
        None, description="true in the record of the last planned epoch; a run that is given more goes on"
    )
    reason: Text | None = Field(None, description="why the run ended: done; only with finished")
    scenario: Text | None = Field(None, description="name of the scenario")
    config_hash: Text | None = Field(None, description="sha256 of the resolved configuration")
    seed: Count | None = Field(None, description="seed of all randomness")
    epochs_planned: Ordinal | None = Field(None, description="epochs that the run is to have in all")
    time: Annotated[str, AfterValidator(_check_time)] | None = Field(
        None, description="when the epoch ended, in UTC (ISO 8601)"
    )
    nonfinite: dict[str, Literal["nan", "inf", "-inf"]] | None = Field(
        None, description="key -> what its value was, where that is no number and the key is null for it"
    )
    lost_records: Count | None = Field(
        None, description="records that could not be written since the log was opened; where that has grown"
    )

    @model_validator(mode="before")
    @classmethod
    def check_keys(cls, values: Any) -> Any:
        """Refuse a key that is neither in the list nor of a family."""
        for key in values if isinstance(values, dict) else ():
            if key not in KEYS and not IN_A_FAMILY.fullmatch(key):
                raise ValueError(f"{key}: unknown key" + _hint(did_you_mean(key, KEYS)))
        return values

    @model_validator(mode="after")
    def check_sense(self) -> Self:
        """Compare keys with one another."""
        values = self.model_dump(by_alias=True, exclude_unset=True)
        for key, what, got, hint, _ in contradictions(values, BASELINE):
            found = "" if got is NOTHING else f", found {got:g}"
            raise ValueError(f"{key}: {what}{found}{_hint(hint)}")
        return self


KEYS: Final = tuple(field.alias or name for name, field in EpochRecord.model_fields.items())
BASELINE: Final = tuple(sorted(key for key in KEYS if key.startswith("baseline_")))  # all of them or none


def epoch_record(values: Mapping[str, object]) -> EpochRecord:
    """Make a record of plain values; a number that is not finite becomes null, and nonfinite says what it was.

    Raises:
        ValueError: names the first key that is wrong, and what is wrong with it.
    """
    odd = {key: str(value) for key, value in values.items() if isinstance(value, float) and not math.isfinite(value)}
    plain = {**values, **dict.fromkeys(odd), "nonfinite": odd} if odd else dict(values)
    try:
        return EpochRecord.model_validate(plain)
    except ValidationError as error:
        raise ValueError(_problem(error)) from error


def line_of(record: EpochRecord) -> bytes:
    """Give the line that a record is written as: keys in their order, those that were not given left out."""
    return record.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"


def _problem(error: ValidationError) -> str:
    """Word the first thing that pydantic found, with its key."""
    first = error.errors(include_url=False)[0]
    clause, hint = explain(first)
    clause = clause.removeprefix("value error, ")
    if not isinstance(first["input"], str | int | float | list | dict | None):
        clause = f"is not a plain value but of type {type(first['input']).__name__}"
    key = ".".join(str(step) for step in first["loc"])
    return (f"{key}: {clause}" if key else clause) + _hint(hint)


def _hint(words: str | None) -> str:
    return f" ({words})" if words else ""
