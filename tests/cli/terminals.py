"""A terminal that tests look at and type on."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from typing import Self

DEADLINE_SECONDS = 120


class Terminal:
    """A command in a terminal of some size."""

    def __init__(self, folder: Path, *words: str, columns: int = 80, rows: int = 24, **variables: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        plain = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        self.modes_before = termios.tcgetattr(theirs)
        self._theirs = theirs
        self.process = subprocess.Popen(
            [sys.executable, "-m", "townlet_cli", *words],
            cwd=folder, env=plain | {"TERM": "xterm-256color"} | variables, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        self.seen = b""
        self._reading = threading.Thread(target=self._read, daemon=True)  # as a terminal does
        self._reading.start()

    def _read(self) -> None:
        try:
            while piece := os.read(self._ours, 65_536):
                self.seen += piece
        except OSError:  # which is how its end is told
            return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(DEADLINE_SECONDS)
        os.close(self._theirs)
        self._reading.join(DEADLINE_SECONDS)
        os.close(self._ours)

    def wait_for(self, text: str) -> None:
        """Wait until a text is on the screen that has been drawn last."""
        self._wait(lambda: text in self.screen(), text)

    def wait_until_gone(self, text: str) -> None:
        """Wait until a text is not on the screen any more."""
        self._wait(lambda: text not in self.screen(), f"anything but {text}")

    def _wait(self, is_so: object, what: str) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not is_so():  # type: ignore[operator]
            assert time.monotonic() < deadline, f"waited for {what}; there is:\n{self.screen()}"
            time.sleep(0.02)

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def end(self) -> int:
        """Wait for the end of the command and give its exit code."""
        return self.process.wait(DEADLINE_SECONDS)

    def modes(self) -> list[object]:
        """How the terminal is set."""
        return list(termios.tcgetattr(self._theirs))

    def screen(self) -> str:
        """What was drawn last and whole, without styles."""
        frames = self.seen.decode(errors="replace").split("\x1b[?2026h")
        whole = [frame for frame in frames[1:] if "\x1b[?2026l" in frame]
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", whole[-1].split("\x1b[?2026l")[0]) if whole else ""
