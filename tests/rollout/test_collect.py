"""Collecting: the same worlds give the same frames, however many there are, on any threads, in whatever chunks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.playing import crowded
from townlet_core.config.find import list_scenarios
from townlet_core.config.load import load_town
from townlet_core.policy.decision import KERNEL_POLICIES, Decision, Observation, PolicyKind, find_policy
from townlet_core.rollout.collect import Player, chunk_length, collect
from townlet_core.rollout.frames import Frames, new_frames, turn_over
from townlet_core.world.town import CompiledTown, compile_town
from townlet_core.world.worlds import Worlds

SEEN = Observation._fields
TICKS = Frames._fields[: Frames._fields.index("end_row")]
Chunks = dict[str, Any]


def whole(chunks: Iterator[Frames]) -> Chunks:
    """The chunks put together: [T, W, A, ...], observations [T + 1, ...]; the last observations of lives in order."""
    parts: dict[str, list[Any]] = {name: [] for name in (*TICKS, "last")}
    for frames in chunks:
        for name in TICKS:
            array = getattr(frames, name)
            parts[name].append((array[:-1] if name in SEEN else array).copy())
        parts["last"] += [(w, a, ends(frames, t, w, a)) for t, w, a in np.argwhere(frames.end_row >= 0).tolist()]
        final = {name: getattr(frames, name)[-1:].copy() for name in SEEN}
    for name, row in final.items():
        parts[name].append(row)
    return {name: np.concatenate(parts[name]) for name in TICKS} | {"last": parts["last"]}


def ends(frames: Frames, t: int, w: int, a: int) -> list[bytes]:
    row = frames.end_row[t, w, a]
    return [
        array[w, row].tobytes() for array in (frames.end_tiles, frames.end_map, frames.end_features, frames.end_mask)
    ]


def play(compiled: CompiledTown, *, ticks: int = 60, worlds: int = 1, policy: str = "random", **more: Any) -> Chunks:
    return whole(collect(compiled, worlds=worlds, seed=5, policy=KERNEL_POLICIES[policy], ticks=ticks, **more))


def same(one: Chunks, other: Chunks) -> bool:
    return one["last"] == other["last"] and all(np.array_equal(one[name], other[name]) for name in TICKS)


def only(chunks: Chunks, first: int, last: int) -> Chunks:
    """The worlds from first to last."""
    lives = [(w - first, a, seen) for w, a, seen in chunks["last"] if first <= w < last]
    return {name: chunks[name][:, first:last] for name in TICKS} | {"last": lives}


@pytest.fixture(scope="module", name="crowd")
def compiled_crowd() -> CompiledTown:
    return compile_town(crowded())


@pytest.mark.parametrize("policy", KERNEL_POLICIES)
def test_world_3_of_400_is_world_3_alone(crowd: CompiledTown, policy: str) -> None:
    many = play(crowd, worlds=400, policy=policy)
    assert len(many["last"]) > 400
    assert same(only(many, 3, 4), play(crowd, first_world=3, policy=policy))


def test_worlds_of_one_seed_differ(crowd: CompiledTown) -> None:
    two = play(crowd, worlds=2)
    assert not same(only(two, 0, 1), only(two, 1, 2))


@pytest.mark.parametrize("threads", [2, 3, 7])
@pytest.mark.parametrize("policy", KERNEL_POLICIES)
def test_threads_change_nothing(crowd: CompiledTown, policy: str, threads: int) -> None:
    assert same(play(crowd, worlds=7, policy=policy), play(crowd, worlds=7, policy=policy, threads=threads))


@pytest.mark.parametrize("length", [1, 7, 40, 59, 60, 500])
@pytest.mark.parametrize("policy", KERNEL_POLICIES)
def test_the_length_of_chunks_changes_nothing(crowd: CompiledTown, policy: str, length: int) -> None:
    assert same(play(crowd, worlds=2, policy=policy, chunk_ticks=length), play(crowd, worlds=2, policy=policy))


@pytest.mark.parametrize("name", list_scenarios())
def test_the_same_command_gives_the_same_frames_in_every_shipped_scenario(name: str) -> None:
    compiled = compile_town(load_town(name))
    assert same(play(compiled, policy="scripted"), play(compiled, policy="scripted", chunk_ticks=17))


def test_a_longer_collection_begins_like_a_shorter_one(crowd: CompiledTown) -> None:
    long, short = play(crowd, ticks=90), play(crowd, ticks=30)
    assert np.array_equal(long["actions"][:30], short["actions"])
    assert np.array_equal(long["features"][:31], short["features"])


class Replay:
    """A policy outside of the kernels that plays given actions and notes what it is shown."""

    name = "replay"
    kind: PolicyKind = "learned"
    policy_hash = None

    def __init__(self, actions: Any) -> None:
        self.actions = iter(actions)
        self.shown: list[Any] = []

    def decide(self, observation: Observation, luck: Any) -> Decision:
        actions = next(self.actions)
        self.shown.append(observation.features.copy())
        values = np.full(actions.shape, 0.5, np.float32)
        return Decision(actions, np.full(actions.shape, -1.5, np.float32), values)

    def values(self, map: Any, features: Any) -> Any:
        return np.full(len(features), 0.5, np.float32)


@pytest.mark.parametrize("length", [1, 13, 60])
def test_a_policy_outside_that_does_the_same_has_the_same_frames(crowd: CompiledTown, length: int) -> None:
    inside = play(crowd, worlds=2)
    policy = Replay(inside["actions"])
    outside = whole(collect(crowd, worlds=2, seed=5, policy=policy, ticks=60, chunk_ticks=length))
    assert (outside["log_probs"] == -1.5).all()
    assert (outside["values"] == 0.5).all()
    assert same(inside, {**outside, "log_probs": inside["log_probs"], "values": inside["values"]})
    assert np.array_equal(np.stack(policy.shown), inside["features"][:-1])


def test_frames_are_in_the_order_observe_act_reward(crowd: CompiledTown) -> None:
    got = play(crowd, ticks=100)
    assert (len(got["features"]), len(got["actions"]), len(got["rewards"])) == (101, 100, 100)
    last = crowd.features.index("last_action_id")
    lived_on = (got["alive"] == 1) & (got["terminated"] == 0) & (got["truncated"] == 0)
    shown = got["features"][1:, ..., last] * (len(crowd.actions.names) - 1)
    assert np.allclose(shown[lived_on], got["actions"][lived_on], atol=1e-4)


def test_episodes_are_cut_at_the_horizon_and_nobody_is_cut_elsewhere(crowd: CompiledTown) -> None:
    got = play(crowd, ticks=100)
    ticks = sorted({int(t) for t in np.argwhere(got["truncated"])[:, 0]})
    assert ticks == [39, 79]


def test_maps_drawn_as_planes_belong_to_the_same_play(crowd: CompiledTown) -> None:
    drawn, packed = play(crowd, planes=True), play(crowd)
    assert drawn["tiles"].shape[-1] == packed["map"].shape[-1] == 0
    assert drawn["map"].shape[-1] == 4 * 11 * 11
    assert np.array_equal(drawn["actions"], packed["actions"])


def test_chunks_stay_small_however_many_worlds_and_ticks_there_are(crowd: CompiledTown) -> None:
    assert chunk_length(crowd, 1, 30) == 30
    assert chunk_length(crowd, 1, 10**9) <= 1024
    assert chunk_length(crowd, 10**6, 10**6) == 1
    assert chunk_length(crowd, 4096, 10**6) < chunk_length(crowd, 64, 10**6)


def test_frames_that_were_not_turned_over_are_refused() -> None:
    compiled = compile_town(load_town("queue_conflict"))
    player = Player(Worlds(compiled, 2, seed=0), find_policy("random"))
    frames = new_frames(compiled, 2, 20)
    player.worlds.begin(frames)
    player.play(frames, 0, 20)
    with pytest.raises(ValueError, match="row 0 of the frames is not what the agents see now"):
        player.play(frames, 0, 20)
    with pytest.raises(ValueError, match="row 3 of the frames"):
        player.worlds.step(frames, 3)
    turn_over(frames)
    player.play(frames, 0, 20)
