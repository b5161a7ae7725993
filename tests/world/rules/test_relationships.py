"""Ties: what a chat does to both sides, how traits scale it, how ties fade and make room for others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chance import CHAT_LUCK, chance
from tests.towns import Stage, round6, town

CHAT = {"range": 2, "cooldown_ticks": 3, "base_success": 0.5, "trust_gain": 0.25, "rivalry_loss": 0.5}
TRUST = {"decay": 0.0, "familiarity_decay": 0.0, "chat": 0.125, "chat_familiarity": 0.0625}
RIVALRY = {"decay": 0.0, "chat_failure": 0.03125}
ALWAYS, NEVER = {"base_success": 1.0}, {"base_success": 0.0, "trust_gain": 0.0}


def couple(chat: dict[str, Any] | None = None, traits: dict[str, dict[str, float]] | None = None, **more: Any) -> Stage:
    """Anna and ben side by side; chats always go well unless `chat` says otherwise."""
    agents = {name: {"personality": values} for name, values in (traits or {}).items()}
    sections = {"chat": {**CHAT, **ALWAYS, **(chat or {})}, "trust": TRUST, "rivalry": RIVALRY, **more}
    return Stage(town("ab", agents=agents, **sections))


def test_a_good_chat_brings_both_closer() -> None:
    stage = couple().tick(anna="chat")
    assert (stage.events("anna"), stage.events("ben")) == ({"chat_success": 1}, {})
    assert stage.feels("anna", "ben") == stage.feels("ben", "anna") == (0, 0.125, 0.0625)


def test_what_a_chat_gives_shrinks_as_trust_and_familiarity_fill_up() -> None:
    stage = couple()
    with stage.changing():
        stage.set_tie("anna", "ben", trust=0.5, familiarity=0.75)
    stage.tick(anna="chat")
    # anna: 0.5 + 0.125 * (1 - 0.5), 0.75 + 0.0625 * (1 - 0.75); ben is a stranger to her no more
    assert stage.feels("anna", "ben") == (0, 0.5625, 0.765625)
    assert stage.feels("ben", "anna") == (0, 0.125, 0.0625)


def test_a_bad_chat_costs_half_the_trust_and_makes_rivals_who_know_each_other() -> None:
    stage = couple(NEVER).tick(anna="chat")
    assert (stage.events("anna"), stage.events("ben")) == ({"chat_failure": 1}, {})
    assert stage.feels("anna", "ben") == stage.feels("ben", "anna") == (0.03125, -0.0625, 0.0625)


def test_each_takes_a_chat_by_their_own_extroversion() -> None:
    # the gains times 0.5 + extroversion
    stage = couple(traits={"anna": {"extroversion": 1.0}, "ben": {"extroversion": 0.0}}).tick(anna="chat")
    assert stage.feels("anna", "ben") == (0, 0.1875, 0.09375)
    assert stage.feels("ben", "anna") == (0, 0.0625, 0.03125)


def test_the_rivalry_of_a_bad_chat_grows_with_ambition() -> None:
    stage = couple(NEVER, traits={"anna": {"ambition": 1.0}, "ben": {"ambition": 0.0}}).tick(ben="chat")
    assert (stage.feels("anna", "ben")[0], stage.feels("ben", "anna")[0]) == (0.046875, 0.015625)


def test_a_chat_is_with_the_nearest_in_range_and_one_may_be_anybodys_nearest() -> None:
    stage = Stage(town("a.b.c", chat={**CHAT, **ALWAYS}, trust=TRUST))
    assert all("chat" in stage.may(name) for name in ("anna", "ben", "cara"))
    stage.tick(anna="chat", ben="chat", cara="chat")
    # ben's nearest of two at the same distance is the lower slot, anna
    assert stage.feels("cara", "ben")[1] == 0.125
    assert stage.feels("anna", "cara") == stage.feels("cara", "anna") == (0, 0, 0)
    assert "chat" not in Stage(town("a..b", chat=CHAT)).may("anna")


def test_two_who_talk_to_each_other_at_once_both_feel_both_chats() -> None:
    stage = couple().tick(anna="chat", ben="chat")
    # trust: 0.125, then 0.125 * (1 - 0.125) more
    assert stage.feels("anna", "ben")[:2] == (0, 0.234375)
    assert stage.events("anna") == stage.events("ben") == {"chat_success": 1}


def test_who_began_a_chat_waits_before_the_next_and_the_other_does_not() -> None:
    stage, ready = couple(), []
    stage.tick(anna="chat")  # at tick 0: again from tick 0 + 3 on
    while stage.now < 5:
        assert "chat" in stage.may("ben")
        ready += [stage.now] if "chat" in stage.may("anna") else []
        assert stage.sees("anna", "chat_ready") == ("chat" in stage.may("anna"))
        stage.tick()
    assert ready == [3, 4]


@pytest.mark.parametrize(
    ("extroversion", "tie", "odds"),
    [
        pytest.param(0.5, {}, 0.5, id="ordinary strangers"),
        pytest.param(1.0, {}, 0.75, id="extroverted: 0.5 * 1.5"),
        pytest.param(0.0, {}, 0.25, id="introverted: 0.5 * 0.5"),
        pytest.param(0.5, {"trust": 1.0}, 0.75, id="full trust: + 0.25"),
        pytest.param(0.5, {"trust": -1.0}, 0.25, id="full distrust: - 0.25"),
        pytest.param(0.5, {"rivalry": 0.5}, 0.25, id="half rivalry: - 0.5 * 0.5"),
        pytest.param(0.0, {"rivalry": 1.0}, 0.0, id="never below 0"),
    ],
)
def test_a_chat_goes_well_with_its_odds(extroversion: float, tie: dict[str, float], odds: float) -> None:
    # each chat is compared with its draw; 300 draws of odds p go well 300 p times, give or take 4 deviations
    stage = couple({"base_success": 0.5, "cooldown_ticks": 0}, {"anna": {"extroversion": extroversion}})
    won = 0
    for _ in range(300):
        with stage.changing():
            stage.set_tie("anna", "ben", **tie)
        drawn = chance(0, 0, 0, stage.now, stage.slot("anna"), CHAT_LUCK)
        went_well = "chat_success" in stage.tick(anna="chat").events("anna")
        assert went_well == (drawn < odds)
        won += went_well
    assert abs(won - 300 * odds) <= 4 * (300 * odds * (1 - odds)) ** 0.5


def test_chats_of_a_tick_are_judged_by_the_ties_before_it() -> None:
    # Ben's chat would fail for sure after anna's good one spoilt it: full trust decides, rivalry comes later
    stage = couple({"base_success": 0.0, "trust_gain": 1.0})
    with stage.changing():
        stage.set_tie("anna", "ben", trust=-1.0)
        stage.set_tie("ben", "anna", trust=1.0)
    stage.tick(anna="chat", ben="chat")
    assert (stage.events("anna"), stage.events("ben")) == ({"chat_failure": 1}, {"chat_success": 1})


def test_rivalry_fades_by_a_fixed_amount_faster_in_the_forgiving() -> None:
    traits = {"anna": {"forgiveness": 1.0}, "ben": {"forgiveness": 0.0}}
    stage = couple(traits=traits, rivalry={"decay": 0.125})
    for me, other in (("anna", "ben"), ("ben", "anna")):
        stage.set_tie(me, other, rivalry=0.5)
    stage.tick()
    # 0.5 - 0.125 * 1.5 and 0.5 - 0.125 * 0.5
    assert (stage.feels("anna", "ben"), stage.feels("ben", "anna")) == ((0.3125, 0, 0), (0.4375, 0, 0))


def test_trust_fades_by_a_share_and_familiarity_by_a_fixed_amount() -> None:
    stage = couple(trust={**TRUST, "decay": 0.25, "familiarity_decay": 0.125})
    stage.set_tie("anna", "ben", trust=-0.5, familiarity=0.1875)
    assert stage.tick().feels("anna", "ben") == (0, -0.375, 0.0625)
    assert stage.tick().feels("anna", "ben") == (0, -0.28125, 0)


def test_a_tie_with_nothing_left_is_forgotten() -> None:
    stage = couple(rivalry={"decay": 0.25})
    stage.set_tie("anna", "ben", rivalry=0.25)
    assert stage.tie("anna", "ben") is not None
    assert stage.tick().tie("anna", "ben") is None


def test_feelings_stay_in_their_ranges() -> None:
    stage = couple(
        rivalry={"decay": 0.0, "chat_failure": 1.0}, chat=NEVER | {"cooldown_ticks": 0}, trust={**TRUST, "chat": 1.0}
    )
    stage.ticks(5, anna="chat", ben="chat")
    rivalry, trust, familiarity = stage.feels("anna", "ben")
    assert (rivalry, trust) == (1, -1)
    assert 0 < familiarity <= 1


def test_without_relationships_chats_happen_and_leave_nothing() -> None:
    stage = couple(features={"relationships": False}).tick(anna="chat")
    assert (stage.events("anna"), stage.tie("anna", "ben"), stage.term("anna", "social")) == (
        {"chat_success": 1},
        None,
        0,
    )


def test_a_new_acquaintance_takes_the_place_of_the_weakest() -> None:
    """Eighteen citizens, of whom one keeps sixteen ties at most."""
    stage = Stage(town("." * 20, ticks=50, population={"count": 18}, chat={**CHAT, **ALWAYS}, trust=TRUST))
    me, others = "citizen_1", [f"citizen_{n}" for n in range(2, 19)]
    with stage.changing():
        for x, name in enumerate(stage.town.slots):
            stage.agent(name).x, stage.agent(name).y = x, 0
        for n, name in enumerate(others[1:]):
            stage.set_tie(me, name, rivalry=0.5 if n != 7 else 0.0, trust=-0.25)
    assert "chat" in stage.may(me)
    stage.tick(**{me: "chat"})  # with citizen_2, beside citizen_1: a stranger
    assert stage.tie(me, "citizen_2") is not None
    assert [name for name in others if stage.tie(me, name) is None] == [others[8]]  # the weakest: 0.25, not 0.75


def test_warmth_is_what_was_gained_after_the_bounds() -> None:
    stage = couple(rewards={"social_rate": 1.0})
    with stage.changing():
        stage.set_tie("anna", "ben", rivalry=0.5, trust=0.5, familiarity=1.0)
    stage.tick(anna="chat")
    # trust: + 0.125 * 0.5, familiarity: nothing is missing
    assert (stage.term("anna", "social"), round6(stage.agent("anna").warmth)) == (0.0625, 0.0625)
    assert stage.term("ben", "social") == 0.1875  # 0.125 + 0.0625
