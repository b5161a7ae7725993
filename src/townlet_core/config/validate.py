"""A YAML tree checked against a model: all problems with their places, and what can be read in spite of them."""

from __future__ import annotations

import json
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from townlet_core.config.document import Finding, Mapping, Node, Path, Place, Scalar, Sequence, walk
from townlet_core.config.scalars import BROKEN
from townlet_core.schema import explain, record_at

Model = TypeVar("Model", bound=BaseModel)
_ROUNDS = 12


class Reading(NamedTuple, Generic[Model]):
    """What a tree says in terms of a model."""

    record: Model | None  # without the parts that are wrong; None where too much is
    findings: list[Finding]
    wrong: frozenset[Path]  # paths of the parts left out or stood in for
    lost: frozenset[str]  # words in them, which others may refer to

    def concerns(self, path: Path) -> bool:
        """Say whether something wrong lies at a path, above it or below it."""
        return any(path[: len(wrong)] == wrong or wrong[: len(path)] == path for wrong in self.wrong)


def read_record(model: type[Model], root: Node, stand_ins: dict[str, Any]) -> Reading[Model]:
    """Validate a tree, and go on without its wrong parts so that the rest can be checked too.

    Args:
        stand_ins: JSON values used for required keys of the root that are missing or wrong.
    """
    wrong = {path for path, node in walk(root) if isinstance(node, Scalar) and node.value is BROKEN}
    findings: list[Finding] = []
    record: Model | None = None
    for turn in range(_ROUNDS):
        tree = _plain(root, wrong if turn else set(), stand_ins if turn else {})
        try:
            record = model.model_validate_json(json.dumps(tree))
            break
        except ValidationError as error:
            problems = error.errors(include_url=False)
        left_out = wrong if turn else set()
        located = [(_locate(root, problem["loc"], left_out), problem) for problem in problems]
        if not turn:
            findings = [
                _finding(model, root, path, problem) for path, problem in located if not _silent(root, path, problem)
            ]
            findings = _without_echoes(findings)
        before = len(wrong)
        wrong |= {_cut(root, path, left_out) for path, _ in located}
        if len(wrong) == before:
            break
    return Reading(record, findings, frozenset(wrong), frozenset(_words(root, wrong)))


def place_of(root: Node, path: Path) -> Place:
    """Find where a path stands; for a part that is not in the file, where what should hold it stands."""
    place, node = root.place, root
    for step in path:
        below = _below(node, step)
        if below is None:
            return place
        node = below
        place = node.place
    return place


def key_place(root: Node, path: Path) -> Place:
    """Find where the key of a path stands, or its value where it has no key."""
    holder = root
    for step in path[:-1]:
        below = _below(holder, step)
        if below is None:
            return place_of(root, path)
        holder = below
    if path and isinstance(holder, Mapping) and path[-1] in holder.entries:
        return holder.entries[str(path[-1])].place
    return place_of(root, path)


def original(root: Node, path: Path, wrong: frozenset[Path] | set[Path]) -> Path:
    """Translate a path in what was left to a path in the file: list items left out count again."""
    found: Path = ()
    node: Node | None = root
    for step in path:
        if isinstance(node, Sequence) and isinstance(step, int):
            kept = [index for index in range(len(node.items)) if (*found, index) not in wrong]
            step = kept[step] if step < len(kept) else step
        found = (*found, step)
        node = _below(node, step) if node is not None else None
    return found


def _below(node: Node, step: str | int) -> Node | None:
    if isinstance(node, Mapping) and step in node.entries:
        return node.entries[str(step)].node
    if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def _at(root: Node, path: Path) -> Node | None:
    node: Node | None = root
    for step in path:
        node = _below(node, step) if node is not None else None
    return node


def _plain(root: Node, wrong: set[Path], stand_ins: dict[str, Any]) -> Any:
    tree = _part(root, (), wrong)
    return stand_ins | tree if isinstance(tree, dict) else tree


def _part(node: Node, path: Path, wrong: set[Path]) -> Any:
    if isinstance(node, Mapping):
        parts = {key: (entry.node, (*path, key)) for key, entry in node.entries.items()}
        return {key: _part(below, at, wrong) for key, (below, at) in parts.items() if at not in wrong}
    if isinstance(node, Sequence):
        items = [(item, (*path, index)) for index, item in enumerate(node.items)]
        return [_part(below, at, wrong) for below, at in items if at not in wrong]
    return None if node.value is BROKEN else node.value


def _locate(root: Node, loc: Path, wrong: set[Path]) -> Path:
    """Turn pydantic's location into a path of the file: tags of unions and '[key]' are not in it."""
    path: Path = ()
    node: Node | None = root
    for number, step in enumerate(loc):
        at = original(root, (*path, step), wrong) if isinstance(node, Sequence) else (*path, step)
        below = _below(node, at[-1]) if node is not None else None
        if below is not None or (number == len(loc) - 1 and isinstance(node, (Mapping, Sequence)) and step != "[key]"):
            path, node = at, below
    return path


def _finding(model: type[BaseModel], root: Node, path: Path, problem: Any) -> Finding:
    record = record_at(model, path[:-1]) if path else model
    known = tuple(record.model_fields) if record is not None else ()
    clause, hint = explain(problem, known)
    if problem["loc"][-1:] == ("[key]",):
        return Finding(key_place(root, path), path, f"the key {clause}", hint)
    if problem["type"] == "extra_forbidden":
        return Finding(key_place(root, path), path, clause, hint)
    if problem["type"] == "missing" and isinstance(path[-1], int):
        clause = f"must have at least {path[-1] + 1} items, found {path[-1]}"
        return Finding(place_of(root, path), path[:-1], clause)
    if problem["type"] == "missing" and record is not None and path[-1] in record.model_fields:
        hint = record.model_fields[str(path[-1])].description
    return Finding(place_of(root, path), path, clause, hint)


def _silent(root: Node, path: Path, problem: Any) -> bool:
    """Say whether a finding about the value says it all."""
    node = _at(root, path)
    return problem["type"] != "extra_forbidden" and isinstance(node, Scalar) and node.value is BROKEN


def _without_echoes(findings: list[Finding]) -> list[Finding]:
    """Leave out a missing key where an unknown one beside it is its misspelling."""
    guesses = {(found.path[:-1], found.hint) for found in findings if found.clause == "unknown key"}
    return [
        found
        for found in findings
        if found.clause != "is missing" or (found.path[:-1], f"did you mean '{found.path[-1]}'?") not in guesses
    ]


def _cut(root: Node, path: Path, wrong: set[Path]) -> Path:
    """Choose what to leave out for a problem at a path: the part itself, or what holds it if that is not there."""
    while path and (path in wrong or _at(root, path) is None):
        path = path[:-1]
    return path


def _words(root: Node, wrong: set[Path]) -> set[str]:
    words = {str(path[-1]) for path in wrong if path}
    for path in wrong:
        below = [node for _, node in walk(part)] if (part := _at(root, path)) is not None else []
        words |= {node.value for node in below if isinstance(node, Scalar) and isinstance(node.value, str)}
    return words
