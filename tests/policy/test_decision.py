"""Policies are found by name."""

from __future__ import annotations

import pytest

from townlet_core.errors import UsageError
from townlet_core.policy.decision import KERNEL_POLICIES, find_policy


def test_policies_are_found_by_name_and_say_what_their_log_probabilities_are() -> None:
    assert {name: find_policy(name).kind for name in KERNEL_POLICIES} == {
        "scripted": "deterministic",
        "random": "stochastic",
    }


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("scriptd", "did you mean 'scripted'?"),
        ("zebra", "known are scripted, random, or give the folder of a checkpoint"),
    ],
)
def test_an_unknown_policy_is_an_error_that_names_those_there_are(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_policy(name)
    assert name in str(caught.value)
    assert caught.value.hint == hint
