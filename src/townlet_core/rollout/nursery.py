"""The process that workers come from: it loads all that captures need once, and forks.

It has one thread and opens nothing, so that what it forks is sound. It reads what the suite wants from a socket, hands
that on to the workers and tells what comes of it. When the suite has gone, in whatever way, it ends them and itself.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe, wait

from townlet_core.rollout.task import Task
from townlet_core.rollout.workers import GRACE_SECONDS, Compiling, Dead, Give, Ready, Stop, Told

FAULT = 70
PR_SET_PDEATHSIG = 1


def main(descriptor: int, *, learned: bool) -> None:
    """Serve a suite until it closes the socket."""
    _end_with_parent(os.getppid())
    suite = Connection(descriptor)
    from townlet_core.rollout.warming import warm_up

    warm_up(lambda: suite.send(Compiling()), learned=learned)
    gc.freeze()  # what is shared with the workers stays shared
    gc.enable()  # it is disabled while all is loaded
    suite.send(Ready())
    Nursery(suite).run()
    os._exit(0)  # taking apart all that was loaded would keep the suite waiting


class _Worker:
    """A worker as the nursery knows it."""

    def __init__(self, number: int, process: int, end: Connection) -> None:
        self.number = number
        self.process = process
        self.end = end
        self.kill_at: float | None = None  # by time.monotonic


class Nursery:
    """All workers of a suite."""

    def __init__(self, suite: Connection) -> None:
        self._suite = suite
        self._workers: dict[int, _Worker] = {}

    def run(self) -> None:
        """Do what the suite wants until it has gone; then end what is left."""
        try:
            while True:
                ends = {worker.end: worker for worker in self._workers.values()}
                for ready in wait([self._suite, *ends], self._patience()):
                    if ready is self._suite:
                        self._obey()
                    elif isinstance(ready, Connection) and ready in ends:
                        self._hear(ends[ready])
                self._kill_overdue()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            self._end_all()

    def _obey(self) -> None:
        message = self._suite.recv()
        if isinstance(message, Give):
            worker = self._workers.get(message.worker) or self._fork(message.worker)
            with suppress(BrokenPipeError):  # it has just died, which is heard next
                worker.end.send(message.task)
        elif isinstance(message, Stop) and message.worker in self._workers:
            self._stop(self._workers[message.worker])

    def _hear(self, worker: _Worker) -> None:
        """Hand on what a worker tells, or that it is dead."""
        try:
            news = worker.end.recv()
        except (EOFError, ConnectionResetError):
            worker.end.close()
            del self._workers[worker.number]
            self._suite.send(Dead(worker.number, os.waitpid(worker.process, 0)[1]))
            return
        self._suite.send(Told(worker.number, news))

    def _fork(self, number: int) -> _Worker:
        ours, theirs = Pipe()
        parent = os.getpid()
        process = os.fork()
        if process == 0:
            for end in (ours, self._suite, *(worker.end for worker in self._workers.values())):
                end.close()
            _be_worker(theirs, parent)
        theirs.close()
        worker = self._workers[number] = _Worker(number, process, ours)
        return worker

    def _stop(self, worker: _Worker) -> None:
        """Ask a worker to end; it has some time to clear up."""
        if worker.kill_at is None:
            worker.kill_at = time.monotonic() + GRACE_SECONDS
            os.kill(worker.process, signal.SIGTERM)

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for worker in self._workers.values():
            if worker.kill_at is not None and worker.kill_at <= now:
                worker.kill_at = now + GRACE_SECONDS
                os.kill(worker.process, signal.SIGKILL)

    def _patience(self) -> float | None:
        """Give the seconds until somebody has to be killed."""
        dates = [worker.kill_at for worker in self._workers.values() if worker.kill_at is not None]
        return max(0.0, min(dates) - time.monotonic()) if dates else None

    def _end_all(self) -> None:
        """End all workers, and wait for it."""
        for worker in self._workers.values():
            self._stop(worker)
        while self._workers:
            ends = {worker.end: worker for worker in self._workers.values()}
            for ready in wait(list(ends), self._patience()):
                worker = ends[ready]  # type: ignore[index]
                try:
                    worker.end.recv()
                except (EOFError, ConnectionResetError):
                    os.waitpid(worker.process, 0)
                    del self._workers[worker.number]
            self._kill_overdue()


def _be_worker(end: Connection, parent: int) -> None:
    """Take tasks, one after the other; never returns."""
    code = FAULT
    try:
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
        _end_with_parent(parent)
        faulthandler.enable()
        _take_tasks(end)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else FAULT
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(code)  # what is registered to be done at the end of the nursery is its own affair


def _take_tasks(end: Connection) -> None:
    from townlet_core.rollout.attempt import attempt

    while True:
        try:
            task: Task = end.recv()
            end.send(attempt(task, end.send))
        except (EOFError, BrokenPipeError):
            return


def _end_with_parent(parent: int) -> None:
    """Have the system end this process when its parent dies, where it can: nobody is left behind even by a kill."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(128 + signal.SIGTERM)
