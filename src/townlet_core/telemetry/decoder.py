"""From the bytes of a line to its record at once, as long as nothing is wrong with it.

It asks of every value what the schema of its key asks, three times as fast, and does not say what is wrong: the schema
does. Decision 28 has the measurements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NotRequired, TypedDict

import msgspec
from pydantic_core import core_schema

from townlet_core.telemetry.lines import may_have_more

if TYPE_CHECKING:
    from townlet_core.telemetry.formats import Decode

LARGEST: Final = 2**63 - 1  # whole number that has bounds here; larger ones are left to the schema
REFUSALS: Final = (msgspec.MsgspecError, ValueError, RecursionError)  # of it, of bytes that are no text, of checks


def decoder(fields: Mapping[str, core_schema.TypedDictField]) -> Decode:
    """Make what reads a line if it has no other keys than these, none twice, and the right values."""
    types = {key: _type(field["schema"]) for key, field in fields.items()}
    keys = {key: kind if fields[key].get("required") else NotRequired[kind] for key, kind in types.items()}
    decode = msgspec.json.Decoder(TypedDict("Record", keys)).decode  # type: ignore[operator]  # made of what a log has
    checks = [(key, check) for key, field in fields.items() if (check := _check(field["schema"])) is not None]

    def read(line: bytes) -> dict[str, Any] | None:
        try:
            record: dict[str, Any] = decode(line)
            for key, check in checks:
                if (found := record.get(key)) is not None:
                    check(found)
        except REFUSALS:
            return None
        return None if may_have_more(line, record) else record

    return read


def _type(schema: Any) -> Any:
    """Translate a schema of pydantic to a type that means the same here, or less."""
    kind = schema["type"]
    bounds = {name: schema[name] for name in ("ge", "le", "min_length", "multiple_of") if name in schema}
    if kind == "nullable":
        return _type(schema["schema"]) | None
    if kind == "function-after":
        return _type(schema["schema"])
    if kind == "literal":
        return Literal[tuple(schema["expected"])]
    if kind == "dict":
        return dict[_type(schema["keys_schema"]), _type(schema["values_schema"])]  # type: ignore[misc]  # as it is found
    if kind == "int":
        bounds["le"] = min(bounds.get("le", LARGEST), LARGEST)
    return Annotated[{"int": int, "float": float, "str": str, "bool": bool}[kind], msgspec.Meta(**bounds)]


def _check(schema: Any) -> Callable[[Any], Any] | None:
    """Give the function that a schema has a value checked by."""
    if schema["type"] == "nullable":
        return _check(schema["schema"])
    return schema["function"]["function"] if schema["type"] == "function-after" else None
