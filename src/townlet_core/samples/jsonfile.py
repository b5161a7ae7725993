"""JSON files of a capture: read with a bound and without mercy, written with the same bytes every time."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, ValidationError

from townlet_core.errors import SampleError
from townlet_core.schema import explain, record_at

MAX_BYTES = 256 * 2**20  # the seal of a hundred thousand lives is about 200 MB

Model = TypeVar("Model", bound=BaseModel)


def text_like(pattern: str, meaning: str) -> AfterValidator:
    """Make a check of text: it must match a pattern whole. The meaning is told where it does not."""
    wanted = re.compile(pattern)

    def check(text: str) -> str:
        if not wanted.fullmatch(text):
            raise ValueError(f"must be {meaning}, found {text!r}")
        return text

    return AfterValidator(check)


def json_bytes(model: BaseModel) -> bytes:
    """Give the file that a model is written as: keys in the order of the fields, indented by two."""
    return model.model_dump_json(indent=2).encode() + b"\n"


def is_there(path: Path) -> bool:
    """Say whether something has a name.

    Raises:
        SampleError: nobody can know, as a folder above cannot be read.
    """
    try:
        return path.exists()
    except OSError as error:
        raise SampleError(f"cannot be read: {(error.strerror or str(error)).lower()}", where=str(path)) from error


def read_json(path: Path, *, max_bytes: int = MAX_BYTES) -> tuple[str, Any]:
    """Read a JSON file whole, check all that needs no model, and give its text and what it says.

    Raises:
        SampleError: missing, not a file, too large, not UTF-8, not JSON, a key twice in one object, NaN or infinity.
    """
    try:
        if path.exists() and not path.is_file():
            raise SampleError("is not a file", where=str(path))  # a pipe may never be written to
        with path.open("rb") as file:
            data = file.read(min(os.fstat(file.fileno()).st_size, max_bytes) + 1)
    except OSError as error:
        raise SampleError(f"cannot be read: {(error.strerror or str(error)).lower()}", where=str(path)) from error
    if len(data) > max_bytes:
        raise SampleError(f"larger than the limit of {max_bytes} bytes", where=str(path))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SampleError(f"not UTF-8: byte {error.start} is {data[error.start]:#04x}", where=str(path)) from error
    return text, _parse(text, path)


def _parse(text: str, path: Path) -> Any:
    """Parse JSON, refusing what Python's own parser lets pass; path is for the error alone."""
    if text.startswith("\ufeff"):
        raise SampleError("begins with a byte order mark, which JSON has not", where=str(path))
    try:
        return json.loads(text, object_pairs_hook=_without_twins, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"{path}:{error.lineno}:{error.colno}"
        raise SampleError(f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}", where=where) from error
    except RecursionError as error:
        raise SampleError("nested too deeply", where=str(path)) from error
    except ValueError as error:
        problem = "holds a number of too many digits" if "int_max_str_digits" in str(error) else str(error)
        raise SampleError(problem, where=str(path)) from error


def parse_model(model: type[Model], text: str, path: Path) -> Model:
    """Make a model of checked JSON text; an error names the file and the key."""
    with _naming(model, path):
        return model.model_validate_json(text)


def check_model(model: type[Model], parsed: object, path: Path) -> Model:
    """Make a model of what JSON text says, for forms that have to be turned round first."""
    with _naming(model, path):
        return model.model_validate(parsed)


@contextmanager
def _naming(model: type[BaseModel], path: Path) -> Iterator[None]:
    """Turn what pydantic finds into an error that names the file, the first wrong key and the number of others."""
    try:
        yield
    except ValidationError as error:
        first, *others = error.errors(include_url=False)
        key = tuple(part for part in first["loc"])
        record = record_at(model, key[:-1])
        clause, hint = explain(first, tuple(record.model_fields) if record else ())
        more = f" (and {len(others)} more)" if others else ""
        where = ".".join(str(part) for part in key)
        problem = clause.removeprefix("value error, ") + more
        raise SampleError(problem, where=f"{path}: {where}" if where else str(path), hint=hint) from error


def read_versioned(model: type[Model], path: Path, version: int) -> Model:
    """Read a JSON file that tells its schema version at its top, as a model.

    Raises:
        SampleError: with the file and the key.
    """
    text, parsed = read_json(path)
    if isinstance(parsed, dict):
        check_version(parsed.get("schema_version"), version, path)
    return parse_model(model, text, path)


def check_version(found: Any, known: int, path: Path) -> None:
    """Refuse a schema version that this program does not know, by name."""
    if type(found) is not int or found != known:
        raise SampleError(
            f"schema version {json.dumps(found)} is not known; this program reads version {known}",
            where=f"{path}: schema_version",
            hint="it was written by another version of Townlet; read it with that one or capture again",
        )


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its pairs; a key that comes twice is an error and not a question of which one wins."""
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise ValueError(f"the key {json.dumps(key)} comes twice in one object")
        made[key] = value
    return made


def _refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities, which are not JSON."""
    raise ValueError(f"{name} is not a JSON number")
