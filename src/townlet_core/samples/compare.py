"""Where two captures part: the first tick, agent, array and column that differ, and how it spreads from there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from townlet_core.errors import SampleError
from townlet_core.samples.align import (
    MASKS,
    ORDER,
    Life,
    Side,
    actions_of,
    in_common_ids,
    keys_of,
    names_of,
    per_tick,
    read_array,
    read_side,
    settings,
    shared,
    who,
)
from townlet_core.samples.npz import NpzReader
from townlet_core.samples.provenance import printable
from townlet_core.schema import StrictModel

MOST_NAMED = 8
NO_COLUMN = ""  # of an array that has one number a tick

Array = NDArray[Any]


class First(StrictModel):
    """The first thing that differs."""

    tick: int = Field(description="tick of the episode")
    agent: str = Field(description="whose life it is in")
    world: int = Field(description="number of the world")
    array: str = Field(description="array of the sample")
    column: str = Field(description="feature, channel, action, event or term; nothing for an array without columns")
    tile: tuple[int, int] | None = Field(description="x and y on the map, of an array of maps")
    a: str = Field(description="what it is in the first capture")
    b: str = Field(description="what it is in the second")

    def told(self, in_a: str, in_b: str) -> str:
        """Say it in a line."""
        column = f": {self.column}" if self.column else ""
        tile = f" at tile {self.tile[0]}, {self.tile[1]}" if self.tile is not None else ""
        place = f"first at tick {self.tick}: {who(self.agent, self.world)}: {self.array}{column}{tile}"
        return f"{place}: {self.a} {in_a}, {self.b} {in_b}"


class Spread(StrictModel):
    """How far one array of one life differs."""

    agent: str = Field(description="whose life")
    world: int = Field(description="number of the world")
    array: str = Field(description="array of the sample")
    first_tick: int = Field(description="tick from which it differs")
    ticks: int = Field(description="ticks in which it differs")
    of: int = Field(description="ticks compared")
    columns: tuple[str, ...] = Field(description="columns that differ, the earliest first; none for one without")
    largest: float | None = Field(description="the largest difference; none where these are no finite amounts")


class Comparison(StrictModel):
    """What came of comparing two captures, printed by --json."""

    a: str = Field(description="manifest of the first capture")
    b: str = Field(description="manifest of the second")
    samples: int = Field(description="lives compared")
    ticks: int = Field(description="ticks of these that both have")
    first: First | None = Field(description="the first thing that differs; none where nothing does")
    spread: tuple[Spread, ...] = Field(description="all that differs, the earliest first")
    only: tuple[str, ...] = Field(description="what one of them has alone, or cannot be compared")
    settings: tuple[str, ...] = Field(
        description="what they were made from and is not the same; no difference by itself"
    )

    @property
    def differs(self) -> bool:
        """Say whether they are not the same."""
        return bool(self.spread or self.only)


class _Found(NamedTuple):
    """A spread, and what it begins with."""

    order: tuple[int, int, int]  # tick, place of the array in ORDER, place of the life
    first: First
    spread: Spread


def compare(a: Path, b: Path) -> Comparison:
    """Compare two captures where they overlap: lives by world and agent, ticks by their number, columns by name.

    Args:
        a: folder of a capture, or a manifest; b likewise.

    Raises:
        SampleError: one cannot be read, or they have nothing in common.
    """
    one, other = read_side(a), read_side(b)
    both = [key for key in one.lives if key in other.lives]
    if not both:
        names = " and ".join(_some_agents(side) for side in (one, other))
        raise SampleError(f"has no life in common with {b}: there are {names}", where=str(a))
    only: dict[str, None] = dict.fromkeys(_alone(one, other))
    found: list[_Found] = []
    ticks = 0
    for number, key in enumerate(both):
        life, twin = one.lives[key], other.lives[key]
        low, high = max(life.first, twin.first), min(life.stop, twin.stop)
        ticks += max(high - low, 0)
        only |= dict.fromkeys(_uneven(life, twin))
        found += _compare_lives(life, twin, number, only)
    found.sort(key=lambda each: each.order)
    return Comparison(
        a=printable(one.path),
        b=printable(other.path),
        samples=len(both),
        ticks=ticks,
        first=found[0].first if found else None,
        spread=tuple(each.spread for each in found),
        only=tuple(only),
        settings=tuple(settings(one, other)),
    )


def _some_agents(side: Side) -> str:
    """Name the first few agents of a capture."""
    agents = list(dict.fromkeys(agent for _, agent in side.lives))
    left_out = len(agents) - MOST_NAMED
    return ", ".join(agents[:MOST_NAMED]) + (f" and {left_out:,} more" if left_out > 0 else "")


def _alone(one: Side, other: Side) -> Iterator[str]:
    """Name the lives that one capture has alone."""
    for name, mine, theirs in (("A", one, other), ("B", other, one)):
        for (world, agent), life in mine.lives.items():
            if (world, agent) not in theirs.lives:
                yield f"{who(agent, world)} is only in {name}: ticks {life.first} to {life.stop - 1}"


def _uneven(life: Life, twin: Life) -> Iterator[str]:
    """Say where two lives do not cover the same ticks, or are told in other columns."""
    if (life.first, life.stop) != (twin.first, twin.stop):
        spans = " and ".join(
            f"ticks {each.first} to {each.stop - 1} in {name}" for name, each in (("A", life), ("B", twin))
        )
        yield f"{who(life.agent, life.world)} lives {spans}"
    words = {"map": "channel", "features": "feature", "reward_terms": "term", "events": "event"}
    for array, word in words.items():
        yield from _names_alone(word, names_of(life, array), names_of(twin, array))
    yield from _names_alone("action", keys_of(life.meta), keys_of(twin.meta))


def _names_alone(word: str, names_a: Sequence[str], names_b: Sequence[str]) -> Iterator[str]:
    """Name the columns that one has alone; where one has none at all, it has not the array either."""
    if names_a and names_b:
        for side, mine, theirs in (("A", names_a, names_b), ("B", names_b, names_a)):
            extra = [name for name in mine if name not in theirs]
            if extra:
                yield f"{word}s only in {side}: {', '.join(extra)}"


def _compare_lives(life: Life, twin: Life, number: int, only: dict[str, None]) -> Iterator[_Found]:
    """Compare two lives, an array at a time."""
    with ExitStack() as stack:
        mine, theirs = (stack.enter_context(NpzReader(each.npz)) for each in (life, twin))
        for side, here, there in (("A", mine, theirs), ("B", theirs, mine)):
            extra = [array for array in ORDER if array in here.headers and array not in there.headers]
            if extra:
                only[f"arrays only in {side}: {', '.join(extra)}"] = None
        for place, array in enumerate(ORDER):
            if array in mine.headers and array in theirs.headers:
                pair = read_array(life, mine, array), read_array(twin, theirs, array)
                found = _compare_arrays(life, twin, array, pair, only)
                if found is not None:
                    yield found._replace(order=(found.order[0], place, number))


def _compare_arrays(
    life: Life, twin: Life, array: str, pair: tuple[Array, Array], only: dict[str, None]
) -> _Found | None:
    """Compare what two lives have of an array: rows of the same tick, columns of the same name."""
    low, rows_a, rows_b = _same_ticks(life, twin, array, *pair)
    if array in MASKS:
        columns = shared(keys_of(life.meta), keys_of(twin.meta))
        columns = columns._replace(names=tuple(actions_of(life.meta)[place] for place in columns.in_a))
    else:
        columns = shared(names_of(life, array), names_of(twin, array))
    if array == "actions":
        return _compare_actions(life, twin, low, rows_a, rows_b)
    if rows_a.ndim > 1:
        rows_a, rows_b = rows_a[:, columns.in_a], rows_b[:, columns.in_b]
    if rows_a.shape[1:] != rows_b.shape[1:]:
        shapes = " and ".join("×".join(map(str, rows.shape[1:])) for rows in (rows_a, rows_b))
        only[f"{array} cannot be compared: {shapes}"] = None
        return None
    differs = _differs(rows_a, rows_b)
    if not differs.any():
        return None
    at = tuple(int(axis) for axis in np.argwhere(differs)[0])
    spread = _spread(life, array, low, differs, columns.names, _largest(rows_a, rows_b))
    first = First(
        tick=low + at[0],
        agent=life.agent,
        world=life.world,
        array=array,
        column=columns.names[at[1]] if len(at) > 1 else NO_COLUMN,
        tile=(at[3], at[2]) if len(at) == 4 else None,
        a=_shown(rows_a[at]),
        b=_shown(rows_b[at]),
    )
    return _Found((spread.first_tick, 0, 0), first, spread)


def _compare_actions(life: Life, twin: Life, low: int, rows_a: Array, rows_b: Array) -> _Found | None:
    """Compare actions by what they are, not by their ids."""
    ids: dict[str, int] = {}
    differs = in_common_ids(rows_a, life.meta, ids) != in_common_ids(rows_b, twin.meta, ids)
    if not differs.any():
        return None
    at = int(np.argmax(differs))
    first = First(
        tick=low + at,
        agent=life.agent,
        world=life.world,
        array="actions",
        column=NO_COLUMN,
        tile=None,
        a=actions_of(life.meta)[rows_a[at]],
        b=actions_of(twin.meta)[rows_b[at]],
    )
    return _Found((low + at, 0, 0), first, _spread(life, "actions", low, differs, (), None))


def _same_ticks(life: Life, twin: Life, array: str, a: Array, b: Array) -> tuple[int, Array, Array]:
    """Give the rows of the ticks that both have, and the first of these. What was seen last counts as one row."""
    if not per_tick(array):
        rows = 1 if life.stop == twin.stop else 0
        return life.stop, a[None][:rows], b[None][:rows]
    low = max(life.first, twin.first)
    stops = [each.first + len(rows) for each, rows in ((life, a), (twin, b))]
    high = min(stops) if life.stop == twin.stop else min(life.stop, twin.stop)
    count = max(high - low, 0)
    return low, a[low - life.first :][:count], b[low - twin.first :][:count]


def _differs(a: Array, b: Array) -> NDArray[np.bool_]:
    """Compare bit by bit; numbers of other types by what they are worth."""
    if a.dtype == b.dtype:
        bits = np.dtype(f"u{a.dtype.itemsize}")
        a, b = np.ascontiguousarray(a).view(bits), np.ascontiguousarray(b).view(bits)
    differs: NDArray[np.bool_] = a != b
    return differs


def _largest(a: Array, b: Array) -> float | None:
    """Give the largest difference of amounts; flags have none, nor has what is not finite."""
    if a.dtype.kind == "b":
        return None
    with np.errstate(invalid="ignore"):
        largest = float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max())
    return largest if np.isfinite(largest) else None


def _spread(life: Life, array: str, low: int, differs: Array, names: tuple[str, ...], largest: float | None) -> Spread:
    """Sum up in which ticks and columns an array differs."""
    ticks: NDArray[np.bool_] = differs.reshape(len(differs), -1).max(axis=1)
    columns: tuple[str, ...] = ()
    if names:
        by_column = differs.reshape(len(differs), len(names), -1).max(axis=2)
        beginnings = np.where(by_column.any(axis=0), by_column.argmax(axis=0), len(differs))
        columns = tuple(names[place] for place in np.argsort(beginnings, kind="stable") if by_column[:, place].any())
    return Spread(
        agent=life.agent,
        world=life.world,
        array=array,
        first_tick=low + int(np.argmax(ticks)),
        ticks=int(ticks.sum()),
        of=len(differs),
        columns=columns,
        largest=largest,
    )


def _shown(value: Any) -> str:
    """Give a number with all the digits that tell it from its neighbours."""
    return str(value.item() if value.dtype.kind != "f" else value)
