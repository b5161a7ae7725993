"""Several runs side by side, and groups of runs with what can be told of their difference."""

from __future__ import annotations

from collections.abc import Iterator
from math import comb
from typing import TYPE_CHECKING

from townlet_cli.pages import Block, Lines, Table
from townlet_cli.summary_page import Shown, about
from townlet_cli.summary_words import (
    UNKNOWN,
    count,
    duration,
    ending,
    epochs,
    estimated,
    health,
    labels,
    number,
    probability,
    ranged,
    short_hash,
    signed,
    verdict,
)

if TYPE_CHECKING:
    from townlet_core.telemetry.summarising.summary import Difference, Group, LogSummary, Summary

LEVEL = 0.05  # below which p decides
TESTS = {"exact": "exact permutation test", "sampled": "permutation test, 100,000 drawn"}


def runs_page(found: Summary, shown: Shown) -> Iterator[Block]:
    """Show each run in a column of its own."""
    names = labels([run.log for run in found.logs])
    yield Lines(tuple(f"{name}: {verdict(run)}" for name, run in zip(names, found.logs, strict=True)))
    yield _facts(found, names)
    yield Lines((f"{_what(found)}; better or worse is not testable with a run a column: --group takes several",))
    over_all = found.last is not None
    beside = found.baseline is not None

    def row(key: str) -> tuple[str, ...]:
        cells = [number(_value(run, key, over_all=over_all)) for run in found.logs]
        known = next((run.against[key].baseline for run in found.logs if key in run.against), None)
        return (key, *cells, *([number(known)] if beside else []))

    yield Table(("metric", *names, *(["baseline"] if beside else [])), shown.rows(row))
    yield from shown.below()
    for name, run in zip(names, found.logs, strict=True):
        yield from about(run, name)


def groups_page(found: Summary, shown: Shown) -> Iterator[Block]:
    """Show each group in a column of its own, and its difference from the first."""
    decided = [each for each in found.differences if each.method != "not tested"]
    tests = sum(each.p is not None for each in decided)
    yield Lines(tuple(_decision(found, each, tests) for each in decided) or ("nothing was compared",))
    yield Lines(tuple(_group(found, group) for group in found.groups))
    yield Lines(
        (f"{_what(found)}, then the mean over the runs of a group and in brackets its 95 % bootstrap interval",)
    )
    yield _groups_table(found, shown)
    yield from shown.below()
    names = labels([run.log for run in found.logs])
    lines = [f"{name}: {verdict(run)}" for name, run in zip(names, found.logs, strict=True)]
    yield Lines(tuple(lines), "runs")


def _what(found: Summary) -> str:
    """Say what number stands for a run."""
    if found.last is None:
        return "each number is the mean over the last tenth of a run"
    return f"each number is the mean over the last {count(found.last, 'epoch')} of a run"


def _value(run: LogSummary, key: str, *, over_all: bool) -> float | None:
    from townlet_core.telemetry.summarising.compare import value_of

    return value_of(run, key, over_all=over_all)


def _facts(found: Summary, names: list[str]) -> Table:
    """Show what the runs are."""
    said = [run.provenance for run in found.logs]
    rows = {
        "run": [each.run for each in said],
        "scenario": [each.scenario or UNKNOWN for each in said],
        "config": [short_hash(each.config_hash) for each in said],
        "seed": [UNKNOWN if each.seed is None else str(each.seed) for each in said],
        "mode": [", ".join(each.modes) or UNKNOWN for each in said],
        "epochs": [epochs(each) for each in said],
        "steps": [UNKNOWN if each.steps is None else f"{each.steps:,}" for each in said],
        "time": [duration(each.seconds) for each in said],
        "end": [ending(each) for each in said],
    }
    bad = [each.problems + each.warnings for each in said]
    if any(bad):
        rows["problems in the log"] = [f"{many:,}" for many in bad]
    return Table(("", *names), (("", tuple((title, *cells) for title, cells in rows.items())),))


def _decision(found: Summary, each: Difference, tests: int) -> str:
    """Give the verdict on a metric of two groups."""
    means = {group.name: group.metrics[each.metric] for group in found.groups if each.metric in group.metrics}
    first, second = each.group, each.reference
    difference, low, high = each.difference, each.low, each.high
    if each.better == second:  # the better one is named first, and its numbers stand first
        first, second = second, first
        difference, low, high = -difference, _negative(high), _negative(low)
    one, other = means[first], means[second]
    numbers = (
        f"{each.metric} {estimated(one)} against {estimated(other)}, difference {signed(difference)}{ranged(low, high)}"
    )
    sides = f"{one.runs:,} against {other.runs:,} runs"
    if each.p_holm is None:
        return f"not testable: {first} and {second}: {numbers}; {sides}, a test takes 4 a side"
    among = f", Holm over {tests:,} tests" if tests > 1 else ""
    test = f"p = {probability(each.p_holm)} ({TESTS[each.method]}{among}, {sides})"
    if each.better is not None:
        return f"{first} is better than {second}: {numbers}; {test}"
    if each.p_holm < LEVEL:
        return f"{first} and {second} differ: {numbers}; {test}"
    least = tests * 2 / comb(one.runs + other.runs, one.runs)  # where all runs of a side are better
    why = f"; p cannot be below {probability(least)} with {count(tests, 'test')}" if least >= LEVEL else ""
    return f"no difference can be told between {first} and {second}: {numbers}; {test}{why}"


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _group(found: Summary, group: Group) -> str:
    """Tell what the runs of a group are."""
    runs = [run for run in found.logs if run.log in group.logs]
    said = [run.provenance for run in runs]
    scenarios = sorted({each.scenario or UNKNOWN for each in said})
    configs = sorted({short_hash(each.config_hash) for each in said})
    seeds = ", ".join(UNKNOWN if each.seed is None else str(each.seed) for each in said)
    ill = sum(health(run.health) != "healthy" for run in runs)
    bad = sum(run.provenance.problems > 0 for run in runs)
    return (
        f"{group.name}: {count(len(runs), 'run')}, scenario {' and '.join(scenarios)}, config {' and '.join(configs)}, "
        f"seeds {seeds}, {len(runs) - ill:,} healthy" + (f", {bad:,} with problems in the log" if bad else "")
    )


def _groups_table(found: Summary, shown: Shown) -> Table:
    reference, *others = found.groups
    by_key = {(each.metric, each.group): each for each in found.differences}
    head = ["metric", *(group.name for group in found.groups)]
    for other in others:
        head += [f"{other.name} − {reference.name}", "p", "better"]

    def row(key: str) -> tuple[str, ...]:
        cells = [key, *(estimated(group.metrics.get(key)) for group in found.groups)]
        for other in others:
            each = by_key.get((key, other.name))
            cells += [UNKNOWN] * 3 if each is None else _difference(each)
        return tuple(cells)

    return Table(tuple(head), shown.rows(row))


def _difference(each: Difference) -> list[str]:
    p = "not testable" if each.method == "not testable" else "" if each.p is None else probability(each.p_holm)
    return [signed(each.difference) + ranged(each.low, each.high), p, each.better or ""]
