"""Values given on the command line in place of those in the file: key.path=value."""

from __future__ import annotations

from townlet_core.documents.document import read_document
from townlet_core.documents.nodes import Entry, Finding, Mapping, Node, Path, Place, Scalar, Sequence
from townlet_core.documents.scalars import read_power
from townlet_core.errors import UsageError


def apply_override(root: Node, override: str) -> list[Finding]:
    """Put a value into a tree, making the mappings on the way that are missing.

    Args:
        override: key.path=value; the value is YAML, a list item is named by its number from 0.

    Returns:
        What is wrong with the override itself; what its value breaks is found when the tree is validated.

    Raises:
        UsageError: it is not of that form.
    """
    key, sign, text = override.partition("=")
    path = key.strip().split(".")
    if not sign or not all(path):
        raise UsageError("is not of the form KEY=VALUE", where=f"--set {override}", hint="as in rewards.wage_rate=0.1")
    place = Place(f"--set {override}")
    number = read_power(text.strip())
    if number is not None:  # no YAML parser reads a command line, where 1e-4 can mean nothing else
        clause = _graft(root, path, Scalar(place, number), place)
        return [Finding(place, _read_path(path), *clause)] if clause else []
    value = read_document(text, place.file, lines=False, instead=None)
    if value.root is None or value.findings:
        return [found._replace(path=tuple(path)) for found in value.findings]
    clause = _graft(root, path, value.root, place)
    return [Finding(place, _read_path(path), *clause)] if clause else []


def _graft(root: Node, path: list[str], value: Node, place: Place) -> tuple[str, str | None] | None:
    node = root
    for number, step in enumerate(path):
        last = number == len(path) - 1
        here = ".".join(path[:number]) or "the file"
        if isinstance(node, Sequence):
            if not step.isascii() or not step.isdigit() or int(step[:9]) >= len(node.items):
                return f"{here} has no item {step!r}", _items(node)
            if last:
                node.items[int(step)] = value
            else:
                node = node.items[int(step)]
        elif isinstance(node, Mapping):
            if last:
                node.entries[step] = Entry(place, value)
            else:
                node = node.entries.setdefault(step, Entry(place, Mapping(place))).node
        elif isinstance(node, Scalar):
            return f"{here} is a single value, it has no {step!r}", None
    return None


def _items(node: Sequence) -> str:
    if not node.items:
        return "the list is empty"
    return f"items are numbered 0 to {len(node.items) - 1}" if len(node.items) > 1 else "the one item has the number 0"


def _read_path(path: list[str]) -> Path:
    return tuple(int(step) if step.isascii() and step.isdigit() else step for step in path)
