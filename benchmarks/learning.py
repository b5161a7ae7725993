"""What learning comes to in every shipped scenario: chance, the script, and policies from the town, captures or both.

    python benchmarks/learning.py                    runs what has no result yet, and prints the table
    python benchmarks/learning.py --seeds 2 kitchen_breakfast
    python benchmarks/learning.py --write            puts table and plot into docs/explanation

Each policy plays whole episodes in 64 worlds that it has not seen. Results are kept in a folder (--results), one file a
run, so that a benchmark of an hour can be interrupted; a file names the settings and is used again only for the same.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from learning_page import write_page
from learning_table import Result, table
from measure import machine

from townlet_core.config.load import load_town
from townlet_core.policy.decision import KERNEL_POLICIES
from townlet_core.policy.learned import load_policy
from townlet_core.ppo.request import TrainRequest
from townlet_core.ppo.run import train
from townlet_core.rollout.capture import capture
from townlet_core.rollout.evaluate import evaluate
from townlet_core.rollout.request import CaptureRequest
from townlet_core.world.town import compile_town

SEEDS = 5
WORLDS = 64  # that a policy is evaluated in
FIRST_WORLD = 2**21


class Budget(NamedTuple):
    """How long is learned in a scenario; an epoch is 32 ticks of about 256 agents, 8,192 transitions."""

    live: int  # epochs from the town
    replay: int  # passes over captures
    mixed: int  # epochs of both, the warm start included
    captured: int  # worlds captured of the script
    settings: str | None = None
    alone: int | None = None  # worlds captured where nothing else is learned from
    judged: int | None = None  # epochs between evaluations, to take the best checkpoint; None: the last one is taken


BUDGETS = {
    "kitchen_breakfast": Budget(1200, 40, 300, 128, "episode", judged=20),
    "queue_conflict": Budget(150, 30, 75, 128),
    "rivalry_decay": Budget(150, 30, 75, 128),
    "employment_punctuality": Budget(400, 40, 200, 64),
    "poc_hybrid": Budget(1200, 10, 500, 64, "brisk", alone=256),
    "market_town": Budget(1300, 8, 500, 2, "brisk", alone=16),
}
NOISE = 0.25  # share of chance in the captures of the script
EVENTS = ("meal_eaten", "shift_on_time", "faint", "eviction")


def runs(scenarios: list[str], seeds: int) -> Iterator[tuple[str, str, int]]:
    """Give what there is to run: scenario, who acts, seed."""
    for policies in (("random", "scripted"), ("live",), ("replay", "mixed")):
        for seed in range(1, seeds + 1):
            for name in scenarios:
                yield from ((name, who, seed) for who in policies)


def run(name: str, who: str, seed: int) -> Result:
    """Train, if there is anything to train, and evaluate."""
    town = compile_town(load_town(name))
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        report, curve = _train(name, who, seed, Path(folder)) if who not in KERNEL_POLICIES else ({}, [])
        seconds = time.perf_counter() - began if report else 0.0
        policy: Any = load_policy(Path(report["checkpoint"]), town) if report else KERNEL_POLICIES[who]
        result = evaluate(town, policy, worlds=WORLDS, seed=seed, first_world=FIRST_WORLD)
    return Result(
        scenario=name,
        who=who,
        seed=seed,
        mean=float(result.by_world.mean()),
        events={event: result.events[event] / len(town.slots) for event in EVENTS if event in result.events},
        steps=report.get("steps", 0),
        seconds=seconds,
        curve=curve,
    )


def _train(name: str, who: str, seed: int, folder: Path) -> tuple[dict[str, Any], list[tuple[int, float]]]:
    """Train a policy; give the report, and the return of episodes by transitions taken in."""
    budget = BUDGETS[name]
    captures: tuple[Path, ...] = ()
    if who != "live":
        worlds = budget.alone if who == "replay" and budget.alone else budget.captured
        capture(CaptureRequest(name, folder / "script", worlds=worlds, seed=seed, noise=NOISE))
        captures = (folder / "script",)
    curve: list[tuple[int, float]] = []

    def note(values: dict[str, Any]) -> None:
        value = values.get("ep_return_mean")
        if value is not None:
            curve.append((values["steps"], value))

    epochs = getattr(budget, who)
    modes: dict[str, Any] = {"live": "rollout", "replay": "replay", "mixed": "mixed"}
    request = TrainRequest(
        name,
        mode=modes[who],
        captures=captures,
        epochs=epochs,
        seed=seed,
        settings=None if who == "replay" else budget.settings,  # with large steps, captures are learned by heart
        checkpoint_dir=folder / "checkpoints",
        eval_every=budget.judged if who != "replay" else None,
    )
    report = train(request, on_epoch=note)
    assert report is not None
    if report.ended != "done":
        raise SystemExit("interrupted: the run that was under way is not kept")
    kept = report.model_dump()
    return {**kept, "checkpoint": report.best or report.checkpoint}, curve


def main() -> None:
    parser = argparse.ArgumentParser(description="What learning comes to in the shipped scenarios.")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--results", type=Path, default=Path("benchmark-results/learning"))
    parser.add_argument("--write", action="store_true", help="put table and plot into the documentation")
    parser.add_argument("--who", nargs="*", default=["random", "scripted", "live", "replay", "mixed"])
    parser.add_argument("scenarios", nargs="*", default=list(BUDGETS))
    options = parser.parse_args()
    options.results.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    for name, who, seed in runs(options.scenarios or list(BUDGETS), options.seeds):
        file = options.results / f"{name}-{who}-{seed}.json"
        if not file.is_file() and who in options.who and not options.write:
            print(f"{name}, {who}, seed {seed} ...", flush=True)
            file.write_text(json.dumps(run(name, who, seed)._asdict()), encoding="utf-8")
        if file.is_file():
            results.append(Result(**json.loads(file.read_text(encoding="utf-8"))))
    made = f"{table(results)}\n\n{machine()}"
    if options.write:
        write_page(results, made)
    else:
        print(made)


if __name__ == "__main__":
    main()
