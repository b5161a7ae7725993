"""The base of every schema: closed, frozen, strict and finite; and our words for what breaks one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field

from townlet_core.errors import did_you_mean

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class StrictModel(BaseModel):
    """A record with known keys only, which cannot change and coerces nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Told(StrictModel):
    """What is written as a line of its own: with all keys, as its schema says."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


ID_PATTERN = r"^[a-z][a-z0-9_]*$"
LETTER_PATTERN = r"^[A-Za-z]$"

Id = Annotated[str, Field(pattern=ID_PATTERN, max_length=40)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Ticks = Annotated[int, Field(ge=0, le=1_000_000)]
SomeTicks = Annotated[int, Field(ge=1, le=1_000_000)]
Coordinate = Annotated[int, Field(ge=0, le=511)]
Tile = tuple[Coordinate, Coordinate]

_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "place_type": "a tile [x, y] or the id of a thing",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_LENGTHS = {
    "too_short": ("min_length", "at least", "items"),
    "too_long": ("max_length", "at most", "items"),
    "string_too_short": ("min_length", "at least", "characters"),
    "string_too_long": ("max_length", "at most", "characters"),
}
_PATTERNS = {
    ID_PATTERN: "lower-case letters, digits and '_' after a first letter",
    LETTER_PATTERN: "one letter from A to Z or a to z",
}


def explain(error: ErrorDetails, known: tuple[str, ...] = ()) -> tuple[str, str | None]:
    """Word a problem that pydantic found: clause and hint.

    Args:
        known: the keys that may stand where an unknown one was found.
    """
    kind, bounds = error["type"], error.get("ctx", {})
    found = describe(error["input"])
    if kind == "extra_forbidden":
        return "unknown key", did_you_mean(str(error["loc"][-1]), known) or f"known are {', '.join(known)}"
    if kind == "missing":
        return "is missing", None
    if kind in _WANTED:
        hint = "leave the key out, or give it a value" if error["input"] is None else None
        return f"must be {_WANTED[kind]}, found {found}", hint
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"must be {words} {bounds[name]:g}, found {found}", None
    if kind in _LENGTHS:
        name, words, unit = _LENGTHS[kind]
        length = bounds.get("actual_length", len(error["input"]))
        return f"must have {words} {bounds[name]} {unit if bounds[name] != 1 else unit[:-1]}, found {length}", None
    if kind == "string_pattern_mismatch":
        return f"must be {_PATTERNS[bounds['pattern']]}, found {found}", None
    if kind == "literal_error":
        options = str(bounds["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        return f"{found} is none of {', '.join(options)}", did_you_mean(str(error["input"]), options)
    return error["msg"][:1].lower() + error["msg"][1:], None


def describe(value: Any) -> str:
    """Name a value in an error: its kind, and the value where it is short."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text {value!r}" if len(value) <= 40 else f"the text {value[:37]!r}..."
    if isinstance(value, (int, float)):
        return str(value) if abs(value) < 1e15 else "a very large number"
    return "a mapping" if isinstance(value, dict) else "a list"


def record_at(model: type[BaseModel], path: tuple[str | int, ...]) -> type[BaseModel] | None:
    """Find the record that a path of keys and indices leads to from a model; None if it leads to none."""
    inner: Any = model
    for step in path:
        record = _record_in(inner)
        if record is not None and step in record.model_fields:
            inner = record.model_fields[str(step)].annotation
    return _record_in(inner)


def _record_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((record for part in get_args(annotation) if (record := _record_in(part)) is not None), None)
