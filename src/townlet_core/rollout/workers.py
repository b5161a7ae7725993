"""Workers of a suite in processes of this machine, as the suite sees them.

They are forked by a process that has loaded all that captures need (rollout.nursery), so that this one stays light and
can have threads. It has a session of its own: what a terminal sends to stop the suite comes to the suite alone.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import NamedTuple, Protocol, Self

from townlet_core.errors import TownletError
from townlet_core.rollout.task import Captured, Failed, News, Task

GRACE_SECONDS = 5.0  # that a worker has to clear up when it is ended
BOOT = """\
import gc
gc.disable()  # loading makes hardly any litter, and looking for it takes a quarter of the time
import sys
paths, descriptor, learned = sys.argv[1:]
import json
sys.path[:] = json.loads(paths)
from townlet_core.rollout.nursery import main
main(int(descriptor), learned=learned == "learned")
"""
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # each: workers share the cores already


@dataclass(frozen=True)
class Give:
    """Have a worker take a task; it is forked if there is none of that number."""

    worker: int
    task: Task


@dataclass(frozen=True)
class Stop:
    """End a worker."""

    worker: int


@dataclass(frozen=True)
class Ready:
    """All is loaded."""


@dataclass(frozen=True)
class Compiling:
    """Kernels have to be compiled first."""


@dataclass(frozen=True)
class Told:
    """A worker tells something."""

    worker: int
    news: News


@dataclass(frozen=True)
class Dead:
    """A worker has ended."""

    worker: int
    status: int  # as of waitpid


class Heard(NamedTuple):
    """News of a task."""

    task: int  # number that the suite has given it
    news: News


class Workers(Protocol):
    """Whoever makes captures for a suite, several at a time."""

    jobs: int  # tasks at a time

    def check(self, example: Task) -> str | None:
        """Refuse, before anything is begun, what cannot go well; give what is good to know."""

    def start(self, number: int, task: Task) -> None:
        """Begin with a task. Its end is a Captured or a Failed, whatever happens."""

    def stop(self, number: int) -> None:
        """End a task that is under way; its end is told as any other."""

    def hear(self, seconds: float | None) -> list[Heard | Compiling]:
        """Wait for news, at most so long."""

    def close(self) -> None:
        """End all of them, and wait until nobody is left."""


class LocalWorkers:
    """Processes of this machine.

    Args:
        learned: load what networks need before they are forked.
    """

    def __init__(self, jobs: int, *, learned: bool = False) -> None:
        self.jobs = jobs
        self._ready = False
        self._numbers = itertools.count()
        self._tasks: dict[int, int] = {}  # worker -> task
        self._idle: list[int] = []
        self._heard: list[Heard | Compiling] = []  # and not yet told
        ours, theirs = socket.socketpair()
        words = [json.dumps(sys.path), str(theirs.fileno()), "learned" if learned else "kernels"]
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", BOOT, *words],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**dict.fromkeys(ONE_THREAD, "1"), **os.environ},
                start_new_session=True,
            )
        self._nursery = Connection(ours.detach())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def check(self, example: Task) -> None:
        """There is nothing that could be different in processes of this machine."""

    def start(self, number: int, task: Task) -> None:
        """Begin with a task."""
        worker = self._idle.pop() if self._idle else next(self._numbers)
        self._tasks[worker] = number
        self._send(Give(worker, task))

    def stop(self, number: int) -> None:
        """End the worker of a task. Before all is loaded there is none, and nobody waits until there is."""
        self._listen(0)
        for worker in [worker for worker, task in self._tasks.items() if task == number]:
            if self._ready:
                self._send(Stop(worker))
            else:
                del self._tasks[worker]
                self._heard.append(Heard(number, Failed("ended before it had begun", died=True)))

    def hear(self, seconds: float | None) -> list[Heard | Compiling]:
        """Wait for news, at most so long.

        Raises:
            TownletError: the process that the workers come from has died.
        """
        self._listen(0 if self._heard else seconds)
        heard, self._heard = self._heard, []
        return heard

    def _listen(self, seconds: float | None) -> None:
        """Take all messages that are there, and the first that comes in some time."""
        while self._nursery.poll(seconds):
            seconds = 0
            try:
                message = self._nursery.recv()
            except (EOFError, ConnectionResetError):
                raise self._lost() from None
            self._heard += self._understood(message)

    def _understood(self, message: object) -> list[Heard | Compiling]:
        """Give what a message means to the suite."""
        if isinstance(message, Compiling):
            return [message]
        if isinstance(message, Ready):
            self._ready = True
        if isinstance(message, Told) and message.worker in self._tasks:
            if isinstance(message.news, Captured | Failed):
                self._idle.append(message.worker)
                return [Heard(self._tasks.pop(message.worker), message.news)]
            return [Heard(self._tasks[message.worker], message.news)]
        if isinstance(message, Dead):
            if message.worker in self._idle:
                self._idle.remove(message.worker)
            if message.worker in self._tasks:
                return [Heard(self._tasks.pop(message.worker), Failed(cause_of_death(message.status), died=True))]
        return []

    def _send(self, message: Give | Stop) -> None:
        try:
            self._nursery.send(message)
        except (BrokenPipeError, ConnectionResetError):
            raise self._lost() from None

    def _lost(self) -> TownletError:
        code = self._process.wait()
        end = cause_of_death(code << 8 if code >= 0 else -code)
        hint = "what it said stands above; captures that are done are whole, and --resume goes on"
        return TownletError(f"the process that workers come from has gone: {end}", hint=hint)

    def close(self) -> None:
        """End all processes, and wait until nobody is left."""
        self._nursery.close()  # it hears that, and ends its workers
        try:
            if not self._ready:
                self._process.terminate()  # it is still loading, and has none
            self._process.wait(3 * GRACE_SECONDS)
        finally:
            if self._process.poll() is None:
                self._process.kill()  # and its workers with it
                self._process.wait()


def usable_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cause_of_death(status: int) -> str:
    """Word why a process ended, as waitpid tells it."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"its process ended with exit code {code}; see its log"
    name = signal.Signals(-code).name
    hint = ", as where memory runs out" if -code == signal.SIGKILL else "; see its log"
    return f"its process was ended by {name}{hint}"
