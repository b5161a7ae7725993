"""How people name keys of a log, wherever they choose some: by the key itself, or by a glob such as `events.*`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Final

from townlet_core.errors import InputError, did_you_mean
from townlet_core.telemetry.lines import printable

# Where a record stands: they are meant only by who writes their name.
PLACES: Final = frozenset(
    {"epoch", "telemetry_version", "log_stream_offset", "seq", "seed", "epochs_planned", "finished", "migrated_from"}
)
SIGNS_OF_A_GLOB: Final = frozenset("*?[")
MOST_NAMED: Final = 8  # keys that there are, in a hint


def fits(key: str, pattern: str) -> bool:
    """Say whether a pattern means a key."""
    return key == pattern or (_is_glob(pattern) and key not in PLACES and fnmatchcase(key, pattern))


def is_wanted(key: str, patterns: Sequence[str]) -> bool:
    """Say whether one of several patterns means a key."""
    return any(fits(key, pattern) for pattern in patterns)


def matching(patterns: Sequence[str], keys: Iterable[str]) -> list[str]:
    """Give the keys that patterns mean, each once: in the order of the patterns, and then in their own."""
    known = list(keys)
    return list(dict.fromkeys(key for pattern in patterns for key in known if fits(key, pattern)))


def missing(pattern: str, keys: Iterable[str], where: str) -> InputError:
    """Say that a pattern means none of the keys that there are, and what it may have been meant to be."""
    known = [printable(key) for key in keys if key not in PLACES]
    problem = f"has no metric that fits '{pattern}'" if _is_glob(pattern) else f"has no metric '{pattern}'"
    some = ", ".join(known[:MOST_NAMED]) + (" ..." if len(known) > MOST_NAMED else "")
    return InputError(problem, where=where, hint=did_you_mean(pattern, known) or (f"it has {some}" if some else None))


def _is_glob(pattern: str) -> bool:
    return not SIGNS_OF_A_GLOB.isdisjoint(pattern)
