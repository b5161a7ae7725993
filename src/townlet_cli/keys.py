"""Keys of a terminal as they are pressed; whatever ends the program, the terminal is then as it was before."""

from __future__ import annotations

import os
import select
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress

ESCAPES = {
    b"\x1b[C": "right",
    b"\x1bOC": "right",
    b"\x1b[D": "left",
    b"\x1bOD": "left",
    b"\x1b[A": "up",
    b"\x1bOA": "up",
    b"\x1b[B": "down",
    b"\x1bOB": "down",
    b"\x1b[H": "home",
    b"\x1b[1~": "home",
    b"\x1bOH": "home",
    b"\x1b[F": "end",
    b"\x1b[4~": "end",
    b"\x1bOF": "end",
    b"\x1b[Z": "back tab",
    b"\x1b": "escape",
}
NAMES = {" ": "space", "\t": "tab"}
MOST_BYTES = 4096  # read at a time
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
OTHER_SCREEN, OWN_SCREEN = "\x1b[?1049h", "\x1b[?1049l"


class Keys:
    """The keys pressed on standard input; none ever where that is no terminal."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    @property
    def are_there(self) -> bool:
        """Whether keys can be pressed at all."""
        return self._descriptor is not None

    def wait(self, seconds: float) -> list[str]:
        """Wait until keys are pressed, or so long, and name them."""
        if self._descriptor is None:
            select.select([], [], [], seconds)
            return []
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        if not ready:
            return []
        pressed = os.read(self._descriptor, MOST_BYTES)
        if not pressed:  # the terminal has gone
            self._descriptor = None
        return list(_split(pressed))


def _split(pressed: bytes) -> Iterator[str]:
    """Name the keys of what was read; what a terminal sends for other keys is passed over."""
    while pressed:
        if pressed[:1] == b"\x1b":
            known = max((escape for escape in ESCAPES if pressed.startswith(escape)), key=len)
            if known == b"\x1b" and len(pressed) > 1:  # an escape that we do not know
                return
            yield ESCAPES[known]
            pressed = pressed[len(known) :]
        else:
            key = pressed[:1].decode("latin-1")
            yield NAMES.get(key, key)
            pressed = pressed[1:]


@contextmanager
def whole_screen() -> Iterator[Keys]:
    """Take the whole terminal: keys come as they are pressed, and what is drawn is gone afterwards."""
    descriptor = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
    before = termios.tcgetattr(descriptor) if descriptor is not None else None
    try:
        if descriptor is not None:
            _read_keys(descriptor)
        _send(OTHER_SCREEN + HIDE_CURSOR)
        yield Keys(descriptor)
    finally:
        with suppress(OSError, termios.error):  # the terminal may have gone
            if descriptor is not None and before is not None:
                termios.tcsetattr(descriptor, termios.TCSANOW, before)
            _send(SHOW_CURSOR + OWN_SCREEN)


def _send(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _read_keys(descriptor: int) -> None:
    """Have keys come at once and unseen; Ctrl-C still interrupts, Ctrl-Z would leave the screen in a mess."""
    modes = termios.tcgetattr(descriptor)
    modes[3] &= ~(termios.ECHO | termios.ICANON)
    modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
    modes[6][termios.VSUSP] = b"\0"
    termios.tcsetattr(descriptor, termios.TCSANOW, modes)
