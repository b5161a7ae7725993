"""Lives: how they begin, end in fainting or eviction, and who comes next."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.chance import AMBITION, EXTROVERSION, FIRST_NEED, FIRST_PACE, FORGIVENESS, TILE, WEALTH, below, chance
from tests.towns import Stage, town
from townlet_core.world.records import NEVER, NOTHING

STARVING = {"needs": {"hunger": 0.0, "hygiene": 0.5, "energy": 0.5}}


def starving(*rows: str, agents: dict[str, dict[str, Any]] | None = None, **lifecycle: Any) -> Stage:
    """Anna has nothing to eat and faints in tick 2 (her third)."""
    rules = {"faint_after_ticks": 3, **lifecycle}
    return Stage(town(*rows, agents={"anna": STARVING, **(agents or {})}, lifecycle=rules))


def ended(stage: Stage, name: str) -> tuple[int, int, int]:
    """Whether the agent was alive when the last tick began, and whether its life ended or was cut off in it."""
    marks = (stage.frames.alive, stage.frames.terminated, stage.frames.truncated)
    alive, terminated, truncated = (int(mark[0, 0, stage.slot(name)]) for mark in marks)
    return alive, terminated, truncated


def test_who_stays_at_the_bottom_for_so_many_ticks_faints() -> None:
    stage = starving("a..").ticks(2)
    assert (stage.events("anna"), ended(stage, "anna")) == ({}, (1, 0, 0))
    stage.tick()
    assert (stage.events("anna"), ended(stage, "anna")) == ({"faint": 1}, (1, 1, 0))


def test_without_the_lifecycle_nobody_faints() -> None:
    stage = Stage(
        town("a", agents={"anna": STARVING}, features={"lifecycle": False}, lifecycle={"faint_after_ticks": 3})
    )
    assert (stage.ticks(9).agent("anna").life, stage.agent("anna").bottom) == (1, 9)


@pytest.mark.parametrize("lifecycle", [True, False])
def test_who_misses_too_many_shifts_is_evicted(lifecycle: bool) -> None:
    job = {"id": "baker", "place": [0, 0], "radius": 0, "start": 1, "end": 9, "grace_ticks": 1, "absent_after_ticks": 3}
    stage = Stage(
        town(
            "..a",
            agents={"anna": {"job": "baker"}},
            jobs=[job],
            clock={"ticks_per_day": 10},
            lifecycle={"max_absences": 2},
            features={"lifecycle": lifecycle},
        )
    )
    stage.ticks(14)  # absent for the second time in tick 10 + 1 + 3
    assert stage.agent("anna").absences == 1
    stage.tick()
    assert stage.events("anna") == ({"shift_absent": 1, "eviction": 1} if lifecycle else {"shift_absent": 1})
    assert ended(stage, "anna") == (1, int(lifecycle), 0)


def test_a_newcomer_takes_the_place_at_once_and_begins_anew() -> None:
    stage = starving("a..F", replace=True, replace_after_ticks=0).ticks(3)
    me = stage.agent("anna")
    assert (me.alive, me.life, me.bottom, me.finished, me.fresh) == (1, 2, 0, 0, 1)
    assert (me.earned, me.spent, me.fined, me.withheld) == (0, 0, 0, 0)
    assert stage.sees("anna", "ctx_reset_flag") == 1
    assert ended(stage.tick(), "anna") == (1, 0, 0)
    assert stage.sees("anna", "ctx_reset_flag") == 0


def test_the_character_of_a_newcomer_is_drawn_from_seed_world_episode_and_tick() -> None:
    stage = starving("a..F").ticks(3)  # the newcomer enters as tick 3 begins
    me, drawn = stage.agent("anna"), [chance(0, 0, 0, 3, 0, stream) for stream in range(16)]
    assert me.needs.tolist() == [np.float32(0.5 + 0.5 * drawn[FIRST_NEED + need]) for need in range(3)]
    assert me.pace.tolist() == [np.float32(0.75 + 0.5 * drawn[FIRST_PACE + need]) for need in range(3)]
    assert me.wallet == np.float32(1 + 2 * drawn[WEALTH])
    assert [float(me[trait]) for trait in ("extroversion", "forgiveness", "ambition")] == [
        drawn[stream] for stream in (EXTROVERSION, FORGIVENESS, AMBITION)
    ]
    assert stage.at("anna") == (below(3, 0, 0, 0, 3, 0, TILE), 0)


def test_made_agents_are_drawn_at_the_start() -> None:
    stage = Stage(town("....", population={"count": 1}), seed=5, world=7)
    me, drawn = stage.agent("citizen_1"), [chance(5, 7, 0, 0, 0, stream) for stream in range(16)]
    assert me.wallet == np.float32(1 + 2 * drawn[WEALTH])
    assert me.needs.tolist() == [np.float32(0.5 + 0.5 * drawn[FIRST_NEED + need]) for need in range(3)]
    assert stage.at("citizen_1") == (below(4, 5, 7, 0, 0, 0, TILE), 0)


def test_a_place_stays_empty_for_as_long_as_the_scenario_says() -> None:
    stage = starving("a..b", replace_after_ticks=2).ticks(3)  # she faints in tick 2
    alive = []
    while stage.now < 8:
        alive.append((stage.now, ended(stage.tick(), "anna")[0]))
    assert alive == [(3, 0), (4, 0), (5, 1), (6, 1), (7, 1)]


def test_without_replacement_a_place_stays_empty() -> None:
    stage = starving("a.b", replace=False).ticks(3)
    assert stage.agent("anna").enters == NEVER
    stage.ticks(20)
    assert (stage.agent("anna").alive, ended(stage, "anna")) == (0, (0, 0, 0))


def test_an_empty_place_sees_nothing_does_nothing_and_is_in_nobodys_way() -> None:
    stage = starving("ab.", replace=False).ticks(3)
    a = stage.slot("anna")
    assert not stage.frames.features[0, 0, a].any()
    assert not stage.frames.tiles[0, 0, a].any()
    assert stage.may("anna") == {"wait"}
    stage.tick(anna="move east", ben="move west")
    assert (stage.events("anna"), stage.at("ben")) == ({}, (0, 0))
    assert stage.plane("ben", "agents") == set()


def test_who_goes_lets_go_of_what_is_held_and_a_use_has_failed() -> None:
    stage = starving("aFb", faint_after_ticks=4, replace=False)
    stage.tick(anna="request fridge").tick(ben="request fridge").tick(anna="start eat")
    stage.tick()
    assert stage.events("anna") == {"affordance_fail": 1, "faint": 1}
    assert (stage.holder("fridge_1"), stage.thing("fridge_1").waiting) == (None, 1)
    assert stage.tick().holder("fridge_1") == "ben"


def test_who_goes_leaves_the_queue() -> None:
    stage = starving("aFb", faint_after_ticks=4, replace=False)
    stage.tick(ben="request fridge").tick(ben="start eat")
    stage.tick(anna="request fridge")
    assert stage.queue("fridge_1") == {"anna"}
    stage.agent("ben").left = 9  # he takes his time
    stage.tick()
    assert stage.events("anna") == {"faint": 1}
    assert (stage.queue("fridge_1"), stage.thing("fridge_1").waiting) == (set(), 0)


def test_who_goes_is_forgotten_and_forgets() -> None:
    stage = starving("abc")
    stage.set_tie("anna", "ben", trust=0.5)
    stage.set_tie("ben", "anna", rivalry=0.5)
    stage.set_tie("ben", "cara", rivalry=0.5)
    stage.ticks(3)
    assert (stage.tie("anna", "ben"), stage.tie("ben", "anna")) == (None, None)
    assert stage.feels("ben", "cara") == (0.5, 0, 0)


def test_a_newcomer_is_not_bound_by_the_cooldown_of_who_was_there_before() -> None:
    stage = starving("aF")
    stage.worlds.state.cooldown[0, 0, 0] = 500
    assert "request fridge" not in stage.tick().may("anna")
    assert "request fridge" in stage.ticks(2).may("anna")


def test_the_last_observation_of_a_life_is_kept_apart_from_the_first_of_the_next() -> None:
    stage = starving("a..F").ticks(3)
    names = ("need_hunger", "ctx_reset_flag", "episode_progress")
    hunger, fresh, progress = (stage.town.features.index(feature) for feature in names)
    row = stage.frames.end_row[0, 0, 0]
    last, first = stage.frames.end_features[0, row, :], stage.frames.features[0, 0, 0]
    assert (last[hunger], last[fresh]) == (0, 0)
    assert last[progress] == first[progress] == np.float32(3 / 1000), "what was seen after tick 2, not before it"
    assert first[hunger] >= 0.5
    assert first[fresh] == 1
    assert stage.frames.end_mask[0, row].sum() > 0
    assert stage.frames.end_tiles[0, row].any()


def test_nobody_is_at_the_end_of_a_life_in_an_ordinary_tick() -> None:
    stage = starving("a.b").ticks(2)
    assert stage.frames.end_row[0, 0].tolist() == [NOTHING, NOTHING]


@pytest.mark.parametrize("arrives", [1, 4])
def test_who_arrives_later_is_not_there_before(arrives: int) -> None:
    stage = Stage(town("a..", agents={"ben": {"at": [2, 0], "arrives_tick": arrives}}))
    alive = []
    for _ in range(6):
        alive.append(ended(stage.tick(), "ben")[0])
    assert alive == [0] * arrives + [1] * (6 - arrives)
    assert (stage.agent("ben").life, stage.at("ben"), stage.agent("ben").wallet) == (1, (2, 0), 2)


def test_who_arrives_where_somebody_stands_enters_on_a_free_tile() -> None:
    stage = Stage(town("a..", agents={"ben": {"at": [1, 0], "arrives_tick": 2}})).tick(anna="move east").tick()
    assert stage.at("ben") in {(0, 0), (2, 0)}
    assert stage.agent("ben").needs.tolist() == [0.5, 0.5, 0.5]  # it is still the life of the scenario


def test_at_the_horizon_the_living_are_cut_off_and_the_next_episode_begins_as_the_first() -> None:
    stage = Stage(town("a.F", ticks=4))
    stage.tick(anna="move east").tick(anna="request fridge").tick(anna="start eat")
    assert ended(stage, "anna") == (1, 0, 0)
    stage.tick()
    assert (ended(stage, "anna"), stage.events("anna")) == ((1, 0, 1), {})
    assert (stage.world.episode, stage.now, stage.at("anna"), stage.agent("anna").life) == (1, 0, (0, 0), 1)
    assert (stage.holder("fridge_1"), stage.thing("fridge_1").stock, stage.agent("anna").wallet) == (None, 3, 2)


def test_who_faints_at_the_horizon_is_dead_and_not_cut_off() -> None:
    stage = Stage(town("a.b", agents={"anna": STARVING}, lifecycle={"faint_after_ticks": 3}, ticks=3)).ticks(3)
    assert (ended(stage, "anna"), ended(stage, "ben")) == ((1, 1, 0), (1, 0, 1))
    assert stage.frames.end_row[0, 0].tolist() == [0, 1]  # each keeps a last observation of its own


def test_each_episode_has_its_own_chance() -> None:
    stage = Stage(town("....", population={"count": 1}, ticks=3))
    wallets = []
    for episode in range(3):
        wallets.append(float(stage.agent("citizen_1").wallet))
        assert wallets[-1] == np.float32(1 + 2 * chance(0, 0, episode, 0, 0, WEALTH))
        stage.ticks(3)
    assert len(set(wallets)) == 3
