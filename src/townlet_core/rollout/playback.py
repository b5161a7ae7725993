"""A town as it is played, moment by moment: live, or once more from a capture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet_core.errors import SampleError, UsageError
from townlet_core.rollout.capture import plan_capture
from townlet_core.rollout.collect import Player
from townlet_core.rollout.contents import open_capture
from townlet_core.rollout.frames import Frames, new_frames, turn_over
from townlet_core.rollout.recorded import compare, policy_again, read_world
from townlet_core.rollout.request import CaptureRequest
from townlet_core.rollout.sealed_town import town_in
from townlet_core.world.town import CompiledTown, compile_town
from townlet_core.world.worlds import Worlds

Array = NDArray[Any]
Check = Callable[[int, Frames], None]


class Moment(NamedTuple):
    """A town after some ticks of an episode, and the tick that led there."""

    tick: int  # ticks played
    world: Array  # WORLD []
    agents: Array  # AGENT [A]
    things: Array  # THING [O]
    acted: Array  # [A] 1: somebody in the slot acted in the last tick; at the beginning nobody
    rewards: Array  # [A] of the last tick
    events: Array  # [A, E] of the last tick


@dataclass(frozen=True)
class Playback:
    """A town that is played."""

    town: CompiledTown
    source: str  # what it was made from, for people
    policy: str
    seed: int
    world: int
    ticks: int
    is_again: bool  # a capture, compared with what it recorded
    moments: Iterator[Moment]  # as many as there are frames, each made when it is asked for
    frames: int  # ticks + 1, or as many of these as were chosen


def play_live(request: CaptureRequest) -> Playback:
    """Play what a capture of this request would record of its first world. Nothing is written.

    Raises:
        TownletError: with the place, the problem and what to do.
    """
    recording = plan_capture(request).recording
    worlds = Worlds(recording.town, 1, seed=recording.seed)
    moments = _play(Player(worlds, recording.policy), recording.ticks)
    town, policy = recording.town, recording.policy.name
    return Playback(
        town, request.source, policy, recording.seed, 0, recording.ticks, False, moments, recording.ticks + 1
    )


def play_again(place: Path, world: int | None = None) -> Playback:
    """Play again what a capture recorded.

    A capture does not say where in town anybody was. But a world's course depends on its seed and the actions alone,
    and both are in the capture: its town is played again with the actions that were recorded. Features, masks, rewards,
    their terms and events are compared on the way with what comes of it; what is seen on maps follows from these.

    Args:
        place: folder of the one capture in it, or a manifest.
        world: of several, this one; the first recorded, if left out.

    Raises:
        SampleError: it was made by the predecessor, is damaged, or is of a town that this version does not know. While
            it is played: it comes out otherwise.
        UsageError: there is no such world.
    """
    capture = open_capture(place)
    if capture.seal is None:
        hint = "see 'townlet rollout show' for what it holds"
        raise SampleError(
            "cannot be played again: it has no seal, which would hold the town and its rules",
            where=str(capture.files.manifest),
            hint=hint,
        )
    seal = capture.seal
    town = compile_town(town_in(seal, capture.files.seal))
    recorded = read_world(capture, town, seal.ticks, world)
    worlds = Worlds(town, 1, seed=seal.seed, first_world=recorded.world)
    player = Player(worlds, policy_again(seal, capture.files.seal, recorded))
    moments = _play(player, seal.ticks, lambda tick, frames: compare(recorded, tick, frames, town, seal))
    source = str(capture.files.manifest)
    name, ticks = seal.policy.name, seal.ticks
    return Playback(town, source, name, seal.seed, recorded.world, ticks, True, moments, ticks + 1)


def choose(playback: Playback, ticks: range, every: int = 1) -> Playback:
    """Keep the moments of some ticks, and of these every so-manieth; what happens in between is told with the next.

    Raises:
        UsageError: there are none.
    """
    if ticks.start > playback.ticks:
        raise UsageError(f"begins at tick {ticks.start}, and all is over at tick {playback.ticks}", where="--range")
    frames = len(range(ticks.start, min(ticks.stop, playback.ticks + 1), every))
    return replace(playback, moments=_chosen(playback.moments, ticks, every), frames=frames)


def _chosen(moments: Iterator[Moment], ticks: range, every: int) -> Iterator[Moment]:
    events: Array | None = None  # since the last moment that was kept
    for moment in moments:
        if moment.tick >= ticks.stop:
            return
        events = moment.events.astype(np.int64) + (0 if events is None else events)
        if moment.tick >= ticks.start and (moment.tick - ticks.start) % every == 0:
            yield moment._replace(events=events)
            events = None
        elif moment.tick < ticks.start:
            events = None


def _play(player: Player, ticks: int, check: Check | None = None) -> Iterator[Moment]:
    """Play one episode of one world a tick at a time."""
    worlds = player.worlds
    frames = new_frames(worlds.town, 1, 1)
    worlds.begin(frames)
    nobody = np.zeros(len(worlds.town.slots), np.uint8)
    yield moment_of(worlds, 0, nobody, frames)
    for tick in range(ticks):
        if tick == ticks - 1:
            worlds.town = _without_end(worlds.town)  # or the next episode would begin, and nothing were left to see
        player.play(frames, 0, 1)
        if check is not None:
            check(tick, frames)
        yield moment_of(worlds, tick + 1, frames.alive[0, 0], frames)
        turn_over(frames)


def _without_end(town: CompiledTown) -> CompiledTown:
    """Give the same town with a horizon that is not reached. What agents see of it is not the same."""
    params = town.tables.params.copy()
    params["horizon"] += 1
    return replace(town, tables=town.tables._replace(params=params))


def moment_of(worlds: Worlds, tick: int, acted: Array, frames: Frames) -> Moment:
    """Copy what there is to see."""
    state = worlds.state
    rows = (state.worlds[:1], state.agents[0], state.things[0], acted, frames.rewards[0, 0], frames.events[0, 0])
    world, *others = (row.copy() for row in rows)
    return Moment(tick, world[0], *others)
