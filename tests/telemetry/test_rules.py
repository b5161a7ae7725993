"""Rules files that must not load, each with the whole of what is said about it; and what rules are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from townlet_core.errors import InputError, TownletError
from townlet_core.telemetry.watching.alerts import Alerts
from townlet_core.telemetry.watching.ranges import doubts
from townlet_core.telemetry.watching.rules import Rule, flaws, load_rules
from townlet_core.telemetry.watching.thresholds import OPTIONS, default_rules, rules_of_option

CORPUS = Path(__file__).parents[1] / "corpus" / "rules"
FILES = sorted(file for file in CORPUS.iterdir() if file.suffix != ".txt")


def message_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.txt")


def rule(**values: object) -> Rule:
    return Rule.model_validate(values)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_all_that_is_wrong_with_a_rules_file_is_said_at_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CORPUS)
    with pytest.raises(TownletError) as caught:
        load_rules(Path(file.name))
    assert f"{caught.value}\n" == message_of(file).read_text(encoding="utf-8")


def test_no_expected_message_has_lost_its_file() -> None:
    assert {file.name for file in CORPUS.glob("*.txt")} == {message_of(file).name for file in FILES}


YAML = """\
rules:
  - {name: kl, metric: kl_divergence, amount: true, above: 0.2, for: 3, clear: 0.1, severity: critical, message: stop}
  - {metric: ep_return_mean, baseline: good.jsonl, below: 0.5, n_of: [3, 5], keep_firing_for: 2}
"""
TOML = """\
[[rules]]
name = "kl"
metric = "kl_divergence"
amount = true
above = 0.2
for = 3
clear = 0.1
severity = "critical"
message = "stop"

[[rules]]
metric = "ep_return_mean"
baseline = "good.jsonl"
below = 0.5
n_of = [3, 5]
keep_firing_for = 2
"""


def test_toml_and_yaml_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(YAML)
    (tmp_path / "rules.toml").write_text(TOML)
    rules = load_rules(tmp_path / "rules.yaml")
    assert rules == load_rules(tmp_path / "rules.toml")
    assert [each.title for each in rules] == ["kl", "ep_return_mean 50% below its baseline"]
    assert (rules[0].for_, rules[0].clear, rules[1].n_of) == (3, 0.1, (3, 5))


def test_a_baseline_is_looked_for_beside_the_rules_file(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(YAML)
    assert load_rules(tmp_path / "rules.yaml")[1].baseline == str(tmp_path / "good.jsonl")


@pytest.mark.parametrize(
    ("name", "message"),
    [("no.toml", "cannot be read: no such file or directory"), (".", "is a folder")],
)
def test_a_rules_file_that_is_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        load_rules(Path(name))
    assert str(caught.value).startswith(f"{name}: {message}")


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ({"metric": "grad_norm", "above": 5.0}, "grad_norm above 5"),
        ({"metric": "kl_divergence", "above": 0.2, "amount": True}, "|kl_divergence| above 0.2"),
        ({"metric": "sps", "below": 0.3, "window": 20}, "sps 30% below the mean of 20 epochs"),
        ({"metric": "sps", "above": 1.5, "baseline": "b"}, "sps 150% above its baseline"),
        (
            {"metric": "loss_entropy", "below": -0.05, "change_over": 5},
            "loss_entropy change below -0.05 an epoch over 5 epochs",
        ),
        ({"metric": "ep_return_mean", "plateau_over": 9, "better": "higher"}, "ep_return_mean no gain in 9 epochs"),
        (
            {"metric": "loss_value", "plateau_over": 9, "better": "lower", "least_gain": 0.5},
            "loss_value no gain of more than 0.5 in 9 epochs",
        ),
        ({"metric": "sps", "missing": True}, "sps missing"),
    ],
)
def test_a_rule_without_a_name_is_called_what_it_demands(values: dict[str, object], title: str) -> None:
    assert rule(**values).title == title


ENTROPY = "a policy over a list of actions has an entropy of at least 0"


@pytest.mark.parametrize(
    ("values", "doubt"),
    [
        ({"metric": "loss_entropy", "below": -0.2}, f"can never fire: loss_entropy is at least 0 ({ENTROPY})"),
        ({"metric": "loss_entropy", "below": 0.0}, f"can never fire: loss_entropy is at least 0 ({ENTROPY})"),
        ({"metric": "loss_entropy", "above": -0.1}, f"always fires: loss_entropy is at least 0 ({ENTROPY})"),
        ({"metric": "clip_fraction", "above": 1.0}, "can never fire: clip_fraction is at most 1"),
        ({"metric": "clip_fraction", "below": 1.5}, "always fires: clip_fraction is at most 1"),
        ({"metric": "reward_advantage_corr", "below": -1.0}, "can never fire: reward_advantage_corr is at least -1"),
        (
            {"metric": "reward_advantage_corr", "amount": True, "above": 1.0},
            "can never fire: |reward_advantage_corr| is at most 1",
        ),
        (
            {"metric": "kl_divergence", "amount": True, "below": 0.0},
            "can never fire: |kl_divergence| is at least 0",
        ),
        ({"metric": "events.faint", "below": 0.0}, "can never fire: events.faint is at least 0"),
        (
            {"metric": "grad_norm", "window": 10, "below": 1.0},
            "can never fire: grad_norm is never negative, so it is never 100% below its mean",
        ),
        # It is 1 more at most, over 4 epochs: 0.25 an epoch.
        (
            {"metric": "clip_fraction", "change_over": 4, "above": 0.25},
            "can never fire: clip_fraction changes by at most 0.25",
        ),
        ({"metric": "grad_nrm", "above": 5.0}, "grad_nrm is no key that is known (did you mean 'grad_norm'?)"),
    ],
)
def test_a_rule_that_can_never_fire_or_always_does_is_named(values: dict[str, object], doubt: str) -> None:
    assert list(doubts(rule(**values))) == [doubt]


def test_a_limit_by_a_baseline_is_compared_with_what_can_be() -> None:
    """Twice a share of 0.6 is more than 1; a tenth more of it is not. Of nothing there is no share."""
    high, low = (rule(metric="clip_fraction", baseline="b", above=above) for above in (1.0, 0.1))
    assert list(doubts(high, 0.6)) == ["can never fire: clip_fraction is at most 1"]
    assert list(doubts(low, 0.6)) == []
    assert list(doubts(low, 0.0)) == ["the baseline of clip_fraction is 0, of which nothing is a share: the limit is 0"]


@pytest.mark.parametrize(
    "values", [{"metric": "loss_entropy", "below": 0.1}, {"metric": "kl_divergence", "above": -1.0}]
)
def test_a_rule_that_can_fire_is_not_doubted(values: dict[str, object]) -> None:
    assert list(doubts(rule(**values))) == []


@pytest.mark.parametrize("key", ["kl_divergence", "kl_divergence_max", "clip_fraction"])
def test_to_learn_from_captures_of_a_script_alone_breaks_no_rule_to_start_from_but_nan_does(key: str) -> None:
    alerts = Alerts([each for each in default_rules() if each.metric == key], {})
    undefined, was_nan = ({key: None, "rollout_ticks": 0}, {key: None, "rollout_ticks": 0, "nonfinite": {key: "nan"}})
    assert [seen.breach for _ in range(3) for seen in alerts.see(undefined, {})] == [None] * 3
    seen = [seen for _ in range(3) for seen in alerts.see(was_nan, {})]
    assert [each.fired for each in seen] == [False, False, True]


def test_the_rules_to_start_from_and_those_of_options_make_sense() -> None:
    rules = default_rules() + [each for option in OPTIONS for each in rules_of_option(option, 0.5)]
    assert [(each.title, *flaws(each), *doubts(each)) for each in rules] == [(each.title,) for each in rules]
    assert len({each.title for each in rules}) == len(rules)
