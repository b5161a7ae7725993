"""How much better the scripted policy does than a random one in every shipped scenario: return per agent, by world.

The return of an agent is the sum of the rewards of its slot over the whole episode, newcomers included. Worlds differ
in their luck alone; the interval is that of Student's t over the means of worlds.

    python benchmarks/scenarios.py           prints the table
    python benchmarks/scenarios.py --write   puts it into docs/explanation/scenarios.md, where a test looks after it
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from townlet_core.config.find import list_scenarios
from townlet_core.config.load import load_town
from townlet_core.policy.decision import find_policy
from townlet_core.rollout.collect import collect
from townlet_core.world.town import CompiledTown, compile_town

WORLDS = 16
PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "scenarios.md"
MARK = "<!-- made by: python benchmarks/scenarios.py --write -->"
END = "<!-- end of what was made -->"
# two-sided 95 % points of Student's t, by degrees of freedom
T95 = {3: 3.182, 7: 2.365, 15: 2.131, 31: 2.040, 63: 1.998}


class Returns(NamedTuple):
    """What a policy earned in a scenario."""

    by_world: NDArray[np.float64]  # [W] mean over slots of the return of an episode
    lives_ended: float  # lives that ended in fainting or eviction, per world

    @property
    def mean(self) -> float:
        return float(self.by_world.mean())

    @property
    def margin(self) -> float:
        """Half the width of the 95 % interval of the mean."""
        worlds = len(self.by_world)
        return float(T95[worlds - 1] * self.by_world.std(ddof=1) / np.sqrt(worlds))

    @property
    def interval(self) -> tuple[float, float]:
        return self.mean - self.margin, self.mean + self.margin


def play(town: CompiledTown, policy: str, *, worlds: int, seed: int) -> Returns:
    """Play one episode in each world and add up what it brought."""
    total = np.zeros((worlds, len(town.slots)))
    ended = 0
    chunks = collect(town, worlds=worlds, seed=seed, policy=find_policy(policy), ticks=town.horizon)
    for frames in chunks:
        total += frames.rewards.sum(0, dtype=np.float64)
        ended += int(frames.terminated.sum())
    return Returns(total.mean(1), ended / worlds)


def row(name: str, worlds: int) -> str:
    """Make the line of a scenario in the table."""
    town = compile_town(load_town(name))
    seed = town.config.scenario.seed
    scripted, chance = (play(town, policy, worlds=worlds, seed=seed) for policy in ("scripted", "random"))
    figures = (f"{returns.mean:.2f} ± {returns.margin:.2f}" for returns in (scripted, chance))
    lost = (f"{returns.lives_ended:.1f}" for returns in (scripted, chance))
    return f"| {name} | {len(town.slots)} | {town.horizon} | {' | '.join(figures)} | {' | '.join(lost)} |"


def table(scenarios: Iterable[str], worlds: int) -> str:
    """Make the whole table."""
    head = "| scenario | agents | ticks | scripted | random | lives ended, scripted | random |"
    rule = "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    return "\n".join([head, rule, *(row(name, worlds) for name in scenarios)])


def machine() -> str:
    """Say what ran this, and on what."""
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text(encoding="utf-8").splitlines() if cpus.is_file() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    cpu = models[0] if models else platform.machine()
    return f"{cpu}; Python {platform.python_version()}, NumPy {np.__version__}, Numba {numba.__version__}"


def write(made: str) -> None:
    """Put a table in the place of the one in the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARK)
    _, _, after = rest.rpartition(END)
    PAGE.write_text(f"{before}{MARK}\n\n{made}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="What policies earn in the shipped scenarios.")
    parser.add_argument("--worlds", type=int, choices=[n + 1 for n in T95], default=WORLDS)
    parser.add_argument("--write", action="store_true", help="put the table of all scenarios into the documentation")
    parser.add_argument("scenarios", nargs="*", help="all of the shipped ones if left out")
    options = parser.parse_args()
    if options.write:
        write(f"{table(list_scenarios(), WORLDS)}\n\n{WORLDS} worlds, on {machine()}.")
    else:
        print(f"{table(options.scenarios or list_scenarios(), options.worlds)}\n\n{machine()}")


if __name__ == "__main__":
    main()
