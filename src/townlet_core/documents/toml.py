"""TOML as the same tree as YAML; where the parser forgets the place of a key, its line is looked for."""

from __future__ import annotations

import math
import re
import tomllib
from typing import Any

from townlet_core.documents.document import MAX_DEPTH, Document
from townlet_core.documents.nodes import Entry, Finding, Mapping, Node, Path, Place, Scalar, Sequence
from townlet_core.documents.scalars import BROKEN

_AT = re.compile(r"(?P<what>.*?) \(at (line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL)
_HEADER = re.compile(r"(?P<indent>\s*)\[\[?\s*(?P<name>[A-Za-z0-9_.-]+)\s*\]\]?\s*(#.*)?")
_KEY = re.compile(r"(?P<indent>\s*)\"?(?P<name>[A-Za-z0-9_-]+)\"?\s*=")


def read_toml(text: str, file: str) -> Document:
    """Read a TOML text with the places of its parts, as far as their lines can be told."""
    try:
        values = tomllib.loads(text.removeprefix("\N{BYTE ORDER MARK}"))
    except tomllib.TOMLDecodeError as error:
        found = _AT.fullmatch(str(error))
        what = found["what"] if found else str(error)
        last = text.count("\n") + 1
        place = Place(file, int(found["line"] or last), int(found["column"] or 1)) if found else Place(file)
        return Document(None, [Finding(place, (), f"broken TOML: {what[:1].lower()}{what[1:]}")])
    except RecursionError:
        return Document(None, [Finding(Place(file), (), "broken TOML: nested too deeply")])
    except ValueError:  # a whole number of thousands of digits
        return Document(None, [Finding(Place(file), (), "broken TOML: it holds a number of too many digits")])
    tree = _Tree(file, _places(text, file))
    return Document(tree.node(values, ()), tree.findings)


class _Tree:
    """Turns values into nodes, and finds what has no place in a configuration."""

    def __init__(self, file: str, places: dict[Path, Place]) -> None:
        self.file, self.places = file, places
        self.findings: list[Finding] = []

    def node(self, value: Any, path: Path) -> Node:
        place = self.place(path)
        if len(path) > MAX_DEPTH:
            self.findings.append(Finding(place, path[:1], f"nested more than {MAX_DEPTH} deep"))
            return Scalar(place, BROKEN)
        if isinstance(value, dict):
            entries = {
                key: Entry(self.place((*path, key)), self.node(each, (*path, key))) for key, each in value.items()
            }
            return Mapping(place, entries)
        if isinstance(value, list):
            return Sequence(place, [self.node(each, (*path, number)) for number, each in enumerate(value)])
        if isinstance(value, float) and not math.isfinite(value):
            self.findings.append(Finding(place, path, f"'{value}' is not a finite number", "write a number"))
            return Scalar(place, BROKEN)
        if not isinstance(value, str | int | float | bool):
            self.findings.append(Finding(place, path, f"'{value}' is a date in TOML", "write text in quotes"))
            return Scalar(place, BROKEN)
        return Scalar(place, value)

    def place(self, path: Path) -> Place:
        """Give the place of a path, or of the nearest thing above it that has one."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(self.file))


def _places(text: str, file: str) -> dict[Path, Place]:
    """Look for the lines of headers and keys: for none where text of several lines may hide what looks like one."""
    places: dict[Path, Place] = {}
    if '"""' in text or "'''" in text:
        return places
    counts: dict[str, int] = {}
    holder: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            holder = _holder(header["name"], counts, is_list="[[" in line)
            places[holder] = Place(file, number, len(header["indent"]) + 1)
        elif key := _KEY.match(line):
            places.setdefault((*holder, key["name"]), Place(file, number, len(key["indent"]) + 1))
    return places


def _holder(name: str, counts: dict[str, int], *, is_list: bool) -> Path:
    if not is_list:
        return tuple(name.split("."))
    counts[name] = counts.get(name, -1) + 1
    return (*name.split("."), counts[name])
