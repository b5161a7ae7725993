"""A capture from beginning to end: what stands in the files is what happened in the town."""

from __future__ import annotations

import os
import re
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.rollout.kitchens import npz_files, sample, take
from townlet_core.config.load import config_hash, load_town
from townlet_core.errors import InputError, UsageError
from townlet_core.policy.decision import find_policy
from townlet_core.rollout.capture import capture
from townlet_core.rollout.collect import collect
from townlet_core.rollout.request import CaptureRequest
from townlet_core.samples.manifest import Manifest, read_manifest
from townlet_core.samples.metrics import columns_of, measure, read_metrics
from townlet_core.samples.sample import Meta, read_meta, read_sample
from townlet_core.samples.seal import read_seal, verify
from townlet_core.world.town import compile_town
from townlet_core.world.view import planes


def test_each_life_is_a_sample_cut_where_it_begins_and_ends(kitchen: Path) -> None:
    report = take(kitchen)
    out = kitchen.parent / "out"
    first = {life.agent: (life.sample, life.ticks) for life in report.samples}
    assert list(first)[:4] == ["anna", "ben", "cara", "cara.2"]
    assert first["anna"] == ("rollout_sample_anna_001.npz", 60)
    assert first["cara"] == ("rollout_sample_cara_003.npz", 10)  # ten ticks at the bottom, and she faints
    cara, next_one, dora = (
        sample(out, "cara_003"),
        sample(out, "cara.2_004"),
        sample(out, report.samples[-1].sample[15:-4]),
    )
    assert isinstance(cara.meta, Meta)
    assert isinstance(next_one.meta, Meta)
    assert cara.terminated.tolist() == [False] * 9 + [True]
    assert not cara.truncated.any()
    assert cara.events.sum(axis=0)[cara.meta.event_names.index("faint")] == 1
    assert (next_one.meta.slot, next_one.meta.life, next_one.meta.embedding_slot) == ("cara", 2, 2)
    assert next_one.meta.first_tick >= 15  # five ticks after her
    assert isinstance(dora.meta, Meta)
    assert (dora.meta.first_tick, dora.meta.timesteps) == (20, 40)
    assert dora.truncated.tolist() == [False] * 39 + [True]
    assert not dora.terminated.any()
    assert dora.dones.tolist() == dora.truncated.tolist()


@pytest.mark.parametrize("variant", ["hybrid", "full", "compact"])
def test_a_sample_holds_what_the_town_showed_and_gave(kitchen: Path, variant: str) -> None:
    options = (f"features.observation={variant}",)
    take(kitchen, overrides=options)
    anna = sample(kitchen.parent / "out", "anna_001")
    town = compile_town(load_town(str(kitchen), options))
    (frames,) = collect(town, worlds=1, seed=3, policy=find_policy("scripted"), ticks=60, chunk_ticks=60)
    assert isinstance(anna.meta, Meta)
    assert anna.meta.map_shape == town.map_shape
    np.testing.assert_array_equal(anna.map, planes(frames.tiles[:60, 0, 0], town.map_shape))
    np.testing.assert_array_equal(anna.features, frames.features[:60, 0, 0])
    np.testing.assert_array_equal(anna.action_mask, frames.action_mask[:60, 0, 0] != 0)
    np.testing.assert_array_equal(anna.actions, frames.actions[:, 0, 0])
    np.testing.assert_array_equal(anna.rewards, frames.rewards[:, 0, 0])
    np.testing.assert_array_equal(anna.reward_terms, frames.terms[:, 0, 0])
    np.testing.assert_array_equal(anna.events, frames.events[:, 0, 0])
    np.testing.assert_array_equal(anna.last_features, frames.end_features[0, frames.end_row[59, 0, 0]])
    np.testing.assert_array_equal(anna.last_map, planes(frames.end_tiles[0, frames.end_row[59, 0, 0]], town.map_shape))
    np.testing.assert_array_equal(anna.value_preds, np.zeros(61))
    assert anna.action_mask[np.arange(60), anna.actions].all()


def test_the_policy_and_its_log_probabilities_are_told(kitchen: Path) -> None:
    take(kitchen)
    take(kitchen, "random", policy="random")
    scripted, random = (sample(kitchen.parent / folder, "anna_001") for folder in ("out", "random"))
    assert isinstance(scripted.meta, Meta)
    assert isinstance(random.meta, Meta)
    assert (scripted.meta.policy.kind, scripted.meta.policy.log_probs) == ("deterministic", "deterministic")
    assert (random.meta.policy.kind, random.meta.policy.log_probs) == ("stochastic", "true")
    assert not scripted.old_log_probs.any()
    allowed = random.action_mask.sum(axis=1)
    np.testing.assert_allclose(random.old_log_probs, -np.log(allowed), rtol=1e-6)


def test_noise_takes_a_share_of_the_decisions_and_the_log_probabilities_say_so(kitchen: Path) -> None:
    """Chance takes 0.3 of them: the script's own choice of n has 0.7 + 0.3 / n, any other 0.3 / n."""
    take(kitchen, noise=0.3, worlds=8)
    others = 0
    for world in range(8):
        anna = sample(kitchen.parent / "out", f"w{world}_anna_001")
        assert isinstance(anna.meta, Meta)
        assert (anna.meta.policy.name, anna.meta.policy.kind) == ("scripted+0.3", "stochastic")
        assert anna.meta.policy.log_probs == "true"
        assert anna.action_mask[np.arange(60), anna.actions].all()
        share = 0.3 / anna.action_mask.sum(axis=1)
        own = np.isclose(np.exp(anna.old_log_probs), 0.7 + share)
        assert np.isclose(np.exp(anna.old_log_probs[~own]), share[~own]).all()
        others += int((~own).sum())
    # of 480 decisions 144 are chance's, and most of those are not what the script would have done
    assert 60 < others < 160


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"noise": 1.5}, "--noise: must be a number from 0 to 1, found 1.5", id="more than all"),
        pytest.param({"noise": float("nan")}, "--noise: must be a number from 0 to 1, found nan", id="no number"),
        pytest.param({"noise": 0.1, "policy": "random"}, "--noise: has no effect on the policy random", id="random"),
    ],
)
def test_noise_that_makes_no_sense_is_refused(kitchen: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        take(kitchen, **options)


def test_manifest_metrics_and_seal_say_what_the_report_says(kitchen: Path) -> None:
    report = take(kitchen, seed=8)
    manifest, seal = read_manifest(Path(report.manifest)), read_seal(Path(report.seal))
    assert isinstance(manifest, Manifest)
    assert verify(kitchen.parent / "out") == []
    assert [(life.sample, life.agent, life.ticks) for life in report.samples] == [
        (entry.sample, entry.agent_id, entry.frame_count) for entry in manifest.samples
    ]
    assert {life.sample: life.metrics for life in report.samples} == read_metrics(Path(report.metrics)).samples
    assert (manifest.metadata.seed, seal.seed, report.seed) == (8, 8, 8)
    assert (manifest.metadata.config_id, manifest.metadata.scenario_name) == ("kitchen", "kitchen")
    assert report.config_hash == seal.config_hash == config_hash(load_town(str(kitchen)))
    for entry in manifest.samples:
        meta = read_meta(kitchen.parent / "out" / entry.meta)
        found = read_sample(kitchen.parent / "out" / entry.sample, meta)
        assert measure(columns_of(found), meta) == meta.metrics
    assert report.agent_steps == sum(life.ticks for life in report.samples)


def test_the_same_command_gives_the_same_bytes(kitchen: Path) -> None:
    for folder in ("once", "twice"):
        take(kitchen, folder)
    take(kitchen, "threads", worlds=3, threads=2)
    take(kitchen, "thread", worlds=3)
    once, twice, threads, thread = (kitchen.parent / folder for folder in ("once", "twice", "threads", "thread"))
    assert npz_files(once) == npz_files(twice)
    assert npz_files(threads) == npz_files(thread)
    for name in ("rollout_sample_anna_001.json", "rollout_sample_metrics.json"):
        assert (once / name).read_bytes() == (twice / name).read_bytes()


def test_a_world_is_the_same_among_few_and_among_many(kitchen: Path) -> None:
    take(kitchen, "few", worlds=2)
    take(kitchen, "many", worlds=5)
    few, many = npz_files(kitchen.parent / "few"), npz_files(kitchen.parent / "many")
    assert few.items() <= many.items()
    assert "rollout_sample_w1_anna_001.npz" in few
    assert len({many[f"rollout_sample_w{world}_ben_002.npz"] for world in range(5)}) > 1


def test_one_agent_gives_all_its_lives_as_they_are_among_the_others(kitchen: Path) -> None:
    take(kitchen, "all")
    report = take(kitchen, "cara", agents=("cara",))
    assert report.agents == ("cara",)
    assert [life.sample for life in report.samples][:2] == [
        "rollout_sample_cara_001.npz",
        "rollout_sample_cara.2_002.npz",
    ]
    everybody, alone = npz_files(kitchen.parent / "all"), npz_files(kitchen.parent / "cara")
    assert alone["rollout_sample_cara.2_002.npz"] == everybody["rollout_sample_cara.2_004.npz"]
    assert sample(kitchen.parent / "cara", "cara_001").meta.embedding_slot == 2


def test_several_agents_can_be_kept_in_the_order_of_the_town(kitchen: Path) -> None:
    report = take(kitchen, agents=("ben", "anna", "ben"), ticks=10)
    assert report.agents == ("anna", "ben")
    assert [life.agent for life in report.samples] == ["anna", "ben"]


def test_compression_changes_the_files_and_not_the_arrays(kitchen: Path) -> None:
    take(kitchen, "plain")
    take(kitchen, "packed", compress=True)
    plain, packed = (kitchen.parent / folder for folder in ("plain", "packed"))
    assert (
        read_seal(plain / "rollout_sample_seal.json").samples == read_seal(packed / "rollout_sample_seal.json").samples
    )
    sizes = [sum(map(len, npz_files(folder).values())) for folder in (packed, plain)]
    assert sizes[0] < sizes[1] / 10


def test_ticks_given_win_over_those_of_the_scenario(kitchen: Path) -> None:
    report = take(kitchen, ticks=30)
    assert report.notes[0] == "--ticks 30 wins over the 60 ticks of the scenario"
    assert report.samples[0].ticks == 30
    anna = sample(kitchen.parent / "out", "anna_001")
    progress = anna.features[:, anna.meta.feature_names.index("episode_progress")]
    np.testing.assert_allclose(progress, np.arange(30) / 30, rtol=1e-6)
    assert not [note for note in take(kitchen, "same", ticks=60).notes if "--ticks" in note or "over before" in note]


def test_what_comes_too_late_for_fewer_ticks_is_named(kitchen: Path) -> None:
    plans = (
        "perturbations=[{kind: water_outage, at_tick: 9, duration_ticks: 5}, "
        "{kind: power_outage, at_tick: 10, duration_ticks: 5}]",
        "agents.1.schedule={from_tick: 55, steps: [{do: wait, ticks: 1}]}",
    )
    report = take(kitchen, ticks=10, overrides=plans)
    late = "the power_outage (tick 10), the arrival of dora (tick 20), the schedule of ben (tick 55)"
    assert f"it is over before {late}" in report.notes


def test_what_the_scripted_policy_never_does_is_a_note_and_of_another_a_warning(kitchen: Path) -> None:
    scripted, random = take(kitchen, ticks=2), take(kitchen, "random", ticks=2, policy="random")
    (habit,) = [note for note in scripted.notes if "never used" in note]
    assert habit.startswith("scripted: never used, though allowed at times: ")
    assert "unused_actions" not in {warning.kind for warning in scripted.warnings}
    assert not [note for note in random.notes if "never used" in note]
    assert "unused_actions" in {warning.kind for warning in random.warnings}


def test_a_path_that_is_no_text_is_written_with_escapes(kitchen: Path) -> None:
    odd = kitchen.rename(os.fsdecode(os.fsencode(kitchen.with_name("k")) + b"\xff.yaml"))
    report = take(odd, os.fsdecode(b"out\xfe"))
    assert report.directory == f"{kitchen.parent}/out\\xfe"
    manifest = read_manifest(kitchen.parent / os.fsdecode(b"out\xfe") / "rollout_sample_manifest.json")
    assert isinstance(manifest, Manifest)
    assert (manifest.metadata.config_path, manifest.metadata.config_id) == (f"{kitchen.parent}/k\\xff.yaml", "k\\xff")


def test_memory_does_not_grow_with_the_capture(kitchen: Path) -> None:
    """The maps alone of 20,000 ticks are 40 MB an agent; no more than 2 MB of them are held at a time."""
    take(kitchen, "warm")
    tracemalloc.start()
    report = take(kitchen, "long", ticks=20_000, overrides=("features.lifecycle=false",))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report.agent_steps > 60_000
    assert peak < 30 * 2**20


def test_progress_rises_to_the_end(kitchen: Path) -> None:
    seen: list[tuple[int, int]] = []
    capture(
        CaptureRequest(str(kitchen), kitchen.parent / "out"), on_progress=lambda done, total: seen.append((done, total))
    )
    assert seen == sorted(seen)
    assert len({total for _, total in seen}) == 1
    assert seen[-1][0] == seen[-1][1]


def test_alice_and_bob_are_placed_on_demand_and_the_seal_says_where(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text("name: empty\nscenario: {ticks: 20}\nmap: {width: 9, height: 9}\n")
    with pytest.raises(InputError) as caught:
        take(path)
    assert str(caught.value) == (
        f"{path}: nobody lives in this town, so there is nothing to capture\n"
        "hint: list some under agents, or give --auto-seed-agents"
    )
    report = take(path, auto_seed_agents=True)
    assert report.notes[0] == "nobody lives in this town: alice and bob were placed in it"
    assert [life.agent for life in report.samples] == ["alice", "bob"]
    scenario = read_seal(Path(report.seal)).config["scenario"]
    assert isinstance(scenario, dict)
    assert [agent["id"] for agent in scenario["agents"]] == ["alice", "bob"]  # type: ignore[union-attr, index, call-overload]


def test_alice_and_bob_do_not_come_where_somebody_lives(kitchen: Path) -> None:
    assert take(kitchen, auto_seed_agents=True).agents == ("anna", "ben", "cara", "dora")


def test_a_sleepy_town_is_warned_of(kitchen: Path) -> None:
    asleep = tuple(f"agents.{number}.schedule={{steps: [{{do: wait, ticks: 100}}]}}" for number in (0, 1, 3))
    report = take(kitchen, overrides=("features.lifecycle=false", *asleep))
    kinds = {warning.kind: warning for warning in report.warnings}
    assert len(kinds["only_waits"].names) == 4
    assert "no_events" in kinds
