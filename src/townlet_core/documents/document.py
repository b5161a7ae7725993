"""YAML as a tree that remembers where each key and value stands, with the traps of YAML 1.1 refused."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import yaml

from townlet_core.documents.nodes import Entry, Finding, Mapping, Node, Place, Scalar, Sequence
from townlet_core.documents.scalars import BROKEN, Broken, Value, read_plain
from townlet_core.documents.syntax import explain_syntax

MAX_DEPTH = 20
MAX_NODES = 500_000
_MERGE = "tag:yaml.org,2002:merge"
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Document(NamedTuple):
    """What a YAML text says, as far as it can be read; root is None where it is no YAML at all."""

    root: Node | None
    findings: list[Finding]


class _Stop(Exception):
    """Nothing that follows can be read."""


def read_document(
    text: str, file: str, *, lines: bool = True, instead: str | None = "start from the scenario '_template'"
) -> Document:
    """Read a YAML text with the places of all its parts.

    Args:
        file: name of the text in places.
        lines: false where the text is an option's, which has no lines.
        instead: the hint where the text is empty.
    """
    composer = _Composer(file, lines=lines, instead=instead)
    try:
        return Document(composer.document(text), composer.findings)
    except _Stop:
        return Document(None, composer.findings)


class _Composer:
    """Builds the tree from the parser's events, so that depth and size are bounded while reading."""

    def __init__(self, file: str, *, lines: bool, instead: str | None) -> None:
        self.file = file
        self.lines = lines
        self.instead = instead
        self.findings: list[Finding] = []
        self.anchors: dict[str, Node | None] = {}
        self.path: list[str | int] = []
        self.nodes = 0

    def place(self, mark: Any) -> Place:
        return Place(self.file, mark.line + 1, mark.column + 1) if self.lines else Place(self.file)

    def find(self, place: Place, clause: str, hint: str | None = None) -> None:
        self.findings.append(Finding(place, tuple(self.path), clause, hint))

    def stop(self, place: Place, clause: str, hint: str | None = None) -> _Stop:
        self.path.clear()
        self.find(place, clause, hint)
        return _Stop()

    def document(self, text: str) -> Node:
        if wrong := _UNPRINTABLE.search(text):
            line = text.count("\n", 0, wrong.start())
            column = wrong.start() - (text.rfind("\n", 0, wrong.start()) + 1)
            place = Place(self.file, line + 1, column + 1) if self.lines else Place(self.file)
            raise self.stop(place, f"unprintable character U+{ord(wrong.group()):04X}", "remove it")
        try:
            self.loader = _Loader(text)
            return self.root()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise self.stop(self.place(mark) if mark else Place(self.file), *explain_syntax(error, text)) from error
        except yaml.YAMLError as error:
            raise self.stop(Place(self.file), f"is not YAML: {error}".splitlines()[0]) from error

    def root(self) -> Node:
        self.loader.get_event()
        if isinstance(self.loader.peek_event(), yaml.StreamEndEvent):
            raise self.stop(Place(self.file), "is empty", self.instead)
        self.loader.get_event()
        root = self.node()
        self.loader.get_event()
        following = self.loader.get_event()
        if isinstance(following, yaml.DocumentStartEvent):
            self.path.clear()
            self.find(self.place(following.start_mark), "a second document begins", "keep one document in a file")
        return root

    def node(self) -> Node:
        event = self.loader.get_event()
        place = self.place(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            node = self.alias(str(event.anchor), place)
            self.count(node.size, place)
            return node
        self.count(1, place)
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.find(place, f"the tag {tag} is not allowed", "leave it out; put text in quotes")
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        node = self.body(event, place)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def body(self, event: Any, place: Place) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(place, self.scalar(event, place))
        if len(self.path) >= MAX_DEPTH:
            raise self.stop(place, f"nested more than {MAX_DEPTH} deep")
        before = self.nodes
        node = self.sequence(place) if isinstance(event, yaml.SequenceStartEvent) else self.mapping(place)
        node.size += self.nodes - before
        return node

    def count(self, size: int, place: Place) -> None:
        self.nodes += size
        if self.nodes > MAX_NODES:
            raise self.stop(place, f"holds more than {MAX_NODES:,} values, aliases written out")

    def alias(self, anchor: str, place: Place) -> Node:
        if anchor not in self.anchors:
            self.find(place, f"unknown alias *{anchor}", f"define it before, with &{anchor}")
            return Scalar(place, BROKEN)
        node = self.anchors[anchor]
        if node is None:
            self.find(place, f"the alias *{anchor} stands inside what it means")
            return Scalar(place, BROKEN)
        return node

    def scalar(self, event: Any, place: Place) -> Value | Broken:
        if event.tag is not None:
            return BROKEN
        if not event.implicit[0]:
            return str(event.value)
        value, trap = read_plain(event.value, self.tag(event))
        if trap is not None:
            self.find(place, *trap)
        return value

    def tag(self, event: Any) -> str:
        return str(self.loader.resolve(yaml.ScalarNode, event.value, (True, False)))

    def sequence(self, place: Place) -> Sequence:
        node = Sequence(place)
        while not isinstance(self.loader.peek_event(), yaml.SequenceEndEvent):
            self.path.append(len(node.items))
            node.items.append(self.node())
            self.path.pop()
        self.loader.get_event()
        return node

    def mapping(self, place: Place) -> Mapping:
        node, merged = Mapping(place), []
        while not isinstance(self.loader.peek_event(), yaml.MappingEndEvent):
            event = self.loader.peek_event()
            if isinstance(event, yaml.ScalarEvent) and event.implicit[0] and self.tag(event) == _MERGE:
                self.loader.get_event()
                self.path.append("<<")
                merged.append(self.node())
                self.path.pop()
            else:
                self.entry(node)
        self.loader.get_event()
        self.path.append("<<")
        for source in merged:
            self.merge(node, source)
        self.path.pop()
        return node

    def entry(self, node: Mapping) -> None:
        place = self.place(self.loader.peek_event().start_mark)
        before = len(self.findings)
        key = self.node()
        name = key.value if isinstance(key, Scalar) else key
        if len(self.findings) == before and not isinstance(name, str):
            self.find(place, "a key must be text", "write it in quotes" if isinstance(key, Scalar) else None)
        self.path.append(name if isinstance(name, str) else "?")
        earlier = node.entries.get(name) if isinstance(name, str) else None
        if earlier is not None:
            self.find(place, f"duplicate key, first on line {earlier.place.line}", "keep one of them")
        value = self.node()
        self.path.pop()
        if isinstance(name, str) and earlier is None:
            node.entries[name] = Entry(place, value)

    def merge(self, node: Mapping, source: Node) -> None:
        parts = source.items if isinstance(source, Sequence) else [source]
        for part in parts:
            if isinstance(part, Mapping):
                for key, entry in part.entries.items():
                    node.entries.setdefault(key, entry)
            elif not (isinstance(part, Scalar) and part.value is BROKEN):
                self.find(part.place, "'<<' takes a mapping, or a list of them", "write '<<: *name'")
