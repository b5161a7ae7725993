"""Repairing: what is whole is kept, what is missing is told, and what is sound is left alone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.samples.captures import contents, write_capture
from tests.samples.killing import kills
from tests.samples.test_seal import repack
from townlet_core.errors import SampleError
from townlet_core.samples.kept import RepairReport
from townlet_core.samples.manifest import Manifest, read_manifest
from townlet_core.samples.repair import repair
from townlet_core.samples.seal import read_seal
from townlet_core.samples.verify import examine

AGENTS = ("anna", "ben", "cara")
ALTERED = np.array([0.25, -1.0, 0.75], np.float32)


def agents_in(folder: Path) -> tuple[str, ...]:
    return tuple(str(entry.agent_id) for entry in read_manifest(folder / "day_manifest.json").samples)


def check_repaired(folder: Path, report: RepairReport) -> None:
    """Check that a repaired capture is sound, says what is missing, and is left alone by another repair."""
    assert examine(folder).problems == ()
    manifest = read_manifest(folder / "day_manifest.json")
    assert isinstance(manifest, Manifest)
    told = manifest.metadata.repair.missing if manifest.metadata.repair is not None else ()
    assert told == report.missing
    before = contents(folder)
    assert repair(folder).outcome == "sound"
    assert contents(folder) == before


def test_a_sound_capture_is_left_alone(tmp_path: Path) -> None:
    write_capture(tmp_path, agents=AGENTS)
    before = contents(tmp_path)
    assert repair(tmp_path).outcome == "sound"
    assert contents(tmp_path) == before


def test_a_capture_that_is_killed_at_any_step_keeps_its_whole_lives(tmp_path: Path) -> None:
    template, folder, whole = (tmp_path / name for name in ("template", "folder", "whole"))
    template.mkdir()
    write_capture(whole, agents=AGENTS)
    kept: list[tuple[str, ...]] = []
    outcomes: list[str] = []
    for _ in kills(template, folder, lambda: write_capture(folder, agents=AGENTS)):
        try:
            report = repair(folder)
        except SampleError as error:
            told = str(error)
            kept.append(())
            assert "had written a life" in told or "holds no capture, and nothing" in told
            assert not any(folder.iterdir())
            continue
        check_repaired(folder, report)
        kept.append(agents_in(folder))
        outcomes.append(report.outcome)
        assert bool(report.missing) == (report.outcome == "partial")
        for name in (name for name in contents(folder) if name.endswith(".npz")):
            assert (folder / name).read_bytes() == (whole / name).read_bytes()
    assert kept == sorted(kept, key=len)  # the later it was killed, the more is kept
    assert set(kept) == {(), ("anna",), ("anna", "ben"), AGENTS}
    # Once the metrics are begun all lives are known to be written; at last it is in place, and there is nothing to do.
    assert outcomes == sorted(outcomes, key=["partial", "finished", "sound"].index)
    assert set(outcomes) == {"partial", "finished", "sound"}


def test_an_earlier_capture_is_never_replaced_by_a_part_of_a_later_one(tmp_path: Path) -> None:
    template, folder = tmp_path / "template", tmp_path / "folder"
    write_capture(template)
    earlier = contents(template)
    seen = set()
    for _ in kills(template, folder, lambda: write_capture(folder, agents=AGENTS, force=True, mood=0.75)):
        try:
            outcome: str = repair(folder).outcome
        except SampleError as error:
            outcome = error.problem.split(",")[-1].strip()
            assert {name: data for name, data in contents(folder).items() if not name.startswith(".")} == earlier
        else:
            assert examine(folder).problems == ()
            assert agents_in(folder) == (("anna",) if contents(folder) == earlier else AGENTS)
            assert not any(name.startswith(".") for name in os.listdir(folder))
        seen.add(outcome)
    assert seen == {"sound", "and an earlier capture is in their place", "finished"}


def test_a_repair_that_is_killed_is_repaired_by_the_next(tmp_path: Path) -> None:
    template, half, folder = (tmp_path / name for name in ("template", "half", "folder"))
    template.mkdir()
    steps = iter(kills(template, half, lambda: write_capture(half, agents=AGENTS)))
    while len([*half.rglob("*.npz")]) != 2:  # ben's life is being written
        next(steps)
    count = 0
    for _ in kills(half, folder, lambda: repair(folder)):
        count += 1
        report = repair(folder)
        assert report.outcome in ("partial", "finished", "sound")
        assert examine(folder).problems == ()
        assert agents_in(folder)[0] == "anna"
        assert not any(name.startswith(".") for name in os.listdir(folder))
    assert count > 10


def test_what_was_not_written_is_named(tmp_path: Path) -> None:
    stage = tmp_path / ".townlet-stage-x"
    write_capture(tmp_path / "whole", agents=AGENTS)
    (stage / "new").mkdir(parents=True)
    for name in ("day_anna_001.npz", "day_anna_001.json", "day_ben_002.npz"):
        os.rename(tmp_path / "whole" / name, stage / "new" / name)
    manifest = json.loads((tmp_path / "whole" / "day_manifest.json").read_text())
    seal = read_seal(tmp_path / "whole" / "day_seal.json").model_dump(mode="json")
    about = {"prefix": "day", "metadata": manifest["metadata"] | {"ticks": 9}, "slots": AGENTS}
    about |= {key: seal[key] for key in ("config", "versions", "commit")}
    about |= {"actions": ["wait", "move north", "request fridge"]}
    about |= {"features": ["need_hunger", "lateness_counter", "rivalry_max", "rivalry_avoid_count"]}
    (stage / "about.json").write_text(json.dumps(about))
    for path in (tmp_path / "whole").iterdir():
        path.unlink()
    (tmp_path / "whole").rmdir()
    report = repair(tmp_path)
    assert [f"{each.what}: {each.why}" for each in report.missing] == [
        "day_ben_002.npz: was being written: cannot be read: no such file or directory",
        "lives of anna after anna: not written when it was killed, if there were any",  # hers ends at tick 3 of 9
        "all lives of ben: not written when it was killed, if there were any",
        "all lives of cara: not written when it was killed, if there were any",
    ]
    check_repaired(tmp_path, report)
    assert [note for note in examine(tmp_path).notes if note.startswith("missing: ")] == [
        f"missing: {each.what}: {each.why}" for each in report.missing
    ]


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        pytest.param(
            lambda at: (at / "day_ben_002.npz").write_bytes(b"PK"), "damaged: file is not a zip file", id="torn"
        ),
        pytest.param(lambda at: (at / "day_ben_002.json").unlink(), "day_ben_002.json is missing", id="no meta file"),
        pytest.param(
            lambda at: repack(at / "day_ben_002.npz", old_log_probs=np.array([0, 0, -1], np.float32)),
            "the arrays give -0.3333333333333333",
            id="altered",
        ),
        pytest.param(
            lambda at: repack(at / "day_ben_002.npz", last_map=np.array([[[5, 5]]], np.float32)),
            "was altered",
            id="altered where no metric tells",
        ),
    ],
)
def test_a_damaged_life_is_set_aside_and_the_others_are_kept(
    tmp_path: Path, damage: Callable[[Path], object], why: str
) -> None:
    write_capture(tmp_path, agents=AGENTS)
    damage(tmp_path)
    before = contents(tmp_path)
    report = repair(tmp_path)
    assert (report.outcome, report.samples, agents_in(tmp_path)) == ("partial", 2, ("anna", "cara"))
    (missing,) = report.missing
    assert (missing.what, why in missing.why or missing.why) == ("day_ben_002.npz", True)
    for name in report.set_aside:
        assert (tmp_path / name).read_bytes() == before[name.removesuffix(".damaged")]
    assert (tmp_path / "day_anna_001.npz").read_bytes() == before["day_anna_001.npz"]
    check_repaired(tmp_path, report)


@pytest.mark.parametrize("lost", ["manifest", "metrics"])
@pytest.mark.parametrize("how", [Path.unlink, lambda path: path.write_text("{}")], ids=["lost", "altered"])
def test_what_the_lives_and_the_seal_tell_is_written_anew(
    tmp_path: Path, lost: str, how: Callable[[Path], object]
) -> None:
    write_capture(tmp_path, agents=AGENTS)
    before = json.loads((tmp_path / f"day_{lost}.json").read_text())
    how(tmp_path / f"day_{lost}.json")
    report = repair(tmp_path)
    assert (report.outcome, report.rebuilt, report.missing) == ("rebuilt", (f"day_{lost}.json",), ())
    now = json.loads((tmp_path / f"day_{lost}.json").read_text())
    assert now["samples"] == before["samples"]
    different = {key for key in now["metadata"] if now["metadata"][key] != before["metadata"].get(key)}
    # Of the manifest only the seal is left: the path of the configuration, its words and the time are not in it.
    assert different <= {"repair", "config_path", "scenario_description", "capture_timestamp", "tool_version"}
    check_repaired(tmp_path, report)


def test_a_second_repair_remembers_what_the_first_has_found_missing(tmp_path: Path) -> None:
    write_capture(tmp_path, agents=AGENTS)
    for name in ("day_ben_002.npz", "day_cara_003.npz"):
        (tmp_path / name).unlink()
        repair(tmp_path)
    manifest = read_manifest(tmp_path / "day_manifest.json")
    assert isinstance(manifest, Manifest)
    assert manifest.metadata.repair is not None
    assert [each.what for each in manifest.metadata.repair.missing] == ["day_ben_002.npz", "day_cara_003.npz"]
