"""Golden metrics: what counts as a change, what a selector names, and what becomes of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from townlet_core.errors import SampleError, UsageError
from townlet_core.samples.goldens import (
    Change,
    Stats,
    Tolerances,
    accept,
    apply,
    beside,
    read_golden,
    read_tolerances,
    review,
    selects,
)

GOLDEN: Stats = {
    "queue": {"anna.npz": {"reward_sum": 2.0, "waits": 10, "lateness": None}, "ben.npz": {"waits": 3.0}},
    "breakfast": {"cara.npz": {"waits": 1.5}},
}
EXACT = Tolerances(metrics={})


def tolerances(**metrics: dict[str, Any]) -> Tolerances:
    return Tolerances.model_validate({"metrics": {name: each | {"because": "x"} for name, each in metrics.items()}})


def kinds(found: dict[str, Any], bounds: Tolerances = EXACT) -> dict[str, str]:
    changes = review(GOLDEN, {"queue": found}, bounds).changes
    return {f"{change.sample.removesuffix('.npz')}/{change.metric}": change.kind for change in changes}


def test_every_metric_is_the_same_changed_added_or_removed() -> None:
    anna = {"reward_sum": 2.5, "waits": 10.0, "sleeps": 1.0}
    found: dict[str, Any] = {"anna.npz": anna, "dora.npz": {"waits": 1.0}}
    assert kinds(found) == {
        "anna/reward_sum": "changed",
        "anna/lateness": "removed",
        "anna/sleeps": "added",
        "ben/waits": "removed",
        "dora/waits": "added",
    }
    assert review(GOLDEN, {"queue": found}, EXACT).unchanged == 1  # anna's waits: 10 is 10.0


def test_a_change_tells_by_how_much() -> None:
    (change, *_) = review(GOLDEN, {"queue": {"anna.npz": {"reward_sum": 1.5}}}, EXACT).changes
    assert (change.golden, change.new, change.difference, change.tolerance) == (2.0, 1.5, -0.5, 0.0)
    assert change.relative == -0.25  # of 2


@pytest.mark.parametrize(
    ("bound", "new", "kind"),
    [
        pytest.param({"absolute": 0.5}, 2.5, "tolerated", id="as far off as it may be"),
        pytest.param({"absolute": 0.5}, 2.51, "changed", id="further off"),
        pytest.param({"relative": 0.25}, 1.5, "tolerated", id="a quarter of 2"),
        pytest.param({"relative": 0.25}, 1.4, "changed", id="more than a quarter"),
        pytest.param({"relative": 0.25, "absolute": 1}, 1.0, "tolerated", id="the larger of both counts"),
        pytest.param({"relative": 1e9}, None, "changed", id="undefined is no number"),
    ],
)
def test_what_is_off_by_no_more_than_it_may_be_is_tolerated(
    bound: dict[str, Any], new: float | None, kind: str
) -> None:
    rest = {"waits": 10, "lateness": None}
    found = {"anna.npz": rest | {"reward_sum": new}, "ben.npz": {"waits": 3.0}}
    assert kinds(found, tolerances(**{"reward_*": bound})) == {"anna/reward_sum": kind}


def test_undefined_becomes_a_number_only_by_a_change() -> None:
    found = {"anna.npz": {"reward_sum": 2.0, "waits": 10, "lateness": 0.0}, "ben.npz": {"waits": 3.0}}
    assert kinds(found, tolerances(**{"*": {"absolute": 9}})) == {"anna/lateness": "changed"}


def test_of_several_patterns_the_first_counts() -> None:
    of: dict[str, Any] = {"reward_sum": {"absolute": 1}, "reward_*": {"absolute": 2}, "*": {"relative": 0.5}}
    bounds = tolerances(**of)
    assert [bounds.bound(name, 4.0) for name in ("reward_sum", "reward_mean", "waits")] == [1, 2, 2]


def a_change(scenario: str = "queue", sample: str = "anna_001.npz", metric: str = "waits") -> Change:
    none = dict.fromkeys(("golden", "new", "difference", "relative", "tolerance"))
    return Change.model_validate({"scenario": scenario, "sample": sample, "metric": metric, "kind": "changed"} | none)


@pytest.mark.parametrize(
    ("selector", "is_named"),
    [
        ("*", True),
        ("queue", True),
        ("que*", True),
        ("queue/anna_001.npz", True),
        ("queue/anna_001", True),
        ("queue/anna*/waits", True),
        ("*/*/waits", True),
        ("breakfast", False),
        ("queue/ben*", False),
        ("queue/anna_001/sleeps", False),
        ("waits", False),
        ("queue/anna_001/waits/more", False),
    ],
)
def test_a_selector_names_a_scenario_a_sample_or_a_metric(selector: str, is_named: bool) -> None:
    assert selects(selector, a_change()) is is_named


def test_a_selector_that_names_no_change_is_a_mistake_unless_nothing_changed_at_all() -> None:
    with pytest.raises(UsageError, match="'breakfast' names nothing that changed"):
        accept([a_change()], ["queue", "breakfast"], GOLDEN)
    assert accept([], ["breakfast"], GOLDEN) == ()


def test_what_is_accepted_is_taken_and_all_else_keeps_its_value_and_its_place() -> None:
    found: dict[str, Any] = {"anna.npz": {"reward_sum": 2.5, "waits": 11.0, "sleeps": 1.0}, "dora.npz": {"waits": 1.0}}
    changes = review(GOLDEN, {"queue": found, "night": {"eve.npz": {"waits": 0.0}}}, EXACT).changes
    taken = accept(changes, ["*/anna/[rs]*", "queue/ben", "queue/dora"], GOLDEN)
    merged = apply(GOLDEN, taken)
    assert [(name, list(samples)) for name, samples in merged.items()] == [
        ("queue", ["anna.npz", "dora.npz"]),
        ("breakfast", ["cara.npz"]),
        ("night", ["eve.npz"]),  # a new scenario contradicts nothing
    ]
    assert list(merged["queue"]["anna.npz"].items()) == [
        ("reward_sum", 2.5),
        ("waits", 10),  # was not accepted
        ("lateness", None),  # nor its removal
        ("sleeps", 1.0),
    ]
    assert list(GOLDEN["queue"]["anna.npz"]) == ["reward_sum", "waits", "lateness"]  # the old one is left alone


def test_the_files_beside_a_golden_are_named_after_it() -> None:
    assert beside(Path("docs/rollout_scenario_stats.json"), "_tolerances.json") == Path(
        "docs/rollout_scenario_tolerances.json"
    )
    assert beside(Path("staging.json"), "_changes.jsonl") == Path("staging_changes.jsonl")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("[]", "must be a mapping of keys to values, found a list", id="a list"),
        pytest.param('{"queue": {"anna.npz": 3}}', "queue.anna.npz: must be a mapping", id="a number for metrics"),
        pytest.param('{"queue": {"a.npz": {"waits": "3"}}}', "queue.a.npz.waits: must be a number", id="text"),
        pytest.param('{"queue": {"a.npz": {"waits": NaN}}}', "NaN is not a JSON number", id="no number"),
        pytest.param('{"queue": {}, "queue": {}}', 'the key "queue" comes twice in one object', id="a twin"),
        pytest.param('{"queue": ', "not JSON", id="half of it"),
    ],
)
def test_a_golden_that_is_none_is_refused_by_its_key(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "stats.json"
    path.write_text(text)
    with pytest.raises(SampleError) as caught:
        read_golden(path)
    assert problem in str(caught.value)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param('{"schema_version": 2, "metrics": {}}', "schema version 2 is not known", id="a later version"),
        pytest.param(
            '{"schema_version": 1, "metrics": {"a": {"absolute": -1, "because": "x"}}}',
            "metrics.a.absolute: must be at least 0",
            id="below 0",
        ),
        pytest.param(
            '{"schema_version": 1, "metrics": {"a": {"absolute": 1}}}', "metrics.a.because: is missing", id="no reason"
        ),
        pytest.param(
            '{"schema_version": 1, "metrics": {"a": {"abs": 1, "because": "x"}}}', "metrics.a.abs: unknown", id="a key"
        ),
    ],
)
def test_tolerances_that_make_no_sense_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "x_tolerances.json").write_text(text)
    with pytest.raises(SampleError) as caught:
        read_tolerances(tmp_path / "x_stats.json")
    assert problem in str(caught.value)


def test_without_files_there_is_no_golden_and_nothing_may_be_off(tmp_path: Path) -> None:
    assert read_golden(tmp_path / "stats.json") == {}
    assert read_tolerances(tmp_path / "stats.json").bound("reward_sum", 1.0) == 0.0
