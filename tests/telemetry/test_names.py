"""What keys are about, and what Stable-Baselines3 calls them."""

from __future__ import annotations

from pathlib import Path

import pytest
import stable_baselines3

from townlet_core.telemetry.exporting.names import FAMILIES, GROUPS, OTHER, RENAMED, group_of, tag_of
from townlet_core.telemetry.formats import LATER
from townlet_core.telemetry.record import FAMILIES as RECORDED
from townlet_core.telemetry.record import KEYS

WORDS = {"run_id", "scenario", "config_hash", "data_mode", "time", "nonfinite", "finished", "reason"}  # no numbers


def test_every_key_that_is_a_number_is_about_something() -> None:
    assert [key for key in (*KEYS, *LATER) if group_of(key) == OTHER and key not in WORDS] == []
    assert all(group_of(f"{family}.x.y") != OTHER for family in RECORDED)


def test_every_renamed_key_is_a_key_and_no_two_have_the_same_name() -> None:
    for table in RENAMED.values():
        assert set(table) <= set(KEYS)
        assert len({each.name for each in table.values()}) == len(table)


def test_stable_baselines3_has_the_names_that_are_said_to_be_its() -> None:
    root = Path(str(stable_baselines3.__file__)).parent
    files = ("ppo/ppo.py", "common/on_policy_algorithm.py", "common/callbacks.py", "common/base_class.py")
    source = "".join((root / file).read_text(encoding="utf-8") for file in files)
    assert [each.name for each in RENAMED["sb3"].values() if f'"{each.name}"' not in source] == []


@pytest.mark.parametrize(
    ("key", "tag"),
    [
        ("reward_terms.needs", "reward_terms/needs"),
        ("agents.anna.reward_mean", "agents/anna.reward_mean"),
        ("conflict.rivalry_max_max_avg", "conflict/rivalry_max_max_avg"),
        ("loss_policy", "loss/loss_policy"),
        ("approx_kl", "learning/approx_kl"),
        ("weather", "other/weather"),
    ],
)
def test_a_tag_has_the_group_before_its_slash(key: str, tag: str) -> None:
    assert tag_of(key) == tag


def test_families_that_are_groups_of_tags_end_in_a_dot() -> None:
    assert all(family.endswith(".") for family in FAMILIES)
    assert not set(GROUPS) & {OTHER}
