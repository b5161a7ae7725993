"""Arguments and options that commands share: each is named and described once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from townlet_core.errors import UsageError

ALL_TICKS = range(2**40)  # more than any episode has


def _complete_scenarios(typed: str) -> list[str]:
    from townlet_core.config.find import list_scenarios

    return [name for name in list_scenarios() if name.startswith(typed)]


def whole_number(typed: str | int) -> int:
    """Read a number; what range it must lie in, its command knows."""
    try:
        return int(typed)
    except ValueError as error:
        raise typer.BadParameter(f"must be a whole number, found '{typed}'") from error


def path_of(typed: str | Path) -> Path:
    """Read a path; an empty one would mean the current folder, which nobody means by it."""
    if not str(typed):
        raise typer.BadParameter("is empty")
    return Path(typed)


def rules_name(typed: str) -> str:
    """Read the name of a rules file, or DEFAULT, which a path could not tell from ./default."""
    path_of(typed)
    return typed


def span(typed: str | range) -> range:
    """Read ticks A:B, from A on and before B; either may be left out."""
    if isinstance(typed, range):
        return typed
    first, colon, stop = typed.partition(":")
    try:
        found = range(int(first or 0), int(stop or ALL_TICKS.stop))
    except ValueError:
        found = range(0)
    if not colon or not found or found.start < 0:
        raise typer.BadParameter(f"must be A:B, from tick A on and before tick B, found '{typed}'")
    return found


def metrics_option(words: str) -> typer.models.OptionInfo:
    """Make the option that chooses metrics, whose values `patterns_of` reads."""
    option: typer.models.OptionInfo = typer.Option(
        "--metrics",
        "--metric",
        "-m",
        metavar="A,B,...",
        help=f"{words} * and ? stand for any letters, such as 'reward_terms.*'. Repeatable.",
    )
    return option


def patterns_of(metrics: Sequence[str]) -> list[str]:
    """Read names of metrics, of which each word has one, or several with commas between them."""
    patterns = [word.strip() for words in metrics for word in words.split(",")]
    if "" in patterns:
        raise UsageError("has an empty name of a metric", where="--metrics")
    return patterns


CONFIG_HELP = "A scenario's name (see 'townlet config list'), or the path of a YAML file."

Config = Annotated[str, typer.Argument(metavar="CONFIG", help=CONFIG_HELP, autocompletion=_complete_scenarios)]
Configs = Annotated[
    list[str], typer.Argument(metavar="CONFIG...", help=CONFIG_HELP, autocompletion=_complete_scenarios)
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a key of the configuration, such as rewards.wage_rate=0.1 or agents.0.wallet=3; repeatable.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print a machine-readable report instead of tables.")]
Force = Annotated[bool, typer.Option("--force", "-f", help="Replace what an earlier call has left in the folder.")]
OutputFolder = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="DIR", parser=path_of, help="Folder to write to; made where it does not exist."
    ),
]
OutputFile = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", parser=path_of, help="File to write to, instead of standard output."
    ),
]
Ticks = Annotated[
    int | None,
    typer.Option(
        "--ticks",
        "-t",
        metavar="N",
        parser=whole_number,
        help="Ticks to run, in place of the scenario's scenario.ticks.",
    ),
]
Prefix = Annotated[str, typer.Option("--prefix", metavar="NAME", help="What the names of all files begin with.")]
AgentIds = Annotated[
    list[str] | None,
    typer.Option("--agent", metavar="ID", help="Keep this agent's samples only; the others live on. Repeatable."),
]
AutoSeedAgents = Annotated[
    bool, typer.Option("--auto-seed-agents", help="Place alice and bob, and what they need, in a town without agents.")
]
Compress = Annotated[bool, typer.Option("--compress", help="Compress the arrays.")]
Seed = Annotated[
    int | None,
    typer.Option("--seed", "-s", metavar="N", parser=whole_number, help="Seed of all randomness, not the scenario's."),
]
Worlds = Annotated[
    int,
    typer.Option("--worlds", "-w", metavar="N", parser=whole_number, help="Worlds to run, each with its own luck."),
]
Policy = Annotated[
    str,
    typer.Option(
        "--policy",
        "-p",
        metavar="NAME",
        help="Who acts: scripted (schedules, needs and jobs), random, or the folder of a checkpoint of training.",
    ),
]
Noise = Annotated[
    float,
    typer.Option(
        "--noise",
        metavar="SHARE",
        help="Share of the script's decisions that chance takes instead: captures to learn from show more of the town.",
    ),
]
Threads = Annotated[
    int,
    typer.Option(
        "--threads", metavar="N", parser=whole_number, help="Threads to use; the result does not depend on it."
    ),
]
CapturePlace = Annotated[
    Path, typer.Argument(metavar="DIR", parser=path_of, help="Folder of a capture, or the path of its manifest.")
]
TickRange = Annotated[
    range | None,
    typer.Option(
        "--ticks", "-t", metavar="A:B", parser=span, help="From tick A on, before tick B; either may be left out."
    ),
]
World = Annotated[
    int | None,
    typer.Option("--world", metavar="N", parser=whole_number, help="Of several worlds, this one; else the first."),
]
