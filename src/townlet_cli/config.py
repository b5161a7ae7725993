"""`townlet config`: look at scenarios and check them, without running them."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from townlet_cli.options import Config, Configs, Json, OutputFile, Overrides
from townlet_cli.render import note, problem, put, table_text
from townlet_core.errors import ConfigError, InputError

FINDING = 1

app = typer.Typer(help="Look at scenarios and check them.", no_args_is_help=True, rich_markup_mode=None)


@app.command(name="list")
def list_(as_json: Json = False) -> None:
    """List the shipped scenarios."""
    import json

    from rich.table import Table

    from townlet_core.config.find import list_scenarios
    from townlet_core.config.load import load_town

    towns = {name: load_town(str(path)).scenario for name, path in list_scenarios().items()}
    rows = [
        {
            "name": name,
            "ticks": town.scenario.ticks,
            "agents": len(town.agents) + town.population.count,
            "description": town.description.strip(),
        }
        for name, town in towns.items()
    ]
    if as_json:
        put(json.dumps(rows, indent=2))
        return
    table = Table("scenario", box=None, pad_edge=False)
    table.add_column("ticks", justify="right")
    table.add_column("agents", justify="right")
    table.add_column("what happens")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    put(table_text(table))


@app.command()
def check(configs: Configs, overrides: Overrides = None) -> None:
    """Check configuration files, and report every problem with its place.

    Ends with 1 if a file has a problem, and with 3 if one is missing or unreadable.
    """
    from townlet_core.config.load import load_town

    worst = 0
    for source in configs:
        try:
            town = load_town(source, tuple(overrides or ()))
        except ConfigError as error:
            worst = max(worst, FINDING)
            problem(error)
        except InputError as error:
            worst = max(worst, error.exit_code)
            problem(error)
        else:
            put(f"{source}: ok ({town.scenario.name})")
    raise typer.Exit(worst)


@app.command()
def show(config: Config, overrides: Overrides = None, as_json: Json = False) -> None:
    """Print a configuration with every default filled in, as YAML."""
    import yaml

    from townlet_core.config.load import load_town

    scenario = load_town(config, tuple(overrides or ())).scenario
    if as_json:
        put(scenario.model_dump_json(indent=2))
    else:
        put(yaml.safe_dump(scenario.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=120))


@app.command()
def schema(
    of: Annotated[
        Literal["scenario", "affordances"], typer.Option("--of", help="Which kind of file the schema describes.")
    ] = "scenario",
    output: OutputFile = None,
) -> None:
    """Write the JSON Schema of configuration files, with which editors complete and check YAML."""
    import json

    from townlet_core.config.json_schema import json_schema

    text = json.dumps(json_schema(of), indent=2) + "\n"
    if output is None:
        put(text)
        return
    from townlet_core.drafts import complete

    with complete(output) as file:
        file.write(text.encode())
    note(f"begin a YAML file with '# yaml-language-server: $schema={output}' to have it checked while you write")
