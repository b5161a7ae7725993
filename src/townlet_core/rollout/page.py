"""A page of HTML that plays a town in a browser: one file with all that it needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from townlet_core.drafts import complete
from townlet_core.errors import UsageError
from townlet_core.rollout import looks
from townlet_core.rollout.playback import Playback
from townlet_core.rollout.scene import Ground, Person, describe_moment, ground_of

TEMPLATE = "page.html"
PLACE_OF_DATA = "{}/*town*/"
LEAST_FPS, MOST_FPS = 1, 60
MOST_NUMBERS = 40_000_000  # of all series together, packed
OF_A_FRAME = 3  # its tick, its time and its notices
ESTIMATED_AT = 1000  # frames that tell how much all of them will be


class Series:
    """Numbers, one a frame, packed as runs: [value, how often, value, how often, ...]."""

    def __init__(self) -> None:
        self.runs: list[int] = []

    def add(self, value: int) -> None:
        """Add the value of the next frame."""
        if self.runs and self.runs[-2] == value:
            self.runs[-1] += 1
        else:
            self.runs += [value, 1]


class Words:
    """Words, each told once and then by its number."""

    def __init__(self) -> None:
        self.all: dict[str, int] = {}

    def number(self, word: str) -> int:
        """Give the number of a word."""
        return self.all.setdefault(word, len(self.all))


def draw_page(playback: Playback, output: Path, *, fps: int = 8, focus: int | None = None, force: bool = False) -> int:
    """Write a page that plays a town; give the number of frames.

    The file is there whole or not at all, and the same play gives the same bytes.

    Args:
        fps: frames a second to begin with.
        focus: slot that is followed to begin with.

    Raises:
        UsageError: there is no such speed, or the page would be too large.
        OutputError: the file is there already and force is not given, or it cannot be written.
    """
    if not LEAST_FPS <= fps <= MOST_FPS:
        raise UsageError(f"must be a whole number from {LEAST_FPS} to {MOST_FPS}, found {fps}", where="--fps")
    _check_size(playback.frames, OF_A_FRAME * playback.frames)
    with complete(output, replace=force) as file:
        data = page_data(playback, fps, focus)
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c")
        template = files("townlet_core.rollout").joinpath(TEMPLATE).read_text(encoding="utf-8")
        before, after = template.split(PLACE_OF_DATA)
        file.write((before + text + after).encode())
    return len(data["ticks"])


def page_data(playback: Playback, fps: int, focus: int | None = None) -> dict[str, Any]:
    """Put together all that the page tells: what does not change, and series of numbers for what does."""
    town, ground = playback.town, ground_of(playback.town)
    words = Words()
    people = [_PersonSeries(words) for _ in town.slots]
    things = [(Series(), Series()) for _ in town.things]
    ticks: list[int] = []
    times: list[str] = []
    notices: list[str] = []
    news: list[list[int]] = []
    for frame, moment in enumerate(playback.moments):
        scene = describe_moment(town, moment)
        ticks.append(scene.tick)
        times.append(f"day {scene.day}, {scene.time}")
        notices.append(" · ".join(scene.notices))
        here = {person.slot: person for person in scene.people}
        for slot, series in enumerate(people):
            series.add(here.get(slot), scene.tick)
        for about, (holder, stock) in zip(scene.things, things, strict=True):
            holder.add(-1 if about.holder is None else about.holder)
            stock.add(-1 if about.stock is None else about.stock)
        news += [[frame, each.slot, words.number(each.who), words.number(each.what)] for each in scene.happenings]
        if frame % 100 == 0:
            so_far = OF_A_FRAME * (frame + 1) + _size(people, things)
            estimated = so_far * playback.frames // (frame + 1) if frame == ESTIMATED_AT else so_far
            _check_size(playback.frames, estimated)
    return {
        **_facts(playback, ground, fps),
        "focus": -1 if focus is None else focus,
        "ticks": ticks,
        "times": times,
        "notices": notices,
        "words": list(words.all),
        "people": [series.packed() for series in people],
        "things": [[holder.runs, stock.runs] for holder, stock in things],
        "news": news,
    }


class _PersonSeries:
    """What changes about one slot."""

    FIELDS = (
        *("name", "x", "y", "hunger", "hygiene", "energy", "money"),
        *("deed", "began", "length", "thing", "place", "job"),
    )

    def __init__(self, words: Words) -> None:
        self._words = words
        self.series = {field: Series() for field in self.FIELDS}

    def add(self, person: Person | None, tick: int) -> None:
        """Add a frame: hundredths of needs and money, the tick at which a use began, and numbers of words.

        Where nobody lives, everything stays as it was but the name, which is -1.
        """
        if person is None:
            self.series["name"].add(-1)
            for field in self.FIELDS[1:]:
                runs = self.series[field].runs
                self.series[field].add(runs[-2] if runs else 0)
            return
        job = f"{person.job}: {person.shift}" if person.job else ""
        values = (
            self._words.number(person.name),
            person.x,
            person.y,
            *(round(100 * need) for need in person.needs),
            round(100 * person.money),
            self._words.number(person.deed),
            tick - person.done if person.length else 0,
            person.length,
            -1 if person.thing is None else person.thing,
            person.place,
            self._words.number(job),
        )
        for field, value in zip(self.FIELDS, values, strict=True):
            self.series[field].add(value)

    def packed(self) -> list[list[int]]:
        """Give the series in the order of FIELDS."""
        return [series.runs for series in self.series.values()]


def _size(people: list[_PersonSeries], things: list[tuple[Series, Series]]) -> int:
    """Count the numbers of all series."""
    own = sum(len(runs) for series in people for runs in series.packed())
    return own + sum(len(holder.runs) + len(stock.runs) for holder, stock in things)


def _check_size(frames: int, numbers: int) -> None:
    """Refuse a page that no browser would show, as soon as that is known.

    Raises:
        UsageError: it would hold so many numbers.
    """
    if numbers > MOST_NUMBERS:
        problem = f"would be too large: {frames:,} frames are about {numbers:,} numbers"
        hint = f"there is room for {MOST_NUMBERS:,}: show less with --range or --every"
        raise UsageError(problem, where="--output", hint=hint)


def _facts(playback: Playback, ground: Ground, fps: int) -> dict[str, Any]:
    """Give what does not change."""
    town, scenario = playback.town, playback.town.config.scenario
    letters = looks.letters_of_kinds(town)
    return {
        "name": scenario.name,
        "description": scenario.description,
        "policy": playback.policy,
        "seed": playback.seed,
        "world": playback.world,
        "last": playback.ticks,
        "fps": fps,
        "width": ground.width,
        "height": ground.height,
        "walls": ["".join("#" if wall else "." for wall in row) for row in ground.walls.tolist()],
        "kinds": [
            [kind, letters[number], looks.colour_of_kind(kind, town.kinds)] for number, kind in enumerate(town.kinds)
        ],
        "spots": [[town.things[number], *spot] for number, spot in enumerate(ground.things)],
        "slots": list(_slots(playback)),
        "fields": list(_PersonSeries.FIELDS),
        "needs": {"good": looks.GOOD, "fair": looks.FAIR, "poor": looks.POOR},
    }


def _slots(playback: Playback) -> Iterator[list[str]]:
    """Give the label and the colour of each slot."""
    for slot, label in enumerate(looks.labels_of_slots(playback.town)):
        yield [label, looks.colour_of_slot(slot)]
