"""`townlet telemetry summary`: whether a run learns, what it is, its numbers; runs and groups of runs side by side."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from townlet_cli.options import OutputFile, metrics_option, path_of, patterns_of, whole_number
from townlet_cli.render import json_text, note, problem, put, warn
from townlet_core.errors import InputError, UsageError

if TYPE_CHECKING:
    from townlet_core.telemetry.summarising.summary import LogSummary, Summary

Format = Literal["text", "markdown", "json"]


Logs = Annotated[
    list[Path] | None,
    typer.Argument(metavar="LOG...", parser=path_of, help="Telemetry logs, with their segments. - is standard input."),
]
Baseline = Annotated[
    Path | None,
    typer.Option(
        "--baseline",
        metavar="FILE",
        parser=path_of,
        help="Put this beside the means: a JSON object, a log (the means of its last run), a capture's metrics file, "
        "or the folder of a capture.",
    ),
]
Groups = Annotated[
    list[str] | None,
    typer.Option(
        "--group",
        metavar="NAME=LOG,...",
        help="Runs that differ in chance alone, in place of LOG: files or patterns such as 'runs/a/*/log.jsonl'. "
        "Repeatable: the others are compared with the first.",
    ),
]
Metrics = Annotated[
    list[str] | None,
    metrics_option("Metrics to show instead of the usual ones, in this order; with groups, these are tested too."),
]


def summary(
    logs: Logs = None,
    baseline: Baseline = None,
    form: Annotated[
        Format, typer.Option("--format", metavar="FORMAT", help="What to print: text, markdown or json.")
    ] = "text",
    last: Annotated[
        int | None,
        typer.Option("--last", metavar="N", parser=whole_number, help="Look at the last N epochs of each run only."),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="RUN", help="Summarise this run, by its run_id or its number; else the last."),
    ] = None,
    group: Groups = None,
    metrics: Metrics = None,
    everything: Annotated[bool, typer.Option("--all", help="Show all metrics and all agents.")] = False,
    output: OutputFile = None,
) -> None:
    """Say whether runs learn, and show their numbers; of groups of runs, whether they differ.

    What is shown of a run is its numbers over all of its epochs; of several runs, and of groups, the mean over the last
    tenth of each, or over the last N. A dash stands for what is not known.
    """
    from townlet_cli.summary_page import page

    names = _groups(group or [])
    _check(logs, names, last, output)
    patterns = patterns_of(metrics or [])
    found = _summarise(logs or [], names, run, baseline, last, patterns)
    text = json_text(found, indent=2) if form == "json" else page(found, form, patterns, everything, _width(output))
    if output is None:
        put(text)
    else:
        from townlet_core.drafts import complete

        with complete(output) as file:
            file.write(f"{text}\n".encode(errors="backslashreplace"))


def _check(
    logs: Sequence[Path] | None, groups: Mapping[str, list[Path]], last: int | None, output: Path | None
) -> None:
    if bool(logs) == bool(groups):
        which = "cannot be given beside --group" if logs else "is missing"
        raise UsageError(which, where="LOG", hint=None if logs else "name a log, or groups of logs with --group")
    if last is not None and last < 1:
        raise UsageError(f"must be at least 1, found {last}", where="--last")
    read = [*(logs or []), *(log for each in groups.values() for log in each)]
    if output is None:
        return
    from townlet_core.telemetry.stream import is_file_of

    if any(is_file_of(log, output) for log in read):
        raise UsageError("is a file of a log that is read", where="--output", hint="name another file")


def _groups(words: Sequence[str]) -> dict[str, list[Path]]:
    """Read groups: name -> logs."""
    found: dict[str, list[Path]] = {}
    for each in words:
        name, _, patterns = each.partition("=")
        if not name or not all(patterns.split(",")):
            raise UsageError(f"must be NAME=LOG,..., found '{each}'", where="--group")
        found.setdefault(name, []).extend(log for pattern in patterns.split(",") for log in _files(pattern))
    return found


def _files(pattern: str) -> list[Path]:
    """Give the logs that a pattern fits, without their segments and what lies beside them."""
    from townlet_core.telemetry.stream import told_apart

    if not any(sign in pattern for sign in "*?[") or Path(pattern).exists():
        return [Path(pattern)]
    own, _ = told_apart([path for name in sorted(glob(pattern, recursive=True)) if (path := Path(name)).is_file()])
    if not own:
        raise InputError("there is no such file", where=pattern)
    return own


def _summarise(
    logs: Sequence[Path],
    groups: Mapping[str, list[Path]],
    run: str | None,
    baseline: Path | None,
    last: int | None,
    patterns: Sequence[str],
) -> Summary:
    from townlet_core.telemetry.stream import told_apart
    from townlet_core.telemetry.summarising.summarise import baseline_values, put_together

    values, doubt = baseline_values(baseline, last=last) if baseline is not None else ({}, None)
    if doubt:
        warn(doubt)
    own, beside = told_apart(logs)
    for file in beside:
        note(f"{file} lies beside its log, and is none")
    named = {name: _read(each, run, last, values) for name, each in (groups or {"": own}).items()}
    _check_metrics(patterns, [one for each in named.values() for one in each])
    return put_together(named if groups else {}, named.get("", []), patterns, last=last, baseline=baseline)


def _check_metrics(patterns: Sequence[str], runs: Sequence[LogSummary]) -> None:
    """Warn of metrics that no log has.

    Raises:
        InputError: there is nothing else to show.
    """
    from townlet_core.telemetry.patterns import matching, missing

    keys = list(dict.fromkeys(key for run in runs for key in run.metrics))
    where = runs[0].log if len(runs) == 1 else "no log"
    lacking = [missing(pattern, keys, where) for pattern in patterns if not matching((pattern,), keys)]
    if lacking and len(lacking) == len(patterns):
        raise lacking[0]
    for each in lacking:
        warn(str(each))


def _read(logs: Sequence[Path], run: str | None, last: int | None, baseline: Mapping[str, float]) -> list[LogSummary]:
    """Summarise logs; where some cannot be read, name all of these."""
    from townlet_core.telemetry.summarising.summarise import problems_in, summarise

    found, errors = [], []
    for log in logs:
        try:
            found.append(summarise(log, run=run, last=last, baseline=baseline))
        except InputError as error:
            errors.append(error)
    for each_error in errors:
        problem(each_error)
    if errors:
        raise typer.Exit(InputError.exit_code)
    for each in found:
        said = each.provenance
        if said.problems or said.warnings:
            warn(f"{each.log}: {problems_in(said)}: see 'townlet telemetry validate {each.log}'")
        if run is None and said.runs > 1:
            note(f"{each.log} holds {said.runs:,} runs; this is the last: --run chooses another")
        if said.keys_left_out:
            warn(f"{each.log}: {said.keys_left_out:,} keys left out: there are too many")
    return found


def _width(output: Path | None) -> int | None:
    """Give the width of the terminal, where that is what is written to."""
    return shutil.get_terminal_size().columns if output is None and sys.stdout.isatty() else None
