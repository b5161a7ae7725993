"""Starting the processes that train together, by the runner that torch.distributed brings."""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException, Std
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

LAST_LINES = 20
FAULT = 70  # what a process ends with that has not said in words what is wrong
INTERRUPTED = 130
MOST_EPOCH_SECONDS = 24 * 3600  # that the processes have, when asked to stop, before they are killed


def run_in_processes(processes: int, words: Sequence[str]) -> int:
    """Run Python with some words in several processes of this machine; give the exit code.

    What the first process prints is printed; what another one has said is told where that one alone has failed. Asked
    to stop, this asks them, and waits until they have kept what there is.
    """
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", str(MOST_EPOCH_SECONDS))
    logging.disable(logging.ERROR)  # the runner's own words of what the processes say better
    with tempfile.TemporaryDirectory(prefix="townlet-processes-") as folder:
        others = dict.fromkeys(range(1, processes), Std.ALL)
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=processes,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            run_id=Path(folder).name,
            max_restarts=0,
            monitor_interval=0.1,
            logs_specs=DefaultLogsSpecs(log_dir=folder, redirects=others),
        )
        try:
            elastic_launch(config, sys.executable)("-u", *words)
        except ChildFailedError as error:
            return _code_of(error, Path(folder))
        except SignalException as error:
            soft = error.sigval in (signal.SIGINT, signal.SIGTERM)
            return INTERRUPTED if soft else 128 + error.sigval
    return 0


def _code_of(error: ChildFailedError, folder: Path) -> int:
    """Give the exit code of the process that failed first, and tell what it said if nobody has seen it yet."""
    rank, failure = error.get_first_failure()
    shown = error.failures.get(0, failure)
    if rank != 0 and not shown.exitcode == failure.exitcode < FAULT:
        for log in sorted(folder.rglob(f"{rank}/stderr.log")):
            for line in log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:]:
                sys.stderr.write(f"process {rank}: {line}\n")
    code = failure.exitcode
    return code if code >= 0 else 128 - code
