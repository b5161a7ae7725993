"""Signals to end, as wishes that are granted when the epoch has ended."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def softly() -> Iterator[list[int]]:
    """Turn the first signal to end into a wish, which is found in the list that is lent; the second ends at once."""
    wishes: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield wishes
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def wish(number: int, _: object) -> None:
        wishes.append(number)
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in before:
        signal.signal(number, wish)
    try:
        yield wishes
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
