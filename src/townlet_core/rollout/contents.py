"""What is in a capture, counted from its files without reading what agents saw: any capture, old or new."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field

from townlet_core.errors import SampleError, UsageError, did_you_mean
from townlet_core.rollout.health import HealthWarning
from townlet_core.rollout.tally import ArrayContents, SampleContents, Tally
from townlet_core.samples.manifest import (
    MANIFEST,
    CapturedFiles,
    Entry,
    Manifest,
    Metadata,
    PlainManifest,
    PlainMetadata,
    files_of,
    find_manifest,
    locate,
    read_manifest,
)
from townlet_core.samples.provenance import printable
from townlet_core.samples.sample import ARRAYS, PolicyNote, read_arrays, read_meta
from townlet_core.samples.seal import Seal, read_seal
from townlet_core.samples.ticks import READ, TickRow, tick_rows
from townlet_core.schema import StrictModel

MOST_NAMED, MOST_KNOWN = 5, 20

Form = Literal["townlet", "predecessor", "predecessor, older"]


class CaptureContents(StrictModel):
    """What is in a capture, printed by --json."""

    manifest: str = Field(description="path of the manifest")
    form: Form = Field(description="who wrote it: Townlet, or its predecessor in one of two forms")
    scenario: str | None = Field(description="name of the scenario")
    description: str | None = Field(description="what happens in it")
    config_path: str | None = Field(description="configuration file, as it was named")
    config_hash: str | None = Field(description="sha256 of the resolved configuration")
    policy: PolicyNote | None = Field(description="who acted")
    policy_hash: str | None = Field(description="sha256 of the policy's parameters")
    seed: int | None = Field(description="seed of all randomness")
    ticks: int | None = Field(description="ticks simulated")
    worlds: int | None = Field(description="worlds simulated")
    captured: str | None = Field(description="when it was made")
    tool_version: str | None = Field(description="version of Townlet that made it")
    commit: str | None = Field(description="commit of Townlet that made it")
    seal: str | None = Field(description="name of the seal, which is not checked here; none where there is none")
    lacks: tuple[str, ...] = Field(description="what captures of this Townlet have and this one has not")
    bytes: int = Field(description="size of all files")
    agent_steps: int = Field(description="ticks of all lives")
    samples: tuple[SampleContents, ...] = Field(description="a life each, in the order of the manifest")
    arrays: tuple[ArrayContents, ...] = Field(description="the arrays of samples")
    actions: dict[str, int] = Field(description="how often each action was chosen, where it was")
    reward_terms: dict[str, float] = Field(description="sum of each term of the reward over all lives")
    events: dict[str, int] = Field(description="how often each event happened, where it did")
    warnings: tuple[HealthWarning, ...] = Field(description="signs that it is not worth learning from")
    notes: tuple[str, ...] = Field(description="what else is good to know")


class Capture(NamedTuple):
    """A manifest that was read, and its seal if it has one."""

    files: CapturedFiles
    manifest: PlainManifest
    seal: Seal | None


def open_capture(place: Path) -> Capture:
    """Read the manifest of a capture, and its seal.

    Args:
        place: folder of the one capture in it, or a manifest.

    Raises:
        SampleError: there is no capture, or its manifest or seal cannot be read.
    """
    path = place if place.is_file() else _find(place)
    own = files_of(path)
    return Capture(own, read_manifest(path), read_seal(own.seal) if own.seal.is_file() else None)


def _find(folder: Path) -> Path:
    """Find the manifest in a folder; where the captures are in folders below, say so."""
    try:
        return find_manifest(folder)
    except SampleError as error:
        below = sorted({path.parent.name for path in folder.glob(f"*/*{MANIFEST}")})
        if not below:
            raise
        more = f" and {len(below) - MOST_NAMED} more" if len(below) > MOST_NAMED else ""
        hint = f"name one of the folders below that hold captures: {', '.join(below[:MOST_NAMED])}{more}"
        raise SampleError(error.problem, where=error.where, hint=hint) from error


def read_contents(place: Path) -> CaptureContents:
    """Read what is in a capture. Its seal is not checked: see seal.verify.

    Args:
        place: folder of the one capture in it, or a manifest.

    Raises:
        SampleError: there is no capture, or one of its files is missing or damaged.
    """
    capture = open_capture(place)
    about = capture.manifest.metadata or PlainMetadata()
    tally = Tally()
    for entry in capture.manifest.samples:
        meta = read_meta(locate(capture.files.manifest, entry.meta))
        tally.add(entry.sample, locate(capture.files.manifest, entry.sample), meta)
    ours = about if isinstance(about, Metadata) else None
    policy = ours.policy if ours else None
    warnings, habits = tally.warnings(policy)
    return CaptureContents(
        manifest=printable(capture.files.manifest),
        form=_form(capture.manifest),
        scenario=about.scenario_name,
        description=about.scenario_description,
        config_path=about.config_path,
        config_hash=ours.config_hash if ours else None,
        policy=policy,
        policy_hash=about.policy_hash,
        seed=about.seed,
        ticks=about.ticks,
        worlds=ours.worlds if ours else None,
        captured=about.capture_timestamp,
        tool_version=ours.tool_version if ours else None,
        commit=capture.seal.commit if capture.seal else None,
        seal=capture.files.seal.name if capture.seal else None,
        lacks=tuple(_lacks(capture)),
        bytes=_size(capture),
        agent_steps=sum(sample.ticks for sample in tally.samples),
        samples=tuple(tally.samples),
        arrays=tuple(tally.arrays()),
        actions=dict(tally.actions.most_common()),
        reward_terms=tally.terms,
        events=dict(+tally.events),
        warnings=warnings,
        notes=habits,
    )


def read_ticks(place: Path, agent: str, ticks: range, world: int | None = None) -> Iterator[TickRow]:
    """Read what an agent did in some ticks: the one life of that id, or all of the slot.

    Args:
        place: folder of the one capture in it, or a manifest.
        world: of several, this one; the first that has the agent, if left out.

    Raises:
        SampleError: there is no capture, or one of the files is missing or damaged.
        UsageError: there is no such agent, or none in that world.
    """
    capture = open_capture(place)
    manifest = capture.files.manifest
    named = [
        (entry, entry.agent_id or read_meta(locate(manifest, entry.meta)).agent_id)
        for entry in capture.manifest.samples
    ]
    entries = [entry for entry, name in named if name == agent or name.startswith(f"{agent}.")]
    if not entries:
        raise _unknown(agent, tuple(dict.fromkeys(name for _, name in named)))
    worlds = [entry.world if isinstance(entry, Entry) else 0 for entry in entries]
    wanted = worlds[0] if world is None else world
    if wanted not in worlds:
        known = f"worlds {min(worlds)} to {max(worlds)}" if len(set(worlds)) > 1 else f"world {worlds[0]}"
        raise UsageError(f"{agent} was not recorded in world {wanted}, but in {known}", where="--world")
    for entry, number in zip(entries, worlds, strict=True):
        if number == wanted:
            meta = read_meta(locate(manifest, entry.meta))
            yield from tick_rows(meta, read_arrays(locate(manifest, entry.sample), meta, READ), ticks)


def _unknown(agent: str, known: tuple[str, ...]) -> UsageError:
    """Say who was recorded, where somebody else was asked for."""
    names = ", ".join(known[:MOST_KNOWN]) + (", ..." if len(known) > MOST_KNOWN else "")
    hint = did_you_mean(agent, known)
    return UsageError(f"no agent '{agent}' in this capture; known are {names}", where="--agent", hint=hint)


def _form(manifest: PlainManifest) -> Form:
    if isinstance(manifest, Manifest):
        return "townlet"
    return "predecessor" if manifest.metadata else "predecessor, older"


def _lacks(capture: Capture) -> Iterator[str]:
    """Name what a capture does not say and those of this Townlet do."""
    ours = isinstance(capture.manifest, Manifest)
    if capture.manifest.metadata is None:
        yield "where it comes from: its scenario, its seed and when it was made"
    if not ours:
        yield "who acted, and in which configuration to the letter"
    if capture.seal is None:
        yield "a seal: whether a file was altered cannot be told, and the town cannot be played again"
    if not ours:
        yield f"the arrays {', '.join(name for name, spec in ARRAYS.items() if not spec.predecessor)}"
        yield "whether a life ended or the recording did"


def _size(capture: Capture) -> int:
    """Add up the sizes of all files."""
    own = capture.files
    parts = [name for entry in capture.manifest.samples for name in (entry.sample, entry.meta)]
    paths = [own.manifest, own.metrics, own.seal, *(own.manifest.with_name(name) for name in parts)]
    return sum(path.stat().st_size for path in paths if path.is_file())
