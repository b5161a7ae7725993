"""Workers of a suite in a Ray cluster (extra ray): the same attempts, on many machines that share a folder.

Each attempt is a task of Ray, which it never repeats by itself. What is told on the way comes through an actor.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from functools import cache
from typing import Any, Self

from townlet_core.errors import InputError, OutputError, TownletError
from townlet_core.rollout.ray_cluster import Cluster
from townlet_core.rollout.task import Captured, Failed, News, Task
from townlet_core.rollout.workers import GRACE_SECONDS, Compiling, Heard
from townlet_core.samples.commit import undisturbed
from townlet_core.samples.provenance import Versions, versions

LOOK_SECONDS = 120.0  # that a machine has to start a process and load the modules
DEATHS = {  # error of Ray -> what it is to us
    "WorkerCrashedError": "its process was ended, as where memory runs out",
    "OutOfMemoryError": "its process was ended by Ray, as the memory of its machine was almost used up",
    "NodeDiedError": "its machine has left the cluster",
    "TaskCancelledError": "it was ended before it was done",
    "GetTimeoutError": f"no answer in {LOOK_SECONDS:g} s",
}
WAIT_SECONDS = 0.5  # that a signal waits, at most


class Channel:
    """Keeps what attempts tell until the suite takes it; an actor of Ray."""

    def __init__(self) -> None:
        self._told: asyncio.Queue[tuple[int, int, News]] = asyncio.Queue()

    async def tell(self, number: int, attempt: int, news: News) -> None:
        """Take news of a task."""
        await self._told.put((number, attempt, news))

    async def take(self) -> list[tuple[int, int, News]]:
        """Give all there is, as soon as there is something."""
        taken = [await self._told.get()]
        while not self._told.empty():
            taken.append(self._told.get_nowait())
        return taken


class RayWorkers:
    """Processes of a Ray cluster.

    Args:
        jobs: tasks at a time; as many as there are CPUs, if none are given.
        address: of the cluster; one of this suite's own on this machine, if none is given.

    Raises:
        UsageError: Ray is not installed.
        InputError: there is no such cluster.
    """

    def __init__(self, jobs: int | None, *, address: str | None) -> None:
        self._cluster = Cluster(address, jobs=jobs)
        self._ray = self._cluster.ray
        try:
            self.jobs = jobs or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
            channel = self._ray.remote(num_cpus=0)(Channel)
            self._channel = channel.options(scheduling_strategy=self._on(self._cluster.home)).remote()
            self._attempt = self._ray.remote(num_cpus=1, max_retries=0, scheduling_strategy="SPREAD")(_attempt_there)
            self._news = self._channel.take.remote()
        except BaseException:
            self._cluster.leave()
            raise
        self._tasks: dict[Any, tuple[int, int]] = {}  # reference of Ray -> number of the task, of the attempt
        self._kill_at: dict[Any, float] = {}  # reference -> when it is ended by force, by time.monotonic

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _on(self, node: str) -> Any:
        """Have a machine do something, and no other."""
        return self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)

    def check(self, example: Task) -> None:
        """Look at the folder of the suite, and at the versions, from every machine.

        Raises:
            TownletError: one of them sees another folder, has other versions, or does not answer.
        """
        nodes = [node for node in self._ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        look = self._ray.remote(num_cpus=0, max_retries=0)(_look_there)
        seen = [
            look.options(scheduling_strategy=self._on(node["NodeID"])).remote(example, versions()) for node in nodes
        ]
        for node, reference in zip(nodes, seen, strict=True):
            try:
                problem = self._answer(reference)
            except self._ray.exceptions.RayError as error:
                hint = "install the same townlet there; see 'ray status', and the logs of Ray"
                raise InputError(f"cannot work: {_cause(error)}", where=_name(node), hint=hint) from error
            if problem is not None:
                raise OutputError(problem[0], where=_name(node), hint=problem[1])

    def _answer(self, seen: Any) -> Any:
        """Wait for what a machine has seen."""
        until = time.monotonic() + LOOK_SECONDS
        ready: list[Any] = []
        while not ready and time.monotonic() < until:
            ready = self._wait([seen], WAIT_SECONDS)
        return self._ray.get(seen, timeout=0)

    @undisturbed()
    def _wait(self, references: list[Any], seconds: float) -> list[Any]:
        """Wait until one of them is there. No signal interrupts Ray, which would make an exit with code 1 of it."""
        ready, _ = self._ray.wait(references, num_returns=1, timeout=seconds)
        return list(ready)

    @undisturbed()
    def start(self, number: int, task: Task) -> None:
        """Begin with a task."""
        reference = self._attempt.remote(task, number, self._channel, versions())
        self._tasks[reference] = number, task.attempt

    @undisturbed()
    def stop(self, number: int) -> None:
        """Interrupt a task; it has some time to clear up."""
        for reference, (task, _) in self._tasks.items():
            if task == number and reference not in self._kill_at:
                self._kill_at[reference] = time.monotonic() + GRACE_SECONDS
                self._ray.cancel(reference, force=False, recursive=False)

    @undisturbed()
    def hear(self, seconds: float | None) -> list[Heard | Compiling]:
        """Wait for news, at most so long; a signal that comes meanwhile is heard a little later.

        Raises:
            TownletError: the cluster has gone.
        """
        self._kill_overdue()
        dates = [date - time.monotonic() for date in self._kill_at.values()]
        timeout = max(0.0, min([WAIT_SECONDS, *dates, *([] if seconds is None else [seconds])]))
        ready = self._wait([self._news, *self._tasks], timeout)
        heard: list[Heard | Compiling] = []
        for reference in ready:
            heard += self._told() if reference == self._news else [self._ended(reference)]
        return heard

    def _told(self) -> Iterator[Heard]:
        """Take what is told on the way by attempts that are not over."""
        try:
            taken = self._ray.get(self._news)
        except self._ray.exceptions.RayError as error:
            hint = "captures that are done are whole, and --resume goes on"
            raise TownletError(f"the cluster has gone: {_cause(error)}", where="--executor ray", hint=hint) from error
        self._news = self._channel.take.remote()
        alive = set(self._tasks.values())
        for number, attempt, news in taken:
            if (number, attempt) in alive:
                yield Heard(number, news)

    def _ended(self, reference: Any) -> Heard:
        """Take what came of an attempt."""
        number, _ = self._tasks.pop(reference)
        self._kill_at.pop(reference, None)
        try:
            news = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return Heard(number, Failed(f"Ray: {_cause(error)}", died=True))
        return Heard(number, news)

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for reference, date in self._kill_at.items():
            if date <= now:
                self._kill_at[reference] = now + GRACE_SECONDS
                self._ray.cancel(reference, force=True, recursive=False)

    @undisturbed()
    def close(self) -> None:
        """End what is under way, and leave the cluster; one of the suite's own ends."""
        for number, _ in list(self._tasks.values()):
            self.stop(number)
        until = time.monotonic() + 2 * GRACE_SECONDS
        try:
            while self._tasks and time.monotonic() < until:
                self.hear(until - time.monotonic())
        finally:
            self._cluster.leave()


def _name(node: dict[str, Any]) -> str:
    return f"{node.get('NodeManagerHostname') or node['NodeID']}"


def _cause(error: Exception) -> str:
    """Give the line of an error of Ray that says what it is: the last one of a traceback."""
    kind = type(error).__name__
    if kind in DEATHS:
        return DEATHS[kind]
    cause = getattr(error, "cause", None)
    lines = [line.strip() for line in str(cause or error).splitlines() if line.strip()]
    kind = type(cause or error).__name__
    return f"{kind}: {lines[-1]}" if lines else kind


# What runs on the machines of the cluster


@cache
def _warmed() -> None:
    """Load the kernels, once a process."""
    from townlet_core.rollout.warming import warm_up

    warm_up(lambda: None, learned=False)


def _attempt_there(task: Task, number: int, channel: Any, wanted: Versions) -> Captured | Failed:
    """Make an attempt."""
    from townlet_core.rollout.attempt import attempt

    other = other_versions(wanted)
    if other is not None:
        return Failed(other[0])
    _warmed()
    return attempt(task, lambda news: channel.tell.remote(number, task.attempt, news))


def _look_there(example: Task, wanted: Versions) -> tuple[str, str | None] | None:
    """Say what keeps this machine from working: a problem and a hint; None if nothing does."""
    from townlet_core.rollout.attempt import check_place

    try:
        check_place(example)
    except TownletError as error:
        return (f"{error.where}: {error.problem}", error.hint)
    return other_versions(wanted)


def other_versions(wanted: Versions) -> tuple[str, str] | None:
    """Name what this machine has another version of than the one that the suite was started on."""
    found = versions()
    for name in type(wanted).model_fields:
        here, there = getattr(found, name), getattr(wanted, name)
        if here != there:
            problem = f"has {name} {here}, and the suite was started with {there}"
            return problem, "install the same versions everywhere: captures are to be the same, byte for byte"
    return None
