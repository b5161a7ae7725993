"""Numbers and findings of a summary in words: a dash stands for what is not known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from townlet_core.telemetry.summarising.summary import Estimate, Health, LogSummary, Metric, Provenance

UNKNOWN = "–"
HASH_SIGNS = 12  # of a hash that are shown
MANY = 1000  # from here on fractions say nothing


def number(value: float | None) -> str:
    """Show a number with four digits, or all of those before the point."""
    if value is None:
        return UNKNOWN
    if abs(value) >= 1e15:
        return f"{value:.4g}"
    if abs(value) >= MANY or float(value).is_integer():
        return f"{value:,.0f}" if value else "0"
    return f"{value:.4g}"


def spread(metric: Metric) -> str:
    """Show mean and deviation."""
    return number(metric.mean) + (f" ± {float(f'{metric.sd:.2g}'):,g}" if metric.sd is not None else "")


def placed(value: float | None, epoch: int | None) -> str:
    """Show a number and its epoch."""
    return UNKNOWN if value is None else f"{number(value)} @ {UNKNOWN if epoch is None else f'{epoch:,}'}"


def percent(value: float | None) -> str:
    """Show a change in percent."""
    return UNKNOWN if value is None else f"{value:+,.{1 if abs(value) < MANY else 0}f}"


def signed(value: float) -> str:
    """Show a difference."""
    return f"+{number(value)}" if value > 0 else number(value)


def estimated(found: Estimate | None) -> str:
    """Show the mean of a group with its interval."""
    if found is None:
        return UNKNOWN
    return number(found.mean) + ranged(found.low, found.high)


def ranged(low: float | None, high: float | None) -> str:
    """Show an interval."""
    return "" if low is None or high is None else f" [{number(low)}, {number(high)}]"


def probability(p: float | None) -> str:
    """Show a p-value."""
    if p is None:
        return UNKNOWN
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1g}"


def duration(seconds: float | None) -> str:
    """Show a time."""
    if seconds is None:
        return UNKNOWN
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    return f"{seconds / 60:.1f} minutes" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60} min"


def count(many: int, word: str) -> str:
    """Show how many there are."""
    return f"{many:,} {word}" + ("" if many == 1 else "s")


def verdict(run: LogSummary) -> str:
    """Give the first line: the verdict and the state of health."""
    return f"{run.verdict.text}; {health(run.health)}"


def health(found: Health) -> str:
    """Sum up the findings; of a log that has none of the keys to look at, nobody knows."""
    from townlet_core.telemetry.summarising.health import RULES

    rules = list(dict.fromkeys(finding.rule for finding in found.findings if finding.level == "warning"))
    if rules:
        return f"{count(len(rules), 'warning')}: {', '.join(rules)}"
    is_known = any(rule.keys and rule.name in found.checked for rule in RULES)
    return "healthy" if is_known else "no key to tell its health by"


def ending(found: Provenance) -> str:
    """Tell how a run ended."""
    if found.finished:
        return f"finished ({found.reason})" if found.reason else "finished"
    return "not finished" if found.finished is False else UNKNOWN


def epochs(found: Provenance) -> str:
    """Tell how far a run is."""
    last = UNKNOWN if found.epoch_last is None else f"{found.epoch_last:,}"
    return last if found.epochs_planned is None else f"{last} of {found.epochs_planned:,}"


def short_hash(found: str | None) -> str:
    """Show the beginning of a hash."""
    return UNKNOWN if found is None else found[:HASH_SIGNS]


def labels(logs: Sequence[str]) -> list[str]:
    """Name logs by what is not the same in all of their paths."""
    parts = [PurePath(log).parts for log in logs]
    if len(set(parts)) < len(parts):
        return list(logs)
    shortest = min(map(len, parts))
    first = next((i for i in range(shortest) if len({each[i] for each in parts}) > 1), shortest - 1)
    last = next((i for i in range(shortest) if len({each[-1 - i] for each in parts}) > 1), 0)
    last = min(last, shortest - 1 - first)  # something is left of the shortest
    return ["/".join(each[first : len(each) - last]) for each in parts]


def joined(keys: Sequence[str]) -> str:
    """Name keys, those of a family together: events.faint, events.eviction becomes events: faint, eviction."""
    families: dict[str, list[str]] = {}
    for key in keys:
        family, _, name = key.rpartition(".")
        families.setdefault(family, []).append(name)
    return "; ".join((f"{family}: " if family else "") + ", ".join(names) for family, names in families.items())


def is_zero(metric: Metric) -> bool:
    """Say whether a metric was 0 in every epoch that has it."""
    return metric.count > 0 and metric.zeros == metric.count
