"""A moment of a town in words: who is where and what they are at, what things hold, and what has just happened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet_core.rollout.playback import Moment
from townlet_core.world.records import (
    ABSENT,
    CHAT,
    FIRST_REQUEST,
    KIND_SHIFT,
    NORTH,
    NOTHING,
    PAD,
    POST,
    RELEASE,
    SOLID_BIT,
    WEST,
)
from townlet_core.world.town import CompiledTown

SHIFTS = ("pre", "on time", "late", "absent", "post")
DAY_MINUTES = 1440
ORDINALS = ("", "1st", "2nd", "3rd")
# Events that are told in other words beside them, or by what the agents are then at.
UNTOLD = {"affordance_start", "affordance_finish", "handover"}


class Person(NamedTuple):
    """Somebody in town."""

    slot: int
    name: str  # id of the life
    x: int
    y: int
    needs: tuple[float, ...]  # hunger, hygiene, energy
    money: float
    job: str | None
    shift: str | None  # state of the shift; None without a job
    deed: str  # what they are at, in words
    done: int  # ticks of the use that are done
    length: int  # ticks of the use; 0 where nothing is in use
    thing: int | None  # in use, held or waited for
    place: int  # in its queue; 0 for who holds it
    reward: float  # of the last tick

    @property
    def told(self) -> str:
        """What they are at, with how far a use has come."""
        return f"{self.deed} {self.done}/{self.length}" if self.length else self.deed


class Object(NamedTuple):
    """A thing, and what is changing about it."""

    holder: int | None  # slot
    queue: tuple[int, ...]  # slots, the first to be served first
    stock: int | None  # units; None where it holds nothing that runs out


class Happening(NamedTuple):
    """Something that happened to somebody."""

    slot: int
    who: str
    what: str


class Scene(NamedTuple):
    """A moment."""

    tick: int
    day: int  # from 1 on
    time: str  # of the day, as on a clock
    people: tuple[Person, ...]  # in the order of slots
    things: tuple[Object, ...]  # in the order of the town
    happenings: tuple[Happening, ...]
    notices: tuple[str, ...]  # of the whole town: outages and prices


class Ground(NamedTuple):
    """What does not change."""

    width: int
    height: int
    walls: NDArray[np.bool_]  # [H, W]
    kinds: NDArray[np.int16]  # [H, W] kind of the thing that stands there, or NOTHING
    things: tuple[tuple[int, int, int], ...]  # kind, x, y


def ground_of(town: CompiledTown) -> Ground:
    """Take the ground out of a town's tables."""
    tiles = town.tables.ground[PAD:-PAD, PAD:-PAD]
    kinds = (tiles >> KIND_SHIFT).astype(np.int16) - 1
    spots = town.tables.spots
    things = tuple(zip(spots["kind"].tolist(), spots["x"].tolist(), spots["y"].tolist(), strict=True))
    height, width = tiles.shape
    return Ground(width, height, (tiles & SOLID_BIT != 0) & (kinds == NOTHING), kinds, things)


def describe_moment(town: CompiledTown, moment: Moment) -> Scene:
    """Put a moment in words."""
    things = _things(town, moment)
    day, time = _clock(town, moment.tick)
    return Scene(
        tick=moment.tick,
        day=day,
        time=time,
        people=tuple(_people(town, moment, things)),
        things=things,
        happenings=tuple(_happenings(town, moment)),
        notices=tuple(_notices(moment)),
    )


def _clock(town: CompiledTown, tick: int) -> tuple[int, str]:
    """Give the day, and its time in hours and minutes however many ticks it has."""
    params = town.tables.params[0]
    ticks, length = tick + int(params["dawn"]), int(params["day"])
    minutes = ticks % length * DAY_MINUTES // length
    return ticks // length + 1, f"{minutes // 60:02}:{minutes % 60:02}"


def _things(town: CompiledTown, moment: Moment) -> tuple[Object, ...]:
    """Say who holds things and who waits for them, and what is in them."""
    queues: dict[int, list[int]] = {}
    agents, things = moment.agents, moment.things
    for slot in np.flatnonzero((agents["alive"] == 1) & (agents["queued"] != NOTHING)).tolist():
        queues.setdefault(int(agents["queued"][slot]), []).append(slot)
    kinds, tickets = town.config.manifest.kinds, agents["ticket"]
    return tuple(
        Object(
            holder=None if holder == NOTHING else holder,
            queue=tuple(sorted(queues.get(number, ()), key=lambda slot: int(tickets[slot]))),
            stock=stock if kinds[town.kinds[kind]].stock is not None else None,
        )
        for number, (holder, stock, kind) in enumerate(
            zip(things["holder"].tolist(), things["stock"].tolist(), town.tables.spots["kind"].tolist(), strict=True)
        )
    )


def _people(town: CompiledTown, moment: Moment, things: tuple[Object, ...]) -> Iterator[Person]:
    """Say how everybody who lives in town is."""
    fields = ("life", "x", "y", "doing", "left", "holds", "queued", "job", "shift", "last", "fresh")
    whole = {name: moment.agents[name].tolist() for name in fields}
    needs, money, rewards = moment.agents["needs"].tolist(), moment.agents["wallet"].tolist(), moment.rewards.tolist()
    acted = [acts and not fresh for acts, fresh in zip(moment.acted.tolist(), whole["fresh"], strict=True)]
    for slot in np.flatnonzero(moment.agents["alive"]).tolist():
        doing, left, holds, queued, job = (whole[name][slot] for name in ("doing", "left", "holds", "queued", "job"))
        thing = holds if holds != NOTHING else queued
        place = 0 if holds != NOTHING or queued == NOTHING else things[queued].queue.index(slot) + 1
        length = int(town.tables.offers["duration"][doing]) if doing != NOTHING else 0
        x, y = whole["x"][slot], whole["y"][slot]
        works = job != NOTHING and _is_working(town, moment.tick, job, whole["shift"][slot], x, y)
        last = whole["last"][slot] if acted[slot] else None
        yield Person(
            slot=slot,
            name=life_name(town, slot, whole["life"][slot]),
            x=x,
            y=y,
            needs=tuple(needs[slot]),
            money=money[slot],
            job=None if job == NOTHING else town.config.scenario.jobs[job].id,
            shift=None if job == NOTHING else SHIFTS[whole["shift"][slot]],
            deed=_deed(town, doing, thing, place, last, works),
            done=length - left if length else 0,
            length=length,
            thing=None if thing == NOTHING else thing,
            place=place,
            reward=rewards[slot] if acted[slot] else 0.0,
        )


def _deed(town: CompiledTown, doing: int, thing: int, place: int, last: int | None, works: bool) -> str:
    """Say what somebody is at: what they use, wait for or hold comes before what they last did."""
    if doing != NOTHING:
        return town.affordances[doing].replace("_", " ")
    if place:
        return f"waits for {town.things[thing]} ({_ordinal(place)})"
    if last is not None and NORTH <= last <= WEST:
        return f"walks {town.actions.names[last].split()[1]}"
    if thing != NOTHING:
        return f"has {town.things[thing]}"
    if last == CHAT:
        return "talks"
    if last is not None and (last >= FIRST_REQUEST or last == RELEASE):
        return town.actions.names[last].replace("_", " ")
    return "works" if works else "idle"


def _ordinal(number: int) -> str:
    return ORDINALS[number] if number < len(ORDINALS) else f"{number}th"


def _is_working(town: CompiledTown, tick: int, job: int, shift: int, x: int, y: int) -> bool:
    """Say whether somebody stands at work while their shift is on."""
    params, row = town.tables.params[0], town.tables.jobs[job]
    time = (tick + int(params["dawn"])) % int(params["day"])
    near = max(abs(x - int(row["x"])), abs(y - int(row["y"]))) <= int(row["radius"])
    return near and int(row["start"]) <= time < int(row["finish"]) and shift not in (ABSENT, POST)


def life_name(town: CompiledTown, slot: int, life: int) -> str:
    """Name a life as captures do."""
    return town.slots[slot] if life == 1 else f"{town.slots[slot]}.{life}"


def _happenings(town: CompiledTown, moment: Moment) -> Iterator[Happening]:
    """Word the events of the tick that led to a moment, but for those that are seen anyway."""
    named = set(np.flatnonzero(moment.events.any(axis=0)).tolist())
    told = [event for event in named if town.events[event] not in UNTOLD]
    for slot in np.flatnonzero(moment.events.any(axis=1)).tolist():
        me = moment.agents[slot]
        came_since = bool(me["alive"] and me["fresh"] and moment.acted[slot])
        who = life_name(town, slot, int(me["life"]) - came_since)
        for event in sorted(told):
            if moment.events[slot, event]:
                yield Happening(slot, who, town.events[event].replace("_", " "))


def _notices(moment: Moment) -> Iterator[str]:
    """Word what is wrong in the whole town."""
    world = moment.world
    if int(world["power_until"]) > moment.tick:
        yield "no power"
    if int(world["water_until"]) > moment.tick:
        yield "no water"
    if float(world["spike"]) != 1:
        yield f"prices × {float(world['spike']):g}"
