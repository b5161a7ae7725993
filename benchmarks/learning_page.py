"""Puts the results of learning into docs/explanation: the table, and the plot of returns by transitions."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from learning_table import WHO, Result, grouped, interval

FOLDER = Path(__file__).parents[1] / "docs" / "explanation"
PAGE, PLOT = FOLDER / "learning.md", FOLDER / "learning.svg"
MARK = "<!-- made by: python benchmarks/learning.py --write -->"
END = "<!-- end of what was made -->"
BINS = 60
COLOURS = {"random": "#999999", "scripted": "#d55e00", "live": "#0072b2", "replay": "#009e73", "mixed": "#cc79a7"}


def write_page(results: Sequence[Result], made: str) -> None:
    """Put a table in the place of the one in the page, and draw the plot beside it."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARK)
    _, _, after = rest.rpartition(END)
    PAGE.write_text(f"{before}{MARK}\n\n{made}\n\n{END}{after}", encoding="utf-8")
    draw(results)


def draw(results: Sequence[Result]) -> None:
    """Draw small multiples, a scenario each: levels of chance, script and captures, curves of what learns live."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "townlet"  # the same bytes every time
    from matplotlib import pyplot

    groups = grouped(results)
    scenarios = list(dict.fromkeys(result.scenario for result in results))
    figure, axes = pyplot.subplots(
        -(-len(scenarios) // 2), 2, figsize=(10, 3.1 * -(-len(scenarios) // 2)), squeeze=False
    )
    for place, scenario in enumerate(scenarios):
        axis = axes[place // 2][place % 2]
        for who, colour in COLOURS.items():
            group = groups.get((scenario, who), [])
            if not group:
                continue
            if who in ("live", "mixed"):
                steps, low, mid, high = _band(group)
                axis.plot(steps, mid, color=colour, label=WHO[who])
                axis.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
            else:
                mean, _ = interval([result.mean for result in group])
                axis.axhline(mean, color=colour, linestyle="--", linewidth=1.2, label=WHO[who])
        axis.set_title(scenario, fontsize=10)
        axis.set_xlabel("transitions (millions)", fontsize=8)
        axis.set_ylabel("return of an agent", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.25)
    for place in range(len(scenarios), axes.size):
        axes[place // 2][place % 2].axis("off")
    axes[0][0].legend(fontsize=7, loc="lower right")
    figure.tight_layout()
    figure.savefig(PLOT, metadata={"Date": None})


def _band(group: Sequence[Result]) -> tuple[list[float], list[float], list[float], list[float]]:
    """Give the mean over seeds, with least and largest, of each seed's mean return in bins of transitions."""
    most = max(steps for result in group for steps, _ in result.curve)
    binned: dict[int, list[float]] = {}
    for result in group:
        own: dict[int, list[float]] = {}
        for steps, value in result.curve:
            own.setdefault(min(int(steps / most * BINS), BINS - 1), []).append(value)
        for place, values in own.items():
            binned.setdefault(place, []).append(statistics.fmean(values))
    places = sorted(place for place, values in binned.items() if len(values) == len(group))
    at = [(place + 0.5) / BINS * most / 1e6 for place in places]
    low, mid, high = ([pick(binned[place]) for place in places] for pick in (min, statistics.fmean, max))
    return at, low, mid, high
