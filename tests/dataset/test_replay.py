"""Datasets: the rows are what was captured, in memory or in files, and say honestly what is not known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.dataset.lives import LEARNED, Rows, rows, write_old, write_ours, write_two
from tests.rollout.kitchens import KITCHEN, sample, take
from tests.samples.captures import CONFIG
from townlet_core.dataset.replay import Baseline, LifeSpan, open_dataset
from townlet_core.samples.seal import config_sha256

FORBIDDING = np.array([[1, 1, 0], [1, 1, 1], [1, 0, 0]], np.bool_)  # what anna might do in her three ticks


def test_lives_stand_one_after_another_in_the_order_given(tmp_path: Path) -> None:
    b = write_ours(tmp_path / "b", {"agent_id": "ben"}, {"agent_id": "cara"})
    a = write_ours(tmp_path / "a")
    with open_dataset([b, a]) as dataset:
        assert dataset.steps == 9
        assert dataset.lives == (
            LifeSpan(0, 3, b, "day_ben_001.npz", "ben", "deterministic", True),
            LifeSpan(3, 6, b, "day_cara_002.npz", "cara", "deterministic", True),
            LifeSpan(6, 9, a, "day_anna_001.npz", "anna", "deterministic", True),
        )
        assert dataset.rewards.tolist() == [0.25, -1.0, 0.5] * 3


def test_a_dataset_knows_what_its_numbers_mean_and_where_they_come_from(tmp_path: Path) -> None:
    with open_dataset([write_ours(tmp_path / "a"), write_ours(tmp_path / "b")]) as dataset:
        assert dataset.action_names == ("wait", "move north", "request fridge")
        assert dataset.feature_names == ("need_hunger", "lateness_counter", "rivalry_max", "rivalry_avoid_count")
        assert (dataset.map_channels, dataset.map_shape) == (("self",), (1, 1, 2))
        assert dataset.is_ours
        assert dataset.scenario_names == ("kitchen",)
        assert dataset.config_hashes == (config_sha256(CONFIG),)  # type: ignore[arg-type]


def test_rows_are_given_in_the_order_asked_for(tmp_path: Path) -> None:
    with open_dataset([write_ours(tmp_path / "a")]) as dataset:
        seen = dataset.observations(rows(2, 0, 2))
        assert seen.map.tolist() == [[1, 1], [0, 1], [1, 1]]
        assert seen.features[:, 0].tolist() == pytest.approx([0.3, 0.5, 0.3])
        assert seen.action_mask.tolist() == FORBIDDING[[2, 0, 2]].tolist()
        assert [part.dtype for part in seen] == [np.float32, np.float32, np.bool_]


def test_the_last_observation_of_a_life_is_that_after_its_last_tick(tmp_path: Path) -> None:
    other = {"agent_id": "ben", "last_map": np.ones((1, 1, 2), np.float32)}
    with open_dataset([write_ours(tmp_path / "a", {}, other)]) as dataset:
        seen = dataset.last_observations(rows(1, 0))
        assert seen.map.tolist() == [[1, 1], [0, 0]]
        assert seen.features[1].tolist() == pytest.approx([0.2, 0.3, 0.75, 0])
        assert seen.action_mask.tolist() == [[1, 0, 1], [1, 0, 1]]


@pytest.mark.parametrize("asked", [rows(3), rows(0, -1)], ids=["after the end", "before the beginning"])
def test_rows_that_do_not_exist_are_refused_and_no_others_given(tmp_path: Path, asked: Rows) -> None:
    with open_dataset([write_ours(tmp_path / "a")]) as dataset:
        with pytest.raises(IndexError):
            dataset.observations(asked)
        with pytest.raises(IndexError):
            dataset.last_observations(asked)


def test_a_life_that_ends_in_death_is_terminated_and_one_that_is_cut_short_truncated(tmp_path: Path) -> None:
    end = np.array([0, 0, 1], np.bool_)
    dead = {"agent_id": "ben", "terminated": end, "truncated": ~end & False}
    with open_dataset([write_ours(tmp_path / "a", {}, dead)]) as dataset:
        assert dataset.terminated.tolist() == [0, 0, 0, 0, 0, 1]
        assert dataset.truncated.tolist() == [0, 0, 1, 0, 0, 0]


def test_only_true_log_probabilities_are_given(tmp_path: Path) -> None:
    learned = {"agent_id": "ben", "policy": LEARNED, "old_log_probs": np.array([-0.5, -1, -2], np.float32)}
    with open_dataset([write_ours(tmp_path / "a", {}, learned)]) as dataset:
        assert [life.log_probs for life in dataset.lives] == ["deterministic", "true"]
        assert np.isnan(dataset.log_probs[:3]).all()
        assert dataset.log_probs[3:].tolist() == [-0.5, -1, -2]


def test_the_predecessors_lives_say_what_is_not_known_of_them(tmp_path: Path) -> None:
    old = write_old(tmp_path / "old", {"dones": np.array([0, 1, 1], np.bool_)})
    with open_dataset([old]) as dataset:
        assert dataset.lives == (LifeSpan(0, 3, old, "anna_001.npz", "anna", "unknown", False),)
        assert not dataset.is_ours
        assert (dataset.scenario_names, dataset.config_hashes) == ((), ())
        assert np.isnan(dataset.log_probs).all()
        assert dataset.terminated.tolist() == [0, 1, 0], "the mark at the last tick may be the time limit"
        assert dataset.truncated.tolist() == [0, 0, 1]
        assert dataset.observations(rows(0, 1, 2)).action_mask.all()


def test_the_predecessors_final_observation_stands_in_for_the_last_one(tmp_path: Path) -> None:
    with open_dataset([write_old(tmp_path / "old")]) as dataset:
        last, final = dataset.last_observations(rows(0)), dataset.observations(rows(2))
        assert last.map.tolist() == final.map.tolist() == [[1, 1]]
        assert last.features.tolist() == final.features.tolist()
        assert last.action_mask.all()


@pytest.mark.parametrize("memory_bytes", [2**20, 0], ids=["memory", "files"])
def test_what_a_town_was_captured_as_comes_back(tmp_path: Path, memory_bytes: int) -> None:
    (tmp_path / "kitchen.yaml").write_text(KITCHEN)
    take(tmp_path / "kitchen.yaml", policy="random", ticks=30)
    with open_dataset([tmp_path / "out"], memory_bytes=memory_bytes) as dataset:
        assert dataset.spilled == (memory_bytes == 0)
        assert len(dataset.lives) > 4, "newcomers have lives of their own"
        for number, life in enumerate(dataset.lives):
            name = life.sample.removeprefix("rollout_sample_").removesuffix(".npz")
            captured, span = sample(tmp_path / "out", name), slice(life.first, life.stop)
            seen, last = dataset.observations(np.arange(life.first, life.stop)), dataset.last_observations(rows(number))
            for given, held in (
                (seen.map, captured.map.reshape(len(captured.map), -1)),
                (seen.features, captured.features),
                (seen.action_mask, captured.action_mask),
                (last.map[0], captured.last_map.reshape(-1)),
                (last.features[0], captured.last_features),
                (last.action_mask[0], captured.last_action_mask),
                (dataset.actions[span], captured.actions),
                (dataset.rewards[span], captured.rewards),
                (dataset.log_probs[span], captured.old_log_probs),
                (dataset.terminated[span], captured.terminated),
                (dataset.truncated[span], captured.truncated),
            ):
                np.testing.assert_array_equal(given, held)


@pytest.mark.parametrize("place", ["map", "last_map"])
@pytest.mark.parametrize("memory_bytes", [2**20, 0], ids=["memory", "files"])
def test_maps_of_more_than_0_and_1_come_back_too(tmp_path: Path, place: str, memory_bytes: int) -> None:
    shape = {"map": (3, 1, 1, 2), "last_map": (1, 1, 2)}[place]
    shaded = {"agent_id": "ben", place: np.full(shape, 0.5, np.float32)}
    with open_dataset([write_ours(tmp_path / "a", {}, shaded)], memory_bytes=memory_bytes) as dataset:
        assert dataset.observations(rows(0)).map.tolist() == [[0, 1]]
        assert dataset.last_observations(rows(0)).map.tolist() == [[0, 0]]
        seen = dataset.observations(rows(4)) if place == "map" else dataset.last_observations(rows(1))
        assert seen.map.tolist() == [[0.5, 0.5]]


def test_the_baseline_is_that_of_the_metrics_files(tmp_path: Path) -> None:
    generous = {"agent_id": "ben", "rewards": np.array([1, 1, 1], np.float32)}
    with open_dataset([write_ours(tmp_path / "a"), write_ours(tmp_path / "b", generous)]) as dataset:
        # rewards: 0.25 - 1 + 0.5 = -0.25 and 1 + 1 + 1 = 3
        # rivalry: (0.25 + 0.5 + 0.75) / 3 = 0.5; avoided: (0 + 1 + 0.5) / 3 = 0.5
        assert dataset.baseline == Baseline(
            sample_count=2,
            reward_mean=pytest.approx((-0.25 / 3 + 1) / 2),  # type: ignore[arg-type]
            reward_sum=2.75,
            reward_sum_mean=1.375,
            log_prob_mean=0.0,
            rivalry_max_mean_avg=0.5,
            rivalry_max_max_avg=0.75,
            rivalry_avoid_count_mean_avg=0.5,
            rivalry_avoid_count_max_avg=1.0,
        )


def test_what_a_metrics_file_does_not_say_has_no_baseline(tmp_path: Path) -> None:
    told = {
        "anna_001.npz": {"reward_sum": -0.25, "reward_mean": None},
        "ben_002.npz": {"reward_sum": 1.0, "reward_mean": 0.5},
    }
    with open_dataset([write_old(tmp_path / "old", {}, {"agent_id": "ben"}, metrics=told)]) as dataset:
        assert dataset.baseline == Baseline(2, None, 0.75, 0.375, None, None, None, None, None)


def test_there_is_no_baseline_where_a_capture_has_no_metrics(tmp_path: Path) -> None:
    captures = [write_old(tmp_path / "a"), write_old(tmp_path / "b", metrics={"anna_001.npz": {"reward_sum": 1.0}})]
    with open_dataset(captures) as dataset:
        assert dataset.baseline is None


def test_several_captures_of_one_folder_are_named_by_their_manifests(tmp_path: Path) -> None:
    day, night = write_two(tmp_path / "a")
    places = [night, day]
    with open_dataset(places) as dataset:
        assert [life.sample for life in dataset.lives] == ["night_anna_001.npz", "day_anna_001.npz"]
        assert [life.capture for life in dataset.lives] == places


def test_passes_go_through_the_rows_of_the_dataset(tmp_path: Path) -> None:
    with open_dataset([write_ours(tmp_path / "a", {}, {"agent_id": "ben"})]) as dataset:
        batches = list(dataset.passes(seed=1, epoch=1, batch=4, block=1))
        assert [len(batch) for batch in batches] == [4, 2]
        assert sorted(np.concatenate(batches).tolist()) == [0, 1, 2, 3, 4, 5]
