"""Several processes for one training: this command again, in each of them."""

from __future__ import annotations

import typer

from townlet_core.errors import UsageError

MOST_PROCESSES = 1024


def launch(processes: int, context: typer.Context) -> int:
    """Run this command in several processes that train together; give the exit code.

    Raises:
        UsageError: there cannot be so many.
    """
    if not 1 <= processes <= MOST_PROCESSES:
        raise UsageError(f"must be a whole number from 1 to {MOST_PROCESSES}, found {processes}", where="--nproc")
    from townlet_core.ppo.launching import run_in_processes

    return run_in_processes(processes, ["-m", "townlet_cli", *without_nproc(context.obj)])


def without_nproc(words: list[str]) -> list[str]:
    """Leave out the option that is obeyed already."""
    kept: list[str] = []
    skip = False
    for word in words:
        if not skip and word != "--nproc" and not word.startswith("--nproc="):
            kept.append(word)
        skip = word == "--nproc" and not skip
    return kept
