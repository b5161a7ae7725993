"""A YAML tree checked against a model: all problems with their places, and what can be read in spite of them."""

from __future__ import annotations

import json
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from townlet_core.documents.cuts import Cuts, widen
from townlet_core.documents.nodes import (
    Finding,
    Mapping,
    Node,
    Path,
    Scalar,
    Sequence,
    below,
    key_place,
    node_at,
    place_of,
    walk,
)
from townlet_core.documents.scalars import BROKEN
from townlet_core.schema import explain, record_at

Model = TypeVar("Model", bound=BaseModel)
_ROUNDS = 12  # each leaves out what holds the part that was wrong in the round before


class Reading(NamedTuple, Generic[Model]):
    """What a tree says in terms of a model."""

    record: Model | None  # without the parts that are wrong; None where too much is
    findings: list[Finding]
    cuts: Cuts  # the parts left out or stood in for


def read_record(model: type[Model], root: Node, stand_ins: dict[str, Any]) -> Reading[Model]:
    """Validate a tree, and go on without its wrong parts so that the rest can be checked too.

    Args:
        stand_ins: JSON values used for required keys of the root that are missing or wrong.
    """
    broken = {path for path, node in walk(root) if isinstance(node, Scalar) and node.value is BROKEN}
    whole = Cuts(root, ())
    record, problems = _validate(model, whole.rest())
    if record is not None and not broken:
        return Reading(record, [], whole)
    located = [(_locate(whole, problem), problem) for problem in problems]
    heard = [(path, problem) for path, problem in located if not _is_silent(root, path, problem)]
    findings = list(_without_echoes([_finding(model, root, path, problem) for path, problem in heard]))
    cuts = Cuts(root, broken | {widen(root, path, ()) for path, _ in located})
    for _ in range(_ROUNDS):
        rest = cuts.rest()
        record, problems = _validate(model, stand_ins | rest if isinstance(rest, dict) else rest)
        if record is not None:
            break
        cuts = Cuts(root, cuts.cut | {widen(root, _locate(cuts, problem), cuts.cut) for problem in problems})
    return Reading(record, findings, cuts)


def _validate(model: type[Model], tree: Any) -> tuple[Model | None, list[Any]]:
    try:
        return model.model_validate_json(json.dumps(tree)), []
    except ValidationError as error:
        return None, list(error.errors(include_url=False))


def _locate(cuts: Cuts, problem: Any) -> Path:
    """Turn pydantic's location into a path of the file: tags of unions and '[key]' are not in it."""
    path: Path = ()
    node: Node | None = cuts.root
    for number, step in enumerate(problem["loc"]):
        step = cuts.step(path, step) if isinstance(node, Sequence) else step
        part = below(node, step) if node is not None else None
        missing = problem["type"] == "missing" and number == len(problem["loc"]) - 1
        if part is not None or (missing and isinstance(node, Mapping | Sequence)):
            path, node = (*path, step), part
    return path


def _finding(model: type[BaseModel], root: Node, path: Path, problem: Any) -> Finding:
    record = record_at(model, path[:-1]) if path else model
    fields = record.model_fields.items() if record is not None else ()
    known = tuple(field.alias or name for name, field in fields)
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


def _is_silent(root: Node, path: Path, problem: Any) -> bool:
    """Say whether it only follows from what is found about the value or its parts."""
    if problem["type"] == "too_short" and len(problem["input"]) >= problem["ctx"]["min_length"]:
        return True
    node = node_at(root, path)
    return problem["type"] != "extra_forbidden" and isinstance(node, Scalar) and node.value is BROKEN


def _without_echoes(findings: list[Finding]) -> list[Finding]:
    """Leave out a missing key where an unknown one beside it is its misspelling."""
    guesses = {(found.path[:-1], found.hint) for found in findings if found.clause == "unknown key"}
    return [
        found
        for found in findings
        if found.clause != "is missing" or (found.path[:-1], f"did you mean '{found.path[-1]}'?") not in guesses
    ]
