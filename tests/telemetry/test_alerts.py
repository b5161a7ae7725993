"""When a rule is ok, pending or firing, by numbers worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from townlet_core.telemetry.watching.alerts import Alerts, Judge, Odd, State, Value, may_be_null, value_of
from townlet_core.telemetry.watching.rules import Rule

NAN, NULL = Odd("NaN"), Odd("null", "where returns are constant")


def rule(**values: object) -> Rule:
    return Rule.model_validate({"metric": "grad_norm", **values})


def states(values: list[Value], reference: float | None = None, **demanded: object) -> str:
    """Judge values, one an epoch; give the states in one letter each: ok, pending, Firing."""
    judge = Judge(rule(**demanded), reference)
    passes = may_be_null(judge.rule, {"rollout_ticks": 80})
    return "".join(judge.see(value, epoch, may_be_null=passes).state.value[0] for epoch, value in enumerate(values, 1))


def breaches(values: list[Value], reference: float | None = None, **demanded: object) -> list[str | None]:
    judge = Judge(rule(**demanded), reference)
    seen = [judge.see(value, epoch).breach for epoch, value in enumerate(values, 1)]
    return [None if breach is None else breach.words for breach in seen]


@pytest.mark.parametrize(
    ("demanded", "values", "expected"),
    [
        pytest.param({"above": 5.0}, [4, 5, 6, 5], "ooFo", id="the limit itself is allowed"),
        pytest.param({"below": 5.0}, [6, 5, 4, 5], "ooFo", id="from below too"),
        pytest.param({"above": 5.0, "amount": True}, [-4, -6, 6], "oFF", id="the amount counts, whatever the sign"),
        pytest.param({"above": 5.0, "for": 3}, [6, 6, 1, 6, 6, 6, 1], "ppoppFo", id="for so long, one after the other"),
        pytest.param({"above": 5.0, "n_of": (2, 3)}, [6, 1, 1, 6, 1, 6, 1, 1, 1], "pppppFppo", id="two of three"),
        pytest.param({"above": 5.0, "clear": 3.0}, [4, 6, 4, 3, 4], "oFFoo", id="it has to come to where it clears"),
        pytest.param({"below": 5.0, "clear": 7.0}, [6, 4, 6, 7, 6], "oFFoo", id="so from below"),
        pytest.param({"above": 5.0, "keep_firing_for": 2}, [6, 1, 1, 1], "FFFo", id="it goes on for two epochs"),
        pytest.param({"above": 5.0, "keep_firing_for": 1}, [6, 1, 6, 1, 1], "FFFFo", id="a breach begins them anew"),
        pytest.param({"above": 5.0, "for": 2}, [6, None, 6, None, 1], "ppFFo", id="without the key it stays as it is"),
        pytest.param({"missing": True}, [1, None, NULL, NAN, 1], "oFFFo", id="missing, or no number"),
        pytest.param({"above": 5.0}, [NAN, NULL, Odd("Infinity"), 1], "FFFo", id="what is no number is a breach"),
        pytest.param({"below": 5.0}, [NAN, 6], "Fo", id="of every rule"),
        pytest.param({"plateau_over": 2, "better": "higher"}, [9, NAN, 10], "oFo", id="of a plateau too"),
        pytest.param({"window": 2, "above": 0.5}, [NULL, 1, 1, 1], "Fooo", id="of one that looks back too"),
        pytest.param({"above": 5.0, "allow_null": True}, [NULL, 6, NULL, NAN, 1], "oFFFo", id="unless null is allowed"),
        pytest.param({"above": 5.0, "allow_null": "unmeasured"}, [NULL, 1, NAN], "FoF", id="and not in replay alone"),
    ],
)
def test_a_rule_goes_from_state_to_state(demanded: dict[str, Any], values: list[Value], expected: str) -> None:
    assert states(values, **demanded) == expected


@pytest.mark.parametrize(
    ("demanded", "values", "expected"),
    [
        pytest.param({"change_over": 1, "above": 1.0}, [-1.7e308, 1.7e308], 1.7976931348623157e308, id="a change"),
        pytest.param({"window": 2, "above": 0.5}, [1e308, 1e308, 1.7e308], 1.7e308, id="a mean"),
    ],
)
def test_numbers_whose_sum_or_difference_is_none_are_compared(
    demanded: dict[str, Any], values: list[Value], expected: float
) -> None:
    """The largest double is 1.797...e308; 1.7e308 is more than half above the mean, which is 1e308."""
    judge = Judge(rule(**demanded))
    breach = [judge.see(value, epoch).breach for epoch, value in enumerate(values, 1)][-1]
    assert breach is not None
    assert breach.compared == expected


@pytest.mark.parametrize(
    ("demanded", "values", "words"),
    [
        # 10 + 0.5 * 10 = 15.
        pytest.param({"above": 0.5}, [15, 16], "is 16, above 15 (its baseline is 10)", id="half as much above"),
        # 10 - 0.5 * 10 = 5.
        pytest.param({"below": 0.5}, [5, 4], "is 4, below 5 (its baseline is 10)", id="half as much below"),
    ],
)
def test_a_share_of_the_baseline_is_the_limit(demanded: dict[str, Any], values: list[Value], words: str) -> None:
    assert breaches(values, 10.0, baseline="b", **demanded) == [None, words]


def test_a_share_of_a_negative_baseline_is_a_share_of_its_amount() -> None:
    """-4 - 0.5 * 4 = -6 and -4 + 0.5 * 4 = -2."""
    assert states([-6, -7], -4.0, baseline="b", below=0.5) == "oF"
    assert states([-2, -1], -4.0, baseline="b", above=0.5) == "oF"


def test_a_window_is_the_mean_of_the_epochs_before() -> None:
    """The means of 2, 4 and 4, 5 and 5, 6.5 are 3, 4.5, 5.75; the limits are 4.5, 6.75, 8.625."""
    words = breaches([2, 4, 5, 6.5, 8.7], window=2, above=0.5)
    assert words == [
        None,
        None,
        "is 5, above 4.5 (the mean of 2 epochs is 3)",
        None,
        "is 8.7, above 8.625 (the mean of 2 epochs is 5.75)",
    ]


def test_a_window_is_no_worse_for_a_number_that_was_very_large() -> None:
    """1e20 leaves the window after two epochs; the means then are exactly 1."""
    assert states([1e20, 1, 1, 1, 1, 2.1], window=2, above=1.0) == "oooooF"


def test_a_change_is_that_of_an_epoch() -> None:
    """From 1.0 to 0.4 in two epochs are -0.3 an epoch; from 0.9 to 0.5 -0.2; from 0.4 to 0.5 0.05."""
    words = breaches([1.0, 0.9, 0.4, 0.5, 0.5], change_over=2, below=-0.25)
    assert words == [None, None, "changes by -0.3 an epoch, below -0.25; it is 0.4", None, None]


def test_epochs_without_a_record_count_for_a_change() -> None:
    """From 1.0 in epoch 1 to 0.4 in epoch 7 are -0.1 an epoch, though there are only two records between."""
    judge = Judge(rule(change_over=2, below=-0.05))
    for epoch, value in ((1, 1.0), (4, 0.9)):
        judge.see(value, epoch)
    breach = judge.see(0.4, 7).breach
    assert breach is not None
    assert breach.compared == pytest.approx(-0.1)


def test_a_plateau_is_too_many_epochs_without_a_gain() -> None:
    """1.2 and 1.5 are no gains of more than 0.5 over 1.0, 1.6 is; then 1.6, 1.2 and 2.0 are none."""
    values = [1.0, 1.2, 1.5, 1.6, 1.6, 1.2, 2.0, 2.2]
    assert states([*values], plateau_over=3, least_gain=0.5, better="higher") == "ooooooFo"
    assert states([-value for value in values], plateau_over=3, least_gain=0.5, better="lower") == "ooooooFo"


def test_what_is_compared_is_told_beside_the_value() -> None:
    judge = Judge(rule(plateau_over=2, better="higher"))
    seen = [judge.see(value, epoch).breach for epoch, value in enumerate((3.0, 2.0, 1.0), 1)]
    assert seen[:2] == [None, None]
    assert seen[2] is not None
    assert (seen[2].value, seen[2].compared, seen[2].limit) == (1.0, 2.0, 2.0)
    assert seen[2].words == "is 1: 2 epochs without a gain over 3, limit 2"


def test_a_rule_that_fires_tells_what_it_takes_to_clear_it() -> None:
    assert breaches([6, 4], above=5.0, clear=3.0)[1] == "is 4, to clear it must come to 3"


def test_null_is_explained_by_what_the_format_says_of_it() -> None:
    record = {"telemetry_version": 1.1, "reward_advantage_corr": None, "ep_len_mean": None}
    found = [value_of(record, key, {}) for key in record if key != "telemetry_version"]
    assert found == [Odd("null", "where either is constant"), Odd("null", "no episode ended in the epoch")]


@pytest.mark.parametrize(
    ("record", "wrong", "expected"),
    [
        pytest.param({"lr": None, "nonfinite": {"lr": "-inf"}}, {}, Odd("-Infinity"), id="a null that was no number"),
        pytest.param({}, {"lr": "NaN"}, Odd("NaN"), id="a value that cannot be"),
        pytest.param({}, {"grad_norm": "NaN"}, None, id="no such key"),
        pytest.param({"lr": "much"}, {}, Odd('"much"'), id="a word"),
        pytest.param({"lr": True}, {}, Odd("true"), id="a truth value"),
        pytest.param({"lr": 2}, {}, 2.0, id="a whole number"),
        pytest.param({"lr": None}, {}, Odd("null"), id="a null that means nothing"),
    ],
)
def test_what_stands_at_a_key_is_a_number_or_something_odd(
    record: dict[str, Any], wrong: dict[str, str], expected: Value
) -> None:
    assert value_of(record, "lr", wrong) == expected


def test_what_a_migrated_record_does_not_say_is_not_there() -> None:
    """Version 1.0 had grad_norm and no grad_norm_max."""
    record = {"migrated_from": 1.0, "grad_norm": None, "grad_norm_max": None}
    assert value_of(record, "grad_norm_max", {}) is None
    assert value_of(record, "grad_norm", {}) == Odd("null")


def test_all_rules_see_a_record() -> None:
    alerts = Alerts([rule(above=5.0), rule(metric="lr", below=1.0, **{"for": 2})], {})
    verdicts = alerts.see({"epoch": 1, "grad_norm": 6.0, "lr": 0.5}, {})
    assert [(each.state, each.fired) for each in verdicts] == [(State.FIRING, True), (State.PENDING, False)]
    assert [each.title for each in alerts.firing] == ["grad_norm above 5"]
    verdicts = alerts.see({"epoch": 2, "grad_norm": 4.0, "lr": 0.5}, {})
    assert [(each.fired, each.resolved, each.streak) for each in verdicts] == [(False, True, 0), (True, False, 2)]


VALUES = st.lists(st.one_of(st.floats(-10, 10), st.just(NAN), st.none()), max_size=60)


@given(values=VALUES, least=st.integers(1, 5), quiet=st.integers(0, 3))
def test_a_rule_fires_and_resolves_by_turns_and_never_without_its_breaches(
    values: list[Value], least: int, quiet: int
) -> None:
    judge = Judge(rule(above=5.0, keep_firing_for=quiet, **{"for": least}))
    told, seen = [], 0
    for epoch, value in enumerate(values, 1):
        verdict = judge.see(value, epoch)
        seen += verdict.breach is not None
        told += ["fired"] * verdict.fired + ["resolved"] * verdict.resolved
        assert (verdict.breach is not None) == (isinstance(value, Odd) or (value is not None and value > 5))
    assert told == ["fired", "resolved"] * (len(told) // 2) + ["fired"] * (len(told) % 2)
    assert told.count("fired") * least <= seen


@given(values=VALUES)
def test_for_is_as_many_of_as_many(values: list[Value]) -> None:
    """While it does not fire; once it does, `for` ends with the first epoch without a breach, and so does [3, 3]."""
    assert states(values, above=5.0, **{"for": 3}).replace("p", "o") == states(values, above=5.0, n_of=(3, 3)).replace(
        "p", "o"
    )


@pytest.mark.parametrize(
    ("allowed", "record", "passes"),
    [
        (False, {"rollout_ticks": 0}, False),
        (True, {"rollout_ticks": 80}, True),
        ("unmeasured", {"rollout_ticks": 0}, True),
        ("unmeasured", {"rollout_ticks": 80}, False),
        ("unmeasured", {}, False),
        ("unmeasured", {"rollout_ticks": 80, "transitions": 0}, True),
        ("unmeasured", {"rollout_ticks": 80, "transitions": 1}, False),
        (False, {"rollout_ticks": 80, "transitions": 0}, False),
    ],
)
def test_null_may_be_allowed_where_only_captures_are_learned_from_or_nobody_lived(
    allowed: object, record: dict[str, int], passes: bool
) -> None:
    assert may_be_null(rule(above=1.0, allow_null=allowed), record) is passes
