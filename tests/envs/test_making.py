"""How an environment is made of a configuration, and what is told where it cannot be."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from tests.rollout.kitchens import KITCHEN
from townlet_core.envs import extra
from townlet_core.envs.parallel import parallel_env
from townlet_core.errors import InputError, UsageError


@pytest.fixture
def kitchen(tmp_path: Path) -> str:
    path = tmp_path / "kitchen.yaml"
    path.write_text(KITCHEN, encoding="utf-8")
    return str(path)


def test_the_possible_agents_are_those_of_the_scenario(kitchen: str) -> None:
    env = parallel_env(kitchen)
    assert env.possible_agents == ["anna", "ben", "cara", "dora"]
    _, infos = env.reset()
    assert env.agents == list(infos) == ["anna", "ben", "cara"]


def test_newcomers_come_where_they_are_asked_for(kitchen: str) -> None:
    # a life takes 10 ticks at least and a place is empty for 5: anna to cara can begin at ticks 0, 15, 30 and 45,
    # dora at 20, 35 and 50
    env = parallel_env(kitchen, newcomers=True)
    assert env.possible_agents[4:] == [
        *(f"{name}.{life}" for life in (2, 3) for name in ("anna", "ben", "cara", "dora")),
        *(f"{name}.4" for name in ("anna", "ben", "cara")),
    ]


def test_ticks_win_over_those_of_the_scenario(kitchen: str) -> None:
    env = parallel_env(kitchen, ticks=20)
    assert (env.town.horizon, env.possible_agents) == (20, ["anna", "ben", "cara"])  # dora would come at tick 20


def test_overrides_are_applied(kitchen: str) -> None:
    assert parallel_env(kitchen, overrides=["scenario.ticks=33"]).town.horizon == 33


@pytest.mark.parametrize(("seed", "expected"), [pytest.param(None, 3, id="the scenario's"), (8, 8)])
def test_the_first_seed_is_that_of_the_scenario_or_the_one_given(kitchen: str, seed: int | None, expected: int) -> None:
    env, twin = parallel_env(kitchen, seed=seed), parallel_env(kitchen, seed=0)
    env.reset()
    twin.reset(seed=expected)
    assert env._course.state.worlds["key"] == twin._course.state.worlds["key"]


def test_an_empty_town_is_refused_or_filled(kitchen: str) -> None:
    with pytest.raises(InputError, match="nobody lives in this town\nhint: list some under agents, or give auto_seed"):
        parallel_env(kitchen, overrides=["agents=[]"])
    env = parallel_env(kitchen, overrides=["agents=[]"], auto_seed_agents=True)
    assert env.possible_agents == ["alice", "bob"]


@pytest.mark.parametrize("ticks", [0, 1_000_001])
def test_a_length_that_is_none_is_refused(ticks: int) -> None:
    with pytest.raises(UsageError, match=f"^ticks: must be a whole number from 1 to 1000000, found {ticks}$"):
        parallel_env("poc_hybrid", ticks=ticks)


@pytest.mark.parametrize("missing", ["gymnasium.spaces", "pettingzoo"])
def test_who_lacks_the_extra_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ModuleNotFoundError) as caught:
        runpy.run_path(str(extra.__file__))
    assert str(caught.value) == (
        f"townlet_core.envs needs gymnasium and pettingzoo, and there is no {missing}\nhint: pip install 'townlet[rl]'"
    )
