"""A policy kept in a folder: its weights, and what town it is made for. Read without pickle and without torch."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, JsonValue, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load

from townlet_core.config.ppo import Network
from townlet_core.errors import InputError
from townlet_core.schema import StrictModel, explain, record_at
from townlet_core.world.town import CompiledTown

SCHEMA_VERSION: Final = 1
POLICY_JSON, WEIGHTS = "policy.json", "policy.safetensors"
BEST = "best"  # a link in a folder of checkpoints
CHECKPOINT = re.compile(r"epoch_(\d{6,})")
MAX_JSON_BYTES = 64 * 2**20
MAX_WEIGHTS_BYTES = 4 * 2**30

Count = Annotated[int, Field(ge=0)]
Arrays = Mapping[str, NDArray[Any]]
Model = TypeVar("Model", bound=StrictModel)


class SavedPolicy(StrictModel):
    """The file policy.json."""

    schema_version: Literal[1] = Field(SCHEMA_VERSION, description="version of this file's format")
    tool_version: str | None = Field(description="version of Townlet; none where it runs uninstalled")
    run_id: str = Field(description="run that trained it")
    epoch: Count = Field(description="epochs that it had learned for")
    steps: Count = Field(description="transitions that it had learned from")
    scenario_name: str = Field(description="scenario that it was trained in")
    config: dict[str, JsonValue] | None = Field(
        description="the scenario with all defaults; none where it was trained from the predecessor's captures alone"
    )
    config_hash: str | None = Field(description="sha256 of that")
    map_shape: tuple[Count, Count, Count] = Field(description="channels, height and width of the map")
    map_channels: tuple[str, ...] = Field(description="what the channels show, in order")
    feature_names: tuple[str, ...] = Field(description="what the features are, in order")
    action_names: tuple[str, ...] = Field(description="what the actions are, in the order of their ids")
    network: Network = Field(description="the network")
    weights_sha256: str = Field(description="hash of the bytes of policy.safetensors")

    @property
    def name(self) -> str:
        """What the policy is called in captures."""
        return f"{self.scenario_name}-{self.run_id}-{self.epoch}"


def find_checkpoint(place: Path) -> Path:
    """Find the checkpoint that a path means: the folder of one, or the newest in a folder of them.

    Raises:
        InputError: there is none.
    """
    if place.name == BEST:
        place = _behind(place) or place
    if (place / POLICY_JSON).is_file():
        return place
    found = checkpoints_in(place)
    if not found:
        problem = "holds no checkpoint" if place.is_dir() else "no such folder"
        raise InputError(problem, where=str(place), hint="name a folder that 'townlet train ppo --checkpoint-dir' made")
    return found[-1]


def checkpoints_in(folder: Path) -> list[Path]:
    """List the checkpoints in a folder, the newest last."""
    if not folder.is_dir():
        return []
    numbered = ((CHECKPOINT.fullmatch(path.name), path) for path in folder.iterdir())
    found = [(int(match[1]), path) for match, path in numbered if match and (path / POLICY_JSON).is_file()]
    return [path for _, path in sorted(found)]


def best_in(folder: Path) -> Path | None:
    """Find the checkpoint in a folder whose policy earned most when it was evaluated."""
    place = _behind(folder / BEST)
    return place if place is not None and (place / POLICY_JSON).is_file() else None


def _behind(link: Path) -> Path | None:
    """Give what a link leads to; None where it is no link."""
    return link.parent / link.readlink() if link.is_symlink() else None


def read_policy(place: Path) -> tuple[SavedPolicy, Arrays]:
    """Read a policy and its weights.

    Raises:
        InputError: missing, damaged, altered or of an unknown version; names the file.
    """
    folder = find_checkpoint(place)
    saved = read_model(SavedPolicy, folder / POLICY_JSON, SCHEMA_VERSION)
    return saved, read_tensors(folder / WEIGHTS, saved.weights_sha256)


def read_model(model: type[Model], path: Path, version: int) -> Model:
    """Read a JSON file of a checkpoint.

    Raises:
        InputError: with the file and the key.
    """
    data = read_bytes(path, MAX_JSON_BYTES)
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["loc"] == ("schema_version",):
            problem = f"is of version {first['input']}; this Townlet reads {version}"
            raise InputError(problem, where=f"{path}: schema_version") from error
        record = record_at(model, first["loc"][:-1])
        clause, hint = explain(first, tuple(record.model_fields) if record else ())
        key = ".".join(map(str, first["loc"]))
        raise InputError(clause, where=f"{path}: {key}" if key else str(path), hint=hint) from error


def read_tensors(path: Path, sha256: str) -> Arrays:
    """Read a file of tensors that must have this hash.

    Raises:
        InputError: missing, altered or no such file.
    """
    data = read_bytes(path, MAX_WEIGHTS_BYTES)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise InputError("has been altered or damaged: its hash is not the one noted beside it", where=str(path))
    try:
        arrays: Arrays = load(data)
    except SafetensorError as error:
        raise InputError(f"not a file of tensors: {error}", where=str(path)) from error
    except KeyError as error:
        raise InputError(f"holds tensors of type {error.args[0]}, which no policy has", where=str(path)) from error
    return arrays


def read_bytes(path: Path, most: int) -> bytes:
    """Read a file of bounded size.

    Raises:
        InputError: missing, not a file, unreadable or larger.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError("is not a file", where=str(path))  # a pipe may never be written to
        with path.open("rb") as file:
            data = file.read(min(os.fstat(file.fileno()).st_size, most) + 1)  # Python sets all of that aside
    except OSError as error:
        raise InputError(f"cannot be read: {(error.strerror or str(error)).lower()}", where=str(path)) from error
    if len(data) > most:
        raise InputError(f"larger than the limit of {most} bytes", where=str(path))
    return data


def policy_sha256(weights: Arrays) -> str:
    """Hash weights: names, types, shapes and contents, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name])
        digest.update(f"{name} {array.dtype.str} {','.join(map(str, array.shape))}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


def check_fits(saved: SavedPolicy, town: CompiledTown, place: Path) -> None:
    """Refuse a policy that sees or does other things than the agents of a town.

    Raises:
        InputError: with the first difference by name.
    """
    pairs = (
        ("action", saved.action_names, town.actions.names),
        ("feature", saved.feature_names, town.features),
        ("map channel", saved.map_channels, town.channels),
    )
    for what, own, others in pairs:
        difference = first_difference(what, own, others)
        if difference is not None:
            raise InputError(
                f"does not fit the town {town.config.scenario.name}: {difference}",
                where=str(place),
                hint=f"it was trained in {saved.scenario_name}",
            )
    if saved.map_shape != town.map_shape:
        problem = f"sees a map of {saved.map_shape}; in the town {town.config.scenario.name} it is {town.map_shape}"
        raise InputError(problem, where=str(place))


def first_difference(what: str, own: Sequence[str], others: Sequence[str], whose: str = "policy") -> str | None:
    """Word the first difference between somebody's list of names and the town's; None where there is none."""
    for number in range(max(len(own), len(others))):
        mine = f"'{own[number]}'" if number < len(own) else "missing"
        theirs = f"'{others[number]}'" if number < len(others) else "missing"
        if mine != theirs:
            return f"{what} {number} is {mine} in the {whose} and {theirs} in the town"
    return None
