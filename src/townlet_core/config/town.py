"""The town itself: its ground, its clock, the things in it, what they offer, and what may go wrong."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from townlet_core.schema import LETTER_PATTERN, Fraction, Id, SomeTicks, StrictModel, Ticks, Tile

Size = Annotated[int, Field(ge=1, le=512)]
Letter = Annotated[str, Field(pattern=LETTER_PATTERN)]
Row = Annotated[str, Field(min_length=1, max_length=512)]
Units = Annotated[int, Field(ge=0, le=30_000)]
Money = Annotated[float, Field(ge=0, le=1_000_000)]
Utility = Literal["none", "power", "water"]


class TownMap(StrictModel):
    """The ground: either drawn in rows, or an open field of width x height tiles."""

    rows: Annotated[tuple[Row, ...], Field(min_length=1, max_length=512)] | None = Field(
        None, description="the drawing, north first: '#' wall, '.' floor, a letter of the legend a thing"
    )
    legend: dict[Letter, Id] = Field(
        default_factory=dict, description="letter in the drawing -> kind of thing; ids are <kind>_<n> in reading order"
    )
    width: Size | None = Field(None, description="tiles from west to east, where no rows are given")
    height: Size | None = Field(None, description="tiles from north to south, where no rows are given")


class Clock(StrictModel):
    """How ticks make days. A tick is a minute."""

    ticks_per_day: Annotated[int, Field(ge=10, le=100_000)] = Field(
        1440, description="ticks in a day; shifts recur every day"
    )
    start_tick: Ticks = Field(0, description="tick of the day at which an episode begins")


class Thing(StrictModel):
    """An object in the town that agents use."""

    id: Id = Field(description="name of this thing, unique in the town")
    kind: Id = Field(description="kind of thing, from the affordance manifest")
    at: Tile = Field(description="tile [x, y] it stands on; [0, 0] is the north-west corner")
    stock: Units | None = Field(None, description="units at the start; the kind's own number if left out")


class Stock(StrictModel):
    """What a kind of thing holds and how it is filled up."""

    item: Id = Field(description="what the units are, for people who read it")
    initial: Units = Field(0, description="units at the start of an episode")
    capacity: Annotated[int, Field(ge=1, le=30_000)] = Field(
        30_000, description="units it can hold; what is made beyond that is lost"
    )
    restock: Units = Field(0, description="units delivered at each restocking")
    every_ticks: SomeTicks = Field(1440, description="ticks between two deliveries")


class Kind(StrictModel):
    """A kind of thing."""

    description: str = Field("", description="one sentence for people")
    stock: Stock | None = Field(None, description="what it holds; left out where nothing runs out")


class Effects(StrictModel):
    """What finishing an affordance adds to the needs, in satisfaction."""

    hunger: Annotated[float, Field(ge=-1, le=1)] = Field(0.0, description="added to the hunger need (1 is fed)")
    hygiene: Annotated[float, Field(ge=-1, le=1)] = Field(0.0, description="added to the hygiene need (1 is clean)")
    energy: Annotated[float, Field(ge=-1, le=1)] = Field(0.0, description="added to the energy need (1 is rested)")


class Makes(StrictModel):
    """Stock that finishing an affordance adds to the nearest thing of a kind."""

    kind: Id = Field(description="kind of thing that receives it")
    amount: Annotated[int, Field(ge=1, le=1000)] = Field(1, description="units")


class Affordance(StrictModel):
    """Something that a kind of thing offers to do."""

    kind: Id = Field(description="kind of thing that offers it")
    description: str = Field("", description="one sentence for people")
    duration_ticks: Annotated[int, Field(ge=1, le=10_000)] = Field(description="ticks from start to finish")
    effects: Effects = Field(default_factory=Effects, description="what finishing it adds to the needs")
    price: Money = Field(0.0, description="money paid at the start, times the price factor of the moment")
    uses_stock: Annotated[int, Field(ge=0, le=1000)] = Field(0, description="units taken from the thing at the start")
    makes: Makes | None = Field(None, description="units given to another kind of thing at the finish")
    utility: Utility = Field("none", description="what it needs; an outage stops it")
    requires: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="condition for the start, in the expression language"
    )
    event: Id | None = Field(None, description="event counted for the agent at each finish")
    shared: bool = Field(False, description="true: finishing it near somebody who is at the same is a shared meal")


class AffordanceManifest(StrictModel):
    """Kinds of things and what they offer: the vocabulary of a town."""

    kinds: dict[Id, Kind] = Field(description="kinds of things by name")
    affordances: dict[Id, Affordance] = Field(description="affordances by name; the order fixes action ids")


class Perturbation(StrictModel):
    """A disturbance of the whole town, on a schedule or at random."""

    kind: Literal["power_outage", "water_outage", "price_spike"] = Field(description="what happens")
    at_tick: Ticks | None = Field(None, description="tick of the episode at which it begins")
    every_ticks: SomeTicks | None = Field(None, description="ticks after which it comes again, from at_tick on")
    chance: Fraction | None = Field(None, description="chance a tick that it begins, instead of a schedule")
    duration_ticks: SomeTicks = Field(description="ticks it lasts")
    factor: Annotated[float, Field(gt=0, le=100)] = Field(
        2.0, description="what prices are multiplied by (price_spike only)"
    )
