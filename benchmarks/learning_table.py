"""The results of learning, put together over seeds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from measure import table as lay_out

WHO = {
    "random": "chance",
    "scripted": "script",
    "live": "PPO, live",
    "replay": "captures alone",
    "mixed": "mixed",
}
T95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 8: 2.365, 10: 2.262}  # by number of seeds: Student's t, two-sided


class Result(NamedTuple):
    """What one run came to."""

    scenario: str
    who: str
    seed: int
    mean: float  # return of an agent's place in an episode
    events: dict[str, float]  # an agent and episode
    steps: int
    seconds: float
    curve: list[tuple[int, float]]  # transitions, return of episodes that ended


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Give mean and half the width of its 95 % interval over seeds."""
    if len(values) < 2:
        return values[0], 0.0
    return statistics.fmean(values), T95[len(values)] * statistics.stdev(values) / len(values) ** 0.5


def grouped(results: Sequence[Result]) -> dict[tuple[str, str], list[Result]]:
    """Put the seeds of a scenario and policy together, the scenarios in the order of the results."""
    scenarios = list(dict.fromkeys(result.scenario for result in results))
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in sorted(results, key=lambda each: (scenarios.index(each.scenario), list(WHO).index(each.who))):
        groups.setdefault((result.scenario, result.who), []).append(result)
    return groups


def table(results: Sequence[Result]) -> str:
    """Make the table: return with its interval, events, what it took."""
    head = ("scenario", "policy", "return", "seeds", "meals", "on time", "faints", "steps", "minutes")
    rows = []
    for (scenario, who), group in grouped(results).items():
        mean, margin = interval([result.mean for result in group])
        events = [
            f"{statistics.fmean(result.events[event] for result in group):.2f}" if event in group[0].events else "–"
            for event in ("meal_eaten", "shift_on_time", "faint")
        ]
        steps = statistics.fmean(result.steps for result in group)
        minutes = statistics.fmean(result.seconds for result in group) / 60
        cost = (f"{steps / 1e6:.1f} M", f"{minutes:.1f}") if steps else ("", "")
        earned = f"{mean:.2f} ± {margin:.2f}" if len(group) > 1 else f"{mean:.2f}"
        rows.append((scenario, WHO[who], earned, str(len(group)), *events, *cost))
    return lay_out(head, rows)
