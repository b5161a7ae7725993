"""A command of the user's that is told of each alert, and cannot hold up the watch."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from typing import IO, NamedTuple

SECONDS = 10.0  # that one may take
MOST_AT_ONCE = 4
SHOWN_CHARACTERS = 200  # of what it said


class _Running(NamedTuple):
    process: subprocess.Popen[bytes]
    until: float
    said: IO[bytes]
    rule: str


class OnAlert:
    """Runs a shell command for each alert, beside the watch; what goes wrong with it is given as words."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._running: list[_Running] = []

    def run(self, rule: str, alert: str) -> list[str]:
        """Start the command with an alert on its standard input; wait for others only where there are too many."""
        wrong: list[str] = []
        while len(self._running) >= MOST_AT_ONCE:
            wrong += self.reap(wait=True)
        with tempfile.TemporaryFile() as given:  # a file takes all of it at once, whether it is read or not
            given.write(alert.encode() + b"\n")
            given.seek(0)
            said = tempfile.TemporaryFile()  # noqa: SIM115  # until the command has ended
            process = subprocess.Popen(
                self._command, shell=True, stdin=given, stdout=said, stderr=said, start_new_session=True
            )
        self._running.append(_Running(process, time.monotonic() + SECONDS, said, rule))
        return wrong

    def reap(self, *, wait: bool = False) -> list[str]:
        """Clear up after those that have ended or taken too long; tell what went wrong.

        Args:
            wait: until the oldest of them has ended.
        """
        wrong = []
        if wait and self._running:
            with suppress(subprocess.TimeoutExpired):
                self._running[0].process.wait(max(0.0, self._running[0].until - time.monotonic()))
        for each in list(self._running):
            code = each.process.poll()
            late = code is None and time.monotonic() >= each.until
            if late:
                with suppress(ProcessLookupError):
                    os.killpg(each.process.pid, signal.SIGKILL)
                each.process.wait()
            if code is None and not late:
                continue
            self._running.remove(each)
            if late or code:
                wrong.append(_words(each, f"took more than {SECONDS:g} s" if late else f"ended with {code}"))
            each.said.close()
        return wrong

    def finish(self) -> list[str]:
        """Wait for all that still run, each at most for its time."""
        wrong: list[str] = []
        while self._running:
            wrong += self.reap(wait=True)
        return wrong


def _words(ended: _Running, what: str) -> str:
    ended.said.seek(0)
    said = ended.said.read().decode(errors="replace").strip()
    tail = "".join(sign if sign.isprintable() else " " for sign in said[-SHOWN_CHARACTERS:])
    return f"--on-alert {what} for '{ended.rule}'" + (f": {tail}" if tail else "")
