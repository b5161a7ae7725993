"""Tables in Markdown, and the tables of keys that a JSON Schema describes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
ID_PATTERN = "^[a-z][a-z0-9_]*$"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines) + "\n"


def plain(text: str | None) -> str:
    """Give a docstring or a description as Markdown, in which a bare <word> would vanish."""
    return "\n".join(line.strip() for line in (text or "").strip().splitlines()).replace("<", "\\<")


def key_sections(node: Schema, definitions: Mapping[str, Schema], path: str) -> Iterator[str]:
    """Give the table of one mapping's keys, then those of the mappings in it."""
    required = node.get("required", [])
    rows = [
        (
            f"`{path}{key}`",
            f"{kind(each, definitions)}",
            default(key, each, required),
            each.get("description", "as below"),
        )
        for key, each in node["properties"].items()
    ]
    name = f"`{path.rstrip('.')}`" if path else "The file"
    yield f"## {name}\n\n{plain(node.get('description'))}\n\n" + table(("key", "value", "default", "meaning"), rows)
    for key, each in node["properties"].items():
        for suffix, inner in mappings(each, definitions):
            yield from key_sections(inner, definitions, f"{path}{key}{suffix}")


def mappings(node: Schema, definitions: Mapping[str, Schema]) -> Iterator[tuple[str, Schema]]:
    """Find the closed mappings within a value, each with what its keys' path goes on with."""
    if "$ref" in node and "properties" in (inner := definitions[node["$ref"].rsplit("/", 1)[1]]):
        yield ".", inner
    for each in choices(node):
        yield from mappings(each, definitions)
    if isinstance(items := node.get("items"), Mapping):
        yield from ((f"[]{suffix}", inner) for suffix, inner in mappings(items, definitions))
    if (values := values_of(node)) is not None:
        yield from ((f".<name>{suffix}", inner) for suffix, inner in mappings(values, definitions))


def choices(node: Schema) -> list[Schema]:
    return [*node.get("anyOf", []), *node.get("oneOf", [])]


def values_of(node: Schema) -> Schema | None:
    """Give what the values of an open mapping, one with names of the user's choice, may be."""
    named = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
    return next((each for each in named if isinstance(each, Mapping)), None)


def kind(node: Schema, definitions: Mapping[str, Schema]) -> str:
    """Word what a value may be."""
    if "$ref" in node:
        return "mapping" if "properties" in definitions[node["$ref"].rsplit("/", 1)[1]] else "anything"
    if choices(node):
        return " or ".join(kind(each, definitions) for each in choices(node))
    if "enum" in node:
        return ", ".join(f"`{each}`" for each in node["enum"])
    if node["type"] == "array":
        if "prefixItems" in node:
            return "[" + ", ".join(kind(each, definitions) for each in node["prefixItems"]) + "]"
        return f"list of {kind(node['items'], definitions)}"
    if node["type"] == "object":
        return f"mapping of names to {kind(values_of(node) or {}, definitions)}"
    if node["type"] == "string":
        return "id" if node.get("pattern") == ID_PATTERN else "text"
    return {"null": "nothing", "number": "number", "integer": "integer", "boolean": "true or false"}[
        node["type"]
    ] + bounds(node)


def bounds(node: Schema) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    if low is not None and high is not None:
        return f" {low} to {high}"
    words = [f"≥ {low:g}"] if low is not None else []
    words += [f"> {node['exclusiveMinimum']:g}"] if "exclusiveMinimum" in node else []
    words += [f"≤ {high}"] if high is not None else []
    return " " + ", ".join(words) if words else ""


def default(key: str, node: Schema, required: list[str]) -> str:
    if key in required:
        return "required"
    value = node.get("default")
    if value is None or isinstance(value, dict):
        return "nothing" if "default" in node and value is None else "as below"
    return f"`{json.dumps(value)}`"
