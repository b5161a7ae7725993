"""Who lives in the town: needs, personalities, jobs and schedules."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from townlet_core.config.town import Money
from townlet_core.schema import Fraction, Id, SomeTicks, StrictModel, Ticks, Tile


def _sort_of_place(value: Any) -> str | None:
    return "[tile]" if isinstance(value, list | tuple) else "[thing]" if isinstance(value, str) else None


Place = Annotated[
    Annotated[Tile, Tag("[tile]")] | Annotated[Id, Tag("[thing]")],
    Discriminator(_sort_of_place, custom_error_type="place_type", custom_error_message="not a place"),
]


class Needs(StrictModel):
    """Satisfaction of the three needs: 1 is content, 0 is desperate."""

    hunger: Fraction = Field(0.8, description="1 is fed, 0 is starving")
    hygiene: Fraction = Field(0.8, description="1 is clean")
    energy: Fraction = Field(0.8, description="1 is rested, 0 is exhausted")


class Personality(StrictModel):
    """Traits; 0.5 is ordinary. A trait p scales what it touches by 0.5 + p."""

    extroversion: Fraction = Field(0.5, description="scales the success of chats and what is gained from them")
    forgiveness: Fraction = Field(0.5, description="scales how fast rivalry decays")
    ambition: Fraction = Field(0.5, description="scales all rivalry that is added")


class Step(StrictModel):
    """One step of a schedule. It lasts until it is done or max_ticks have passed."""

    do: Literal["move", "request", "start", "wait", "release", "chat"] = Field(description="what to do")
    to: Place | None = Field(None, description="move: tile or thing to walk to")
    object: Id | None = Field(None, description="request, start: the thing")
    affordance: Id | None = Field(None, description="start: what to do with it")
    agent: Id | None = Field(None, description="chat: with whom; whoever is nearest if left out")
    ticks: SomeTicks | None = Field(None, description="wait: how long")
    until_tick: Ticks | None = Field(None, description="wait: until the clock next shows this tick of the day")
    max_ticks: SomeTicks = Field(240, description="give up after this many ticks (not for waits)")


class Schedule(StrictModel):
    """What an agent does, step by step."""

    from_tick: Ticks = Field(0, description="tick of the episode at which it begins; before it the agent waits")
    cycle: bool = Field(True, description="true: begin again after the last step; false: wait for ever")
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=200)] = Field(description="the steps in order")


class Agent(StrictModel):
    """Somebody who lives in the town from the start or comes later."""

    id: Id = Field(description="name, unique in the town")
    at: Tile | None = Field(None, description="tile at the start; a free tile drawn at random if left out")
    needs: Needs = Field(default_factory=Needs, description="needs at the start")
    wallet: Money = Field(2.0, description="money at the start")
    job: Id | None = Field(None, description="id of the job, from jobs")
    personality: Personality = Field(default_factory=Personality, description="traits")
    arrives_tick: Ticks = Field(0, description="tick of the episode at which the agent comes to town")
    schedule: Schedule | None = Field(
        None, description="what to do; without one the agent follows its needs and its job"
    )


class Population(StrictModel):
    """Agents that are made rather than listed: random tiles, needs, wallets and personalities."""

    count: Annotated[int, Field(ge=0, le=10_000)] = Field(0, description="how many")
    prefix: Id = Field("citizen", description="ids are <prefix>_<n>")
    jobs: tuple[Id, ...] = Field((), description="jobs given in turn; none: nobody of them works")


class Job(StrictModel):
    """A daily shift at a place."""

    id: Id = Field(description="name, unique in the town")
    place: Place = Field(description="tile or thing to be near")
    radius: Annotated[int, Field(ge=0, le=10)] = Field(
        1, description="tiles from the place, diagonals too, that count as being there"
    )
    start: Ticks = Field(description="tick of the day at which the shift begins")
    end: Ticks = Field(description="tick of the day at which the shift has ended")
    wage: Money = Field(0.02, description="money for each tick present")
    late_fine: Money = Field(0.1, description="money taken, as far as there is any, when an agent becomes late")
    grace_ticks: Ticks = Field(5, description="ticks after the start that still count as on time")
    absent_after_ticks: SomeTicks = Field(
        60,
        description="ticks after the start when who never came is absent; in the last tick at the latest",
    )


class NeedRule(StrictModel):
    """How one need falls and how much it matters."""

    decay: Annotated[float, Field(ge=0, le=1)] = Field(description="satisfaction lost a tick at ordinary pace")
    weight: Annotated[float, Field(ge=0, le=10)] = Field(description="weight of this need in the reward")


class NeedRules(StrictModel):
    """The three needs."""

    hunger: NeedRule = Field(NeedRule(decay=0.004, weight=1.0), description="hunger")
    hygiene: NeedRule = Field(NeedRule(decay=0.002, weight=0.6), description="hygiene")
    energy: NeedRule = Field(NeedRule(decay=0.003, weight=0.8), description="energy")


class Lifecycle(StrictModel):
    """When a life in the town ends, and who comes next."""

    faint_below: Fraction = Field(0.03, description="hunger or energy at or below this is the bottom")
    faint_after_ticks: SomeTicks = Field(
        30, description="ticks at the bottom, one after another, after which an agent faints"
    )
    max_absences: SomeTicks = Field(3, description="absent shifts after which an agent is evicted")
    replace: bool = Field(True, description="true: a newcomer takes the place of somebody who has gone")
    replace_after_ticks: Ticks = Field(0, description="ticks the place stays empty")
