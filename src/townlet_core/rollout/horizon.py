"""A capture of another length than its scenario plans, and what then never comes."""

from __future__ import annotations

from collections.abc import Iterator

from townlet_core.config.scenario import Scenario, Town

MOST_NAMED = 5


def with_ticks(config: Town, ticks: int) -> Town:
    """Give a town another horizon."""
    horizon = config.scenario.scenario.model_copy(update={"ticks": ticks})
    return config.model_copy(update={"scenario": config.scenario.model_copy(update={"scenario": horizon})})


def note_left_out(scenario: Scenario) -> list[str]:
    """Name what is planned for a tick that does not come any more; nothing where all comes."""
    late = [f"{what} (tick {tick})" for tick, what in sorted(_plans(scenario)) if tick >= scenario.scenario.ticks]
    if not late:
        return []
    more = f" and {len(late) - MOST_NAMED} more" if len(late) > MOST_NAMED else ""
    return [f"it is over before {', '.join(late[:MOST_NAMED])}{more}"]


def _plans(scenario: Scenario) -> Iterator[tuple[int, str]]:
    """Give the tick and the name of everything that a scenario has begin at a certain tick."""
    for trouble in scenario.perturbations:
        if trouble.at_tick is not None:
            yield trouble.at_tick, f"the {trouble.kind}"
    for agent in scenario.agents:
        yield agent.arrives_tick, f"the arrival of {agent.id}"
        if agent.schedule is not None:
            yield agent.schedule.from_tick, f"the schedule of {agent.id}"
