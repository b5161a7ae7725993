"""What all samples of a dataset must agree on: what the map shows, what the features are, what the actions mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from townlet_core.errors import SampleError
from townlet_core.samples.sample import Meta, PlainMeta

MOST_ACTIONS = 65_536  # of the predecessor, whose word for their number is all there is


class Place(NamedTuple):
    """Who says it."""

    capture: str  # as it was named
    meta: str  # file of the sample, relative to the capture


class Tables(NamedTuple):
    """What the numbers of all samples mean."""

    map_channels: tuple[str, ...]
    map_shape: tuple[int, int, int]  # C x H x W
    feature_names: tuple[str, ...]
    action_names: tuple[str, ...]  # by id


class _Table(NamedTuple):
    """One sample's word for the dataset's."""

    place: Place
    meta: PlainMeta


class Agreement:
    """What the samples so far have said."""

    def __init__(self) -> None:
        self._first: _Table | None = None
        self._ours: tuple[Place, tuple[str, ...]] | None = None
        self._old = _Lookups()

    def add(self, meta: PlainMeta, place: Place) -> None:
        """Hear one more sample.

        Raises:
            SampleError: it contradicts another; with both captures and the first difference.
        """
        first = self._first = self._first or _Table(place, meta)
        _compare("map channel", (place, meta.map_channels), (first.place, first.meta.map_channels))
        if meta.map_shape != first.meta.map_shape:
            own, others = _times(meta.map_shape), _times(first.meta.map_shape)
            raise _clash(place, first.place, f"the map is {own}", f"it is {others}")
        _compare("feature", (place, meta.feature_names), (first.place, first.meta.feature_names))
        if isinstance(meta, Meta):
            self._ours = self._ours or (place, meta.action_names)
            _compare("action", (place, meta.action_names), self._ours)
        else:
            self._old.add(meta, place)

    def tables(self) -> Tables:
        """Give what all have said.

        Raises:
            SampleError: actions of the predecessor are not those of a capture of ours beside it, or make no table.
        """
        if self._first is None:
            raise SampleError("no sample has been read")
        old = self._old.table()
        if old is not None and self._ours is not None:
            _compare("action", old, self._ours)
        _, actions = self._ours or old or (None, ())
        meta = self._first.meta
        return Tables(meta.map_channels, meta.map_shape, meta.feature_names, actions)


class _Lookups:
    """The predecessor's actions: each sample knows those that its run had come to by then."""

    def __init__(self) -> None:
        self._names: dict[int, tuple[str, Place]] = {}
        self._ids: dict[str, tuple[int, Place]] = {}
        self._size = 0
        self._place: Place | None = None

    def add(self, meta: PlainMeta, place: Place) -> None:
        """Hear the lookup of one sample."""
        if meta.action_dim > MOST_ACTIONS:
            problem = f"is {meta.action_dim}, more than the limit of {MOST_ACTIONS}"
            raise SampleError(problem, where=f"{place.capture}: {place.meta}: action_dim")
        self._place = self._place or place
        self._size = max(self._size, meta.action_dim)
        for action, number in meta.action_lookup.items():
            name, namer = self._names.setdefault(number, (action, place))
            if name != action:
                raise _clash(place, namer, f"action {number} is '{action}'", f"it is '{name}'")
            known, knower = self._ids.setdefault(action, (number, place))
            if known != number:
                raise _clash(place, knower, f"the action '{action}' is {number}", f"it is {known}")

    def table(self) -> tuple[Place, tuple[str, ...]] | None:
        """Put the lookups together, if there are any; an id that none of them names is 'action <id>'."""
        if self._place is None:
            return None
        beyond = max(self._names, default=-1)
        if beyond >= self._size:
            place = self._names[beyond][1]
            where = f"{place.capture}: {place.meta}: action_lookup"
            raise SampleError(f"names action {beyond}; there are {self._size} actions", where=where)
        return self._place, tuple(
            self._names[number][0] if number in self._names else f"action {number}" for number in range(self._size)
        )


def _compare(what: str, own: tuple[Place, Sequence[str]], others: tuple[Place, Sequence[str]]) -> None:
    """Refuse two lists of names that are not the same."""
    (place, names), (other, known) = own, others
    if names == known:
        return
    for number in range(max(len(names), len(known))):
        mine, theirs = (f"'{each[number]}'" if number < len(each) else "missing" for each in (names, known))
        if mine != theirs:
            raise _clash(place, other, f"{what} {number} is {mine}", f"it is {theirs}")


def _clash(here: Place, there: Place, clause: str, other: str) -> SampleError:
    """Say that two captures contradict each other, or two samples of one."""
    within = here.capture == there.capture
    where = f"{here.capture}: {here.meta}" if within else here.capture
    hint = "captures are learned from together only where all names are the same"
    return SampleError(f"{clause}; in {there.meta if within else there.capture} {other}", where=where, hint=hint)


def _times(shape: tuple[int, ...]) -> str:
    """Word the size of a map."""
    return " x ".join(map(str, shape))
