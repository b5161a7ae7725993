"""How agents get along: queues, rivalry, trust and talk."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from townlet_core.schema import Fraction, StrictModel, Ticks

Amount = Annotated[float, Field(ge=0, le=1)]


class Queues(StrictModel):
    """Who gets a thing next."""

    cooldown_ticks: Ticks = Field(
        10, description="ticks after a use during which the same agent may not ask for the same thing"
    )
    ghost_step_after: Annotated[int, Field(ge=1, le=10_000)] = Field(
        3, description="ticks a holder may stall (granted, not started, others waiting) before it goes to the back"
    )
    age_weight: Annotated[float, Field(ge=0, le=10)] = Field(
        0.1, description="ticks that somebody sent to the back gets back for each tick since its first request; 0: none"
    )
    makers_first: bool = Field(
        False,
        description="true: who puts something into a thing that nobody is using, as a cook does, gets that thing next; "
        "a holder who has only been waiting for it waits again",
    )


class Rivalry(StrictModel):
    """What sets agents against each other."""

    conflict: Amount = Field(
        0.15, description="added on both sides when somebody asks for a thing that is taken or wanted"
    )
    ghost_factor: Annotated[float, Field(ge=0, le=10)] = Field(
        1.5, description="the same times this, between a stalled holder and who is served instead"
    )
    chat_failure: Amount = Field(0.02, description="added on both sides by a chat that goes wrong")
    takeover: Amount = Field(0.1, description="added in who lost a shift, against who took it over")
    decay: Amount = Field(0.005, description="lost a tick")
    avoid_threshold: Fraction = Field(
        0.7, description="rivalry from which the script keeps away from the other's queues and chats; a feature tells"
    )


class Trust(StrictModel):
    """What brings agents together."""

    polite: Amount = Field(0.05, description="added on both sides when a thing passes on after an orderly wait")
    polite_relief: Amount = Field(0.05, description="rivalry taken away by the same")
    chat: Amount = Field(
        0.04, description="added on both sides by a good chat, times what is still missing to full trust"
    )
    chat_familiarity: Amount = Field(
        0.05, description="familiarity added on both sides by any chat, times what is still missing"
    )
    shared_meal: Amount = Field(0.1, description="added on both sides by a shared meal")
    late_help: Amount = Field(0.1, description="added in who came late, towards the colleague who kept the shift")
    takeover: Amount = Field(0.05, description="added in who takes over a shift, towards who lost it, as sympathy")
    decay: Amount = Field(0.001, description="share of trust lost a tick")
    familiarity_decay: Amount = Field(0.0005, description="familiarity lost a tick")


class Chat(StrictModel):
    """When agents can talk and how it goes."""

    range: Annotated[int, Field(ge=1, le=5)] = Field(2, description="tiles (Chebyshev) within which agents can talk")
    cooldown_ticks: Ticks = Field(10, description="ticks before an agent can start another chat")
    base_success: Fraction = Field(
        0.6, description="chance that a chat between strangers goes well, at ordinary extroversion"
    )
    trust_gain: Amount = Field(0.4, description="what full trust adds to that chance")
    rivalry_loss: Amount = Field(0.5, description="what full rivalry takes from it")


class Meals(StrictModel):
    """When eating is done together."""

    range: Annotated[int, Field(ge=1, le=5)] = Field(3, description="tiles (Chebyshev) within which a meal is shared")


class Takeover(StrictModel):
    """What happens to the shift of somebody absent."""

    bonus: Annotated[float, Field(ge=0, le=1000)] = Field(
        0.2, description="money paid once to the colleague who takes the shift over"
    )
