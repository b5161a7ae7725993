"""Comparing: the first thing that differs, by tick, agent, array and name, and how it spreads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.samples.captures import (
    ACTIONS,
    CONFIG,
    FEATURES,
    LOOKUP,
    a_meta,
    a_metadata,
    a_sample,
    write_capture,
    write_old_capture,
)
from tests.samples.test_seal import edit, repack
from townlet_core.errors import SampleError
from townlet_core.samples.align import MASKS, ORDER
from townlet_core.samples.commit import staged
from townlet_core.samples.compare import compare
from townlet_core.samples.npz import whole
from townlet_core.samples.sample import ARRAYS, Sample
from townlet_core.samples.writer import CaptureWriter


def write(folder: Path, *samples: Sample, **about: Any) -> Path:
    """Write a capture of given samples."""
    with staged(folder, "day") as stage:
        writer = CaptureWriter(stage, "day")
        writer.begin(a_metadata(**about), CONFIG, ACTIONS, FEATURES, ())  # type: ignore[arg-type]
        for sample in samples:
            writer.add(sample.meta, [whole(name, array) for name, array in sample.arrays().items()])
        stage.commit(writer.finish())
    return folder


def test_what_is_the_same_has_no_first_difference(tmp_path: Path) -> None:
    write_capture(tmp_path / "a", agents=("anna", "ben"))
    write_capture(tmp_path / "b", agents=("anna", "ben"))
    comparison = compare(tmp_path / "a", tmp_path / "b")
    assert (comparison.first, comparison.spread, comparison.only, comparison.settings) == (None, (), (), ())
    assert (comparison.samples, comparison.ticks, comparison.differs) == (2, 6, False)


def test_every_array_has_its_place_in_the_order_of_a_tick() -> None:
    assert sorted(ORDER) == sorted(ARRAYS)


def changed(array: str, at: tuple[int, ...], value: float) -> Callable[[dict[str, Any]], None]:
    def change(arrays: dict[str, Any]) -> None:
        arrays[array][at] = value

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(
            changed("features", (1, 2), 0.75),
            "tick 1: anna: features: rivalry_max: 0.5 in A, 0.75 in B",
            id="a feature",
        ),
        pytest.param(
            changed("map", (2, 0, 0, 1), 0.0), "tick 2: anna: map: self at tile 1, 0: 1.0 in A, 0.0 in B", id="a tile"
        ),
        pytest.param(
            changed("actions", (1,), 2), "tick 1: anna: actions: move north in A, request fridge in B", id="an action"
        ),
        pytest.param(
            changed("action_mask", (0, 2), 1),
            "tick 0: anna: action_mask: request fridge: False in A, True in B",
            id="what is allowed",
        ),
        pytest.param(changed("events", (2, 1), 3), "tick 2: anna: events: chat_success: 2 in A, 3 in B", id="an event"),
        pytest.param(
            changed("reward_terms", (1, 1), 1), "tick 1: anna: reward_terms: wages: 0.0 in A, 1.0 in B", id="a term"
        ),
        pytest.param(changed("rewards", (0,), -0.25), "tick 0: anna: rewards: 0.25 in A, -0.25 in B", id="a reward"),
        pytest.param(
            changed("last_features", (0,), 0.5),
            "tick 3: anna: last_features: need_hunger: 0.2 in A, 0.5 in B",
            id="what was seen last",
        ),
        pytest.param(
            changed("value_preds", (3,), 1),
            "tick 3: anna: value_preds: 2.5 in A, 1.0 in B",
            id="what was expected last",
        ),
        pytest.param(
            changed("old_log_probs", (1,), -0.0),
            "tick 1: anna: old_log_probs: 0.0 in A, -0.0 in B",
            id="a sign of zero",
        ),
    ],
)
def test_the_first_difference_is_told_by_name(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    write(tmp_path / "a", a_sample())
    sample = a_sample()
    change(sample.arrays())  # in place
    write(tmp_path / "b", sample)
    comparison = compare(tmp_path / "a", tmp_path / "b")
    assert comparison.first is not None
    assert comparison.first.told("in A", "in B") == f"first at {told}"
    (spread,) = comparison.spread
    assert (spread.ticks, comparison.differs) == (1, True)


def test_in_a_tick_what_was_seen_comes_before_what_was_done_and_that_before_what_came_of_it(tmp_path: Path) -> None:
    ben = {"agent_id": "ben", "slot": "ben"}
    write(tmp_path / "a", a_sample(), a_sample(meta=a_meta(**ben)))
    anna, other = a_sample(), a_sample(meta=a_meta(**ben))
    anna.rewards[1:] = 0  # two ticks from tick 1 on: differ by 1.0 and 0.5
    anna.features[2, 0] = 0
    other.actions[1] = 0
    other.features[2, 0] = 0  # 0.3 off
    other.features[1:, 3] = np.array([0.5, 0])  # twice 0.5 off
    write(tmp_path / "b", anna, other)
    comparison = compare(tmp_path / "a", tmp_path / "b")
    rows = [(each.first_tick, each.agent, each.array, each.ticks, each.of) for each in comparison.spread]
    assert rows == [
        (1, "ben", "features", 2, 3),
        (1, "ben", "actions", 1, 3),
        (1, "anna", "rewards", 2, 3),
        (2, "anna", "features", 1, 3),
    ]
    assert comparison.spread[0].columns == ("rivalry_avoid_count", "need_hunger")
    assert [each.largest for each in comparison.spread] == [0.5, None, 1.0, pytest.approx(0.3)]


def test_a_shorter_life_is_compared_as_long_as_it_lasts(tmp_path: Path) -> None:
    write(tmp_path / "a", a_sample())
    short = {name: array[:2] for name, array in a_sample().arrays().items() if ARRAYS[name].axes[0] == "T"}
    meta = a_meta(timesteps=2, frame_count=2, value_pred_steps=3)
    write(tmp_path / "b", a_sample(meta=meta, **short, value_preds=np.array([0, 0, 9], np.float32)))
    comparison = compare(tmp_path / "a", tmp_path / "b")
    assert comparison.ticks == 2
    assert comparison.only == ("anna lives ticks 0 to 2 in A and ticks 0 to 1 in B",)
    assert (comparison.first, comparison.differs) == (None, True)  # what comes after the shorter one is no difference


def test_lives_are_aligned_by_the_tick_at_which_they_begin(tmp_path: Path) -> None:
    write(tmp_path / "a", a_sample())
    later = a_sample(meta=a_meta(first_tick=1))
    for array in (array for array in later.arrays().values() if len(array) == 3 and array.shape[0] == 3):
        array[:-1] = array[1:].copy()  # it sees a tick earlier what the other sees
    write(tmp_path / "b", later)
    comparison = compare(tmp_path / "a", tmp_path / "b")
    assert (comparison.ticks, comparison.first) == (2, None)
    assert comparison.only == ("anna lives ticks 0 to 2 in A and ticks 1 to 3 in B",)


def test_columns_are_found_by_their_names_wherever_they_stand(tmp_path: Path) -> None:
    write(tmp_path / "a", a_sample())
    turned, lookup = a_sample(), {key: 2 - number for key, number in LOOKUP.items()}
    names = ("lateness_counter", "need_hunger", "mood", "rivalry_avoid_count", "rivalry_max")
    meta = a_meta(feature_names=names, action_lookup=lookup, action_names=ACTIONS[::-1])
    features = np.insert(turned.features[:, [1, 0, 3, 2]], 2, 7, axis=1)
    last = np.insert(turned.last_features[[1, 0, 3, 2]], 2, 7)
    masks = {name: np.ascontiguousarray(getattr(turned, name)[..., ::-1]) for name in MASKS}
    write(
        tmp_path / "b", a_sample(meta=meta, features=features, last_features=last, actions=2 - turned.actions, **masks)
    )
    comparison = compare(tmp_path / "a", tmp_path / "b")
    assert comparison.first is None
    assert comparison.only == ("features only in B: mood",)


def test_who_is_only_in_one_is_told_and_the_others_are_compared(tmp_path: Path) -> None:
    write_capture(tmp_path / "a", agents=("anna", "ben"))
    write_capture(tmp_path / "b", agents=("cara", "anna"), mood=0.75)
    comparison = compare(tmp_path / "a", tmp_path / "b")
    assert comparison.only == ("ben is only in A: ticks 0 to 2", "cara is only in B: ticks 0 to 2")
    assert comparison.first is not None
    assert comparison.first.told("then", "now") == "first at tick 0: anna: features: need_hunger: 0.5 then, 0.75 now"


def test_maps_of_another_size_are_told_and_not_compared(tmp_path: Path) -> None:
    write(tmp_path / "a", a_sample())
    maps = {"map": np.zeros((3, 1, 2, 2), np.float32), "last_map": np.zeros((1, 2, 2), np.float32)}
    write(tmp_path / "b", a_sample(meta=a_meta(map_shape=(1, 2, 2)), **maps))
    comparison = compare(tmp_path / "a", tmp_path / "b")
    assert comparison.only == (
        "map cannot be compared: 1×1×2 and 1×2×2",
        "last_map cannot be compared: 1×1×2 and 1×2×2",
    )


def test_one_of_the_predecessor_is_compared_in_the_arrays_that_it_has(tmp_path: Path) -> None:
    write(tmp_path / "a", a_sample())
    (tmp_path / "old").mkdir()
    write_old_capture(tmp_path / "old")
    comparison = compare(tmp_path / "a", tmp_path / "old")
    assert comparison.first is None
    (only,) = comparison.only
    assert only.startswith("arrays only in A: action_mask, last_map")


def test_what_it_was_made_from_is_told_and_is_no_difference(tmp_path: Path) -> None:
    write(tmp_path / "a", a_sample())
    write(tmp_path / "b", a_sample(), seed=8, capture_timestamp="2024-05-02T12:00:00Z")
    comparison = compare(tmp_path / "a", tmp_path / "b")
    assert (comparison.settings, comparison.differs) == (("seed: 7 in A, 8 in B",), False)


def test_the_keys_of_the_configuration_that_differ_are_named(tmp_path: Path) -> None:
    configs = {
        "a": {"scenario": {"name": "kitchen", "ticks": 3, "agents": [{"wallet": 1.5}]}, "manifest": {"bed": "x" * 50}},
        "b": {"scenario": {"name": "kitchen", "ticks": 3, "agents": [{"wallet": 2.0}, {}]}, "manifest": {}},
    }
    for name, config in configs.items():
        write_capture(tmp_path / name, config_hash=name * 64)
        edit(tmp_path / name / "day_seal.json", config=config)
    assert compare(tmp_path / "a", tmp_path / "b").settings == (
        f"config_hash: {'a' * 20} in A, {'b' * 20} in B",
        "config: agents.0.wallet: 1.5 in A, 2.0 in B",
        "config: agents.1: nothing in A, {} in B",
        f'config: manifest.bed: "{"x" * 39}... in A, nothing in B',
    )
    write_capture(tmp_path / "c", config_hash="c" * 64)
    (tmp_path / "c" / "day_seal.json").unlink()  # nothing tells what it was made from
    assert compare(tmp_path / "a", tmp_path / "c").settings == (f"config_hash: {'a' * 20} in A, {'c' * 20} in B",)


@pytest.mark.parametrize(("number", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-0.0, "-0.0")])
def test_numbers_that_are_none_are_compared_by_their_bits(tmp_path: Path, number: float, shown: str) -> None:
    write_capture(tmp_path / "a")
    write_capture(tmp_path / "b")
    for name in ("a", "b"):
        repack(tmp_path / name / "day_anna_001.npz", rewards=np.array([0, 0, number if name == "b" else 0], np.float32))
    first = compare(tmp_path / "a", tmp_path / "b").first
    assert first is not None
    assert (first.tick, first.array, first.a, first.b) == (2, "rewards", "0.0", shown)
    assert not compare(tmp_path / "b", tmp_path / "b").differs


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    write_capture(tmp_path / "a")
    write_capture(tmp_path / "b", agents=("ben",))
    with pytest.raises(SampleError, match=r"has no life in common with .*b: there are anna and ben"):
        compare(tmp_path / "a", tmp_path / "b")
    with pytest.raises(SampleError, match="no such folder"):
        compare(tmp_path / "a", tmp_path / "c")
    (tmp_path / "b" / "day_ben_001.npz").write_bytes(b"PK")
    with pytest.raises(SampleError, match="damaged"):
        compare(tmp_path / "b", tmp_path / "b")
