"""What the rules of health find."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.telemetry.course import log
from tests.telemetry.reading import theirs, write
from townlet_core.telemetry.summarising.health import RULES
from townlet_core.telemetry.summarising.summarise import summarise


def said(path: Path) -> list[str]:
    return [f"{each.level}: {each.rule}: {each.text}" for each in summarise(path).health.findings]


def test_nothing_is_found_in_a_sound_run(tmp_path: Path) -> None:
    found = summarise(log(tmp_path / "log", 10)).health
    assert found.findings == ()
    assert (len(found.checked), found.not_checked) == (len(RULES), ())


CASES: list[tuple[str, dict[str, Any], str]] = [
    (
        "constant reward",
        {"signal__reward_std": [0.0] * 10},
        "warning: constant_reward: every reward was the same in all 10 epochs (signal.reward_std is 0)",
    ),
    (
        "constant reward, sometimes",
        {"signal__reward_std": [0.0] * 3 + [0.5] * 7},
        "warning: constant_reward: every reward was the same in 3 of 10 epochs (signal.reward_std is 0)",
    ),
    (
        "zero advantages",
        {"adv_std": [0.0] * 10},
        "warning: zero_advantages: all advantages were the same in all 10 epochs (adv_std is 0)",
    ),
    (
        "zero advantages in minibatches",
        {"adv_zero_std_batches": [0] * 8 + [2, 1]},
        "warning: zero_advantages: minibatches had advantages all the same in 2 of 10 epochs (adv_zero_std_batches)",
    ),
    (
        "clipped rewards",
        {"signal__reward_clip_fraction": [0.0] * 9 + [0.5]},
        "warning: reward_clip: more than 5% of the rewards were clipped in 1 of 10 epochs, 50% at most "
        "(signal.reward_clip_fraction)",
    ),
    (
        "dead actions",
        {"signal__unused_actions": [2] * 10},
        "warning: dead_actions: in every epoch, at least 2 actions that were allowed were never chosen by anybody "
        "(signal.unused_actions)",
    ),
    (
        "actions that are no longer used",
        {"signal__unused_actions": [0] * 9 + [1]},
        "note: dead_actions: in the last epoch, 1 action that was allowed was never chosen by anybody "
        "(signal.unused_actions)",
    ),
    (
        "clipped ratios",
        {"clip_fraction": [0.1] * 8 + [0.4, 0.35]},
        "warning: clip_saturation: more than 30% of the ratios were clipped in 2 of 10 epochs, 40% at most "
        "(clip_fraction)",
    ),
    (
        "collapsed entropy",
        {"loss_entropy": [1.0, *[0.04] * 9]},
        "warning: entropy_collapse: entropy 1 -> 0.04 nats: the policy hardly tries anything (loss_entropy)",
    ),
    (
        "values",
        {"explained_variance": [0.5] * 9 + [-0.25]},
        "warning: values_explain_nothing: explained_variance is -0.25 at the end: the values are no better than the "
        "mean of returns",
    ),
    (
        "values that are a constant, but for rounding",
        {"explained_variance": [0.5] * 9 + [7.5e-14]},
        "warning: values_explain_nothing: explained_variance is 7.5e-14 at the end: the values are no better than the "
        "mean of returns",
    ),
    (
        "kl",
        {"approx_kl": [0.01] * 9 + [0.2]},
        "warning: kl_too_high: KL beyond 0.05 in 1 of 10 epochs, 0.2 at most (approx_kl)",
    ),
    (
        "signed kl",
        {"approx_kl": [...] * 10, "kl_divergence": [0.01] * 9 + [-0.2], "kl_divergence_max": [0.2] * 10},
        "warning: kl_too_high: KL beyond 0.05 in 1 of 10 epochs, 0.2 at most (kl_divergence)",
    ),
    (
        "still policy",
        {"kl_divergence": [0.0] * 10, "kl_divergence_max": [0.0] * 10},
        "warning: policy_stands_still: the policy never moved: kl_divergence_max is at most 0 in all 10 epochs",
    ),
    (
        "no episode",
        {"ep_count": [0] * 10},
        "note: no_episode: no episode ended in all 10 epochs: nothing is known of returns (ep_count is 0)",
    ),
    (
        "lost records",
        {"lost_records": [...] * 9 + [3]},
        "warning: lost_records: 3 records could not be written (lost_records)",
    ),
    (
        "not finite",
        {"approx_kl": [0.01] * 9 + [None], "nonfinite": [...] * 9 + [{"approx_kl": "nan"}]},
        "warning: not_finite: 1 value was NaN or infinite: approx_kl",
    ),
]


@pytest.mark.parametrize(("course", "text"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_what_is_unsound_is_said_with_its_numbers(tmp_path: Path, course: dict[str, Any], text: str) -> None:
    assert said(log(tmp_path / "log", 10, course=course)) == [text]


def test_every_rule_has_a_case() -> None:
    assert {text.split(": ")[1] for _, _, text in CASES} == {rule.name for rule in RULES}


def test_once_in_a_long_run_is_not_often(tmp_path: Path) -> None:
    assert said(log(tmp_path / "log", 20, approx_kl=[0.01] * 19 + [0.2])) == []


def test_an_undefined_correlation_tells_of_a_constant_reward_where_nothing_else_does(tmp_path: Path) -> None:
    found = summarise(write(tmp_path / "log", (theirs(n) for n in range(1, 6)))).health
    assert [each.text for each in found.findings] == [
        "reward_advantage_corr is undefined (null or 0) in all 5 epochs: rewards or advantages are constant"
    ]
    assert found.not_checked == ("reward_clip", "dead_actions", "values_explain_nothing", "no_episode")


def test_an_action_that_the_last_epochs_do_not_need_is_not_dead(tmp_path: Path) -> None:
    found = summarise(log(tmp_path / "log", 10, signal__unused_actions=[0] * 5 + [1] * 5), last=5).health
    assert [each.level for each in found.findings] == ["note"]
