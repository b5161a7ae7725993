"""`townlet rollout verify`, as its users call it: what it shows, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Townlet
from tests.samples.captures import write_capture, write_old_capture
from tests.samples.test_seal import edit


def test_a_sound_capture_is_ok_and_captured_again_the_same(townlet: Townlet, quiet_town: Path) -> None:
    townlet("rollout", "capture", quiet_town, "-o", "quiet")
    done = townlet("rollout", "verify", "quiet", "--recapture")
    # one meta file, metrics, manifest, and fifteen arrays
    assert done.stdout.startswith("quiet: ok: quiet_town, 1 sample, 10 agent-steps, 18 hashes compared, ")
    assert done.stdout.endswith(" taken anew, 18 of 18 hashes the same when captured again\n")
    assert (done.returncode, done.stderr) == (0, "")


def test_one_that_cannot_be_captured_again_does_not_keep_the_others_from_it(
    townlet: Townlet, quiet_town: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        townlet("rollout", "capture", quiet_town, "-o", f"root/{name}")
    learned = {"name": "epoch_7", "kind": "learned", "log_probs": "true"}
    edit(tmp_path / "root" / "a" / "rollout_sample_seal.json", policy=learned)
    done = townlet("rollout", "verify", "root", "--recapture", "--json")
    assert done.returncode == 2
    assert done.stderr.startswith("error: --recapture: the learned policy 'epoch_7' acted\n")
    a, b = json.loads(done.stdout)["captures"]
    assert (a["recaptured"], b["recaptured"]) == (None, 18)


def test_every_problem_is_shown_and_is_a_finding(townlet: Townlet, tmp_path: Path) -> None:
    write_capture(tmp_path / "day", agents=("anna", "ben"))
    (tmp_path / "day" / "day_ben_002.npz").unlink()
    edit(tmp_path / "day" / "day_seal.json", seed=8)
    done = townlet("rollout", "verify", "day")
    assert done.returncode == 1
    problems = [line for line in done.stdout.splitlines() if not line.startswith("hint: ")]
    assert problems[:2] == [
        "day/day_manifest.json: day_ben_002.npz is missing",
        "day/day_seal.json: seed: is 8; day_manifest.json says 7",
    ]
    assert problems[2].startswith("day: 2 problems: kitchen, 2 samples, 3 agent-steps, 34 hashes compared, ")


def test_a_root_with_several_captures_ends_with_the_worst_of_them(townlet: Townlet, tmp_path: Path) -> None:
    write_capture(tmp_path / "root" / "breakfast")
    write_capture(tmp_path / "root" / "queue")
    assert townlet("rollout", "verify", "root").returncode == 0
    (tmp_path / "root" / "queue" / "day_metrics.json").unlink()
    done = townlet("rollout", "verify", "root", "nowhere", "--json")
    assert done.returncode == 3
    assert done.stderr == "error: nowhere: no such folder\n"
    breakfast, queue = json.loads(done.stdout)["captures"]
    assert (breakfast["place"], breakfast["problems"]) == ("root/breakfast", [])
    assert queue["problems"][0]["problem"] == "cannot be read: no such file or directory"
    assert townlet("rollout", "verify", "root").returncode == 1


def test_no_sign_in_a_capture_has_a_terminal_do_anything(townlet: Townlet, tmp_path: Path) -> None:
    """ESC[2J would clear the screen; 0x9b is ESC[ in one sign."""
    write_capture(tmp_path / "day")
    manifest = json.loads((tmp_path / "day" / "day_manifest.json").read_text())
    manifest["metadata"]["scenario_name"] = "\x1b[2Jbath\x9b2J"
    (tmp_path / "day" / "day_manifest.json").write_text(json.dumps(manifest))
    for command in (["verify", "day"], ["show", "day"], ["show", "day", "--json"], ["diff", "day", "day"]):
        done = townlet("rollout", *command)
        assert not {"\x1b", "\x9b"} & set(done.stdout + done.stderr)
    assert "\\u001b[2Jbath\\u009b2J" in townlet("rollout", "show", "day").stdout
    assert json.loads(townlet("rollout", "show", "day", "--json").stdout)["scenario"] == "\x1b[2Jbath\x9b2J"


def test_what_the_predecessor_wrote_is_verified_so_far_as_that_goes(townlet: Townlet, tmp_path: Path) -> None:
    write_old_capture(tmp_path, newer=True)
    (tmp_path / "rollout_sample_metrics.json").write_text('{"rollout_sample_anna_001.npz": {"reward_sum": -0.25}}')
    done = townlet("rollout", "verify", ".")
    assert done.stdout.splitlines() == [
        ".: cannot be verified: that nothing was altered since: there is no seal",
        ".: cannot be verified: that it was made from what its manifest says",
        ".: ok, so far as it can be verified: unknown scenario, 1 sample, 3 agent-steps, 1 metric taken anew",
    ]
    assert done.returncode == 0
    again = townlet("rollout", "verify", ".", "--recapture")
    assert again.returncode == 3
    assert "cannot be captured again: it has no seal" in again.stderr


def test_a_policy_is_only_for_capturing_again(townlet: Townlet, tmp_path: Path) -> None:
    done = townlet("rollout", "verify", ".", "--policy", "runs")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: --policy: is for capturing again")
