"""The record of an epoch: which keys it has, what they may say, and how it is written."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.telemetry.epochs import in_log
from townlet_core.telemetry.record import FAMILIES, KEYS, EpochRecord, epoch_record, line_of

BASELINE = {
    "baseline_sample_count": 2,
    "baseline_reward_mean": -0.2,
    "baseline_reward_sum": -32.0,
    "baseline_reward_sum_mean": -16.0,
    "baseline_log_prob_mean": None,
}
LAST = {"run_id": "anna", "seq": 1, "finished": True, "reason": "target reached", "time": "2026-02-01T12:00:00Z"}


def test_the_required_keys_are_the_29_of_version_1_1() -> None:
    required = [field.alias or name for name, field in EpochRecord.model_fields.items() if field.is_required()]
    assert len(required) == 15 + 10 + 4
    assert list(KEYS[:29]) == required
    assert list(KEYS[29:34]) == list(BASELINE)


def test_every_key_is_described() -> None:
    assert all(field.description for field in EpochRecord.model_fields.values())


def test_a_line_has_the_keys_in_their_order_and_leaves_out_those_not_given() -> None:
    shuffled = dict(sorted(in_log(**LAST, **{"events.queue_conflict": 3.0}).items()))
    line = line_of(epoch_record(shuffled))
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    expected = [key for key in KEYS if key in shuffled] + ["events.queue_conflict"]
    assert list(json.loads(line)) == expected


def test_undefined_numbers_are_null() -> None:
    line = line_of(epoch_record(in_log(explained_variance=None)))
    assert b'"reward_advantage_corr":null' in line
    assert b'"explained_variance":null' in line


def test_whole_numbers_are_written_as_such() -> None:
    line = line_of(epoch_record(in_log()))
    assert b'"epoch":1,"updates":8,"transitions":160,' in line
    assert b'"telemetry_version":1.1,"lr":0.001,"steps":160,' in line


def test_numbers_that_are_not_finite_become_null_and_are_named() -> None:
    given = in_log(loss_value=math.nan, grad_norm=math.inf, **{"welfare.needs": -math.inf})
    written = json.loads(line_of(epoch_record(given)))
    assert written["nonfinite"] == {"loss_value": "nan", "grad_norm": "inf", "welfare.needs": "-inf"}
    assert written["loss_value"] is written["grad_norm"] is written["welfare.needs"] is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"epoch": 0}, "epoch: must be at least 1, found 0"),
        ({"epoch": 1.0}, "epoch: must be a whole number, found 1.0"),
        ({"epoch": True}, "epoch: must be a whole number, found true"),
        ({"lr": None}, "lr: must be a number, found nothing (leave the key out, or give it a value)"),
        ({"lr": math.nan}, "lr: must be a number, found nothing (leave the key out, or give it a value)"),
        ({"adv_std": -0.5}, "adv_std: must be at least 0, found -0.5"),
        ({"clip_fraction": 1.5}, "clip_fraction: must be at most 1, found 1.5"),
        ({"reward_advantage_corr": -1.5}, "reward_advantage_corr: must be at least -1, found -1.5"),
        ({"explained_variance": 1.5}, "explained_variance: must be at most 1, found 1.5"),
        ({"data_mode": "live"}, "data_mode: the text 'live' is none of replay, rollout, mixed"),
        ({"telemetry_version": 1.2}, "telemetry_version: version 1.2 is not known; this program writes 1.1"),
        ({"conflict.rivalry_max_max_avg": "0"}, "conflict.rivalry_max_max_avg: must be a number, found the text '0'"),
        ({"conflict_rivalry_max_max_avg": 0.0}, "conflict_rivalry_max_max_avg: unknown key (did you mean"),
        ({"approx_lk": 0.1}, "approx_lk: unknown key (did you mean 'approx_kl'?)"),
        ({"agents.anna": 0.1}, "agents.anna: unknown key"),
        ({"events.": 1.0}, "events.: unknown key"),
        ({"weather.rain": 1.0}, "weather.rain: unknown key"),
        ({"events.faint": "two"}, "events.faint: must be a number, found the text 'two'"),
        ({"loss_policy": b"1"}, "loss_policy: is not a plain value but of type bytes"),
        ({"kl_divergence": -0.03}, "kl_divergence_max: must be at least |kl_divergence| = 0.03, found 0.02"),
        ({"baseline_reward_mean": 0.1}, "baseline_log_prob_mean: is missing (baseline keys come all together)"),
        ({"reason": "stopped"}, "reason: is given (only a record with finished has one)"),
        ({"reason": "stopped", "finished": False}, "reason: is given (only a record with finished has one)"),
        ({"time": "2026-02-01T12:00:00"}, "time: must be a time in UTC such as 2026-02-01T12:00:00Z, found"),
        ({"time": "noon"}, "time: must be a time in UTC such as 2026-02-01T12:00:00Z, found 'noon'"),
        ({"nonfinite": {"lr": "nan"}}, "nonfinite: lr is not null"),
        ({"nonfinite": {"adv_std": "NaN"}}, "nonfinite.adv_std: the text 'NaN' is none of nan, inf, -inf"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_makes_no_sense_is_refused_by_its_key(change: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=r"^\S+: ") as caught:
        epoch_record(in_log(**change))
    assert str(caught.value).startswith(problem)


def test_a_required_key_that_is_missing_is_named() -> None:
    lacking = in_log()
    del lacking["adv_mean"]
    with pytest.raises(ValueError, match=r"^adv_mean: is missing$"):
        epoch_record(lacking)


def test_the_largest_kl_may_be_equal_to_the_mean_up_to_rounding() -> None:
    assert epoch_record(in_log(kl_divergence=-0.02 * (1 + 1e-7))).kl_divergence_max == 0.02


@pytest.mark.parametrize("family", FAMILIES)
def test_a_key_of_a_family_is_taken(family: str) -> None:
    key = f"{family}.anna.reward_mean"
    assert json.loads(line_of(epoch_record(in_log(**{key: None}))))[key] is None


numbers = st.floats(allow_nan=False, allow_infinity=False)
optional: dict[str, st.SearchStrategy[Any]] = {
    "loss_policy": numbers | st.none(),
    "adv_std": st.floats(0, 1e300),
    "sps": st.floats(0, allow_infinity=False),
    "scenario": st.text(min_size=1),
    "seed": st.integers(0, 2**63),
    "agents.anna.reward_mean": numbers,
    "approx_kl": numbers | st.none(),
}


@given(st.fixed_dictionaries({}, optional=optional), st.sampled_from([{}, BASELINE]), st.sampled_from([{}, LAST]))
def test_reading_back_what_was_written_gives_the_same_record(
    some: dict[str, Any], baseline: dict[str, object], last: dict[str, object]
) -> None:
    record = epoch_record(in_log(**some, **baseline, **last))
    line = line_of(record)
    again = EpochRecord.model_validate_json(line)
    assert again == record
    assert line_of(again) == line
    assert epoch_record(json.loads(line)) == record
