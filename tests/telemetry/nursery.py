"""Writers to be killed: each is a process of its own that logs what it is told to, and has all modules loaded already.

A line on standard input is a command, and each is answered by a line of JSON.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from tests.telemetry.epochs import values
from townlet_core.telemetry.log import TelemetryLog

ROOT = Path(__file__).parents[2]


class Nursery:
    """Has one writer at a time."""

    def __init__(self) -> None:
        self.writer: int | None = None  # its process
        command = [sys.executable, "-m", "tests.telemetry.nursery"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def start(self, log: Path, **options: object) -> None:
        """Have a writer open a log."""
        assert self.writer is None
        self.writer = self._ask({"log": str(log), **options})

    def write(self, epoch: int, **others: object) -> int:
        """Have an epoch written; give the offset of its record."""
        offset: int = self._ask({"epoch": epoch, **others})
        return offset

    def begin(self, epochs: int) -> None:
        """Have many epochs written, as fast as can be; `answer` waits for the end of it."""
        self._tell({"epochs": epochs})

    def answer(self) -> Any:
        """Wait for an answer."""
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def kill(self) -> None:
        """Kill the writer."""
        if self.writer is not None:
            os.kill(self.writer, signal.SIGKILL)
            self.writer = None
            assert self.answer() == "gone"

    def _ask(self, command: dict[str, object]) -> Any:
        self._tell(command)
        return self.answer()

    def _tell(self, command: dict[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._process.communicate()


def _commands() -> Any:
    """Give the commands one by one, and read no more than one, which may be for the next writer."""
    while True:
        line = b""
        while not line.endswith(b"\n"):
            sign = os.read(0, 1)
            if not sign:
                return
            line += sign
        yield json.loads(line)


def _answer(what: object) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


def _write(options: dict[str, Any]) -> None:
    log = TelemetryLog(Path(options.pop("log")), **options)
    _answer(os.getpid())
    for command in _commands():
        if "epochs" in command:
            for epoch in range(1, command["epochs"] + 1):
                log.write(values(epoch))
        else:
            log.write(values(**command))
        _answer(log.offset)


if __name__ == "__main__":
    for options in _commands():
        child = os.fork()
        if not child:
            _write(options)
            os._exit(0)
        os.waitpid(child, 0)
        _answer("gone")
