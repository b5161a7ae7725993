"""Summarise logs: read each once, and put together what there is to say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from townlet_core.errors import InputError
from townlet_core.telemetry.baseline import PLACES, is_log, read_baseline
from townlet_core.telemetry.checks import Summary as Checked
from townlet_core.telemetry.patterns import matching
from townlet_core.telemetry.summarising.compare import differences, group_of
from townlet_core.telemetry.summarising.digest import whole
from townlet_core.telemetry.summarising.gather import Gathered
from townlet_core.telemetry.summarising.health import LIMITS, Sight, examine
from townlet_core.telemetry.summarising.metrics import SCORES, direction_of
from townlet_core.telemetry.summarising.summary import (
    SUMMARY_VERSION,
    Against,
    AgentReward,
    Agents,
    File,
    Judgement,
    LogSummary,
    Metric,
    Provenance,
    Summary,
)
from townlet_core.telemetry.summarising.verdict import judge

ROUNDING: Final = 1e-12  # share of a baseline that a difference may come to by summing in another order
SAME: Final = 0.001  # share of a baseline that no difference is
AGENT, REWARD = "agents.", ".reward_mean"
MOST_WORST: Final = 10


def summarise(
    log: Path, *, run: str | None = None, last: int | None = None, baseline: Mapping[str, float] | None = None
) -> LogSummary:
    """Summarise a run of a log.

    Args:
        run: id or number of the run; None: the last in the log.
        last: epochs at its end that are looked at; None: all.
        baseline: key -> number to compare its mean with.

    Raises:
        InputError: the log cannot be read, or has no record, or not the run.
    """
    gathered = Gathered(log, run=run, last=last, limits=LIMITS)
    checked = gathered.read()
    digest = gathered.digest
    nonfinite = {key: dict(signs) for key, signs in gathered.nonfinite.items()}
    metrics = {key: digest.metric(key, sum(nonfinite.get(key, {}).values())) for key in digest.keys}
    provenance = _provenance(gathered, checked)
    sight = Sight(
        metrics=metrics,
        beyond={key: digest.beyond(key) for key in LIMITS if key in metrics},
        nonfinite=nonfinite,
        lost=gathered.lost,
        from_the_start=digest.records == gathered.records,
    )
    return LogSummary(
        log=str(log),
        verdict=judge(digest, metrics, provenance.modes, of_the_last=last is not None),
        provenance=provenance,
        epochs=digest.records,
        metrics=metrics,
        against=_beside(metrics, baseline or {}),
        agents=_agents(metrics, digest.worst),
        health=examine(sight),
        nonfinite=nonfinite,
    )


def baseline_values(path: Path, *, last: int | None) -> tuple[dict[str, float], str | None]:
    """Give what to compare means with, and what is doubtful about it; of a log the means of its last run.

    Raises:
        InputError: there is nothing to compare with.
    """
    if last is None or not is_log(path):
        found = read_baseline(path)
        return found.values, found.doubt
    summary = summarise(path, last=last)
    means = {key: metric.mean for key, metric in summary.metrics.items() if key not in PLACES}
    doubt = f"the baseline is doubtful: {problems_in(summary.provenance)}" if summary.provenance.problems else None
    return {key: mean for key, mean in means.items() if mean is not None}, doubt


def problems_in(found: Provenance) -> str:
    """Count the problems of a log in words."""
    words = [f"{found.problems:,} problem{'s' if found.problems != 1 else ''}"] if found.problems else []
    words += [f"{found.warnings:,} warning{'s' if found.warnings != 1 else ''}"] if found.warnings else []
    left_out = f" ({found.left_out:,} line{'s' if found.left_out != 1 else ''} left out)" if found.left_out else ""
    return " and ".join(words) + left_out


def _provenance(gathered: Gathered, checked: Checked) -> Provenance:
    first, final = gathered.first, gathered.final
    planned, epoch = final.get("epochs_planned"), final.get("epoch")
    finished: bool | None = final.get("finished")
    if finished is None and planned is not None and epoch is not None and epoch < planned:
        finished = False
    return Provenance(
        files=tuple(File(name=str(file.name), records=file.records) for file in checked.files),
        run=checked.run or "",
        run_id=final.get("run_id"),
        runs=checked.runs,
        scenario=final.get("scenario"),
        config_hash=final.get("config_hash"),
        seed=_whole(final, "seed"),
        modes=tuple(sorted(gathered.modes - {""})),
        telemetry_version=float(final["telemetry_version"]),
        records=gathered.records,
        epoch_first=_whole(first, "epoch"),
        epoch_last=_whole(final, "epoch"),
        epochs_planned=_whole(final, "epochs_planned"),
        steps=_whole(final, "steps"),
        seconds=gathered.seconds,
        time_first=first.get("time"),
        time_last=final.get("time"),
        finished=finished,
        reason=final.get("reason"),
        lost_records=gathered.lost,
        problems=checked.problems,
        warnings=checked.warnings,
        left_out=gathered.left_out,
        keys_left_out=gathered.keys_left_out,
    )


def _whole(record: Mapping[str, Any], key: str) -> int | None:
    return whole(record.get(key))


def _beside(metrics: Mapping[str, Metric], baseline: Mapping[str, float]) -> dict[str, Against]:
    """Compare means with a baseline, where both are known."""
    found = {}
    for key, value in baseline.items():
        mean = metrics[key].mean if key in metrics else None
        if mean is None or not math.isfinite(mean - value):
            continue
        difference = mean - value if abs(mean - value) > ROUNDING * abs(value) else 0.0
        percent = 100 * difference / abs(value) if value else math.inf
        found[key] = Against(
            baseline=value,
            difference=difference,
            percent=percent if math.isfinite(percent) else None,
            verdict=_judgement(key, difference, SAME * abs(value)),
        )
    return found


def _judgement(key: str, difference: float, nothing: float) -> Judgement | None:
    direction = direction_of(key)
    if direction is None:
        return None
    if abs(difference) <= nothing:
        return "same"
    return "better" if difference * direction > 0 else "worse"


def _agents(metrics: Mapping[str, Metric], worst: Mapping[str, int]) -> Agents:
    rewards = {
        key.removeprefix(AGENT).removesuffix(REWARD): metric.mean
        for key, metric in metrics.items()
        if key.startswith(AGENT) and key.endswith(REWARD)
    }
    known = sorted((mean, agent) for agent, mean in rewards.items() if mean is not None)
    often = sorted(worst.items(), key=lambda item: (-item[1], item[0]))
    return Agents(
        worst=_agent(known[0]) if known else None,
        best=_agent(known[-1]) if known else None,
        worst_epochs=dict(often[:MOST_WORST]),
    )


def _agent(found: tuple[float, str]) -> AgentReward:
    return AgentReward(agent=found[1], reward_mean=found[0])


def put_together(
    groups: Mapping[str, Sequence[LogSummary]],
    logs: Sequence[LogSummary],
    patterns: Sequence[str],
    *,
    last: int | None,
    baseline: Path | None,
) -> Summary:
    """Put runs, or groups of runs, side by side.

    Args:
        groups: name -> runs; none where logs are given.
        patterns: of the metrics that are tested; none: the first of SCORES that every run has.

    Raises:
        InputError: a run stands in the groups twice.
    """
    runs = [*logs, *(run for each in groups.values() for run in each)]
    if groups:
        _refuse_repeated(runs)
    taken = [(name, *group_of(name, each, over_all=last is not None)) for name, each in groups.items()]
    keys = list(dict.fromkeys(key for run in runs for key in run.metrics))
    scores = [key for key in SCORES if all(key in run.metrics and run.metrics[key].count for run in runs)]
    tested = matching(patterns, keys) or scores[:1]
    return Summary(
        schema_version=SUMMARY_VERSION,
        last=last,
        baseline=str(baseline) if baseline is not None else None,
        logs=tuple(runs),
        groups=tuple(group for _, group, _ in taken),
        differences=tuple(differences([(name, values) for name, _, values in taken], tested, keys)) if taken else (),
    )


def _refuse_repeated(runs: Sequence[LogSummary]) -> None:
    """See that no run counts twice, which would make chance look smaller than it is."""
    seen: dict[str, str] = {}
    for run in runs:
        name = run.provenance.run_id or f"file {Path(run.log).resolve()}"
        if name in seen:
            raise InputError("holds the same run as another log", where=run.log, hint=f"leave out that or {seen[name]}")
        seen[name] = run.log
