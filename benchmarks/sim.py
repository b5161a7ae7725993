"""How fast towns run: `python benchmarks/sim.py [--rounds N] [--profile]`.

Figures are medians of rounds in which the cases take turns, with the least and the largest beside them. All cases write
whole frames (observations, masks, rewards with their terms, events) straight into the rollout buffer. "Actions given"
plays the actions that the random policy has just chosen once more, from the same state and without the policy. On one
thread, rates are per second of processor time, which other programs on the machine disturb less; by the clock on the
wall they are lower where those take turns on the core, and a column says how much.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from measure import Taken, cores, load, machine, millions, table, taken, thousands, with_spread
from numpy.typing import NDArray
from profile_parts import profile

from townlet_core.config.load import load_town
from townlet_core.policy.decision import find_policy
from townlet_core.rollout.collect import Player
from townlet_core.rollout.frames import Frames, new_frames, turn_over
from townlet_core.world.kernel import kernel
from townlet_core.world.tick import advance_range
from townlet_core.world.town import CompiledTown, compile_town
from townlet_core.world.worlds import Worlds

SOURCE = "the predecessor, measured on two shared cores of a 2.8 GHz Xeon"
PREDECESSOR = {"poc_hybrid": 1_900, "market_town": 2_300}  # agent-steps/s: its best with few agents, and with 100
CHUNK_BYTES = 600e6  # of frames: many times what a cache holds
FILL_BYTES = 512 * 2**20
GIVEN, ONE_CALL_A_TICK = "actions given", "actions given, a call a tick"


@kernel
def store(rows, value):
    """Write a value into every element, row by row, with the stores that kernels use."""
    for a in range(rows.shape[0]):
        for i in range(rows.shape[1]):
            rows[a, i] = value


class Sim:
    """Worlds in the middle of play, and the seconds that each round of each way to play them took."""

    def __init__(
        self, town: CompiledTown, worlds: int, *, policy: str = "random", planes: bool = True, threads: int = 1
    ) -> None:
        slots = len(town.slots)
        self.ticks = max(8, min(2_000, int(CHUNK_BYTES / (bytes_a_step(town, planes) * worlds * slots))))
        self.steps = self.ticks * worlds * slots
        self.policy = policy
        self.frames = new_frames(town, worlds, self.ticks, planes=planes)
        self.player = Player(Worlds(town, worlds, seed=1, threads=threads), find_policy(policy))
        self.player.worlds.begin(self.frames)
        self.player.play(self.frames, 0, self.ticks)  # takes the memory
        self.times: dict[str, list[Taken]] = {}

    def play(self) -> None:
        """Play on with the policy for a chunk, as a collection does."""
        turn_over(self.frames)
        self.player.play(self.frames, 0, self.ticks)

    def repeat(self) -> None:
        """Play the actions in the frames in one call."""
        self.player.worlds.play(advance_range, self.frames, 0, self.ticks)

    def step_by_step(self) -> None:
        """Play the actions in the frames in a call a tick."""
        for t in range(self.ticks):
            self.player.worlds.step(self.frames, t)

    def round(self) -> None:
        """Take the time of each way to play the same chunk."""
        state: list[NDArray[Any]] = list(self.player.worlds.state)
        before = [array.copy() for array in state]
        self._note(f"{self.policy} policy", self.play)
        if self.policy != "random":
            return
        rewards = self.frames.rewards.copy()
        ways = {GIVEN: self.repeat} | ({ONE_CALL_A_TICK: self.step_by_step} if len(before[0]) == 1 else {})
        for name, way in ways.items():
            for array, old in zip(state, before, strict=True):
                array[...] = old
            self.frames.ends[:] = 0
            self.player.worlds._mask = self.frames.action_mask[0].copy()  # row 0 shows the state that was put back
            self._note(name, way)
            assert np.array_equal(rewards, self.frames.rewards), "the same actions gave other rewards"

    def _note(self, way: str, action: Callable[[], None]) -> None:
        self.times.setdefault(way, []).append(taken(action))

    def rates(self, way: str) -> list[float]:
        """Give agent-steps a second of processor time, a round each."""
        return [self.steps / time.processor for time in self.times[way]]

    def wall_rate(self, way: str) -> float:
        """Give agent-steps a second by the clock on the wall."""
        return self.steps / statistics.median(time.wall for time in self.times[way])


def bytes_a_step(town: CompiledTown, planes: bool) -> float:
    """Count the bytes written for one agent in one tick, last observations of lives apart."""
    frames = new_frames(town, 1, 1, planes=planes)
    written = (getattr(frames, name) for name in Frames._fields[: Frames._fields.index("ends")])
    return float(sum(array[0].nbytes / len(town.slots) for array in written))


class Bandwidth:
    """How fast one core writes to memory, in bytes/s, a round each: the limit of whoever writes observations."""

    def __init__(self) -> None:
        self.rows = np.zeros((FILL_BYTES // 4 // 484, 484), np.float32)
        store(self.rows, np.float32(1))
        self.fills: list[float] = []
        self.stores: list[float] = []

    def round(self) -> None:
        self.fills.append(self.rows.nbytes / taken(lambda: self.rows.fill(2)).processor)
        self.stores.append(self.rows.nbytes / taken(lambda: store(self.rows, np.float32(3))).processor)

    def __str__(self) -> str:
        fill, stores = (with_spread(each, lambda rate: f"{rate / 1e9:.1f} GB/s") for each in (self.fills, self.stores))
        return f"one core writes {fill} with NumPy's fill, {stores} with the stores of a kernel"


def many_worlds(rounds: int) -> None:
    """Measure 512 worlds of poc_hybrid on one thread against the memory's speed and the predecessor's."""
    town, memory = compile_town(load_town("poc_hybrid")), Bandwidth()
    sims = {
        (planes, policy): Sim(town, 512, policy=policy, planes=planes)
        for planes in (True, False)
        for policy in ("random", "scripted")
    }
    take_turns([memory, *sims.values()], rounds)
    rows = []
    for (planes, _), sim in sims.items():
        size = bytes_a_step(town, planes)
        for way in sorted(sim.times):
            rate = statistics.median(sim.rates(way))
            shares = (f"{rate * size / statistics.median(each):.0%}" for each in (memory.fills, memory.stores))
            what = f"{'float32 maps' if planes else 'packed tiles'}, {way}"
            ratio = f"{rate / PREDECESSOR['poc_hybrid']:,.0f}×"
            rows.append((what, f"{size:,.0f}", *both(sim, way), *shares, ratio))
    print(f"\n## poc_hybrid, {len(town.slots)} agents, 512 worlds, one thread\n\n{memory}\n")
    print(table(("case", "bytes a step", "agent-steps/s", "wall", "of fill", "of stores", "predecessor"), rows))


def one_world(rounds: int) -> None:
    """Measure a single world of poc_hybrid."""
    town = compile_town(load_town("poc_hybrid"))
    sims = {policy: Sim(town, 1, policy=policy) for policy in ("random", "scripted")}
    take_turns(list(sims.values()), rounds)
    rows = [
        (
            way,
            with_spread([sim.ticks / time.processor for time in sim.times[way]], thousands),
            *both(sim, way),
        )
        for sim in sims.values()
        for way in sorted(sim.times)
    ]
    print(f"\n## poc_hybrid, {len(town.slots)} agents, one world, float32 maps\n")
    print(table(("case", "ticks/s", "agent-steps/s", "wall"), rows))


def two_threads(rounds: int) -> None:
    """Measure 4,096 worlds of poc_hybrid on one thread and on two."""
    town = compile_town(load_town("poc_hybrid"))
    one, two = (Sim(town, 4096, threads=threads) for threads in (1, 2))
    take_turns([one, two], rounds)
    rows = []
    for way in sorted(one.times):
        pairs = list(zip(one.times[way], two.times[way], strict=True))
        gains = [a.wall / b.wall for a, b in pairs]
        costs = [b.processor / a.processor for a, b in pairs]
        rates = (millions(sim.wall_rate(way)) for sim in (one, two))
        rows.append((way, *rates, with_spread(gains, times), with_spread(costs, times)))
    print(f"\n## poc_hybrid, {len(town.slots)} agents, 4,096 worlds, float32 maps, two threads, {cores()} cores\n")
    print(table(("case", "one thread, wall", "two threads, wall", "gain", "processor time of two"), rows))


def market_town(rounds: int) -> None:
    """Measure the large town."""
    town = compile_town(load_town("market_town"))
    sims = {
        (worlds, policy): Sim(town, worlds, policy=policy) for worlds in (1, 16) for policy in ("random", "scripted")
    }
    take_turns(list(sims.values()), rounds)
    rows = [
        (
            f"{worlds} world{'' if worlds == 1 else 's'}, {way}",
            *both(sim, way),
            f"{statistics.median(sim.rates(way)) / PREDECESSOR['market_town']:,.0f}×",
        )
        for (worlds, _), sim in sims.items()
        for way in sorted(sim.times)
        if way != ONE_CALL_A_TICK
    ]
    print(f"\n## market_town, {len(town.slots)} agents, float32 maps, one thread\n")
    print(table(("case", "agent-steps/s", "wall", "predecessor"), rows))


def both(sim: Sim, way: str) -> tuple[str, str]:
    """Word a rate by the processor's time and by the wall's."""
    return with_spread(sim.rates(way), millions), millions(sim.wall_rate(way))


def times(ratio: float) -> str:
    return f"{ratio:.2f}×"


def take_turns(cases: Sequence[Sim | Bandwidth], rounds: int) -> None:
    """Let every case have its go, round after round, so that what else the machine does is shared fairly."""
    for _ in range(rounds):
        for case in cases:
            case.round()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9, help="how often each case is measured")
    parser.add_argument("--profile", action="store_true", help="measure the parts of a tick instead")
    given = parser.parse_args()
    print(f"{machine()}\nbefore: {load()}")
    if given.profile:
        profile(given.rounds)
    else:
        for group in (many_worlds, one_world, two_threads, market_town):
            group(given.rounds)
        predecessor = " and ".join(f"{rate:,} ({name})" for name, rate in PREDECESSOR.items())
        print(f"\nThe ratios are to {SOURCE}: agent-steps/s {predecessor}.")
    print(f"after: {load()}")


if __name__ == "__main__":
    main()
