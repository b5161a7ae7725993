"""A town as text."""

from __future__ import annotations

import pytest

from tests.envs.players import FAINTS_AFTER_3, STARVED, begun, env_of, wait
from tests.towns import town
from townlet_core.errors import UsageError


def test_a_town_is_drawn_with_walls_things_and_agents() -> None:
    env = begun(town("#####", "#a.F#", "#S.b#", "#####"), render_mode="ansi")
    assert env.render() == "#####\n#a.F#\n#S.b#\n#####\nF fridge\nS shower\na anna\nb ben"


def test_kinds_with_one_letter_share_its_line() -> None:
    env = begun(town("aCS"), render_mode="ansi")
    assert env.render() == "aSS\nS stove, shower\na anna"


def test_agents_are_drawn_where_they_go() -> None:
    env = begun(town("a..", "..."), render_mode="ansi")
    env.step({"anna": env.town.actions.names.index("move east")})
    assert env.render() == ".a.\n...\na anna"


def test_who_has_gone_is_not_drawn() -> None:
    env = begun(town("a.b", agents={"anna": STARVED}, lifecycle=FAINTS_AFTER_3), render_mode="ansi")
    wait(env, 3)
    assert env.render() == "..b\nb ben"


def test_nobody_is_drawn_after_the_end() -> None:
    env = begun(town("a.F", ticks=1), render_mode="ansi")
    wait(env)
    assert env.render() == "..F\nF fridge"


def test_the_ways_of_drawing_are_told() -> None:
    env = env_of(town("a"), render_mode="ansi")
    assert env.metadata == {"name": "townlet_small", "render_modes": ["ansi"], "is_parallelizable": True}
    assert (env.render_mode, str(env)) == ("ansi", "townlet_small")


def test_another_way_of_drawing_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^render_mode: must be 'ansi' or None, found 'human'$"):
        env_of(town("a"), render_mode="human")


def test_without_a_way_of_drawing_nothing_is_drawn() -> None:
    with pytest.raises(UsageError, match=r"^render: there is no render mode\nhint: make it with render_mode='ansi'$"):
        begun(town("a")).render()
