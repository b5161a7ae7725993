"""The page that `townlet telemetry summary` prints: of a run, of several, or of groups of runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from townlet_cli.pages import Block, Format, Lines, Table, laid_out
from townlet_cli.summary_words import (
    UNKNOWN,
    count,
    duration,
    ending,
    epochs,
    health,
    is_zero,
    joined,
    number,
    percent,
    placed,
    short_hash,
    signed,
    spread,
    verdict,
)

if TYPE_CHECKING:
    from townlet_core.telemetry.summarising.summary import LogSummary, Metric, Summary

Rows = tuple[tuple[str, ...], ...]
Row = Callable[[str], tuple[str, ...]]  # of a metric


class Shown:
    """Which metrics are shown, in sections; those that are left out are counted.

    Args:
        metrics: key -> its numbers in each run that has it.
        patterns: what the user wants to see instead of the usual.
    """

    def __init__(self, metrics: Mapping[str, Sequence[Metric]], patterns: Sequence[str], *, everything: bool) -> None:
        from townlet_core.telemetry.patterns import matching
        from townlet_core.telemetry.summarising.metrics import SECTIONS

        keys = list(metrics)
        self.zeros: list[str] = []  # that are 0 throughout, and only named
        self.sections: list[tuple[str, list[str]]] = []
        if patterns:
            self.sections.append(("", matching(patterns, keys)))
        else:
            for section in SECTIONS:
                found = matching(section.patterns, keys)
                hidden = [key for key in found if section.hides_zeros and all(map(is_zero, metrics[key]))]
                self.zeros += hidden
                self.sections.append((section.title, [key for key in found if key not in hidden]))
        if everything:
            seen = {key for _, found in self.sections for key in found} | set(self.zeros)
            self.sections.append(("agents", [key for key in keys if key.startswith("agents.")]))
            self.sections.append(("other", [key for key in keys if key not in seen and not key.startswith("agents.")]))
        shown = {key for _, found in self.sections for key in found} | set(self.zeros)
        self.left_out = len(keys) - len(shown)

    def rows(self, row: Row) -> tuple[tuple[str, Rows], ...]:
        """Give the sections with a row for each metric."""
        return tuple((title, tuple(map(row, keys))) for title, keys in self.sections if keys)

    def below(self) -> Iterator[Block]:
        """Tell what the table does not hold."""
        lines = [f"0 in every epoch: {joined(self.zeros)}"] if self.zeros else []
        lines += [f"{count(self.left_out, 'metric')} not shown: --all shows all"] if self.left_out else []
        if lines:
            yield Lines(tuple(lines), folded=True)


def page(found: Summary, form: Format, patterns: Sequence[str], everything: bool, width: int | None) -> str:
    """Lay out what there is to say."""
    from townlet_cli.summary_groups import groups_page, runs_page

    metrics: dict[str, list[Metric]] = {}
    for run in found.logs:
        for key, metric in run.metrics.items():
            metrics.setdefault(key, []).append(metric)
    shown = Shown(metrics, patterns, everything=everything)
    if found.groups:
        blocks = list(groups_page(found, shown))
    elif len(found.logs) > 1:
        blocks = list(runs_page(found, shown))
    else:
        blocks = list(_run_page(found, found.logs[0], shown))
    return laid_out(blocks, form, width=width)


def _run_page(found: Summary, run: LogSummary, shown: Shown) -> Iterator[Block]:
    yield Lines((verdict(run),))
    yield Lines(tuple(_provenance(run)))
    if found.last is not None:
        yield Lines((f"all numbers below are of the last {count(run.epochs, 'epoch')}",))
    yield _table(found, run, shown)
    yield from shown.below()
    yield from about(run)


def _provenance(run: LogSummary) -> Iterator[str]:
    """Tell what the numbers are from."""
    said = run.provenance
    runs = f"run {said.run}" + (f", the last of {said.runs:,}" if said.runs > 1 else "")
    modes = ", ".join(said.modes) or UNKNOWN
    seed = UNKNOWN if said.seed is None else str(said.seed)
    yield (
        f"{runs}: scenario {said.scenario or UNKNOWN}, config {short_hash(said.config_hash)}, seed {seed}, mode {modes}"
    )
    steps = UNKNOWN if said.steps is None else f"{said.steps:,}"
    times = f", {said.time_first} to {said.time_last}" if said.time_first and said.time_last else ""
    yield f"epochs {epochs(said)}, {steps} steps, {duration(said.seconds)}{times}"
    yield f"end: {ending(said)}"
    files = f"{run.log}: {count(said.records, 'record')} of the run, version {said.telemetry_version:.1f}"
    yield files + (f", {len(said.files):,} files" if len(said.files) > 1 else "")
    yield f"problems in the log: {problems(run)}"


def problems(run: LogSummary) -> str:
    """Count the problems of a log, and say how to see them."""
    from townlet_core.telemetry.summarising.summarise import problems_in

    words = problems_in(run.provenance)
    return f"{words}, see 'townlet telemetry validate {run.log}'" if words else "none"


def _table(found: Summary, run: LogSummary, shown: Shown) -> Table:
    head = ("metric", "last", "mean ± sd", "min @ epoch", "max @ epoch", "trend")
    beside = ("baseline", "Δ", "%", "verdict") if found.baseline is not None else ()

    def row(key: str) -> tuple[str, ...]:
        metric = run.metrics[key]
        least, most = placed(metric.min, metric.min_epoch), placed(metric.max, metric.max_epoch)
        trend = metric.trend.direction if metric.trend is not None else UNKNOWN
        cells = (key, number(metric.last), spread(metric), least, most, trend)
        return (*cells, *_against(run, key)) if beside else cells

    return Table((*head, *beside), shown.rows(row), least=(3, 4, 5))


def _against(run: LogSummary, key: str) -> tuple[str, str, str, str]:
    found = run.against.get(key)
    if found is None:
        return (UNKNOWN,) * 4
    return (number(found.baseline), signed(found.difference), percent(found.percent), found.verdict or UNKNOWN)


def about(run: LogSummary, name: str | None = None) -> Iterator[Block]:
    """Tell of agents, of health, and of what was no number."""
    of = f"{name}: " if name is not None else ""
    yield Lines(tuple(_agents(run)), f"{of}agents")
    lines = [f"{finding.level}: {finding.rule}: {finding.text}" for finding in run.health.findings]
    checked = f"{count(len(run.health.checked), 'rule')} checked"
    blind = run.health.not_checked
    lines.append(f"{checked}; the log has no keys for {', '.join(blind)}" if blind else checked)
    yield Lines(tuple(lines), f"{of}signal health: {health(run.health)}")
    if run.nonfinite:
        yield Lines(tuple(_nonfinite(run)), f"{of}values that are no numbers")
    else:
        yield Lines((f"{of}values that are no numbers: none",))


def _agents(run: LogSummary) -> Iterator[str]:
    agents = run.agents
    for title, agent in (("worst", agents.worst), ("best", agents.best)):
        yield f"{title}: " + (f"{agent.agent}, {number(agent.reward_mean)} a tick" if agent is not None else UNKNOWN)
    most = [f"{agent} in {many:,}" for agent, many in agents.worst_epochs.items()]
    if most:
        yield f"least reward of an epoch: {', '.join(most)} of {run.epochs:,}"


def _nonfinite(run: LogSummary) -> Iterator[str]:
    for key, signs in run.nonfinite.items():
        yield f"{key}: " + ", ".join(f"{sign} in {count(many, 'epoch')}" for sign, many in signs.items())
