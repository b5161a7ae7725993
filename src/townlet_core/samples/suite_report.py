"""What a suite tells: the file suite.json in its folder, and the same in memory."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from townlet_core.drafts import complete
from townlet_core.errors import OutputError
from townlet_core.locks import is_held
from townlet_core.samples.jsonfile import read_versioned
from townlet_core.samples.manifest import is_hidden
from townlet_core.samples.putting import sync
from townlet_core.schema import StrictModel

SCHEMA_VERSION: Final = 1
SUITE: Final = "suite.json"
LOCK: Final = ".suite.lock"  # locked by the suite that is at work in the folder
BEGINNING: Final = b'{\n  "schema_version": '  # of every suite.json, of whatever version

Count = Annotated[int, Field(ge=0)]
Status = Literal["waiting", "running", "captured", "kept", "failed", "stopped"]
State = Literal["running", "ended", "interrupted"]
Executor = Literal["local", "ray"]


class SuiteEntry(StrictModel):
    """One capture of a suite. What is known only when it is there is null before."""

    name: str = Field(description="folder of the capture, below that of the suite")
    config: str = Field(description="configuration, as it was named")
    scenario: str | None = Field(None, description="name of the scenario")
    seed: Count | None = Field(description="seed of all randomness")
    status: Status = Field(
        "waiting",
        description="captured, kept from an earlier suite, failed, stopped before it was done, or yet to come",
    )
    agents: tuple[str, ...] | None = Field(None, description="ids of the slots recorded")
    ticks: Count | None = Field(None, description="ticks simulated")
    samples: Count | None = Field(None, description="lives recorded")
    agent_steps: Count | None = Field(None, description="ticks of all of these")
    config_hash: str | None = Field(None, description="sha256 of the resolved configuration")
    seconds: Annotated[float, Field(ge=0)] | None = Field(None, description="time that the last attempt took")
    attempts: Count = Field(0, description="attempts begun")
    failures: tuple[str, ...] = Field((), description="why each attempt that failed did so")
    reason: str | None = Field(
        None,
        description="why it failed, was stopped or is made anew by --resume; or, of one that is kept, what made it "
        "and is not quite what would make it now",
    )
    warnings: tuple[str, ...] = Field((), description="signs that it is not worth learning from")
    notes: tuple[str, ...] = Field((), description="what else is good to know of it")
    manifest: str = Field(description="path of the manifest, below the folder of the suite")
    log: str = Field(description="path of the log of all attempts, below the folder of the suite")


class SuiteReport(StrictModel):
    """The file suite.json: what a suite was to do, and how far it has come."""

    schema_version: Literal[1] = Field(SCHEMA_VERSION, description="version of this file's format")
    tool_version: str | None = Field(description="version of Townlet; none where it runs uninstalled")
    state: State = Field(description="running (or killed), ended, or interrupted")
    executor: Executor = Field(description="where the captures were made")
    jobs: Annotated[int, Field(ge=1)] = Field(description="captures at a time, at most")
    began: str = Field(description="when it began, UTC, ISO 8601")
    seconds: Annotated[float, Field(ge=0)] = Field(description="time since then")
    captures: tuple[SuiteEntry, ...] = Field(description="in the order in which they were named")

    def counts(self) -> dict[Status, int]:
        """Count the captures by what has become of them."""
        return dict(Counter(entry.status for entry in self.captures))

    @property
    def all_well(self) -> bool:
        """Say whether every capture is there."""
        return all(entry.status in ("captured", "kept") for entry in self.captures)


def reports_below(root: Path) -> list[Path]:
    """Give the files of suites in a folder and in those below it; hidden ones are passed over."""
    return [path for path in sorted(root.rglob(SUITE)) if not is_hidden(path, root)]


def is_killed(report: SuiteReport, root: Path) -> bool:
    """Say whether a suite has ended without a word: it says that it runs, and nobody is at work in its folder."""
    return report.state == "running" and not is_held(root / LOCK)


def read_report(path: Path) -> SuiteReport:
    """Read a suite.json.

    Raises:
        SampleError: with the file and the key.
    """
    return read_versioned(SuiteReport, path, SCHEMA_VERSION)


def check_report(root: Path) -> None:
    """Refuse a folder where suite.json is something else; one of ours may be damaged, since it is written anew.

    Raises:
        OutputError: it is.
    """
    path = root / SUITE
    try:
        if path.is_file():
            with path.open("rb") as file:
                beginning = file.read(len(BEGINNING))
            problem = None if BEGINNING.startswith(beginning) else "is there already, and is no report of a suite"
        else:
            problem = "is not a file" if os.path.lexists(path) else None
    except OSError as error:
        problem = f"cannot be read: {(error.strerror or str(error)).lower()}"
    if problem is not None:
        raise OutputError(problem, where=str(path), hint="move it away, or choose another --output-root")


def save_report(report: SuiteReport, root: Path) -> None:
    """Write suite.json, whole or not at all.

    Raises:
        OutputError: it cannot be written; the one before is still there.
    """
    hint = "the captures are what their manifests and logs say; --resume writes it anew"
    try:
        with complete(root / SUITE) as file:
            file.write(report.model_dump_json(indent=2).encode() + b"\n")
        sync(root)
    except OutputError as error:
        raise OutputError(error.problem, where=str(root / SUITE), hint=hint) from error
    except OSError as error:
        problem = f"cannot be synced: {(error.strerror or str(error)).lower()}"
        raise OutputError(problem, where=str(root / SUITE), hint=hint) from error
