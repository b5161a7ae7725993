"""`townlet telemetry rules`: check rules before they are relied on, by themselves and on a log that is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from townlet_cli.options import rules_name
from townlet_cli.render import note, problem, put, put_json, uncut_table_text, warn
from townlet_cli.telemetry_watch import Log, RulesFile, Run
from townlet_core.errors import ConfigError, InputError

if TYPE_CHECKING:
    from townlet_core.telemetry.watching.backtest import Backtest, RuleTried

FINDING = 1

app = typer.Typer(help="Try rules for `townlet telemetry watch`.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def check(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...", parser=rules_name, help="Rules file, in TOML or YAML; default: the rules to start from."
        ),
    ],
) -> None:
    """Check rules files, and report every problem with its place; and rules that can never fire, or always do.

    Ends with 1 if there is a finding, and with 3 if a file is missing or unreadable.
    """
    from townlet_core.telemetry.watching.against import baselines_of
    from townlet_core.telemetry.watching.ranges import doubts
    from townlet_core.telemetry.watching.thresholds import rules_named

    worst = 0
    for file in files:
        try:
            rules = rules_named(file)
            baselines = baselines_of(rules)
        except ConfigError as error:
            worst = max(worst, FINDING)
            problem(error)
            continue
        except InputError as error:
            worst = max(worst, error.exit_code)
            problem(error)
            continue
        found = [f"{rule.title}: {doubt}" for rule in rules for doubt in doubts(rule, baselines.get(rule.title))]
        for doubt in found:
            worst = max(worst, FINDING)
            put(f"{file}: {doubt}")
        many = f"{len(rules)} rule{'' if len(rules) == 1 else 's'}"
        put(f"{file}: {many}, {len(found)} of them doubtful" if found else f"{file}: ok ({many})")
    raise typer.Exit(worst)


@app.command()
def backtest(
    log: Log,
    rules: RulesFile = None,
    run: Run = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line instead of a table.")] = False,
) -> None:
    """Tell how often each rule would have fired on a log, and where.

    Without --rules, those to start from. Ends with 0 whatever fired, and with 3 if the log or the rules cannot be read.
    """
    from townlet_cli.watching_log import rules_of
    from townlet_core.telemetry.watching.backtest import backtest as try_out

    chosen, own = rules_of({}, rules, defaults=True)
    if rules is None:
        note(f"the {len(chosen)} rules to start from")
    result = try_out(log, chosen, run=run, own=own)
    for what in result.notes:
        note(what)
    for what in result.warnings:
        warn(what)
    if as_json:
        for each in result.rules:
            put_json(each)
        return
    put(_table(result))


def _table(result: Backtest) -> str:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("rule", "severity"):
        table.add_column(title, no_wrap=True)
    for title in ("looked at", "breaches", "fired", "epochs firing"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("first", no_wrap=True)
    table.add_column("at the end", no_wrap=True)
    for rule in result.rules:
        table.add_row(
            rule.rule,
            rule.severity,
            f"{rule.looked_at:,}",
            f"{rule.breaches:,}",
            f"{rule.fired:,}",
            f"{rule.epochs_firing:,}",
            _first(rule),
            rule.state if rule.looked_at else "nothing to look at",
        )
    fired = sum(rule.fired > 0 for rule in result.rules)
    runs = "" if result.runs == 1 else f" of {result.runs} runs"
    records = f"{result.records:,} records{runs}"
    return f"{uncut_table_text(table)}\n\n{records}: {fired} of {len(result.rules)} rules would have fired"


def _first(rule: RuleTried) -> str:
    if rule.first_file is None:
        return "–"
    epoch = "" if rule.first_epoch is None else f"epoch {rule.first_epoch:,.0f}, "
    return f"{epoch}{Path(rule.first_file).name}:{rule.first_line}"
