"""`townlet rollout capture --policy CHECKPOINT`: a learned policy acts, and what it says of itself is true."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.ppo.runs import run, townlet, write_kitchen
from tests.rollout.kitchens import KITCHEN
from townlet_core.config.load import load_town
from townlet_core.policy.learned import LearnedPolicy, load_policy
from townlet_core.policy.network import log_policy, penalty_of
from townlet_core.samples.manifest import Manifest, read_manifest
from townlet_core.samples.sample import Meta, Sample, read_meta, read_sample
from townlet_core.samples.seal import read_seal, verify
from townlet_core.world.town import compile_town

MANIFEST, SEAL = "rollout_sample_manifest.json", "rollout_sample_seal.json"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a kitchen and checkpoints of a policy for it, which is by now far from uniform."""
    base = tmp_path_factory.mktemp("trained")
    steep = ("ppo.learning_rate=0.1", "ppo.anneal=none", "ppo.max_grad_norm=null", "ppo.entropy_coef=0.0")
    run(write_kitchen(base), epochs=6, save_every=3, checkpoint_dir=base / "runs", also=steep)
    return base


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def capture(trained: Path, output: str, *words: str) -> Path:
    """Have the policy captured; give the folder."""
    code = townlet("rollout", "capture", trained / "kitchen.yaml", "--policy", trained / "runs", "-o", output, *words)
    assert code == 0
    return Path(output)


def samples_of(folder: Path) -> dict[str, Sample]:
    found = {}
    for entry in read_manifest(folder / MANIFEST).samples:
        sample = read_sample(folder / entry.sample, read_meta(folder / entry.meta))
        assert isinstance(sample, Sample)
        found[entry.sample] = sample
    return found


def policy_of(trained: Path) -> LearnedPolicy:
    return load_policy(trained / "runs", compile_town(load_town(str(trained / "kitchen.yaml"))))


@torch.no_grad()
def test_log_probabilities_and_values_are_those_that_the_network_gives_for_what_was_seen(trained: Path) -> None:
    network = policy_of(trained).network
    spread = 0.0
    for sample in samples_of(capture(trained, "out", "--worlds", "2")).values():
        steps = len(sample.actions)
        seen = np.concatenate([sample.map, sample.last_map[None]]).reshape(steps + 1, -1)
        features = np.concatenate([sample.features, sample.last_features[None]])
        logits, values = network(torch.from_numpy(seen), torch.from_numpy(features))
        log_probs = log_policy(logits[:-1], penalty_of(torch.from_numpy(sample.action_mask)))
        chosen = log_probs[torch.arange(steps), torch.from_numpy(sample.actions)].numpy()
        assert sample.old_log_probs == pytest.approx(chosen, abs=1e-5)
        assert sample.value_preds == pytest.approx(values.numpy(), rel=1e-5, abs=1e-5)
        assert sample.action_mask[np.arange(steps), sample.actions].all()
        uniform = -np.log(sample.action_mask.sum(1))
        spread = max(spread, float(np.abs(chosen - uniform).max()))
    assert spread > 0.5, "a policy that is not that of a beginner"


def test_a_capture_names_the_policy_and_the_hash_of_its_weights(trained: Path) -> None:
    acting = policy_of(trained)
    folder = capture(trained, "out")
    manifest, seal = read_manifest(folder / MANIFEST), read_seal(folder / SEAL)
    assert isinstance(manifest, Manifest)
    assert manifest.metadata.policy_hash == seal.policy_hash == acting.policy_hash
    notes = {manifest.metadata.policy, seal.policy}
    for sample in samples_of(folder).values():
        assert isinstance(sample.meta, Meta)
        notes.add(sample.meta.policy)
    assert [(note.name, note.kind, note.log_probs) for note in notes] == [(acting.name, "learned", "true")]
    assert verify(folder) == []


def test_the_newest_checkpoint_acts_unless_another_is_named(trained: Path) -> None:
    hashes = {}
    for place in ("runs", "runs/epoch_000006", "runs/epoch_000003"):
        words = ("rollout", "capture", trained / "kitchen.yaml", "--policy", trained / place, "-o", place, "-t", "5")
        assert townlet(*words) == 0
        hashes[place] = read_seal(Path(place) / SEAL).policy_hash
    assert hashes["runs"] == hashes["runs/epoch_000006"] != hashes["runs/epoch_000003"]


def test_a_world_is_the_same_alone_and_among_others_on_any_number_of_threads(trained: Path) -> None:
    """World 0 of one and of three."""
    alone = samples_of(capture(trained, "alone"))
    among = samples_of(capture(trained, "among", "--worlds", "3", "--threads", "2"))
    assert len(alone) == len([name for name in among if "_w0_" in name]) > 3
    for name, sample in alone.items():
        other = among[name.replace("sample_", "sample_w0_")]
        for array in ("map", "features", "action_mask", "actions", "rewards", "events", "dones", "last_features"):
            assert np.array_equal(getattr(sample, array), getattr(other, array)), (name, array)
        assert sample.old_log_probs == pytest.approx(other.old_log_probs, abs=1e-5)
        assert sample.value_preds == pytest.approx(other.value_preds, rel=1e-5, abs=1e-5)
    worlds = [among[f"rollout_sample_w{world}_anna_001.npz"].actions for world in range(3)]
    assert not np.array_equal(worlds[0], worlds[1])
    assert not np.array_equal(worlds[1], worlds[2])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(
            "S: shower", "S: stove",
            "action 8 is 'request shower' in the policy and 'request stove' in the town\n", id="action",
        ),
        pytest.param(
            "seed: 3", "features: {observation: full}",
            "map channel 4 is missing in the policy and 'walls' in the town\n", id="channel",
        ),
        pytest.param(
            "seed: 3", "features: {observation: compact}",
            "feature 62 is 'social_slot0_d0' in the policy and missing in the town\n", id="feature",
        ),
    ],
)  # fmt: skip
def test_a_policy_of_another_town_is_refused_by_the_first_difference(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, said: str
) -> None:
    (tmp_path / "other.yaml").write_text(KITCHEN.replace(old, new))
    assert townlet("rollout", "capture", "other.yaml", "--policy", trained / "runs", "-o", "out") == 3
    told = capsys.readouterr()
    assert told.err.startswith(f"error: {trained / 'runs'}: does not fit the town kitchen: {said}")
    assert (told.out, [path.name for path in tmp_path.iterdir()]) == ("", ["other.yaml"])


@pytest.mark.parametrize(
    ("policy", "code", "said"),
    [
        ("odd/", 3, "odd: no such folder\n"),
        (".", 3, ".: holds no checkpoint\n"),
        ("odd", 2, "--policy: unknown policy 'odd'\nhint: known are scripted, random, or give the folder of a checkp"),
    ],
)
def test_a_policy_that_is_none_is_refused(
    trained: Path, capsys: pytest.CaptureFixture[str], policy: str, code: int, said: str
) -> None:
    assert townlet("rollout", "capture", trained / "kitchen.yaml", "--policy", policy, "-o", "out") == code
    assert capsys.readouterr().err.startswith(f"error: {said}")


def test_it_is_captured_again_the_same_by_the_checkpoint_that_acted_and_by_no_other(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = capture(trained, "out")
    capsys.readouterr()
    assert townlet("rollout", "verify", folder, "--recapture", "--policy", trained / "runs") == 0
    assert " hashes the same when captured again" in capsys.readouterr().out
    other = trained / "runs" / "epoch_000003"
    assert townlet("rollout", "verify", folder, "--recapture", "--policy", other) == 2
    assert "those of the policy that acted have" in capsys.readouterr().err
