"""What an agent is rewarded for: a sum of named terms."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from townlet_core.schema import StrictModel

Weight = Annotated[float, Field(ge=0, le=1000)]


class Rewards(StrictModel):
    """Weights of the reward terms; the reward of a tick is their sum, clipped at +-clip."""

    survival: Weight = Field(0.04, description="for each tick lived (term survival)")
    needs_scale: Weight = Field(
        0.05, description="cost of unmet needs: times the weighted squares of 1 - need (term needs)"
    )
    wage_rate: Weight = Field(1.0, description="for each unit of money earned (term wages)")
    punctuality: Weight = Field(0.01, description="for each tick at work in the state on time (term punctuality)")
    lateness: Weight = Field(0.2, description="cost of becoming late (term lateness)")
    absence: Weight = Field(0.5, description="cost of becoming absent (term lateness)")
    social_rate: Weight = Field(
        0.5,
        description="for each unit of trust and familiarity gained, less rivalry gained, through events (term social)",
    )
    faint: Weight = Field(5.0, description="cost of fainting (term faint)")
    eviction: Weight = Field(5.0, description="cost of being evicted (term eviction)")
    shaping_scale: Weight = Field(0.0, description="scale of the potential of the needs (term shaping); 0 turns it off")
    shaping_discount: Annotated[float, Field(ge=0, le=1)] = Field(
        0.99,
        description="discount of the shaping potential; with 1 the shaping of a life sums to minus its first potential",
    )
    commute: Weight = Field(
        0.0, description="cost of each tile to walk to work, in every tick in which one is awaited there (term commute)"
    )
    clip: Annotated[float, Field(gt=0, le=10_000)] = Field(10.0, description="bound on the size of a tick's reward")
