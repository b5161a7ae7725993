"""Captures as datasets of Minari: what its own loader gives back; there whole, or not at all."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import minari
import numpy as np
import pytest
from minari.namespace import list_local_namespaces

from tests.disk import longest_file
from tests.rollout.kitchens import KITCHEN, npz_files, take
from tests.samples.captures import (
    ACTIONS,
    CONFIG,
    FEATURES,
    a_meta,
    a_metadata,
    a_sample,
    contents,
    write_capture,
    write_old_capture,
)
from townlet_core.dataset.sources import find_captures, sample_of, sources_of
from townlet_core.dataset.to_minari import export
from townlet_core.errors import InputError, OutputError, SampleError, UsageError
from townlet_core.samples.commit import staged
from townlet_core.samples.npz import whole
from townlet_core.samples.sample import Sample
from townlet_core.samples.seal import read_seal
from townlet_core.samples.writer import CaptureWriter


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Minari keeps its datasets."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "shelf"))
    return tmp_path / "shelf"


@pytest.fixture
def kitchen(tmp_path: Path) -> Path:
    """A capture of two worlds in which lives end, begin late and are cut off."""
    (tmp_path / "kitchen.yaml").write_text(KITCHEN)
    take(tmp_path / "kitchen.yaml", worlds=2, policy="random")
    return tmp_path / "out"


def lives(place: Path) -> list[Sample]:
    samples = [sample_of(source) for source in sources_of(find_captures([place]))]
    return [sample for sample in samples if isinstance(sample, Sample)]


def same(one: Any, other: Any) -> bool:
    """Whether two arrays are the same to the bit, type and shape included."""
    mine, yours = np.ascontiguousarray(one), np.ascontiguousarray(other)
    return (mine.dtype, mine.shape, mine.tobytes()) == (yours.dtype, yours.shape, yours.tobytes())


def test_every_life_comes_back_to_the_bit(kitchen: Path) -> None:
    done = export(kitchen, "town/kitchen-v0")
    dataset, samples = minari.load_dataset("town/kitchen-v0"), lives(kitchen)
    assert (done.episodes, done.steps) == (len(samples), sum(sample.meta.timesteps for sample in samples))
    assert (dataset.total_episodes, dataset.total_steps) == (done.episodes, done.steps)
    assert len({sample.meta.first_tick for sample in samples}) > 1
    for sample, episode in zip(samples, dataset, strict=True):
        assert same(episode.observations["map"][:-1], sample.map)
        assert same(episode.observations["map"][-1], sample.last_map)
        assert same(episode.observations["features"][:-1], sample.features)
        assert same(episode.observations["features"][-1], sample.last_features)
        masks = episode.observations["action_mask"].astype(np.bool_)
        assert same(masks[:-1], sample.action_mask)
        assert same(masks[-1], sample.last_action_mask)
        assert same(episode.actions, sample.actions)
        assert same(episode.rewards, sample.rewards)
        assert same(episode.terminations, sample.terminated)
        assert same(episode.truncations, sample.truncated)


def test_infos_tell_who_when_and_what_came_of_each_step(kitchen: Path) -> None:
    export(kitchen, "kitchen-v0")
    for sample, episode in zip(lives(kitchen), minari.load_dataset("kitchen-v0"), strict=True):
        meta, infos, rows = sample.meta, episode.infos, sample.meta.timesteps + 1
        assert [who.decode() for who in infos["agent_id"]] == [meta.agent_id] * rows
        assert infos["world"].tolist() == [meta.world] * rows
        assert infos["tick"].tolist() == [*range(meta.first_tick, meta.first_tick + rows)]
        assert same(infos["value"], sample.value_preds)
        assert np.isnan(infos["log_prob"][0])
        assert same(infos["log_prob"][1:], sample.old_log_probs)
        for number, term in enumerate(meta.reward_term_names):
            assert same(infos["reward_terms"][term][1:], sample.reward_terms[:, number])
            assert infos["reward_terms"][term][0] == 0
        for number, event in enumerate(meta.event_names):
            assert same(infos["events"][event][1:], sample.events[:, number])


def test_values_stand_beside_the_observations_they_are_of(tmp_path: Path) -> None:
    """Anna expects 2.5 of the last observation, after her three steps, and nothing of those before."""
    write_capture(tmp_path / "day")
    export(tmp_path / "day", "day-v0")
    (episode,) = minari.load_dataset("day-v0")
    assert episode.infos["value"].tolist() == [0, 0, 0, 2.5]
    assert episode.infos["tick"].tolist() == [0, 1, 2, 3]
    assert episode.infos["reward_terms"]["wages"].tolist() == [0, 0, 0, 0.25]


def test_what_is_observed_and_done_lies_in_the_spaces(kitchen: Path) -> None:
    export(kitchen, "kitchen-v0")
    dataset = minari.load_dataset("kitchen-v0")
    for episode in dataset:
        for step in (0, len(episode) // 2, len(episode)):
            observation = {name: rows[step] for name, rows in episode.observations.items()}
            assert dataset.observation_space.contains(observation)
        assert all(dataset.action_space.contains(action) for action in episode.actions)


def test_the_dataset_says_where_it_comes_from(kitchen: Path) -> None:
    export(kitchen, "kitchen-v0")
    told = minari.load_dataset("kitchen-v0").storage.metadata
    seal = read_seal(kitchen / "rollout_sample_seal.json")
    meta = lives(kitchen)[0].meta
    assert told["algorithm_name"] == "random"
    assert told["description"] == "kitchen: Anna, ben and cara share a kitchen."
    own = told["townlet"]
    assert (own["config_hash"], own["seed"], own["config"]) == (seal.config_hash, 3, seal.config)
    assert (own["scenario_name"], own["worlds"], own["ticks"], own["policy"]["name"]) == ("kitchen", 2, 60, "random")
    assert own["tool_version"] == seal.versions.townlet
    assert tuple(own["action_names"]) == meta.action_names
    assert tuple(own["feature_names"]) == meta.feature_names
    assert tuple(own["reward_term_names"]) == meta.reward_term_names


def test_minari_lists_it_with_its_namespace(kitchen: Path) -> None:
    export(kitchen, "town/small/kitchen-v3")
    assert list(minari.list_local_datasets()) == ["town/small/kitchen-v3"]
    assert set(list_local_namespaces()) == {"town", "town/small"}


def test_a_dataset_is_replaced_only_by_force(kitchen: Path, shelf: Path) -> None:
    export(kitchen, "kitchen-v0")
    before = contents(shelf)
    with pytest.raises(OutputError, match="holds a dataset already") as caught:
        export(kitchen, "kitchen-v0")
    assert caught.value.hint == "give --force to replace it, or choose another name"
    assert contents(shelf) == before
    take(kitchen.parent / "kitchen.yaml", "short", ticks=12)
    export(kitchen.parent / "short", "kitchen-v0", force=True)
    assert minari.load_dataset("kitchen-v0").total_steps == 12 + 12 + 10  # cara has gone, and dora has not come yet
    assert [path.name for path in shelf.iterdir()] == ["kitchen-v0"]


def test_what_is_no_dataset_is_never_replaced(kitchen: Path, shelf: Path) -> None:
    (shelf / "kitchen-v0").mkdir(parents=True)
    (shelf / "kitchen-v0" / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match="is there already, and is no dataset"):
        export(kitchen, "kitchen-v0", force=True)
    assert contents(shelf) == {"kitchen-v0/thesis.txt": b"precious"}


def test_a_full_disk_leaves_the_old_dataset_and_nothing_else(kitchen: Path, shelf: Path) -> None:
    export(kitchen, "kitchen-v0")
    before = contents(shelf)
    with longest_file(100_000), pytest.raises(OutputError, match="cannot be written"):
        export(kitchen, "kitchen-v0", force=True)
    assert contents(shelf) == before


@pytest.mark.parametrize(
    "name",
    [
        "",
        "kitchen",
        "kitchen-v",
        "../kitchen-v0",
        "/kitchen-v0",
        "a//b-v0",
        "a/../b-v0",
        "a/b-v0",
        "kit chen-v0",
        ".a-v0",
    ],
)
def test_names_that_minari_or_the_disk_would_not_take_are_refused(kitchen: Path, shelf: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"NAME: must be \[NAMESPACE/\]NAME-vNUMBER, found"):
        export(kitchen, name)
    assert not shelf.exists()


def test_an_altered_capture_is_refused(kitchen: Path, shelf: Path) -> None:
    (kitchen / next(iter(npz_files(kitchen)))).write_bytes(b"no array")
    with pytest.raises(SampleError):
        export(kitchen, "kitchen-v0")
    assert not shelf.exists()


def test_a_capture_of_the_predecessor_is_refused(tmp_path: Path) -> None:
    write_old_capture(tmp_path)
    with pytest.raises(SampleError, match="lacks what a dataset has to tell, such as how lives ended"):
        export(tmp_path, "old-v0")


def test_lives_that_are_told_other_things_are_refused_by_name(tmp_path: Path) -> None:
    """To ben the first event is a dance."""
    with staged(tmp_path / "day", "day") as stage:
        writer = CaptureWriter(stage, "day")
        writer.begin(a_metadata(), CONFIG, ACTIONS, FEATURES, ())  # type: ignore[arg-type]
        for agent, event in (("anna", "invalid_action"), ("ben", "dance")):
            meta = a_meta(agent_id=agent, slot=agent, event_names=(event, "chat_success"))
            writer.add(meta, [whole(name, array) for name, array in a_sample().arrays().items()])
        stage.commit(writer.finish())
    with pytest.raises(SampleError, match=r"day_ben_002\.json: event_names: is not the same as in the first sample"):
        export(tmp_path / "day", "day-v0")
    assert list(minari.list_local_datasets()) == []


@pytest.mark.parametrize("missing", ["minari", "h5py"])
def test_without_minari_it_is_told_what_to_install(
    kitchen: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InputError) as caught:
        export(kitchen, "kitchen-v0")
    assert str(caught.value) == (
        f"--to minari: needs {missing}, which is not installed\nhint: pip install 'townlet[minari]'"
    )
