"""Workers of a suite in a Ray cluster (extra ray): the same attempts, on many machines.

Each attempt is a task of Ray, which it never repeats by itself. What is told on the way comes through an actor.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from townlet_core.errors import InputError, OutputError
from townlet_core.rollout.ray_cluster import Cluster, gone
from townlet_core.rollout.ray_there import Channel, attempt_there, look_there
from townlet_core.rollout.sending import Arrival, pack
from townlet_core.rollout.task import Failed, Task
from townlet_core.rollout.workers import GRACE_SECONDS, Compiling, Heard
from townlet_core.samples.commit import undisturbed
from townlet_core.samples.manifest import MANIFEST
from townlet_core.samples.provenance import versions

LOOK_SECONDS = 120.0  # that a machine has to start a process and load the modules
DEATHS = {  # error of Ray -> what it is to us
    "WorkerCrashedError": "its process was ended, as where memory runs out",
    "OutOfMemoryError": "its process was ended by Ray, as the memory of its machine was almost used up",
    "NodeDiedError": "its machine has left the cluster",
    "TaskCancelledError": "it was ended before it was done",
    "GetTimeoutError": f"no answer in {LOOK_SECONDS:g} s",
}
WAIT_SECONDS = 0.5  # that a signal waits, at most


@dataclass
class _Under:
    """An attempt under way."""

    number: int  # of the task
    attempt: int
    arrival: Arrival


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
            self._attempt = self._ray.remote(
                num_cpus=1, max_retries=0, scheduling_strategy="SPREAD", _generator_backpressure_num_objects=2
            )(attempt_there)
            self._news = self._channel.take.remote()
        except BaseException:
            self._cluster.leave()
            raise
        self._tasks: dict[Any, _Under] = {}  # stream of Ray -> what it is about
        self._parcels: dict[str, Any] = {}  # source -> reference of what was read for it
        self._apart = False  # some machines do not share the folder of the suite
        self._kill_at: dict[Any, float] = {}  # stream -> when it is ended by force, by time.monotonic

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _on(self, node: str) -> Any:
        """Have a machine do something, and no other."""
        return self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)

    def check(self, example: Task) -> str | None:
        """Look at the folder of the suite, and at the versions, from every machine.

        Raises:
            TownletError: one of them has other versions, cannot work, or does not answer.
        """
        nodes = [node for node in self._ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        look = self._ray.remote(num_cpus=0, max_retries=0)(look_there)
        looks = [
            look.options(scheduling_strategy=self._on(node["NodeID"])).remote(example, versions()) for node in nodes
        ]
        apart: list[str] = []
        for node, reference in zip(nodes, looks, strict=True):
            try:
                seen = self._answer(reference)
            except self._ray.exceptions.RayError as error:
                hint = "install the same townlet there; see 'ray status', and the logs of Ray"
                raise InputError(f"cannot work: {_cause(error)}", where=_name(node), hint=hint) from error
            if seen.problem is not None:
                raise OutputError(seen.problem, where=_name(node), hint=seen.hint)
            apart += [] if seen.shares else [_name(node)]
        self._apart = bool(apart)
        if not apart:
            return None
        more = f" and {len(apart) - 3} more" if len(apart) > 3 else ""
        return f"{example.token.parent} is another folder on {', '.join(apart[:3])}{more}: captures are sent from there"

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
        """Begin with a task. What is there already is looked at here, if there are machines that do not see it."""
        there = self._attempt
        if self._apart and task.resume and any(task.request.output.glob(f"*{MANIFEST}")):
            there = there.options(scheduling_strategy=self._on(self._cluster.home), num_cpus=self._cluster.cpus_here())
        parcel = self._parcel(task) if self._apart else None
        stream = there.remote(task, number, self._channel, versions(), parcel)
        self._tasks[stream] = _Under(number, task.attempt, Arrival(task))

    def _parcel(self, task: Task) -> Any:
        """Have what a capture is made from wait for those who need it."""
        if task.request.source not in self._parcels:
            self._parcels[task.request.source] = self._ray.put(pack(task.request))
        return self._parcels[task.request.source]

    @undisturbed()
    def stop(self, number: int) -> None:
        """Interrupt a task; it has some time to clear up."""
        for stream, under in self._tasks.items():
            if under.number == number and stream not in self._kill_at:
                self._kill_at[stream] = time.monotonic() + GRACE_SECONDS
                self._ray.cancel(stream, force=False, recursive=False)

    @undisturbed()
    def hear(self, seconds: float | None) -> list[Heard | Compiling]:
        """Wait for news, at most so long; a signal that comes meanwhile is heard a little later.

        Raises:
            TownletError: the cluster has gone.
        """
        self._cluster.check_head()
        self._kill_overdue()
        dates = [date - time.monotonic() for date in self._kill_at.values()]
        timeout = max(0.0, min([WAIT_SECONDS, *dates, *([] if seconds is None else [seconds])]))
        ready = self._wait([self._news, *self._tasks], timeout)
        heard: list[Heard | Compiling] = []
        for reference in ready:
            heard += self._told() if reference is self._news else self._came(reference)
        return heard

    def _told(self) -> Iterator[Heard]:
        """Take what is told on the way by attempts that are not over."""
        try:
            taken = self._ray.get(self._news)
        except self._ray.exceptions.RayError as error:
            raise gone(_cause(error)) from error
        self._news = self._channel.take.remote()
        alive = {(under.number, under.attempt) for under in self._tasks.values()}
        for number, attempt, news in taken:
            if (number, attempt) in alive:
                yield Heard(number, news)

    def _came(self, stream: Any) -> Iterator[Heard]:
        """Take what an attempt has sent."""
        under = self._tasks[stream]
        try:
            end = under.arrival.take(self._ray.get(next(stream)))
        except (self._ray.exceptions.RayError, StopIteration) as error:
            under.arrival.drop()
            end = Failed(f"Ray: {_cause(error)}", died=True)
        if end is not None:
            del self._tasks[stream]
            self._kill_at.pop(stream, None)
            yield Heard(under.number, end)

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for stream, date in self._kill_at.items():
            if date <= now:
                self._kill_at[stream] = now + GRACE_SECONDS
                self._ray.cancel(stream, force=True, recursive=False)

    @undisturbed()
    def close(self) -> None:
        """End what is under way, and leave the cluster; one of the suite's own ends."""
        for under in list(self._tasks.values()):
            self.stop(under.number)
        until = time.monotonic() + 2 * GRACE_SECONDS
        try:
            while self._tasks and time.monotonic() < until:
                self.hear(until - time.monotonic())
        finally:
            for under in self._tasks.values():
                under.arrival.drop()
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
