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
