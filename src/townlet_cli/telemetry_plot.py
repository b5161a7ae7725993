"""`townlet telemetry plot`: its words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from townlet_cli.options import metrics_option, path_of, rules_name

Logs = Annotated[
    list[Path],
    typer.Argument(
        metavar="LOG...",
        parser=path_of,
        help="Telemetry log; its segments LOG.1, LOG.2.gz, ... are read with it. - is standard input.",
    ),
]
Metrics = Annotated[
    list[str] | None,
    metrics_option(
        "Metrics to draw, in this order; if left out what there is of returns, losses, entropy, KL, clipping, "
        "gradients, learning rate and speed."
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        parser=path_of,
        help="Picture to write, or to write anew: .png, .svg, or .html, a page in which values can be read off. If "
        "left out, the plot is drawn in the terminal.",
    ),
]
Smooth = Annotated[
    float | None,
    typer.Option(
        "--smooth",
        metavar="X",
        help="Weight of the values before in the moving average, from 0 (none) to less than 1, as in TensorBoard. "
        "If left out: 0.6, which is drawn over the raw values, and 0 in the terminal.",
    ),
]
Baseline = Annotated[
    Path | None,
    typer.Option(
        "--baseline",
        metavar="FILE",
        parser=path_of,
        help="Draw levels to compare with: a JSON object, a log (the means of its last run), a capture's metrics "
        "file, or the folder of a capture.",
    ),
]
Band = Annotated[
    Literal["seeds"] | None,
    typer.Option(
        "--band",
        help="Draw runs that differ by their seed alone as one: their mean, and the band from the least to the "
        "largest of them.",
    ),
]
Show = Annotated[bool, typer.Option("--show", help="Open a window with the plot.")]
Run = Annotated[
    str | None,
    typer.Option("--run", metavar="RUN", help="Draw this run of each log only: its run_id, or its number from 1."),
]
Thresholds = Annotated[
    list[str] | None,
    typer.Option(
        "--threshold",
        metavar="METRIC=X",
        help="Draw the metric with this level, and mark where it crosses it; repeatable.",
    ),
]
RulesFile = Annotated[
    str | None,
    typer.Option(
        "--rules",
        metavar="FILE",
        parser=rules_name,
        help="Mark where rules of this file (TOML or YAML) fire, as 'telemetry watch' has it; the metrics of those "
        "that do are drawn too; default: the rules that it starts from.",
    ),
]
Title = Annotated[
    str | None, typer.Option("--title", metavar="TEXT", help="Heading, in place of the scenario and the run.")
]


def plot(
    logs: Logs,
    metrics: Metrics = None,
    output: Output = None,
    smooth: Smooth = None,
    baseline: Baseline = None,
    band: Band = None,
    show: Show = False,
    run: Run = None,
    thresholds: Thresholds = None,
    rules: RulesFile = None,
    title: Title = None,
) -> None:
    """Draw the metrics of telemetry logs over epochs: in the terminal, in a file or in a window.

    Runs are laid over one another. Where a run has more than 1,000 epochs, a point is the mean of several, with their
    least and most. Values that are no numbers are gaps, marked on the axis. PNG, SVG and windows need matplotlib.
    """
    from townlet_cli.plotting import Drawing, draw

    wanted = Drawing(
        metrics=metrics or [],
        output=output,
        smooth=smooth,
        baseline=baseline,
        band=band is not None,
        show=show,
        run=run,
        thresholds=thresholds or [],
        rules=rules,
        title=title,
    )
    draw(logs, wanted)
