"""What the cross-checks report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from townlet_core.documents.nodes import Path
from townlet_core.errors import did_you_mean


class Flaw(NamedTuple):
    """Something in a file that does not fit the rest of it."""

    path: Path
    clause: str
    hint: str | None = None
    word: str | None = None  # the name that is unknown, where one is
    at_key: bool = False  # the key is to blame rather than its value


def unknown(path: Path, what: str, name: str, known: Iterable[str]) -> Flaw:
    """Report a name that nothing has, with the nearest that something has."""
    names = list(dict.fromkeys(known))
    some = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    hint = did_you_mean(name, names) or (f"known are {some}" if names else "there are none")
    return Flaw(path, f"unknown {what} '{name}'", hint, word=name)
