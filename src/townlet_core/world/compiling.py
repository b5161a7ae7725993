"""Notice that kernels are being compiled, which takes a while, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from numba.core.event import Event, Listener, install_listener


class _First(Listener):
    """Calls back at the first compilation; one that the cache answers is none."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self.tell = tell
        self.told = False

    def on_start(self, event: Event) -> None:
        if not self.told:
            self.told = True
            self.tell()

    def on_end(self, event: Event) -> None:
        """Wait for nothing: the next compilation belongs to the same wait."""


@contextmanager
def notice_compiling(tell: Callable[[], None]) -> Iterator[None]:
    """Call back, at most once, when a kernel is not in the cache and its compilation begins."""
    with install_listener("numba:compile", _First(tell)):
        yield
