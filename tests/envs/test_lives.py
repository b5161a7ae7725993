"""Who can come in an episode."""

from __future__ import annotations

from typing import Any

import pytest

from tests.envs.players import busy_town, env_of, play_on
from tests.towns import town
from townlet_core.envs.lives import possible_lives
from townlet_core.world.town import compile_town

JOB: dict[str, Any] = {"id": "baker", "place": [0, 0], "start": 10, "end": 20, "grace_ticks": 1}
DAY = {"ticks_per_day": 100}


@pytest.mark.parametrize(
    ("ticks", "lifecycle", "lives"),
    [
        # fainting takes 3 ticks, so that the next life begins at tick 3, 6, 9, ...
        pytest.param(9, {"faint_after_ticks": 3}, 3, id="at ticks 0, 3 and 6"),
        pytest.param(10, {"faint_after_ticks": 3}, 4, id="at tick 9 too"),
        pytest.param(10, {"faint_after_ticks": 3, "replace_after_ticks": 2}, 2, id="at ticks 0 and 5"),
        pytest.param(11, {"faint_after_ticks": 3, "replace_after_ticks": 2}, 3, id="at ticks 0, 5 and 10"),
        pytest.param(10, {"faint_after_ticks": 3, "replace": False}, 1, id="without newcomers"),
    ],
)
def test_so_many_lives_can_follow_one_another(ticks: int, lifecycle: dict[str, Any], lives: int) -> None:
    names = possible_lives(compile_town(town("a", ticks=ticks, lifecycle=lifecycle)))
    assert names == ["anna", "anna.2", "anna.3", "anna.4"][:lives]


def test_those_who_come_late_have_fewer_lives_and_who_comes_too_late_none() -> None:
    late = {"ben": {"arrives_tick": 5}, "cara": {"arrives_tick": 9}}
    what = town("abc", agents=late, ticks=9, lifecycle={"faint_after_ticks": 3})
    # ben can begin at ticks 5 and 8
    assert possible_lives(compile_town(what)) == ["anna", "ben", "anna.2", "ben.2", "anna.3"]


def test_nobody_goes_where_lives_do_not_end() -> None:
    what = town("a", ticks=9, features={"lifecycle": False}, lifecycle={"faint_after_ticks": 3})
    assert possible_lives(compile_town(what)) == ["anna"]


@pytest.mark.parametrize(
    ("absences", "late", "ticks", "lives"),
    [
        # absent in the 6th tick of a shift, after 5 ticks of it, at the earliest
        pytest.param(1, 5, 12, 2, id="one absence: a life takes 6 ticks"),
        pytest.param(2, 5, 212, 2, id="two absences: a day more, 106"),
        pytest.param(2, 5, 213, 3, id="two absences: a third life at tick 212"),
        # and in the last of its 10 ticks at the latest
        pytest.param(1, 50, 20, 2, id="one absence in a short shift: a life takes 10 ticks"),
        pytest.param(1, 50, 21, 3, id="one absence in a short shift: a third life at tick 20"),
    ],
)
def test_who_works_can_be_evicted_before_it_faints(absences: int, late: int, ticks: int, lives: int) -> None:
    what = town(
        ".a",
        agents={"anna": {"job": "baker"}},
        jobs=[JOB | {"absent_after_ticks": late}],
        clock=DAY,
        ticks=ticks,
        lifecycle={"faint_after_ticks": 1000, "max_absences": absences},
    )
    assert len(possible_lives(compile_town(what))) == lives


@pytest.mark.parametrize("seed", range(5))
def test_nobody_comes_who_is_not_possible(seed: int) -> None:
    env = env_of(busy_town(ticks=200))
    _, infos = env.reset(seed=seed)
    come = {agent for told in play_on(env, infos) for agent in told.observations}
    assert come <= set(env.possible_agents)
    assert "anna.2" in come
