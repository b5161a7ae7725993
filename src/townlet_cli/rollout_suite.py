"""`townlet rollout suite`: many captures into one folder, several at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from townlet_cli.options import (
    AgentIds,
    AutoSeedAgents,
    Compress,
    Json,
    Noise,
    Overrides,
    Policy,
    Ticks,
    Worlds,
    path_of,
    whole_number,
)
from townlet_core.errors import UsageError

if TYPE_CHECKING:
    from townlet_core.rollout.ray_workers import RayWorkers
    from townlet_core.rollout.workers import LocalWorkers

PARTLY_DONE = 4
EXECUTORS = ("local", "ray")
MOST_JOBS = 10_000

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="CONFIG...",
        help="Scenarios: names, paths of YAML files, or patterns of these ('configs/*.yaml'). Those whose names begin "
        "with '_' are passed over.",
    ),
]
Root = Annotated[
    Path,
    typer.Option(
        "--output-root",
        "-o",
        metavar="DIR",
        parser=path_of,
        help="Folder for a folder for each capture; made if need be.",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        parser=whole_number,
        help="Captures at a time. As many as there are cores for this process, or CPUs in the Ray cluster, by default.",
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option("--seeds", metavar="SEEDS", help="Capture each scenario with each of these: 0:5 is 0 to 4; 1,3,7."),
]
Retries = Annotated[
    int, typer.Option("--retries", metavar="N", parser=whole_number, help="More attempts at a capture that fails.")
]
Timeout = Annotated[
    float | None, typer.Option("--timeout", metavar="SECONDS", help="Time that an attempt may take before it is ended.")
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume", help="Keep captures that are there, whole, and made from the same; make the others, and say why."
    ),
]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Stop at the first capture that has failed for good.")]
ReplaceAll = Annotated[bool, typer.Option("--force", "-f", help="Replace captures that are there.")]
ExecutorName = Annotated[
    str, typer.Option("--executor", metavar="NAME", help="Where to capture: local (processes of this machine) or ray.")
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray-address", metavar="ADDRESS", help="Ray cluster to join: auto, or HOST:PORT; one of its own by default."
    ),
]


def suite(
    sources: Sources,
    root: Root,
    jobs: Jobs = None,
    seeds: Seeds = None,
    ticks: Ticks = None,
    agents: AgentIds = None,
    auto_seed_agents: AutoSeedAgents = False,
    compress: Compress = False,
    worlds: Worlds = 1,
    policy: Policy = "scripted",
    noise: Noise = 0.0,
    overrides: Overrides = None,
    retries: Retries = 0,
    timeout: Timeout = None,
    resume: Resume = False,
    force: ReplaceAll = False,
    fail_fast: FailFast = False,
    executor: ExecutorName = "local",
    ray_address: RayAddress = None,
    as_json: Json = False,
) -> None:
    """Capture many scenarios, several at a time, each into a folder of its own below one.

    The capture of a/b.yaml is DIR/b, with --seeds DIR/b/seed_0 and so on; its log stands beside it, DIR/b.log. One that
    fails does not stop the others: then this ends with 4. suite.json says what has become of each. Interrupted, it ends
    what is under way and leaves what is done; --resume goes on from there.
    """
    _check(jobs, executor, ray_address)
    from townlet_cli.suite_view import watching

    with _open_workers(executor, jobs, policy, ray_address) as workers, watching(as_json=as_json) as watcher:
        from townlet_core.rollout.request import CaptureRequest
        from townlet_core.rollout.running import Rules
        from townlet_core.rollout.suite import SuiteRequest, parse_seeds, run_suite

        every = CaptureRequest(
            source="",
            output=root,
            ticks=ticks,
            agents=tuple(agents or ()),
            auto_seed_agents=auto_seed_agents,
            compress=compress,
            worlds=worlds,
            policy=policy,
            noise=noise,
            force=force,
            overrides=tuple(overrides or ()),
        )
        rules = Rules(retries=retries, timeout=timeout, fail_fast=fail_fast, executor=executor)  # type: ignore[arg-type]
        given = () if seeds is None else parse_seeds(seeds)
        report = run_suite(SuiteRequest(tuple(sources), root, every, rules, given, resume), workers, watcher)
    if not report.all_well:
        raise typer.Exit(PARTLY_DONE)


def _check(jobs: int | None, executor: str, ray_address: str | None) -> None:
    """Refuse what no executor can do."""
    if jobs is not None and not 1 <= jobs <= MOST_JOBS:
        raise UsageError(f"must be a whole number from 1 to {MOST_JOBS}, found {jobs}", where="--jobs")
    if executor not in EXECUTORS:
        raise UsageError(f"must be local or ray, found '{executor}'", where="--executor")
    if ray_address is not None and executor != "ray":
        raise UsageError("is about a Ray cluster", where="--ray-address", hint="give --executor ray too")


def _open_workers(executor: str, jobs: int | None, policy: str, ray_address: str | None) -> LocalWorkers | RayWorkers:
    """Start who does the work; it loads what it needs while this process goes on."""
    if executor == "ray":
        from townlet_core.rollout.ray_workers import RayWorkers

        return RayWorkers(jobs, address=ray_address)
    from townlet_core.rollout.workers import LocalWorkers, usable_cores

    return LocalWorkers(jobs or usable_cores(), learned=Path(policy).exists())
