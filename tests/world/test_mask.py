"""The action mask: each action is allowed in just the situations that it needs (starts: in test_affordances.py)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.towns import Stage, town

MOVES = {"move north", "move east", "move south", "move west"}


def test_who_stands_in_the_open_may_go_anywhere_and_do_nothing_else() -> None:
    assert Stage(town("...", ".a.", "...")).may("anna") == {"wait"} | MOVES


def test_who_holds_or_waits_may_release_and_still_walk_but_not_ask() -> None:
    stage = Stage(town(".aFb.", chat={"range": 1})).tick(anna="request fridge", ben="request fridge")
    assert stage.may("anna") == {"wait", "release", "move west", "start eat"}
    assert stage.may("ben") == {"wait", "release", "move east"}


def test_who_wandered_off_with_a_reservation_may_not_start() -> None:
    stage = Stage(town(".aF")).tick(anna="request fridge").tick(anna="move west")
    assert stage.may("anna") == {"wait", "release", "move east"}


@pytest.mark.parametrize(
    ("rows", "kinds"),
    [
        pytest.param(("aF",), {"fridge"}, id="beside"),
        pytest.param(("a.", ".F"), {"fridge"}, id="at the corner"),
        pytest.param(("a.F",), set(), id="two tiles away"),
        pytest.param(("FB.", "CaS", "..."), {"fridge", "bed", "stove", "shower"}, id="all around"),
        pytest.param(("F..", "...", ".a.", "...", "..B"), set(), id="rows too far north and south"),
        pytest.param(("F...", "...B", ".Sa."), {"shower", "bed"}, id="the rows around"),
    ],
)
def test_requests_are_for_the_kinds_within_one_tile(rows: tuple[str, ...], kinds: set[str]) -> None:
    asked = {action.removeprefix("request ") for action in Stage(town(*rows)).may("anna") if action.startswith("req")}
    assert asked == kinds


def test_a_request_is_allowed_while_another_thing_of_the_kind_is_open() -> None:
    stage = Stage(town("FaF"))
    with stage.changing():
        stage.worlds.state.cooldown[0, 0] = (5, 5)
    assert "request fridge" not in stage.may("anna")
    with stage.changing():
        stage.worlds.state.cooldown[0, 0] = (5, 0)
    assert "request fridge" in stage.may("anna")


@pytest.mark.parametrize(("reach", "allowed"), [(1, False), (2, True), (3, True)])
def test_a_chat_needs_somebody_in_range(reach: int, allowed: bool) -> None:
    assert ("chat" in Stage(town("a.b", chat={"range": reach})).may("anna")) == allowed


def test_a_chat_range_beyond_the_window_reaches_as_far_as_the_window() -> None:
    sight: dict[str, Any] = {"features": {"observation": "compact"}, "chat": {"range": 5}}
    assert "chat" in Stage(town("a.b", **sight)).may("anna")  # the window of compact reaches 2 tiles
    assert "chat" not in Stage(town("a..b", **sight)).may("anna")


def test_who_uses_a_thing_may_only_wait_even_with_company_and_room() -> None:
    stage = Stage(town("...", "bF.", "a..")).tick(anna="request fridge").tick(anna="start eat")
    assert stage.may("anna") == {"wait"}
    assert stage.may("ben") >= {"wait", "chat", "request fridge"}


@pytest.mark.parametrize("action", [-1, 999, 32_767, -32_768])
def test_a_number_that_is_no_action_is_a_wait_and_counted(action: int) -> None:
    stage = Stage(town("a."))
    stage.frames.actions[0, 0, 0] = action
    stage.worlds.step(stage.frames, 0)
    assert stage.events("anna") == {"invalid_action": 1}
    assert (stage.agent("anna").last, stage.agent("anna").last_ok) == (0, 0)
