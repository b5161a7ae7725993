"""The tree that a YAML text is read into: values, lists and mappings, each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from townlet_core.documents.scalars import Broken, Value

Path = tuple[str | int, ...]


class Place(NamedTuple):
    """Where something stands."""

    file: str
    line: int = 0  # from 1; 0 where there are no lines, as in an option
    column: int = 0  # from 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Finding(NamedTuple):
    """A problem of a file: where it stands, at which key, what it is, and what to do."""

    place: Place
    path: Path
    clause: str
    hint: str | None = None


@dataclass(slots=True)
class Scalar:
    """A single value; BROKEN where a finding says already what is wrong with it."""

    place: Place
    value: Value | Broken
    size: int = 1


@dataclass(slots=True)
class Sequence:
    """A list."""

    place: Place
    items: list[Node] = field(default_factory=list)
    size: int = 1


class Entry(NamedTuple):
    """A key of a mapping, where it stands, and its value."""

    place: Place
    node: Node


@dataclass(slots=True)
class Mapping:
    """A mapping from text to values."""

    place: Place
    entries: dict[str, Entry] = field(default_factory=dict)
    size: int = 1


Node = Scalar | Sequence | Mapping


def dotted(path: Path) -> str:
    """Write a path as users do in --set."""
    return ".".join(map(str, path))


def walk(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Yield each node below and with a node, with its path."""
    yield path, node
    if isinstance(node, Mapping):
        for key, entry in node.entries.items():
            yield from walk(entry.node, (*path, key))
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from walk(item, (*path, index))


def below(node: Node, step: str | int) -> Node | None:
    """Step from a node to one of its parts, if it has it."""
    if isinstance(node, Mapping) and step in node.entries:
        return node.entries[str(step)].node
    if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def node_at(root: Node, path: Path) -> Node | None:
    """Follow a path, if it leads anywhere."""
    node: Node | None = root
    for step in path:
        node = below(node, step) if node is not None else None
    return node


def place_of(root: Node, path: Path) -> Place:
    """Find where a path stands; for a part that is not in the file, where what should hold it stands."""
    place, node = root.place, root
    for step in path:
        part = below(node, step)
        if part is None:
            return place
        node = part
        place = node.place
    return place


def key_place(root: Node, path: Path) -> Place:
    """Find where the key of a path stands, or its value where it has no key."""
    holder = root
    for step in path[:-1]:
        part = below(holder, step)
        if part is None:
            return place_of(root, path)
        holder = part
    if path and isinstance(holder, Mapping) and path[-1] in holder.entries:
        return holder.entries[str(path[-1])].place
    return place_of(root, path)
