"""What --resume keeps: captures that are whole, and made from what they would be made from now."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.ppo.runs import run as train
from tests.ppo.runs import write_kitchen
from tests.rollout.kitchens import KITCHEN, npz_files, take
from tests.rollout.suites import LONG, Listener, kill_once, run, statuses, write_broken, write_field
from townlet_core.rollout.workers import LocalWorkers
from townlet_core.samples.seal import verify
from townlet_core.samples.suite_report import SuiteEntry

SAMPLE, SEAL, MANIFEST = (f"rollout_sample_{end}" for end in ("anna_001.npz", "seal.json", "manifest.json"))
ANEW = "made anew: "


@pytest.fixture
def kitchen(tmp_path: Path) -> str:
    (tmp_path / "kitchen.yaml").write_text(KITCHEN)
    return str(tmp_path / "kitchen.yaml")


def resumed(workers: LocalWorkers, kitchen: str, **options: Any) -> SuiteEntry:
    return run(workers, Path(kitchen).parent / "suite", kitchen, resume=True, **options)["kitchen"]


def edit_seal(**changes: Any) -> Callable[[Path], None]:
    """Make what writes something else into a seal."""

    def edit(folder: Path) -> None:
        seal = json.loads((folder / SEAL).read_text())
        seal.update({key: seal[key] | value if isinstance(value, dict) else value for key, value in changes.items()})
        (folder / SEAL).write_text(json.dumps(seal))

    return edit


def alter_a_byte(folder: Path) -> None:
    data = bytearray((folder / SAMPLE).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / SAMPLE).write_bytes(data)


def test_what_is_whole_and_the_same_is_kept_and_the_rest_is_made(
    two: LocalWorkers, tmp_path: Path, kitchen: str
) -> None:
    root, broken = tmp_path / "suite", write_broken(tmp_path)
    first = run(two, root, kitchen, broken)
    assert statuses(first) == {"kitchen": "captured", "broken": "failed"}
    times = {path.name: path.stat().st_mtime_ns for path in (root / "kitchen").iterdir()}
    again = run(two, root, kitchen, write_field(tmp_path, "broken"), resume=True)
    assert statuses(again) == {"kitchen": "kept", "broken": "captured"}
    assert {path.name: path.stat().st_mtime_ns for path in (root / "kitchen").iterdir()} == times
    same = ("scenario", "seed", "agents", "ticks", "samples", "agent_steps", "config_hash")
    assert [getattr(again["kitchen"], name) for name in same] == [getattr(first["kitchen"], name) for name in same]
    assert (again["kitchen"].reason, again["broken"].reason) == (None, None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(alter_a_byte, f"{SAMPLE}: ", id="a byte of a sample"),
        pytest.param(lambda folder: (folder / SAMPLE).unlink(), f"{MANIFEST}: {SAMPLE} is missing", id="no sample"),
        pytest.param(lambda folder: (folder / SEAL).unlink(), f"{SEAL}: cannot be read: ", id="no seal"),
        pytest.param(lambda folder: (folder / SEAL).write_text("{}"), f"{SEAL}: ", id="empty seal"),
        pytest.param(edit_seal(versions={"townlet": "0.0.1"}), "its version of Townlet is 0.0.1, now ", id="version"),
        pytest.param(lambda folder: (folder / MANIFEST).unlink(), "its manifest is missing", id="no manifest"),
        pytest.param(lambda folder: (folder / MANIFEST).write_text("{"), f"{MANIFEST}:1:2: not", id="torn manifest"),
        pytest.param(edit_seal(policy_hash="a" * 64), "its policy is aaaaaaaaaaaa, now None", id="policy hash"),
    ],
)
def test_what_is_not_whole_or_comes_from_something_else_is_made_anew(
    two: LocalWorkers, kitchen: str, change: Callable[[Path], None], reason: str
) -> None:
    folder = Path(kitchen).parent / "suite" / "kitchen"
    run(two, folder.parent, kitchen)
    change(folder)
    entry = resumed(two, kitchen)
    assert entry.status == "captured"
    assert str(entry.reason).startswith(ANEW + reason), entry.reason
    assert verify(folder) == []
    assert resumed(two, kitchen).status == "kept"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"commit": "0" * 40}, r"made with commit 000000000000, now \S+", id="commit"),
        pytest.param({"commit": None}, r"made with commit unknown, now \S+", id="no commit"),
        pytest.param({"versions": {"numpy": "1.0"}}, r"made with numpy 1\.0, now \S+", id="numpy"),
        pytest.param(
            {"commit": "0" * 40, "versions": {"python": "3.9.1"}},
            r"made with commit 000000000000, now \S+; python 3\.9\.1, now \S+",
            id="both",
        ),
    ],
)
def test_another_commit_or_library_is_no_reason_to_make_it_anew_and_is_told(
    two: LocalWorkers, kitchen: str, change: dict[str, Any], reason: str
) -> None:
    folder = Path(kitchen).parent / "suite" / "kitchen"
    run(two, folder.parent, kitchen)
    edit_seal(**change)(folder)
    entry = resumed(two, kitchen)
    assert entry.status == "kept"
    assert re.fullmatch(reason, str(entry.reason)), entry.reason


def test_what_is_made_anew_for_its_lost_manifest_takes_nothing_else_with_it(two: LocalWorkers, kitchen: str) -> None:
    """Without a seal that names them, files with names of the capture may be anybody's."""
    folder = Path(kitchen).parent / "suite" / "kitchen"
    run(two, folder.parent, kitchen)
    (folder / MANIFEST).unlink()
    (folder / "diary.json").write_text("mine")
    (folder / "rollout_sample_carl_009.json").write_text("mine too")
    refused = resumed(two, kitchen)
    assert refused.status == "failed"
    assert "rollout_sample_carl_009.json has a name of this capture and belongs to none" in str(refused.reason)
    (folder / "rollout_sample_carl_009.json").unlink()
    assert resumed(two, kitchen).status == "captured"
    assert (folder / "diary.json").read_text() == "mine"
    (folder / MANIFEST).unlink()
    (folder / SEAL).unlink()
    assert resumed(two, kitchen).status == "failed"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        pytest.param({"ticks": 30}, "its configuration is ", id="ticks"),
        pytest.param({"overrides": ("agents.1.wallet=7",)}, "its configuration is ", id="override"),
        pytest.param({"worlds": 2}, "its number of worlds is 1, now 2", id="worlds"),
        pytest.param({"policy": "random"}, "its policy is scripted, now random", id="policy"),
        pytest.param({"noise": 0.5}, "its policy is scripted, now scripted+0.5", id="noise"),
        pytest.param({"agents": ("anna",)}, "its agents are others", id="agent"),
        pytest.param({"prefix": "day"}, "its files begin with rollout_sample", id="prefix"),
    ],
)
def test_what_would_be_another_capture_now_is_made_anew(
    two: LocalWorkers, kitchen: str, options: dict[str, Any], reason: str
) -> None:
    run(two, Path(kitchen).parent / "suite", kitchen)
    entry = resumed(two, kitchen, **options)
    assert (entry.status, str(entry.reason).startswith(ANEW + reason)) == ("captured", True), entry.reason
    assert resumed(two, kitchen, **options).status == "kept"
    assert resumed(two, kitchen).status == "captured"


def test_another_seed_is_made_anew(two: LocalWorkers, kitchen: str) -> None:
    run(two, Path(kitchen).parent / "suite", kitchen)
    edited = Path(kitchen).read_text().replace("seed: 3", "seed: 4")
    Path(kitchen).write_text(edited)
    assert str(resumed(two, kitchen).reason).startswith("made anew: its configuration is ")


def test_an_agent_who_comes_too_late_is_not_missed(two: LocalWorkers, kitchen: str) -> None:
    """Dora comes at tick 20, so that ten ticks hold no life of hers."""
    run(two, Path(kitchen).parent / "suite", kitchen, ticks=10)
    assert resumed(two, kitchen, ticks=10).status == "kept"


def test_what_a_killed_suite_has_left_half_done_is_cleared_up(tmp_path: Path) -> None:
    long, root = write_field(tmp_path, "long", ticks=LONG), tmp_path / "suite"
    stage = root / "long" / ".townlet-stage-abc"
    for part in ("new", "old", "spool"):
        (stage / part).mkdir(parents=True)
    with LocalWorkers(1) as workers:
        run(workers, root, long, resume=True, listener=Listener(on_advance=kill_once(root, 9)))
    assert not (root / "long").exists()


def test_a_learned_policy_does_the_same_as_alone_and_its_captures_are_kept(tmp_path: Path) -> None:
    kitchen, runs, root = write_kitchen(tmp_path), tmp_path / "runs", tmp_path / "suite"
    train(kitchen, epochs=1, checkpoint_dir=runs)
    with LocalWorkers(2, learned=True) as workers:
        made = run(workers, root, str(kitchen), policy=str(runs), worlds=2)
        kept = run(workers, root, str(kitchen), policy=str(runs), worlds=2, resume=True)
    assert [statuses(made), statuses(kept)] == [{"kitchen": "captured"}, {"kitchen": "kept"}]
    take(kitchen, "alone", policy=str(runs), worlds=2)
    assert npz_files(root / "kitchen") == npz_files(tmp_path / "alone")
