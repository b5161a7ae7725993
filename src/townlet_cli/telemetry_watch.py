"""`townlet telemetry watch`: tell of a training as it goes on, and where something is wrong with it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from townlet_cli.options import path_of, rules_name


def finite(typed: str | float) -> float:
    """Read a number."""
    try:
        number = float(typed)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise typer.BadParameter(f"must be a number, found '{typed}'")
    return number


def _threshold(name: str, words: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(name, metavar="X", parser=finite, help=words)
    return option


LOG_HELP = "Telemetry log; its segments LOG.1, LOG.2.gz, ... are read with it. - is standard input."
Log = Annotated[
    Path,
    typer.Argument(
        metavar="LOG",
        parser=path_of,
        help=LOG_HELP,
    ),
]
Run = Annotated[
    str | None, typer.Option("--run", metavar="RUN", help="Look at this run only: its run_id, or its number from 1.")
]
RulesFile = Annotated[
    str | None,
    typer.Option(
        "--rules",
        metavar="FILE",
        parser=rules_name,
        help="Watch by the rules of this file (TOML or YAML); default: by those to start from.",
    ),
]

Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on as the log grows, until its run says that it is finished.")
]
Kl = Annotated[
    float | None, _threshold("--kl-threshold", "Alert where |kl_divergence| or kl_divergence_max is above X.")
]
Grad = Annotated[float | None, _threshold("--grad-threshold", "Alert where grad_norm or grad_norm_max is above X.")]
Entropy = Annotated[float | None, _threshold("--entropy-threshold", "Alert where loss_entropy is below X.")]
RewardCorr = Annotated[
    float | None, _threshold("--reward-corr-threshold", "Alert where reward_advantage_corr is below X.")
]
Loss = Annotated[float | None, _threshold("--loss-threshold", "Alert where |loss_total| is above X.")]
NoDefaultRules = Annotated[
    bool, typer.Option("--no-default-rules", help="Watch by no rule where neither a threshold nor --rules is given.")
]
Stall = Annotated[
    float | None,
    typer.Option(
        "--stall", metavar="SEC", parser=finite, help="With --follow: alert where no record comes for SEC seconds."
    ),
]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="End at the first record with an alert.")]
Command = Annotated[
    str | None,
    typer.Option(
        "--on-alert",
        metavar="CMD",
        help="Run this in a shell for each alert, which it gets as JSON on standard input; it has ten seconds.",
    ),
]
Interval = Annotated[
    float, typer.Option("--interval", metavar="SEC", parser=finite, help="With --follow: look for more so often.")
]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON object a line instead of text.")]


def watch(
    log: Log,
    follow: Follow = False,
    kl: Kl = None,
    grad: Grad = None,
    entropy: Entropy = None,
    reward_corr: RewardCorr = None,
    loss: Loss = None,
    rules: RulesFile = None,
    no_default_rules: NoDefaultRules = False,
    run: Run = None,
    stall: Stall = None,
    fail_fast: FailFast = False,
    on_alert: Command = None,
    interval: Interval = 0.5,
    as_json: Json = False,
) -> None:
    """Watch a telemetry log by rules, and tell where they are broken.

    Without a threshold and without --rules there are rules to start from. On a terminal there is a live view, in a pipe
    a line a record. Ends with 0 if nothing fired, with 1 if something did, and with 3 if the log cannot be read.
    """
    from townlet_cli.watching_log import Wanted, watch_log

    given = {"kl": kl, "grad": grad, "entropy": entropy, "reward_corr": reward_corr, "loss": loss}
    wanted = Wanted(
        log=log,
        follow=follow,
        thresholds={option: limit for option, limit in given.items() if limit is not None},
        rules=rules,
        defaults=not no_default_rules,
        run=run,
        stall=stall,
        fail_fast=fail_fast,
        on_alert=on_alert,
        interval=interval,
        as_json=as_json,
    )
    raise typer.Exit(watch_log(wanted))
