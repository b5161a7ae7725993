"""Letters, labels and colours of a town."""

from __future__ import annotations

import pytest

from tests.towns import town
from townlet_core.config.load import load_town
from townlet_core.rollout.looks import colour_of_kind, colour_of_need, labels_of_slots, letters_of_kinds, pair_of_slot
from townlet_core.world.town import compile_town


def test_kinds_have_the_letters_of_the_drawing() -> None:
    assert letters_of_kinds(compile_town(town("aFC", "SB."))) == ("F", "C", "S", "B")  # fridge, stove, shower, bed


def test_a_kind_that_is_not_drawn_takes_a_free_letter_of_its_name() -> None:
    """The S is the shower's by the drawing, so the stove, which is listed, has its second letter."""
    listed = [{"id": "stove_1", "kind": "stove", "at": [2, 0]}]
    assert letters_of_kinds(compile_town(town("aS.", objects=listed))) == ("T", "S")  # stove, shower


def test_agents_have_letters_of_their_names_or_what_is_left() -> None:
    agents = {name: {"at": [n, 0]} for n, name in enumerate(("al", "aa", "zoe"))}
    assert labels_of_slots(compile_town(town("...", agents=agents))) == ("a", "l", "z")  # aa, al, zoe


def test_a_crowd_has_dots() -> None:
    assert set(labels_of_slots(compile_town(load_town("market_town")))) == {"•"}


@pytest.mark.parametrize(("slot", "pair"), [("anna", "an"), ("citizen_7", " 7"), ("citizen_147", "47"), ("x", "x ")])
def test_two_signs_stand_for_a_name(slot: str, pair: str) -> None:
    assert pair_of_slot(slot) == pair


def test_needs_are_coloured_by_how_well_they_are_met() -> None:
    assert len({colour_of_need(level) for level in (0.0, 0.24)}) == 1
    assert len({colour_of_need(level) for level in (0.2, 0.3, 0.6)}) == 3


def test_kinds_of_other_manifests_have_colours_too() -> None:
    kinds = ("bed", "loom", "kiln")
    assert len({colour_of_kind(kind, kinds) for kind in kinds}) == 3
