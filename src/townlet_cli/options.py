"""Arguments and options that commands share: each is named and described once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def _complete_scenarios(typed: str) -> list[str]:
    from townlet_core.config.find import list_scenarios

    return [name for name in list_scenarios() if name.startswith(typed)]


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
    Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write to; made where it does not exist.")
]
OutputFile = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write to, instead of standard output.")
]
Ticks = Annotated[
    int | None,
    typer.Option("--ticks", "-t", metavar="N", min=1, help="Ticks to run, in place of the scenario's scenario.ticks."),
]
Prefix = Annotated[str, typer.Option("--prefix", metavar="NAME", help="What the names of all files begin with.")]
AgentId = Annotated[
    str | None, typer.Option("--agent", metavar="ID", help="Keep this agent's samples only; the others live on unseen.")
]
AutoSeedAgents = Annotated[
    bool, typer.Option("--auto-seed-agents", help="Place alice and bob, and what they need, in a town without agents.")
]
Compress = Annotated[bool, typer.Option("--compress", help="Compress the arrays.")]
Seed = Annotated[
    int | None,
    typer.Option("--seed", "-s", metavar="N", min=0, max=2**63 - 1, help="Seed of all randomness, not the scenario's."),
]
Worlds = Annotated[
    int, typer.Option("--worlds", "-w", metavar="N", min=1, help="Worlds to run, each with its own luck.")
]
Policy = Annotated[
    str,
    typer.Option("--policy", "-p", metavar="NAME", help="Who acts: scripted (schedules, needs and jobs) or random."),
]
Threads = Annotated[
    int,
    typer.Option("--threads", metavar="N", min=1, max=1024, help="Threads to use; the result does not depend on it."),
]
