"""What a summary says, as `townlet telemetry summary --format json` prints it: the model of that file."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from townlet_core.schema import StrictModel

SUMMARY_VERSION: Final = 1

Direction = Literal["rises", "falls", "steady"]
State = Literal["learning", "fell back", "getting worse", "not learning", "level", "cannot tell"]
Judgement = Literal["better", "worse", "same"]
Method = Literal["exact", "sampled", "not testable", "not tested"]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class Trend(StrictModel):
    """Whether a metric goes anywhere: Mann and Kendall's test, and Sen's slope, over the means of equal windows."""

    direction: Direction = Field(description="rises or falls where p < 0.01, else steady")
    slope: float = Field(description="an epoch, median of the slopes between any two windows")
    slope_low: float = Field(description="low end of the slope's 99 % interval")
    slope_high: float = Field(description="high end of it")
    p: Share = Field(description="two-sided")
    windows: Count = Field(description="how many windows")


class Metric(StrictModel):
    """A key of the log over the epochs that were looked at. What there is no number for is null."""

    count: Count = Field(description="epochs in which it is a number")
    nulls: Count = Field(description="epochs in which it is null: undefined")
    missing: Count = Field(description="epochs whose record does not have it")
    nonfinite: Count = Field(description="epochs in which it was NaN or infinite")
    zeros: Count = Field(description="epochs in which it is 0")
    first: float | None = Field(description="first number")
    last: float | None = Field(description="last number")
    mean: float | None = Field(description="mean")
    sd: float | None = Field(description="standard deviation of the sample (n - 1); null of one number")
    min: float | None = Field(description="least")
    min_epoch: int | None = Field(description="first epoch with the least")
    max: float | None = Field(description="most")
    max_epoch: int | None = Field(description="first epoch with the most")
    start: float | None = Field(description="mean over the first tenth of its epochs")
    end: float | None = Field(description="mean over the last tenth of its epochs")
    trend: Trend | None = Field(description="null of fewer than 8 numbers")


class Against(StrictModel):
    """A metric beside the baseline."""

    baseline: float = Field(description="what the baseline says")
    difference: float = Field(description="mean of the metric less the baseline")
    percent: float | None = Field(description="difference in percent of the baseline; null where that is 0")
    verdict: Judgement | None = Field(description="null where neither more nor less of it is better")


class Verdict(StrictModel):
    """Whether the run learns."""

    state: State = Field(description="the verdict; where it has no trend, level of the last epochs, else not learning")
    score: str | None = Field(description="key that it is about")
    epochs: Count = Field(description="epochs that have a number for it")
    start: float | None = Field(description="its mean over the first tenth of these")
    end: float | None = Field(description="its mean over the last tenth")
    late: Direction | None = Field(description="its trend over the last third; null of fewer than 8 numbers")
    text: str = Field(description="the verdict in words")


class Finding(StrictModel):
    """Something about the signal that a rule has found."""

    rule: str = Field(description="name of the rule")
    level: Literal["warning", "note"] = Field(description="a note does not make a run unhealthy")
    text: str = Field(description="what was found, in words")
    numbers: dict[str, float] = Field(description="the numbers in it")


class Health(StrictModel):
    """What the rules of health found."""

    findings: tuple[Finding, ...] = Field(description="warnings first")
    checked: tuple[str, ...] = Field(description="rules that could be checked")
    not_checked: tuple[str, ...] = Field(description="rules for which the log has no keys")


class File(StrictModel):
    """A file of a log."""

    name: str = Field(description="its path")
    records: Count = Field(description="records in it, of the runs that were looked at")


class Provenance(StrictModel):
    """What the numbers are from."""

    files: tuple[File, ...] = Field(description="files of the log, oldest first")
    run: str = Field(description="number of the run in the log, and its id")
    run_id: str | None = Field(description="its id")
    runs: Count = Field(description="runs in the log; the last is summarised unless another is asked for")
    scenario: str | None = Field(description="name of the scenario")
    config_hash: str | None = Field(description="sha256 of the resolved configuration")
    seed: int | None = Field(description="seed of all randomness")
    modes: tuple[str, ...] = Field(description="what was learned from, in alphabetical order")
    telemetry_version: float = Field(description="of the last record")
    records: Count = Field(description="records of the run")
    epoch_first: int | None = Field(description="epoch of its first record")
    epoch_last: int | None = Field(description="epoch of its last record")
    epochs_planned: int | None = Field(description="epochs that it is to have")
    steps: int | None = Field(description="transitions learned from, by the last record")
    seconds: float | None = Field(description="sum of the durations of its epochs")
    time_first: str | None = Field(description="when the epoch of its first record ended")
    time_last: str | None = Field(description="when that of its last record did")
    finished: bool | None = Field(
        description="whether the last planned epoch is there; null where the log does not tell"
    )
    reason: str | None = Field(description="why it ended")
    lost_records: int | None = Field(description="most that a record said to have been lost")
    problems: Count = Field(description="problems that `townlet telemetry validate` finds in the log")
    warnings: Count = Field(description="warnings of it")
    left_out: Count = Field(description="lines that cannot be read")
    keys_left_out: Count = Field(description="keys beyond those that are kept")


class AgentReward(StrictModel):
    """An agent and its reward."""

    agent: str = Field(description="its id")
    reward_mean: float = Field(description="its reward a tick, mean over epochs")


class Agents(StrictModel):
    """How the agents fare."""

    worst: AgentReward | None = Field(description="least reward; null where the log tells of none by itself")
    best: AgentReward | None = Field(description="most reward")
    worst_epochs: dict[str, int] = Field(description="agent -> epochs in which it had the least, the ten with most")


class LogSummary(StrictModel):
    """A run."""

    log: str = Field(description="path of the log")
    verdict: Verdict = Field(description="whether it learns")
    provenance: Provenance = Field(description="what the numbers are from")
    epochs: Count = Field(description="records that were looked at: all of the run, or the last ones")
    metrics: dict[str, Metric] = Field(description="key -> its numbers")
    against: dict[str, Against] = Field(description="key -> the same beside the baseline")
    agents: Agents = Field(description="the worst and the best")
    health: Health = Field(description="whether there is something to learn from")
    nonfinite: dict[str, dict[str, int]] = Field(description="key -> nan, inf or -inf -> how often it was that")


class Estimate(StrictModel):
    """The mean of a metric over the runs of a group."""

    mean: float = Field(description="mean over runs")
    low: float | None = Field(description="low end of its 95 % bootstrap interval; null of one run")
    high: float | None = Field(description="high end of it")
    runs: Count = Field(description="runs that have it")


class Group(StrictModel):
    """Runs that differ in chance alone."""

    name: str = Field(description="its name")
    logs: tuple[str, ...] = Field(description="their logs")
    metrics: dict[str, Estimate] = Field(description="key -> its mean")


class Difference(StrictModel):
    """A group beside the first one."""

    metric: str = Field(description="key")
    group: str = Field(description="its name")
    reference: str = Field(description="name of the first group")
    difference: float = Field(description="mean of the group less that of the first")
    low: float | None = Field(description="low end of its 95 % bootstrap interval; null of one run a side")
    high: float | None = Field(description="high end of it")
    method: Method = Field(description="permutations: all, or some drawn; not testable of fewer than 4 runs a side")
    p: Share | None = Field(description="two-sided, by permutation; null where it was not")
    p_holm: Share | None = Field(description="the same, with Holm's correction over all that were tested")
    better: str | None = Field(description="the better group, where p_holm < 0.05 and more or less of it is better")


class Summary(StrictModel):
    """The whole summary."""

    schema_version: Literal[1] = Field(description="version of this format")
    last: int | None = Field(description="epochs at the end of each run that were looked at; null: all")
    baseline: str | None = Field(description="path of the baseline")
    logs: tuple[LogSummary, ...] = Field(description="each log by itself; with groups those of the groups")
    groups: tuple[Group, ...] = Field(description="groups of runs")
    differences: tuple[Difference, ...] = Field(description="groups beside the first; what was tested first")
