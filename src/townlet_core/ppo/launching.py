"""Starting the processes that train together, by the runner that torch.distributed brings."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

LAST_LINES = 20


def run_in_processes(processes: int, words: Sequence[str]) -> int:
    """Run Python with some words in several processes of this machine; give the exit code.

    What the first process prints is printed; what another one has said is told where that one alone has failed.
    """
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
    return 0


def _code_of(error: ChildFailedError, folder: Path) -> int:
    """Give the exit code of the process that failed first, and tell what it said if nobody has seen it yet."""
    rank, failure = error.get_first_failure()
    if rank != 0:
        for log in sorted(folder.rglob(f"{rank}/stderr.log")):
            for line in log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:]:
                sys.stderr.write(f"process {rank}: {line}\n")
    code = failure.exitcode
    return code if code >= 0 else 128 - code
