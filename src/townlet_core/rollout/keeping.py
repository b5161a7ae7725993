"""Whether a capture that is there already is the one that would be made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from townlet_core.config.load import config_hash
from townlet_core.errors import SampleError
from townlet_core.rollout.capture import Planned
from townlet_core.rollout.recording import Recording
from townlet_core.samples.manifest import MANIFEST, SEAL, Manifest, files_of, find_manifest, read_manifest
from townlet_core.samples.provenance import git_commit, version_of, versions
from townlet_core.samples.seal import Seal, read_seal, verify

SHOWN = 12  # digits of a hash


@dataclass(frozen=True)
class Kept:
    """A capture that can stay."""

    manifest: Manifest
    seal: Seal
    agents: tuple[str, ...]  # ids of the slots that would be recorded
    otherwise: str | None  # what of the program that made it is not as now, and is no reason to make it anew


def find_kept(planned: Planned) -> Kept | str | None:
    """Look for the capture in its folder: give it, or why it cannot stay; None where there is none.

    It stays if it is whole, if its contents have the hashes of its seal, and if what they were asked for is the same:
    configuration, seed, worlds, ticks, agents, policy and version of Townlet. The commit and the versions of Python and
    its libraries are told where they are others, and whether its files are compressed makes no difference.
    """
    request, recording = planned.request, planned.recording
    if not any(request.output.glob(f"*{MANIFEST}")):
        return "its manifest is missing" if any(request.output.glob(f"*{SEAL}")) else None
    try:
        place = find_manifest(request.output)
        if place.name != request.prefix + MANIFEST:
            return f"its files begin with {place.name.removesuffix(MANIFEST)}"
        manifest, seal = read_manifest(place), read_seal(files_of(place).seal)
        if not isinstance(manifest, Manifest):
            return "it is not a capture of Townlet's own"
        for difference in _differences(seal, recording):
            return difference
        agents = recording.names()
        if _recorded(manifest) != set(agents) - _never_there(manifest, recording):
            return "its agents are others"
        for flaw in verify(place):
            return f"{_below(request.output, flaw.where)}: {flaw.problem}"
    except SampleError as error:
        return f"{_below(request.output, error.where)}: {error.problem}"
    return Kept(manifest, seal, agents, _otherwise(seal))


def _differences(seal: Seal, recording: Recording) -> Iterator[str]:
    """Name what the capture was made from that is another now."""
    policy = recording.policy_note
    pairs: list[tuple[str, object, object]] = [
        ("configuration", seal.config_hash[:SHOWN], config_hash(recording.town.config)[:SHOWN]),
        ("seed", seal.seed, recording.seed),
        ("number of worlds", seal.worlds, recording.worlds),
        ("number of ticks", seal.ticks, recording.ticks),
        ("policy", seal.policy.name, policy.name),
        ("policy", _short(seal.policy_hash), _short(recording.policy_hash)),
        ("version of Townlet", seal.versions.townlet, version_of("townlet")),
    ]
    for what, sealed, wanted in pairs:
        if sealed != wanted:
            yield f"its {what} is {sealed}, now {wanted}"


def _otherwise(seal: Seal) -> str | None:
    """Name what made a capture and is not quite what would make it now, where its version of Townlet is the same."""
    now = versions()
    pairs = [("commit", _short(seal.commit), _short(git_commit()))]
    pairs += [(name, getattr(seal.versions, name), getattr(now, name)) for name in type(now).model_fields]
    told = [
        f"{what} {sealed or 'unknown'}, now {found or 'unknown'}" for what, sealed, found in pairs if sealed != found
    ]
    return f"made with {'; '.join(told)}" if told else None


def _recorded(manifest: Manifest) -> set[str]:
    """Give the slots whose lives are there."""
    return {entry.agent_id.partition(".")[0] for entry in manifest.samples}


def _never_there(manifest: Manifest, recording: Recording) -> set[str]:
    """Give the slots of which it is no wonder that no life is there: their agents come too late."""
    late = {agent.id for agent in recording.town.config.scenario.agents if agent.arrives_tick >= recording.ticks}
    return late - _recorded(manifest)


def _short(text: str | None) -> str | None:
    return text if text is None else text[:SHOWN]


def _below(folder: Path, where: str | None) -> str:
    """Name a place by its path below the folder of the capture."""
    return str(where).removeprefix(f"{folder}/")
