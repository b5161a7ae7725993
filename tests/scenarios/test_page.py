"""The page about the scenarios names them all, and its figures are those of today's rules."""

from __future__ import annotations

import pytest
from scenarios import END, MARK, PAGE, WORLDS, row

from townlet_core.config.find import list_scenarios

TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list_scenarios())
def test_every_shipped_scenario_is_described(name: str) -> None:
    assert TEXT.count(f"**{name}.**") == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", list_scenarios())
def test_the_figures_are_what_the_rules_bring(name: str) -> None:
    made = TEXT.partition(MARK)[2].partition(END)[0]
    # Where this fails and the change was meant, run: python benchmarks/scenarios.py --write
    assert row(name, WORLDS) in made.splitlines()
