"""What is wrong with a line of a log, in words: `file:line: key: what, got X`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from townlet_core.errors import did_you_mean
from townlet_core.schema import explain
from townlet_core.telemetry.formats import KNOWN, VERSIONS
from townlet_core.telemetry.lines import Fault, printable
from townlet_core.telemetry.sense import NOTHING, Contradiction

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MOST_CHARACTERS: Final = 40  # of a text that is shown
# What a log calls otherwise than a configuration does.
_OF_LOGS: Final = {
    "finite_number": "must be a finite number",
    "string_too_short": "must be text that is not empty",
    "dict_type": "must be an object",
    "multiple_of": "must be a whole number",
}


@dataclass(frozen=True)
class Problem:
    """Something wrong with a line, or doubtful where it is a warning."""

    file: Path
    line: int
    key: str | None
    what: str
    got: str | None = None
    is_warning: bool = False

    @property
    def place(self) -> str:
        """Where it is."""
        return f"{self.file}:{self.line}"

    @property
    def message(self) -> str:
        """What is wrong, with its key."""
        key = f"{printable(self.key)}: " if self.key is not None else ""
        got = f", got {self.got}" if self.got is not None else ""
        return f"{key}{self.what}{got}"

    def __str__(self) -> str:
        return f"{self.place}: {'warning: ' if self.is_warning else ''}{self.message}"


def of_fault(file: Path, line: int, fault: Fault) -> Problem:
    """Word a line that is no record. A torn end can be that of a record that is just being written."""
    what = f"set aside {fault.what}" if fault.is_torn else fault.what
    return Problem(file, line, None, what, fault.got, is_warning=fault.is_torn)


def of_contradiction(file: Path, line: int, found: Contradiction) -> Problem:
    """Word what keys say of one another, and records of those before them."""
    hint = f" ({found.hint})" if found.hint else ""
    got = None if found.got is NOTHING else shown(found.got)
    return Problem(file, line, found.key, found.what + hint, got, is_warning=found.is_doubt)


def of_value(file: Path, line: int, error: ErrorDetails) -> Problem:
    """Word a value that its key cannot have."""
    kind, key = error["type"], ".".join(map(str, error["loc"]))
    if kind == "missing":
        return Problem(file, line, key, "is missing")
    if key == "telemetry_version" and kind in ("greater_than_equal", "less_than_equal"):
        return of_version(file, line, error["input"])
    if kind == "literal_error":
        what = "must be " + str(error["ctx"]["expected"]).replace("'", "")
    else:
        what = _OF_LOGS.get(kind) or explain(error)[0].removeprefix("value error, ").partition(", found")[0]
    return Problem(file, line, key, what, shown(error["input"]))


def of_version(file: Path, line: int, found: Any) -> Problem:
    """Word a version that is not known."""
    known = ", ".join(map(str, VERSIONS[:-1])) + f" or {VERSIONS[-1]}"
    return Problem(file, line, "telemetry_version", f"must be {known}", shown(found))


def of_unknown_key(file: Path, line: int, key: str) -> Problem:
    """Word a key that is in no list; told once a log."""
    near = did_you_mean(key, KNOWN)
    return Problem(file, line, key, "unknown key" + (f" ({near})" if near else ""), is_warning=True)


def shown(value: Any) -> str:
    """Show a value as it stands in the log."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 10**18 else "a very large number"
    if isinstance(value, str):
        return f'"{printable(value if len(value) <= MOST_CHARACTERS else value[: MOST_CHARACTERS - 3] + "...")}"'
    return "an object" if isinstance(value, dict) else "a list"


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)
