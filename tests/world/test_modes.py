"""Kernels give the same bits compiled and as plain Python, in every scenario, with every policy, packed and drawn."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from townlet_core.config.find import list_scenarios
from townlet_core.config.load import load_town

ROOT = Path(__file__).parents[2]
MANY = 50


def hashes(plain: str, ticks: int, names: list[str]) -> list[str]:
    variables = {**os.environ, "NUMBA_DISABLE_JIT": plain}
    words = [sys.executable, "-m", "tests.playing", str(ticks), *names]
    done = subprocess.run(words, cwd=ROOT, env=variables, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == len(names)
    return done.stdout.splitlines()


def scenarios(*, large: bool) -> list[str]:
    """The shipped scenarios with many agents, or those with few."""
    towns = {name: load_town(name).scenario for name in list_scenarios()}
    return [name for name, town in towns.items() if (len(town.agents) + town.population.count > MANY) == large]


def test_small_towns_are_the_same_compiled_and_plain() -> None:
    names = ["hybrid", "full", "compact"]
    assert hashes("0", 45, names) == hashes("1", 45, names)


@pytest.mark.slow
def test_shipped_scenarios_are_the_same_compiled_and_plain() -> None:
    names = ["_template", *scenarios(large=False)]
    assert len(names) > 5
    assert hashes("0", 60, names) == hashes("1", 60, names)


@pytest.mark.slow
def test_large_towns_are_the_same_compiled_and_plain() -> None:
    names = scenarios(large=True)
    assert names
    assert hashes("0", 3, names) == hashes("1", 3, names)
