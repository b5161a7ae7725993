"""The randomness of the world written a second time, with Python's whole numbers, from its description in world.rng."""

from __future__ import annotations

WORD = 2**64
POLICY, CHAT_LUCK, TILE, WEALTH, EXTROVERSION, FORGIVENESS, AMBITION, TROUBLE_LUCK, FIRST_NEED = range(9)
FIRST_PACE = 12


def mix(z: int) -> int:
    """The finaliser of splitmix64."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % WORD
    return z ^ (z >> 31)


def draw(seed: int, world: int, episode: int, tick: int, agent: int, stream: int) -> int:
    """64 random bits."""
    key = mix((seed + 0x9E3779B97F4A7C15) % WORD)
    key = mix((key + world * 0x8CB92BA72F3D8DD7) % WORD)
    key = mix((key + episode * 0xD1342543DE82EF95) % WORD)
    key = mix((key + tick * 0x9E3779B97F4A7C15) % WORD)
    return mix((key + (32 * agent + stream) * 0xD1342543DE82EF95) % WORD)


def chance(*place: int) -> float:
    """The first 24 bits as a number in [0, 1)."""
    return (draw(*place) >> 40) / 2**24


def below(n: int, *place: int) -> int:
    """The first 40 bits as a number below n."""
    return (draw(*place) >> 24) * n >> 40
