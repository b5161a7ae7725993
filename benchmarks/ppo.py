"""How fast policies learn, beside peers: `python benchmarks/ppo.py [--rounds N] [--quick]`.

Like for like, all have the same data, network, rollout, passes and minibatches, and nobody plays: what a random policy
saw in poc_hybrid is shown whatever is done. End to end, Townlet trains in the town with its default settings, beside
the usual route from PettingZoo with its own. Figures are medians of rounds in which the cases take turns, with the
least and the largest beside them, by the clock on the wall; factors are ratios of medians. Everybody has two threads.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping
from importlib.metadata import version

from cli import run
from measure import load, machine, table, taken, thousands, with_spread
from still import MINIBATCHES, PASSES, THREADS, TICKS, Still, trainer

from townlet_core.config.load import load_town
from townlet_core.config.ppo import TrainingSettings
from townlet_core.ppo.learner import settle_thread
from townlet_core.ppo.request import AGENTS
from townlet_core.rollout.frames import Frames, new_frames
from townlet_core.world.town import CompiledTown, compile_town

LIBRARIES = ("torch", "stable-baselines3", "sb3-contrib", "pettingzoo", "supersuit")
TOWNLET, SB3, MASKABLE, PLAIN = "Townlet", "Stable-Baselines3 PPO", "sb3-contrib MaskablePPO", "loop after CleanRL"
WANTED = {256: {MASKABLE: 2.0, SB3: 1.7, PLAIN: 1.4}, 16: {SB3: 2.5, PLAIN: 2.5}}  # factors
WANTED_END_TO_END = 15.0
EPOCHS = 8  # of Townlet, a round, end to end
WARM_UP = 2  # rounds that are not counted

Case = tuple[int, Callable[[], None]]  # transitions a round, and the round


def rates(cases: Mapping[str, Case], rounds: int) -> dict[str, list[float]]:
    """Let every case have its go, round after round; give transitions a second of the wall's clock."""
    taken_in: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(WARM_UP + rounds):
        for name, (steps, action) in cases.items():
            rate = steps / taken(action).wall
            if number >= WARM_UP:
                taken_in[name].append(rate)
    return taken_in


def compared(found: Mapping[str, list[float]], wanted: Mapping[str, float]) -> str:
    """Lay out rates, and how many times those of others Townlet's is."""
    own = statistics.median(found[TOWNLET])
    rows = []
    for name, figures in found.items():
        factor = "" if name == TOWNLET else f"{own / statistics.median(figures):.2f}×"
        goal = f"{wanted[name]:.1f}×" if name in wanted else ""
        rows.append((name, with_spread(figures, thousands), factor, goal))
    return table(("", "steps/s", "Townlet is", "wanted"), rows)


def like_for_like(agents: int, rounds: int) -> None:
    """Measure learning alone."""
    from peers import PlainLoop, StableBaselines

    still = Still(agents)
    seen = still.seen()
    steps = TICKS * agents
    cases: dict[str, Case] = {
        TOWNLET: (steps, still.iterate),
        MASKABLE: (steps, StableBaselines(seen, masks=True).iterate),
        SB3: (steps, StableBaselines(seen, masks=False).iterate),
        PLAIN: (steps, PlainLoop(seen).iterate),
    }
    width, actions = seen.observations.shape[-1], seen.masks.shape[-1]
    print(f"\n## Like for like, {agents} agents, the town excluded\n")
    print(f"MLP {width}-128-128-({actions} + 1), {TICKS} ticks, {PASSES} passes of {MINIBATCHES} minibatches\n")
    print(compared(rates(cases, rounds), WANTED[agents]))


def end_to_end(rounds: int) -> None:
    """Measure training in poc_hybrid, the town included."""
    from peers import UsualRoute

    town, settings = compile_town(load_town("poc_hybrid")), TrainingSettings()
    worlds, ticks = -(-AGENTS // len(town.slots)), settings.ppo.rollout_ticks
    epochs = trainer(settings, worlds=worlds, ticks=ticks).epochs()
    route = UsualRoute()

    def train() -> None:
        settle_thread()
        for _ in range(EPOCHS):
            next(epochs)

    name = "PettingZoo, SuperSuit, Stable-Baselines3"
    steps = EPOCHS * worlds * len(town.slots) * ticks
    found = rates({TOWNLET: (steps, train), name: (route.steps, route.iterate)}, rounds)
    print("\n## End to end on poc_hybrid, default settings\n")
    print(compared(found, {name: WANTED_END_TO_END}))


def memory() -> None:
    """Measure the most memory of trainings that differ in the size of their rollout."""
    town = compile_town(load_town("poc_hybrid"))
    rows = []
    for worlds, ticks in ((1, 8), (32, 32), (32, 128), (32, 512)):
        sizes = ("--worlds", str(worlds), "--rollout-ticks", str(ticks))
        words = ("train", "ppo", "poc_hybrid", "--epochs", "3", *sizes)
        _, _, most = run(words, {})
        buffer = buffer_bytes(town, worlds, ticks)
        rows.append((f"{worlds}", f"{ticks}", *(f"{size / 1e6:,.0f} MB" for size in (buffer, most, most - buffer))))
    print("\n## Memory at most of `townlet train ppo poc_hybrid --epochs 3`\n")
    print(table(("worlds", "ticks", "rollout buffer", "memory", "beside the buffer"), rows))


def buffer_bytes(town: CompiledTown, worlds: int, ticks: int) -> int:
    """Count the bytes of what is collected, last observations of lives apart."""
    names = Frames._fields[: Frames._fields.index("ends")]
    frames = new_frames(town, 1, ticks, planes=True)
    return worlds * sum(int(getattr(frames, name).nbytes) for name in names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9, help="how often each case is measured")
    parser.add_argument("--quick", action="store_true", help="measure three times only, and no memory")
    given = parser.parse_args()
    rounds = 3 if given.quick else given.rounds
    print(f"{machine()}, {', '.join(f'{name} {version(name)}' for name in LIBRARIES)}; {THREADS} threads")
    print(f"before: {load()}")
    if not given.quick:
        memory()  # first: a process is told to have had the memory of the one that started it
    for agents in WANTED:
        like_for_like(agents, rounds)
    end_to_end(rounds)
    print(f"after: {load()}")


if __name__ == "__main__":
    main()
