"""A life told tick by tick."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.samples.captures import PREDECESSORS_KEYS, a_meta, a_sample
from townlet_core.samples.sample import PlainMeta, action_words
from townlet_core.samples.ticks import tick_rows

STATES = ("use_remaining", "reservation_active", "in_queue", "wallet", "shift_late")


def test_a_tick_is_told_with_what_was_done_and_what_it_brought() -> None:
    """The mask forbids anna nothing; her one event of tick 1 is the first, of tick 2 twice the second."""
    sample = a_sample()
    rows = list(tick_rows(a_meta(first_tick=40), sample.arrays(), range(1000)))
    assert [row.tick for row in rows] == [40, 41, 42]
    assert [row.action for row in rows] == ["wait", "move north", "wait"]
    assert [row.allowed for row in rows] == [True, True, True]
    assert [row.reward for row in rows] == [0.25, -1.0, 0.5]
    assert rows[1].needs == {"hunger": pytest.approx(0.4)}
    assert rows[1].reward_terms == {"needs": -1.5}
    assert [row.events for row in rows] == [{}, {"invalid_action": 1}, {"chat_success": 2}]
    assert (rows[0].agent, rows[0].world, rows[0].money, rows[0].shift, rows[0].state) == ("anna", 0, None, None, "")


@pytest.mark.parametrize(
    ("ticks", "told"),
    [
        pytest.param(range(41, 42), [41], id="the middle"),
        pytest.param(range(41), [40], id="from before its birth"),
        pytest.param(range(42, 99), [42], id="to after its end"),
        pytest.param(range(40), [], id="before its birth"),
        pytest.param(range(43, 99), [], id="after its end"),
    ],
)
def test_only_the_ticks_asked_for_are_told(ticks: range, told: list[int]) -> None:
    assert [row.tick for row in tick_rows(a_meta(first_tick=40), a_sample().arrays(), ticks)] == told


def test_the_state_is_read_from_what_the_agent_was_told() -> None:
    """Anna starts to eat at tick 0 and is at it in tick 1, with 3 units of money; then she holds, then queues."""
    names = ("wait", "start eat")
    lookup = {'{"kind": "wait"}': 0, '{"affordance": "eat", "kind": "start"}': 1}
    meta = a_meta(
        feature_names=STATES, action_names=names, action_lookup=lookup, action_dim=2, timesteps=4, frame_count=4,
        value_pred_steps=5,
    )  # fmt: skip
    arrays = {
        "features": np.array([[0, 1, 0, 0.75, 0], [0.5, 1, 0, 0.75, 0], [0, 1, 0, 0, 1], [0, 0, 1, 1, 0]], np.float32),
        "actions": np.array([1, 0, 0, 1]),
        "rewards": np.zeros(4, np.float32),
        "action_mask": np.array([[1, 1], [1, 0], [1, 1], [1, 0]], np.bool_),
        "reward_terms": np.zeros((4, 2), np.float32),
        "events": np.zeros((4, 2), np.uint8),
    }
    rows = list(tick_rows(meta, arrays, range(10)))
    assert [row.state for row in rows] == ["holds", "uses eat", "holds", "queues"]
    assert [row.money for row in rows] == [3.0, 3.0, 0.0, None]  # 0.75 / (1 - 0.75); 1 has lost how much it was
    assert [row.shift for row in rows] == [None, None, "late", None]
    assert [row.allowed for row in rows] == [True, True, True, False]


def test_a_life_of_the_predecessor_is_told_as_far_as_it_goes() -> None:
    meta = PlainMeta.model_validate_json(a_meta().model_dump_json(include=PREDECESSORS_KEYS))
    (row, *_) = tick_rows(meta, a_sample().arrays(), range(1000))
    assert (row.tick, row.action, row.reward, row.needs) == (0, "wait", 0.25, {"hunger": 0.5})
    assert (row.world, row.allowed, row.money, row.reward_terms, row.events) == (None, None, None, {}, {})


def test_the_words_of_an_old_action_are_its_kind_and_whatever_else_it_says() -> None:
    lookup = {
        '{"affordance": "checkout", "blocked": true, "kind": "request", "object": "till_1"}': 0,
        '{"affordance": "checkout", "blocked": false, "kind": "request", "object": "till_1"}': 1,
        json.dumps({"kind": "move", "position": [3, 4]}): 2,
        "not JSON": 3,
        "[1]": 5,
    }
    plain = a_meta().model_dump(mode="json", include=PREDECESSORS_KEYS) | {"action_lookup": lookup, "action_dim": 7}
    assert action_words(PlainMeta.model_validate_json(json.dumps(plain))) == {
        0: "request checkout till_1 (blocked)",
        1: "request checkout till_1",
        2: "move [3, 4]",
        3: "not JSON",
        5: "[1]",
    }
