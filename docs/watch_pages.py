"""The page of the reference about rules, and what a watch by them tells programs."""

from __future__ import annotations

from schema_tables import default, key_sections, kind, plain, table

from townlet_core.telemetry.watching.backtest import RuleTried
from townlet_core.telemetry.watching.events import EVENT, BreachSeen
from townlet_core.telemetry.watching.rules import Rule, RulesFile
from townlet_core.telemetry.watching.thresholds import OPTIONS, default_rules, rules_of_option


def rules_page(notice: str) -> str:
    """Describe rules files, the rules of options and those to start from, and the objects of --json."""
    schema = RulesFile.model_json_schema()
    text = f"{notice}# Rules\n\n`townlet telemetry watch LOG --rules FILE` watches a log by the rules of a file: TOML "
    text += (
        "where its name ends in `.toml`, YAML otherwise. A value that is null, NaN or infinite breaks every rule on "
    )
    text += "its metric; a record without the key changes nothing. For editors there is a "
    text += "[schema](../schemas/rules.schema.json).\n\n"
    text += "".join(key_sections(schema, schema["$defs"], ""))
    text += "## Rules of options\n\nLimits are 0.5 here.\n\n"
    rows = [
        (f"`--{option.replace('_', '-')}-threshold`", ", ".join(f"`{each.condition}`" for each in _of(option)))
        for option in OPTIONS
    ]
    text += table(("option", "rules"), rows)
    text += "## Rules to start from\n\nThose that `watch` has where nothing else is asked for. `--rules default` names "
    text += "them wherever rules are named; a file of that name is `./default`.\n\n"
    text += table(
        ("rule", "for", "severity", "what to do"),
        ((f"`{rule.condition}`", str(rule.for_ or 1), rule.severity, rule.message or "") for rule in default_rules()),
    )
    return text + _events()


def _of(option: str) -> list[Rule]:
    return rules_of_option(option, 0.5)


def _events() -> str:
    schema = EVENT.json_schema()
    definitions = schema["$defs"]
    text = "## What `watch --json` prints\n\nAn object a line; `type` says which. "
    text += "`--on-alert` gets those of type `alert`. For programs there are schemas, "
    text += "[of these](../schemas/watch_event.schema.json) and of what [`rules backtest "
    text += "--json`](../schemas/rule_tried.schema.json) prints.\n\n"
    for reference in schema["discriminator"]["mapping"].values():
        text += _object(definitions[reference.rsplit("/", 1)[1]], definitions)
    text += _object(definitions[BreachSeen.__name__], definitions)
    tried = RuleTried.model_json_schema()
    return text + _object(tried, tried.get("$defs", {}), " `rules backtest --json` prints one a rule.")


def _object(schema: dict, definitions: dict, more: str = "") -> str:  # type: ignore[type-arg]
    required = schema.get("required", [])
    rows = [
        (f"`{key}`", kind(each, definitions), default(key, each, required), each.get("description", ""))
        for key, each in schema["properties"].items()
        if key != "type"
    ]
    name = schema["properties"].get("type", {}).get("const")
    title = f"`{name}`" if name else f"`{schema['title']}`"
    head = f"### {title}\n\n{plain(schema['description'])}{more}\n\n"
    return head + table(("key", "value", "default", "meaning"), rows)
