"""Randomness: known vectors, agreement with a second writing of it, and streams that do not meet."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import chance
from townlet_core.world import rng as kernels

u64 = np.uint64
rng: Any = kernels  # which bear no types
WORDS = st.integers(0, 2**64 - 1)
SMALL = st.integers(0, 2**31 - 1)


def key_of(seed: int, world: int, episode: int, tick: int) -> Any:
    key = rng.world_seed(u64(seed), u64(world))
    return u64(rng.tick_key(u64(rng.episode_key(u64(key), episode)), tick))


def test_mix_is_the_finaliser_of_splitmix64() -> None:
    # the first three outputs of splitmix64 seeded with 1234567 (Vigna, https://prng.di.unimi.it/splitmix64.c)
    state = [(1234567 + n * 0x9E3779B97F4A7C15) % 2**64 for n in (1, 2, 3)]
    assert [int(rng.mix(u64(z))) for z in state] == [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [chance.mix(z) for z in state] == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@settings(deadline=None)
@given(WORDS, SMALL, SMALL, SMALL, st.integers(0, 10_000), st.integers(0, 31))
def test_draws_agree_with_a_second_writing(
    seed: int, world: int, episode: int, tick: int, agent: int, stream: int
) -> None:
    now = key_of(seed, world, episode, tick)
    place = (seed, world, episode, tick, agent, stream)
    assert int(rng.draw(now, agent, stream)) == chance.draw(*place)
    assert float(rng.chance(now, agent, stream)) == chance.chance(*place)


@settings(deadline=None)
@given(WORDS, st.integers(1, 2**20))
def test_a_draw_below_n_is_below_n_and_agrees_with_a_second_writing(seed: int, n: int) -> None:
    drawn = int(rng.below(key_of(seed, 1, 2, 3), 4, 5, n))
    assert 0 <= drawn < n
    assert drawn == chance.below(n, seed, 1, 2, 3, 4, 5)


def test_chances_are_uniform() -> None:
    # 16 cells of 20,000 draws: chi-square with 15 degrees of freedom is below 37.7 in 999 of 1,000 cases
    drawn = np.array([chance.chance(3, 1, 0, tick, agent, 1) for tick in range(2500) for agent in range(8)])
    assert chi_square(np.histogram(drawn, 16, (0, 1))[0]) < 37.7
    assert abs(drawn.mean() - 0.5) < 0.01


def test_draws_below_n_are_uniform() -> None:
    drawn = [chance.below(7, 3, 1, 0, tick, 2, chance.POLICY) for tick in range(14_000)]
    assert chi_square(np.bincount(drawn, minlength=7)) < 22.5  # 6 degrees of freedom, 999 of 1,000


def test_neighbouring_draws_are_unrelated() -> None:
    # a correlation of 10,000 pairs has a deviation of 0.01
    drawn = np.array([[chance.chance(0, 0, 0, tick, agent, 1) for agent in range(2)] for tick in range(10_001)])
    for one, other in ((drawn[1:, 0], drawn[:-1, 0]), (drawn[:, 0], drawn[:, 1]), (drawn[1:, 0], drawn[:-1, 1])):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.04


def test_no_two_uses_of_chance_share_their_bits() -> None:
    places = [
        (seed, world, episode, tick, agent, stream)
        for seed in (0, 1)
        for world in (0, 1, 2)
        for episode in (0, 1, 2)
        for tick in range(20)
        for agent in range(10)
        for stream in range(16)
    ]
    assert len({chance.draw(*place) for place in places}) == len(places)


def test_every_use_has_a_stream_of_its_own_and_no_agent_reaches_into_the_next() -> None:
    names = ("POLICY", "CHAT_LUCK", "TILE", "WEALTH", "EXTROVERSION", "FORGIVENESS", "AMBITION", "TROUBLE_LUCK")
    streams = [int(getattr(rng, name)) for name in names]
    streams += [start + need for start in (rng.FIRST_NEED, rng.FIRST_PACE) for need in range(3)]
    assert len(set(streams)) == len(streams)
    assert max(streams) < int(rng.STREAMS)
    assert streams[: len(names)] == [getattr(chance, name) for name in names]


def chi_square(counts: np.ndarray[Any, Any]) -> float:
    expected = counts.sum() / len(counts)
    return float(((counts - expected) ** 2 / expected).sum())
