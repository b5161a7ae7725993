"""A life tick by tick, in words: what somebody did, what it brought, and how they were before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray
from pydantic import Field

from townlet_core.samples.sample import Meta, PlainMeta, action_words
from townlet_core.schema import StrictModel

READ = ("features", "actions", "rewards", "action_mask", "reward_terms", "events")
NEEDS = {"hunger": "need_hunger", "hygiene": "need_hygiene", "energy": "need_energy"}
SHIFTS = {f"shift_{shift}": shift for shift in ("pre", "on_time", "late", "absent", "post")}
START = "start "  # what the name of an action that begins a use begins with


class TickRow(StrictModel):
    """One tick of one life. Needs, money, shift and state are those before the action."""

    agent: str = Field(description="who lived it")
    world: int | None = Field(description="number of the world; none where it is not said")
    tick: int = Field(description="tick of the episode; counted from the first of the sample where it is not said")
    action: str = Field(description="what was chosen")
    allowed: bool | None = Field(description="whether the mask allowed it; none where it is not recorded")
    reward: float = Field(description="what came of it")
    needs: dict[str, float] = Field(description="satisfaction by need; those that are observed")
    money: float | None = Field(description="money; none where it is not observed as Townlet does")
    shift: str | None = Field(description="state of the shift; none without a job")
    state: str = Field(description="uses <affordance>, holds, queues, or empty")
    reward_terms: dict[str, float] = Field(description="terms of the reward that are not 0; empty if not recorded")
    events: dict[str, int] = Field(description="what happened, and how often; empty if not recorded")


def tick_rows(meta: PlainMeta, arrays: dict[str, NDArray[Any]], ticks: range) -> Iterator[TickRow]:
    """Tell the ticks of a life that lie in a range of the episode.

    Args:
        arrays: those of READ that the sample has.
    """
    ours = meta if isinstance(meta, Meta) else None
    first = ours.first_tick if ours else 0
    words, places = action_words(meta), {name: place for place, name in enumerate(meta.feature_names)}
    using = ""
    for row in range(min(meta.timesteps, max(ticks.stop - first, 0))):
        action = int(arrays["actions"][row])
        word = words.get(action, f"action {action}")
        seen = {name: float(arrays["features"][row, place]) for name, place in places.items()}
        state = _state(seen, using)
        if word.startswith(START) and (ours is None or arrays["action_mask"][row, action]):
            using = word.removeprefix(START)
        if first + row < ticks.start:
            continue
        yield TickRow(
            agent=meta.agent_id,
            world=ours.world if ours else None,
            tick=first + row,
            action=word,
            allowed=bool(arrays["action_mask"][row, action]) if ours else None,
            reward=float(arrays["rewards"][row]),
            needs={need: seen[name] for need, name in NEEDS.items() if name in seen},
            money=_money(seen["wallet"]) if ours and "wallet" in seen else None,
            shift=next((shift for name, shift in SHIFTS.items() if seen.get(name) == 1), None),
            state=state,
            reward_terms=_named(ours.reward_term_names, arrays["reward_terms"][row]) if ours else {},
            events=_named(ours.event_names, arrays["events"][row]) if ours else {},
        )


def _state(seen: dict[str, float], using: str) -> str:
    """Say what an agent is at, which it is told in three features."""
    if seen.get("use_remaining", 0) > 0:
        return f"uses {using}"
    if seen.get("reservation_active") == 1:
        return "holds"
    return "queues" if seen.get("in_queue") == 1 else ""


def _money(wallet: float) -> float | None:
    """Turn the feature money / (money + 1) round; None where it has lost all digits."""
    return wallet / (1 - wallet) if wallet < 1 else None


def _named(names: tuple[str, ...], row: NDArray[Any]) -> dict[str, Any]:
    """Name the numbers of a row that are not 0."""
    return {name: number for name, number in zip(names, row.tolist(), strict=True) if number}
