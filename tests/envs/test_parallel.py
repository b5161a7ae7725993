"""The town as a PettingZoo environment: who acts, what they are told, and when it is over."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import cloudpickle
import numpy as np
import pytest

from tests.envs.players import (
    FAINTS_AFTER_3,
    REPLACED_AFTER_2,
    STARVED,
    allowed,
    begun,
    busy_town,
    env_of,
    feature,
    play_on,
    wait,
)
from tests.towns import town
from townlet_core.envs.parallel import TownParallelEnv
from townlet_core.errors import UsageError


def test_at_the_horizon_all_who_live_are_truncated() -> None:
    env = begun(town("a.b", ticks=2))
    wait(env)
    told = wait(env)
    assert told.truncations == {"anna": True, "ben": True}
    assert told.terminations == {"anna": False, "ben": False}
    assert env.agents == []


def test_before_the_horizon_nobody_is_truncated() -> None:
    env = begun(town("a.b", ticks=2))
    assert wait(env).truncations == {"anna": False, "ben": False}
    assert env.agents == ["anna", "ben"]


def test_who_faints_is_terminated_and_the_others_go_on() -> None:
    env = begun(town("a.b", agents={"anna": STARVED}, lifecycle=FAINTS_AFTER_3))
    assert wait(env, 2).terminations == {"anna": False, "ben": False}
    told = wait(env)
    assert told.terminations == {"anna": True, "ben": False}
    assert told.truncations == {"anna": False, "ben": False}
    assert told.infos["anna"]["events"] == {"faint": 1}
    assert env.agents == ["ben"]
    assert wait(env).rewards.keys() == {"ben"}


def test_who_faints_in_the_last_tick_is_terminated_and_not_truncated() -> None:
    env = begun(town("a.b", agents={"anna": STARVED}, lifecycle=FAINTS_AFTER_3, ticks=3))
    told = wait(env, 3)
    assert told.terminations == {"anna": True, "ben": False}
    assert told.truncations == {"anna": False, "ben": True}


def test_the_last_observation_of_a_life_is_its_own() -> None:
    env = begun(town("a.b", agents={"anna": STARVED}, lifecycle=REPLACED_AFTER_2 | {"replace_after_ticks": 0}, ticks=8))
    told = wait(env, 3)  # anna.2 moves in at once
    assert feature(env, told.observations["anna"], "need_hunger") == 0
    assert feature(env, told.observations["anna"], "episode_progress") == 0.375  # 3 of 8
    assert feature(env, told.observations["anna.2"], "need_hunger") >= 0.5  # newcomers are fed


def test_the_last_observation_before_the_horizon_is_of_the_episode_that_ends() -> None:
    env = begun(town("a.b", ticks=2))
    assert feature(env, wait(env, 2).observations["anna"], "episode_progress") == 1  # and not 0, as in the next


def test_a_newcomer_is_another_agent() -> None:
    env = begun(town("a.b", agents={"anna": STARVED}, lifecycle=REPLACED_AFTER_2))
    wait(env, 4)  # anna faints in the third tick
    assert env.agents == ["ben"]
    told = wait(env)
    assert env.agents == ["anna.2", "ben"]
    assert feature(env, told.observations["anna.2"], "ctx_reset_flag") == 1
    assert (told.rewards["anna.2"], told.terminations["anna.2"], told.truncations["anna.2"]) == (0, False, False)
    assert told.infos["anna.2"]["events"] == {}
    assert set(told.infos["anna.2"]["reward_terms"].values()) == {0}


def test_who_comes_late_joins_in_the_step_after_which_it_is_there() -> None:
    env = begun(town("a.b", agents={"ben": {"arrives_tick": 2}}, lifecycle=FAINTS_AFTER_3))
    assert (env.agents, env.possible_agents) == (["anna"], ["anna", "ben"])
    assert wait(env).observations.keys() == {"anna"}
    assert wait(env).observations.keys() == {"anna", "ben"}
    assert env.agents == ["anna", "ben"]


def test_ticks_go_by_until_somebody_comes() -> None:
    env = env_of(town("a.b", agents={"anna": {"arrives_tick": 5}, "ben": {"arrives_tick": 6}}, ticks=20))
    observations, infos = env.reset()
    assert list(observations) == list(infos) == env.agents == ["anna"]
    assert feature(env, observations["anna"], "episode_progress") == 0.25  # 5 of 20


def test_ticks_in_which_nobody_lives_go_by_within_a_step() -> None:
    env = begun(town("a.b", agents={"anna": STARVED, "ben": {"arrives_tick": 8}}, lifecycle=FAINTS_AFTER_3, ticks=16))
    told = wait(env, 3)
    assert (told.terminations, env.agents) == ({"anna": True, "ben": False}, ["ben"])
    assert feature(env, told.observations["ben"], "episode_progress") == 0.5  # 8 of 16
    assert feature(env, told.observations["anna"], "episode_progress") == 0.1875  # 3 of 16


def test_an_episode_is_over_when_all_have_gone_for_good() -> None:
    env = begun(town("a", agents={"anna": STARVED}, lifecycle=FAINTS_AFTER_3))
    told = wait(env, 3)
    assert (told.terminations, told.truncations, env.agents) == ({"anna": True}, {"anna": False}, [])
    env.reset()
    assert env.agents == ["anna"]
    assert wait(env, 2).terminations == {"anna": False}


@pytest.mark.parametrize(("away", "tick"), [pytest.param(8, 11, id="somebody comes"), pytest.param(9, 3, id="nobody")])
def test_time_goes_by_only_for_who_comes_before_the_horizon(away: int, tick: int) -> None:
    lifecycle = REPLACED_AFTER_2 | {"replace_after_ticks": away}
    env = begun(town("a", agents={"anna": STARVED}, lifecycle=lifecycle, ticks=12))
    wait(env, 3)  # anna has gone; her place would be taken at tick 11 or 12
    assert env._course.state.worlds["tick"] == tick
    assert env.agents == (["anna.2"] if tick == 11 else [])


def test_who_would_come_after_the_horizon_is_not_waited_for() -> None:
    env = begun(town("a.b", agents={"anna": STARVED}, lifecycle=REPLACED_AFTER_2 | {"replace_after_ticks": 9}, ticks=4))
    assert wait(env, 3).terminations == {"anna": True, "ben": False}
    assert env.agents == ["ben"]
    assert wait(env).truncations == {"ben": True}
    assert env.agents == []


def test_nothing_happens_after_the_end() -> None:
    env = begun(town("a", ticks=1))
    wait(env)
    assert env.step({}) == ({}, {}, {}, {}, {})


def test_a_forbidden_action_is_played_as_a_wait_and_counted() -> None:
    env = begun(town("ab"))
    told = env.step({"anna": env.town.actions.names.index("move north"), "ben": 0})
    assert told.infos["anna"]["events"] == {"invalid_action": 1}
    assert told.infos["ben"]["events"] == {}
    assert feature(env, told.observations["anna"], "last_action_success") == 0


def test_rewards_come_with_their_terms() -> None:
    env = begun(town("a.b"))
    told = wait(env)
    assert told.infos["anna"]["reward_terms"].keys() == set(env.town.terms)
    # nobody is paid, late or gone, and all needs are half met: needs and survival are all there is
    assert sum(told.infos["anna"]["reward_terms"].values()) == pytest.approx(told.rewards["anna"])
    assert told.rewards["anna"] != 0


def test_the_mask_is_told_and_seen() -> None:
    env = env_of(town("a."))
    observations, infos = env.reset()
    may = {name for name, on in zip(env.town.actions.names, infos["anna"]["action_mask"], strict=True) if on}
    assert may == {"wait", "move east"}
    assert observations["anna"]["action_mask"].tolist() == infos["anna"]["action_mask"].tolist()


def test_masked_samples_are_never_forbidden() -> None:
    env = env_of(busy_town())
    _, infos = env.reset(seed=5)
    events = [info["events"] for told in play_on(env, infos) for info in told.infos.values()]
    assert not [each for each in events if "invalid_action" in each]
    assert any(events)


@pytest.mark.parametrize("seed", [-1, 2**63, 0.5])
def test_a_seed_that_is_none_is_refused(seed: Any) -> None:
    with pytest.raises(UsageError, match=f"seed: must be a whole number from 0 to {2**63 - 1}, found {seed}"):
        env_of(town("a")).reset(seed=seed)


def test_a_town_to_which_nobody_comes_in_time_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^3 ticks: is over before anybody comes to town\nhint: make the episodes"):
        env_of(town("a", agents={"anna": {"arrives_tick": 3}}, ticks=3))


LOST: dict[str, dict[str, Any]] = {"cara": {}, "dora": {}}  # who has no tile of its own begins on one drawn at random


def where(env: TownParallelEnv) -> list[tuple[int, int]]:
    agents = env._course.state.agents[0]
    return list(zip(agents["x"].tolist(), agents["y"].tolist(), strict=True))


def test_reset_begins_the_next_episode_with_new_luck_and_a_seed_the_first() -> None:
    env = env_of(town("........", "........", agents=LOST))
    starts = []
    for seed in (4, None, None, 4, None):
        env.reset(seed=seed)
        starts.append(where(env))
        wait(env, 2)  # an episode that is left early counts as one
    assert starts[:2] == starts[3:]
    assert len({tuple(start) for start in starts}) == 3


def test_the_seed_of_the_making_is_that_of_the_first_episode() -> None:
    what = town("........", "........", agents=LOST)
    made, given = env_of(what, seed=9), env_of(what, seed=0)
    made.reset()
    given.reset(seed=9)
    assert where(made) == where(given)


def test_state_is_the_features_of_all_slots_and_zero_for_who_is_away() -> None:
    env = begun(town("a.b", agents={"anna": STARVED}, lifecycle=FAINTS_AFTER_3))
    told, n = wait(env, 3), len(env.town.features)
    assert env.state().shape == env.state_space.shape == (2 * n,)
    assert not env.state()[:n].any()
    np.testing.assert_array_equal(env.state()[n:], told.observations["ben"]["features"])


def test_state_at_the_horizon_is_of_the_episode_that_ends_and_then_of_the_next() -> None:
    env = begun(town("a.b", ticks=2))
    told = wait(env, 2)
    last = [told.observations[agent]["features"] for agent in ("anna", "ben")]
    np.testing.assert_array_equal(env.state(), np.concatenate(last))
    observations, _ = env.reset()
    first = [observations[agent]["features"] for agent in ("anna", "ben")]
    np.testing.assert_array_equal(env.state(), np.concatenate(first))


def test_what_was_seen_stays_as_it_was() -> None:
    env = env_of(busy_town())
    seen, infos = env.reset(seed=1)
    kept = list(seen.values())
    before = copy.deepcopy(kept)
    for told in play_on(env, infos):
        kept += told.observations.values()
        before += copy.deepcopy(list(told.observations.values()))
    for now, then in zip(kept, before, strict=True):
        for name in then:
            np.testing.assert_array_equal(now[name], then[name])


def test_who_writes_into_what_was_seen_changes_nothing() -> None:
    env, twin = begun(busy_town()), begun(busy_town())
    for seen in wait(env).observations.values():
        for array in seen.values():
            array[...] = 0
    wait(twin)
    move = env.town.actions.names.index("move east")
    told, other = (each.step(dict.fromkeys(each.agents, move)) for each in (env, twin))
    assert told.rewards == other.rewards
    assert told.infos["anna"]["events"] == other.infos["anna"]["events"] == {}


@pytest.mark.parametrize(
    "copied",
    [
        pytest.param(copy.deepcopy, id="deepcopy"),
        pytest.param(lambda env: pickle.loads(pickle.dumps(env)), id="pickle"),
        pytest.param(lambda env: cloudpickle.loads(cloudpickle.dumps(env)), id="cloudpickle"),
    ],
)
def test_a_copy_goes_on_from_the_same_moment(copied: Any) -> None:
    env = env_of(busy_town())
    _, infos = env.reset(seed=2)
    for _, told in zip(range(4), play_on(env, infos), strict=False):
        infos = told.infos
    twin = copied(env)
    while env.agents:
        actions = allowed(env, infos)
        told, other = env.step(actions), twin.step(actions)
        infos = told.infos
        assert told[1:4] == other[1:4]
        for agent, seen in told.observations.items():
            np.testing.assert_array_equal(seen["features"], other.observations[agent]["features"])
    assert twin.agents == []


def test_closing_twice_is_as_good_as_once() -> None:
    env = begun(town("a"))
    env.close()
    env.close()
