"""Using things: paid at the start, gained at the finish, broken off by outages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.towns import MANIFEST, Stage, town
from townlet_core.world.records import NOTHING


def at_the_fridge(**sections: Any) -> Stage:
    """Anna, half fed and with 2 of money, holds the fridge with its 3 meals; a meal costs 0.5 and takes 3 ticks."""
    return Stage(town("aF", **sections)).tick(anna="request fridge")


def test_a_use_takes_its_duration_and_works_once_at_its_end() -> None:
    stage, fed = at_the_fridge(), []
    stage.tick(anna="start eat")
    while stage.now < 7:
        fed += [float(stage.agent("anna").needs[0])]
        stage.tick()
    # started at tick 1: the third and last tick of eating is tick 3, which is over when tick 4 begins
    assert fed == [0.5, 0.5, 1.0, 1.0, 1.0]


def test_effects_reach_each_need_and_stop_at_content() -> None:
    stage = at_the_fridge(agents={"anna": {"needs": {"hunger": 0.75, "hygiene": 0.25, "energy": 0.5}}})
    stage.tick(anna="start eat").ticks(2)
    assert stage.agent("anna").needs.tolist() == [1.0, 0.25, 0.625]  # + 0.5 (to 1 at most), + 0, + 0.125


def test_effects_that_cost_stop_at_nothing() -> None:
    stage = Stage(town("aC", agents={"anna": {"needs": {"hunger": 1, "hygiene": 1, "energy": 0.125}}}))
    stage.tick(anna="request stove").tick(anna="start cook").tick()
    assert stage.agent("anna").needs.tolist() == [1.0, 1.0, 0.0]  # 0.125 - 0.25


def test_the_start_takes_the_money_and_the_stock_and_is_an_event() -> None:
    stage = at_the_fridge().tick(anna="start eat")
    me = stage.agent("anna")
    assert (me.wallet, me.spent, stage.thing("fridge_1").stock) == (1.5, 0.5, 2)
    assert stage.events("anna") == {"affordance_start": 1}


def test_the_finish_is_counted_with_the_event_that_the_manifest_names_and_frees_the_thing() -> None:
    stage = at_the_fridge().tick(anna="start eat").ticks(2)
    assert stage.events("anna") == {"affordance_finish": 1, "meal_eaten": 1}
    assert (stage.holder("fridge_1"), stage.agent("anna").finished) == (None, 1)
    assert stage.tick().events("anna") == {}


def test_whoever_uses_a_thing_can_only_wait_until_it_is_done() -> None:
    stage = at_the_fridge().tick(anna="start eat")
    assert stage.may("anna") == {"wait"}
    stage.tick(anna="release")
    assert stage.events("anna") == {"invalid_action": 1}
    assert stage.tick().events("anna") == {"affordance_finish": 1, "meal_eaten": 1}


@pytest.mark.parametrize(
    ("wallet", "stock", "hunger", "allowed"),
    [
        pytest.param(0.5, 1, 0.5, True, id="just enough of all"),
        pytest.param(0.49, 1, 0.5, False, id="too little money"),
        pytest.param(0.5, 0, 0.5, False, id="nothing left"),
        pytest.param(0.5, 1, 0.95, False, id="the condition does not hold"),
    ],
)
def test_a_start_wants_money_stock_and_its_condition(wallet: float, stock: int, hunger: float, allowed: bool) -> None:
    stage = at_the_fridge()
    with stage.changing():
        stage.agent("anna").wallet, stage.thing("fridge_1").stock, stage.agent("anna").needs[0] = wallet, stock, hunger
    assert ("start eat" in stage.may("anna")) == allowed
    stage.tick(anna="start eat")
    assert stage.agent("anna").wallet >= 0
    assert stage.events("anna") == ({"affordance_start": 1} if allowed else {"invalid_action": 1})


def test_only_who_holds_a_thing_and_stands_beside_it_may_use_it() -> None:
    stage = Stage(town("a..", "bF."))
    assert "start eat" not in stage.may("anna")
    stage.tick(anna="request fridge")
    assert "start eat" in stage.may("anna")
    assert "start eat" not in stage.may("ben")
    stage.tick(anna="move east").tick(anna="move east")  # to [2, 0], a corner of the fridge at [1, 1]
    assert "start eat" in stage.may("anna")
    far = Stage(town("a..F")).tick()
    far_away = far.agent("anna")
    with far.changing():
        far_away.holds, far.thing("fridge_1").holder = 0, 0
    assert "start eat" not in far.may("anna")


def test_a_spike_multiplies_prices_for_as_long_as_it_lasts() -> None:
    spike = {"kind": "price_spike", "at_tick": 1, "duration_ticks": 1, "factor": 3.0}
    stage = at_the_fridge(perturbations=[spike], agents={"anna": {"wallet": 1.75}}).tick(anna="start eat")
    assert stage.agent("anna").wallet == 0.25  # 1.75 - 3 * 0.5, in tick 1


def test_nobody_pays_a_price_that_rose_after_the_mask_was_drawn() -> None:
    spike = {"kind": "price_spike", "at_tick": 1, "duration_ticks": 1, "factor": 3.0}
    stage = at_the_fridge(perturbations=[spike], agents={"anna": {"wallet": 1.0}})
    assert "start eat" not in stage.may("anna")  # 1.5 as tick 1 begins
    stage.tick(anna="start eat")
    assert (stage.agent("anna").wallet, stage.events("anna")) == (1.0, {"invalid_action": 1})


def test_after_a_spike_prices_are_what_they_were() -> None:
    spike = {"kind": "price_spike", "at_tick": 0, "duration_ticks": 3, "factor": 3.0}
    stage = at_the_fridge(perturbations=[spike], agents={"anna": {"wallet": 1.0}})
    assert "start eat" not in stage.may("anna")  # 1.5 is too much
    stage.ticks(2)
    assert stage.now == 3
    assert stage.tick(anna="start eat").agent("anna").wallet == 0.5


@pytest.mark.parametrize(
    ("outage", "thing", "affordance", "fails"),
    [
        pytest.param("power_outage", "C", "cook", True, id="cooking needs power"),
        pytest.param("water_outage", "C", "cook", False, id="but no water"),
        pytest.param("water_outage", "S", "wash", True, id="washing needs water"),
        pytest.param("power_outage", "B", "sleep", False, id="sleeping needs nothing"),
    ],
)
def test_an_outage_breaks_off_the_uses_that_need_it(outage: str, thing: str, affordance: str, fails: bool) -> None:
    cut = {"kind": outage, "at_tick": 2, "duration_ticks": 3}
    stage = Stage(town("a" + thing, perturbations=[cut]))
    kind = stage.town.kinds[0]
    stage.tick(anna=f"request {kind}").tick(anna=f"start {affordance}").tick()
    assert ("affordance_fail" in stage.events("anna")) == fails
    if fails:
        assert stage.events("anna") == {"affordance_fail": 1}
        assert (stage.holder(f"{kind}_1"), stage.agent("anna").needs.tolist()) == (None, [0.5, 0.5, 0.5])
        stage.tick(anna=f"request {kind}")
        assert f"start {affordance}" not in stage.may("anna")  # until the end of tick 4
        assert f"start {affordance}" in stage.tick().may("anna")


def test_what_a_broken_use_cost_does_not_come_back_and_the_thing_may_be_asked_for_at_once() -> None:
    paid = {**MANIFEST["affordances"]["wash"], "price": 0.5}
    manifest = {**MANIFEST, "affordances": {"wash": paid}}
    cut = {"kind": "water_outage", "at_tick": 2, "duration_ticks": 1}
    stage = Stage(town("aS", manifest=manifest, perturbations=[cut], queues={"cooldown_ticks": 50}))
    stage.tick(anna="request shower").tick(anna="start wash").tick()
    assert (stage.events("anna"), stage.agent("anna").wallet) == ({"affordance_fail": 1}, 1.5)
    assert "request shower" in stage.may("anna")


def test_what_is_made_goes_to_the_nearest_thing_that_takes_it_on_foot() -> None:
    # from anna's place fridge_1 is 2 tiles away but behind a wall; fridge_2 is 2 tiles to walk
    stage = Stage(town("F#a.", "###F", "...C")).tick(anna="move east")
    stage.tick(anna="request stove")
    assert stage.events("anna") == {"invalid_action": 1}  # too far from the stove
    stage = Stage(town("F..", "###", "Ca.", "..F")).tick(anna="request stove").tick(anna="start cook").tick()
    assert stage.events("anna") == {"affordance_finish": 1}
    assert [int(stage.thing(fridge).stock) for fridge in ("fridge_1", "fridge_2")] == [3, 5]


def test_what_does_not_fit_is_lost() -> None:
    stage = Stage(town("FaC")).tick(anna="request stove")
    with stage.changing():
        stage.thing("fridge_1").stock = 4
    stage.tick(anna="start cook").tick()
    assert stage.thing("fridge_1").stock == 5  # 4 + 2, and room for 5


def test_deliveries_come_every_so_often_as_far_as_they_fit() -> None:
    stage = Stage(town("aF"))
    seen = []
    for _ in range(31):
        stage.tick()
        seen.append(int(stage.thing("fridge_1").stock))
    # 3 at the start; + 2 in tick 10, up to 5; none in tick 0
    assert seen == [3] * 10 + [5] * 21


def at_both(makers_first: bool, **actions: str) -> Stage:
    """Anna cooks in ticks 1 and 2, beside stove and fridge; from tick 0 on ben holds the fridge, which is empty."""
    manifest = MANIFEST | {"kinds": MANIFEST["kinds"] | {"fridge": {"stock": {"item": "meals"}}}}
    rows = ("C.c", "aFb")
    stage = Stage(town(*rows, manifest=manifest, queues={"makers_first": makers_first, "ghost_step_after": 3}))
    stage.tick(anna="request stove", ben="request fridge", **actions)
    return stage.tick(anna="start cook").tick()


def test_where_cooks_have_no_right_to_it_a_meal_goes_to_who_has_waited_for_it() -> None:
    stage = at_both(makers_first=False)
    assert (stage.thing("fridge_1").stock, stage.holder("fridge_1")) == (2, "ben")
    assert "start eat" in stage.may("ben")


def test_a_cook_has_the_first_go_at_the_meal_and_who_held_the_fridge_waits() -> None:
    stage = at_both(makers_first=True)
    assert (stage.holder("fridge_1"), stage.queue("fridge_1")) == ("anna", {"ben"})
    assert stage.agent("ben").holds == NOTHING
    assert stage.events("ben") == {}
    stage.tick(anna="start eat").ticks(2)  # eats in ticks 3 to 5; then it is ben's turn
    assert (stage.events("anna")["meal_eaten"], stage.holder("fridge_1")) == (1, "ben")


def test_who_has_waited_at_the_fridge_keeps_its_turn_before_those_who_came_later() -> None:
    stage = at_both(makers_first=True, cara="wait")
    with stage.changing():
        stage.agent("anna").holds, stage.thing("fridge_1").holder = NOTHING, NOTHING
    stage = stage.tick(cara="request fridge")
    assert stage.holder("fridge_1") == "ben"  # asked in tick 0, cara in tick 3


def test_a_cook_who_dawdles_is_sent_to_the_back_like_anybody() -> None:
    stage = at_both(makers_first=True)  # stalled in tick 2, in which the meal came
    assert stage.tick().holder("fridge_1") == "anna"
    stage.tick()
    assert (stage.events("anna"), stage.holder("fridge_1")) == ({"ghost_step": 1}, "ben")


def test_a_cook_takes_no_fridge_from_somebody_who_is_eating() -> None:
    stage = Stage(town("C.", "aF", ".b", queues={"makers_first": True}))
    stage.tick(anna="request stove", ben="request fridge").tick(anna="start cook", ben="start eat").tick()
    assert stage.events("anna") == {"affordance_finish": 1}
    assert (stage.holder("fridge_1"), stage.agent("anna").holds) == ("ben", NOTHING)


def meal_in_company(distance: int) -> Stage:
    """Anna begins to eat at tick 1 and ben at tick 2, each at a fridge of their own, so many tiles apart."""
    rows = ("a" + "." * (distance - 1) + "b", "F" + "." * (distance - 1) + "F")
    stage = Stage(town(*rows, meals={"range": 3}, trust={"decay": 0, "familiarity_decay": 0, "shared_meal": 0.125}))
    stage.tick(anna="request fridge", ben="request fridge")
    stage.tick(anna="start eat").tick(ben="start eat").tick()
    assert stage.events("anna")["meal_eaten"] == 1
    return stage


def test_a_meal_finished_beside_somebody_still_eating_is_shared_by_both_and_counted_for_who_finished() -> None:
    stage = meal_in_company(3)
    assert stage.events("anna") == {"affordance_finish": 1, "meal_eaten": 1, "shared_meal": 1}
    assert stage.feels("anna", "ben") == stage.feels("ben", "anna") == (0, 0.125, 0)
    assert stage.tick().events("ben") == {"affordance_finish": 1, "meal_eaten": 1}  # anna has finished
    assert stage.feels("ben", "anna") == (0, 0.125, 0)


def test_a_meal_out_of_range_is_not_shared() -> None:
    stage = meal_in_company(4)
    assert (stage.events("anna"), stage.feels("anna", "ben")) == ({"affordance_finish": 1, "meal_eaten": 1}, (0, 0, 0))


def test_what_is_not_for_company_is_not_shared() -> None:
    stage = Stage(town("aF", "bB")).tick(anna="request fridge", ben="request bed")
    stage.tick(anna="start eat", ben="start sleep").ticks(2)
    assert stage.events("anna") == {"affordance_finish": 1, "meal_eaten": 1}
