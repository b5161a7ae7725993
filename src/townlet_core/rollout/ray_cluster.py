"""The Ray cluster that a suite works on (extra ray): one that is there is joined, or one of its own is started.

One of its own has what it needs and no more: no dashboard, no report of usage, a folder of its own that goes with it.
In two places Ray has no public way to keep it from what a command must not do, and what is used is private to it: it
prints messages of its machines to the standard output, and sets a handler of SIGTERM.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from townlet_core.errors import InputError, TownletError, UsageError
from townlet_core.rollout.workers import usable_cores
from townlet_core.samples.commit import undisturbed

AUTO = "auto"
ADDRESS = re.compile(r"\[?(?P<host>[^\s/\[\]]+?)\]?:(?P<port>\d{1,5})")
KNOCK_SECONDS = 5.0  # that a head has to answer
HEAD_KNOCK_SECONDS = 2.0  # between two knocks at the head, and that it has to answer
HEAD_SILENT_SECONDS = 15.0  # that it may be silent; Ray waits a minute, and then ends this process without a word
FEW_TRIES = {"RAY_NUM_REDIS_GET_RETRIES": "1", "RAY_py_gcs_connect_timeout_s": "10"}  # not twenty, of 40 s each
STORE_BYTES = 100_000_000  # for what workers tell
SHORT = 24  # letters of a path that leave room for the names of Ray's sockets, of which systems take about a hundred


class Cluster:
    """A Ray cluster that this process has joined.

    Args:
        address: of the cluster; one of its own on this machine, if none is given.
        jobs: CPUs of its own cluster; as many as this process may use, if none are given.

    Raises:
        UsageError: Ray is not installed, or this is no address.
        InputError: there is no such cluster.
    """

    def __init__(self, address: str | None, *, jobs: int | None) -> None:
        self._folder: Path | None = None
        self._next_knock = 0.0  # by time.monotonic
        self._silent_since: float | None = None
        if address is not None:
            _knock(address)
            for name, value in FEW_TRIES.items():  # Ray reads them when it is imported
                os.environ.setdefault(name, value)
        self.ray = _imported()
        try:
            self._join(address, jobs)
            self._head = ADDRESS.fullmatch(str(self.ray.get_runtime_context().gcs_address))
        except BaseException:
            self.leave()
            raise

    def _join(self, address: str | None, jobs: int | None) -> None:
        options: dict[str, Any] = {"address": address}
        if address is None:
            self._folder = _own_folder()
            options = {
                "address": "local",
                "num_cpus": jobs or usable_cores(),
                "include_dashboard": False,
                "object_store_memory": STORE_BYTES,
                "_temp_dir": str(self._folder),
            }
        try:
            with undisturbed(), _no_handler_of_ray(self.ray):  # what Ray has begun to start nobody could end
                self.ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
        except (self.ray.exceptions.RayError, OSError, ValueError, RuntimeError) as error:
            raise _no_cluster(" ".join(str(error).split()), address) from error
        self.ray._private.worker._worker_logs_enabled = False  # log_to_driver is about the logs of workers alone

    @property
    def home(self) -> str:
        """Give the id of the machine that this process runs on."""
        return str(self.ray.get_runtime_context().get_node_id())

    def check_head(self) -> None:
        """Knock at the head of the cluster now and then.

        Raises:
            TownletError: it has been silent for a while.
        """
        now = time.monotonic()
        if self._head is None or now < self._next_knock:
            return
        try:
            _connect(self._head, HEAD_KNOCK_SECONDS)
            self._silent_since = None
        except OSError as error:
            self._silent_since = self._silent_since or now
            if now - self._silent_since >= HEAD_SILENT_SECONDS:
                raise gone(f"its head does not answer at {self._head[0]}") from error
        self._next_knock = time.monotonic() + HEAD_KNOCK_SECONDS

    def cpus_here(self) -> int:
        """Give how many CPUs of this machine an attempt may take: none where the cluster counts none."""
        here = [node for node in self.ray.nodes() if node["NodeID"] == self.home]
        return int(any(node["Resources"].get("CPU") for node in here))

    @undisturbed()
    def leave(self) -> None:
        """Leave the cluster; one of its own ends."""
        self.ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _imported() -> Any:
    try:
        import ray
    except ImportError as error:
        hint = "pip install 'townlet[ray]', here and on every machine of the cluster"
        raise UsageError("Ray is not installed", where="--executor", hint=hint) from error
    return ray


def _own_folder() -> Path:
    usual = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="townlet-ray-", dir=usual if len(usual) <= SHORT else "/tmp"))


def _knock(address: str) -> None:
    """Refuse an address at which nobody answers: Ray would try for a quarter of an hour."""
    if address == AUTO:
        return
    match = ADDRESS.fullmatch(address)
    if match is None:
        hint = "leave it out for a cluster of the suite's own"
        raise UsageError(f"must be auto or HOST:PORT, found '{address}'", where="--ray-address", hint=hint)
    try:
        _connect(match, KNOCK_SECONDS)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _no_cluster(f"nobody answers there: {reason.lower()}", address) from error


def _connect(address: re.Match[str], seconds: float) -> None:
    socket.create_connection((address["host"], int(address["port"])), seconds).close()


def gone(problem: str) -> TownletError:
    """Make the error of a cluster that is no more."""
    hint = "captures that are done are whole, and --resume goes on"
    return TownletError(f"the cluster has gone: {problem}", where="--executor ray", hint=hint)


def _no_cluster(problem: str, address: str | None) -> TownletError:
    if address is None:
        hint = "Ray needs room in /tmp, and a home folder that can be written to"
        return InputError(f"no cluster can be started here: {problem}", where="--executor ray", hint=hint)
    hint = "give auto on a machine of the cluster, or HOST:PORT of its head and the token that it wants (RAY_AUTH_MODE)"
    return InputError(f"cannot be joined: {problem}", where=f"--ray-address {address}", hint=hint)


@contextmanager
def _no_handler_of_ray(ray: Any) -> Iterator[None]:
    """Keep Ray from setting a handler of SIGTERM, which ends the process in the midst of whatever there is."""
    utils = ray._private.utils
    sets = utils.set_sigterm_handler
    utils.set_sigterm_handler = lambda handler: None
    try:
        yield
    finally:
        utils.set_sigterm_handler = sets
