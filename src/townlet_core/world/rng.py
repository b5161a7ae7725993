"""Randomness without state: each draw is a function of seed, world, episode, tick, agent and stream.

`u = mix(mix(mix(seed, world, episode) + tick G1) + (32 agent + stream) G2)` with the finaliser of splitmix64 (Steele,
Lea, Flood 2014, https://doi.org/10.1145/2714064.2660195): a world's trajectory is the same alone, in any batch, on any
thread.
"""

from __future__ import annotations

import numpy as np

from townlet_core.world.kernel import kernel

u64, i64, f32 = np.uint64, np.int64, np.float32
G1, G2, G3 = u64(0x9E3779B97F4A7C15), u64(0xD1342543DE82EF95), u64(0x8CB92BA72F3D8DD7)
M1, M2 = u64(0xBF58476D1CE4E5B9), u64(0x94D049BB133111EB)
S24, S27, S30, S31, S40 = u64(24), u64(27), u64(30), u64(31), u64(40)
STREAMS = u64(32)
TINY = f32(2.0**-24)

# named streams: one for each use of chance
POLICY, CHAT_LUCK, TILE, WEALTH, EXTROVERSION, FORGIVENESS, AMBITION, TROUBLE_LUCK = range(8)
FIRST_NEED, FIRST_PACE = 8, 12  # one a need
NOISE = 16


@kernel
def mix(z):
    """Scramble 64 bits."""
    z = (z ^ (z >> S30)) * M1
    z = (z ^ (z >> S27)) * M2
    return z ^ (z >> S31)


@kernel
def world_seed(seed, world):
    """Key of a world, whatever the episode."""
    return mix(mix(u64(seed) + G1) + u64(world) * G3)


@kernel
def episode_key(world_key, episode):
    """Key of one episode of a world."""
    return mix(world_key + u64(episode) * G2)


@kernel
def tick_key(key, tick):
    """Key of one tick of an episode."""
    return mix(key + u64(tick) * G1)


@kernel
def draw(now, agent, stream):
    """64 random bits for an agent's use of a stream at the tick of key `now`."""
    return mix(now + (u64(agent) * STREAMS + u64(stream)) * G2)


@kernel
def chance(now, agent, stream):
    """A number in [0, 1), uniform, with 24 bits."""
    return f32(draw(now, agent, stream) >> S40) * TINY


@kernel
def below(now, agent, stream, n):
    """An integer in [0, n); the bias is below n / 2^40."""
    return i64(((draw(now, agent, stream) >> S24) * u64(n)) >> S40)
