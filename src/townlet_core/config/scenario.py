"""The root of a configuration file: a scenario."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from townlet_core.config.agents import Agent, Job, Lifecycle, NeedRules, Population
from townlet_core.config.rewards import Rewards
from townlet_core.config.social import Chat, Meals, Queues, Rivalry, Takeover, Trust
from townlet_core.config.town import AffordanceManifest, Clock, Perturbation, Thing, TownMap
from townlet_core.schema import Id, SomeTicks, StrictModel


class Horizon(StrictModel):
    """The length of an episode."""

    ticks: SomeTicks = Field(description="ticks until the episode is cut off (a truncation, not a death)")


class Features(StrictModel):
    """Parts of the rule book that a scenario turns on or off."""

    relationships: bool = Field(True, description="false: no ties; nobody trusts, resents or avoids anybody")
    social_rewards: bool = Field(True, description="false: the social term is zero")
    lifecycle: bool = Field(True, description="false: nobody faints or is evicted")
    observation: Literal["hybrid", "full", "compact"] = Field("hybrid", description="what agents see")


class Scenario(StrictModel):
    """A town, the people in it and the rules they live by."""

    name: Id = Field(description="name of the scenario")
    description: Annotated[str, Field(max_length=2000)] = Field("", description="what happens in it, for people")
    scenario: Horizon = Field(description="how long an episode lasts")
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = Field(
        0, description="seed of all randomness; --seed wins over it"
    )
    clock: Clock = Field(default_factory=Clock, description="ticks and days")
    features: Features = Field(default_factory=Features, description="switches")
    map: TownMap = Field(description="the ground")
    affordances: str = Field("core", description="affordance manifest: a name, or a path relative to this file")
    objects: tuple[Thing, ...] = Field((), description="things beside those drawn in the map")
    jobs: tuple[Job, ...] = Field((), description="jobs")
    agents: tuple[Agent, ...] = Field((), description="agents by name")
    population: Population = Field(default_factory=Population, description="further agents, made at random")
    needs: NeedRules = Field(default_factory=NeedRules, description="how needs fall and what they weigh")
    lifecycle: Lifecycle = Field(default_factory=Lifecycle, description="fainting, eviction, newcomers")
    queues: Queues = Field(default_factory=Queues, description="queues")
    rivalry: Rivalry = Field(default_factory=Rivalry, description="rivalry")
    trust: Trust = Field(default_factory=Trust, description="trust and familiarity")
    chat: Chat = Field(default_factory=Chat, description="talk")
    meals: Meals = Field(default_factory=Meals, description="meals together")
    takeover: Takeover = Field(default_factory=Takeover, description="shifts taken over")
    rewards: Rewards = Field(default_factory=Rewards, description="reward terms")
    perturbations: tuple[Perturbation, ...] = Field((), description="outages and price spikes")


class Town(StrictModel):
    """A scenario together with the affordance manifest it names: all that a town is compiled from."""

    scenario: Scenario
    manifest: AffordanceManifest
