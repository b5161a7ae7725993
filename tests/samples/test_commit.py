"""How a capture reaches its folder: whole or not at all, and nothing else in it is touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.disk import longest_file
from tests.samples.captures import contents, write_capture, write_old_capture
from townlet_core.errors import OutputError
from townlet_core.samples.commit import staged
from townlet_core.samples.seal import verify


class Interruption(Exception):
    """What a test breaks a capture off with."""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


DAY = ["day_anna_001.json", "day_anna_001.npz", "day_manifest.json", "day_metrics.json", "day_seal.json"]


def test_a_capture_comes_into_a_folder_made_for_it(tmp_path: Path) -> None:
    write_capture(tmp_path / "new" / "folder")
    assert names(tmp_path / "new" / "folder") == DAY
    assert verify(tmp_path / "new" / "folder") == []


def test_a_capture_comes_into_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_capture(Path("."))
    assert names(tmp_path) == DAY


@pytest.mark.parametrize("error", [Interruption, KeyboardInterrupt])
def test_what_is_broken_off_leaves_no_trace(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "diary.txt").write_text("mine")

    def break_off(target: Path) -> None:
        with staged(target, "day") as stage:
            stage.create("day_anna_001.npz").close()
            (stage.spool / "tiles").write_bytes(b"1")
            raise error

    for target in (tmp_path, tmp_path / "new" / "folder"):
        with pytest.raises(error):
            break_off(target)
    assert names(tmp_path) == ["diary.txt"]


def test_without_a_commit_nothing_comes(tmp_path: Path) -> None:
    with staged(tmp_path / "new", "day") as stage:
        stage.create("day_manifest.json").close()
    assert names(tmp_path) == []


def test_a_used_folder_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    write_capture(tmp_path)
    before = contents(tmp_path)
    for prefix in ("day", "night"):
        with pytest.raises(OutputError) as caught:
            write_capture(tmp_path, prefix)
        assert str(caught.value) == (
            f"{tmp_path}: holds a capture already (day_manifest.json)\n"
            "hint: give --force to replace it, or choose another --output"
        )
    assert contents(tmp_path) == before


def test_force_replaces_the_whole_capture_and_spares_all_else(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    (tmp_path / "day_trip.npz").write_bytes(b"mine too")
    (tmp_path / "web_manifest.json").write_text('{"name": "another program\'s"}')
    write_capture(tmp_path, agents=("anna", "ben", "cara"))
    write_capture(tmp_path, agents=("dora",), force=True)
    assert names(tmp_path) == [
        *("day_dora_001.json", "day_dora_001.npz", "day_manifest.json", "day_metrics.json", "day_seal.json"),
        *("day_trip.npz", "diary.txt", "web_manifest.json"),
    ]
    assert verify(tmp_path / "day_manifest.json") == []


def test_force_replaces_a_capture_with_another_prefix_and_one_of_the_predecessor(tmp_path: Path) -> None:
    write_old_capture(tmp_path)
    write_capture(tmp_path, "night", force=True)
    write_capture(tmp_path, force=True)
    assert names(tmp_path) == DAY


@pytest.mark.parametrize("name", ["day_anna_001.npz", "day_metrics.json", "day_manifest.json", "day_w3_ben_004.json"])
@pytest.mark.parametrize("force", [False, True])
def test_a_file_of_nobody_with_a_name_of_the_capture_is_not_overwritten(tmp_path: Path, name: str, force: bool) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError) as caught:
        write_capture(tmp_path, force=force)
    assert str(caught.value) == (
        f"{tmp_path}: {name} has a name of this capture and belongs to none that can be read\n"
        "hint: 'townlet rollout repair' may make it whole; else move it away, or choose another --output or --prefix"
    )
    assert contents(tmp_path) == {name: b"mine"}


def test_a_file_that_comes_while_the_capture_is_made_is_not_overwritten(tmp_path: Path) -> None:
    def capture() -> None:
        with staged(tmp_path, "day") as stage:
            for name in ("day_anna_001.npz", "day_manifest.json"):
                stage.create(name).close()
            (tmp_path / "day_anna_001.npz").write_text("mine")
            stage.commit("day_manifest.json")

    with pytest.raises(OutputError, match=r"day_anna_001\.npz has a name"):
        capture()
    assert contents(tmp_path) == {"day_anna_001.npz": b"mine"}


def test_a_capture_with_files_in_folders_below_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "old_manifest.json").write_text(json.dumps([{"sample": "below/a.npz", "meta": "below/a.json"}]))
    with pytest.raises(OutputError, match=r"holds a capture with files in folders below, such as below/a\.npz"):
        write_capture(tmp_path, force=True)


def test_a_manifest_cannot_make_force_remove_what_is_no_sample(tmp_path: Path) -> None:
    for name in ("../diary.txt", "diary.txt"):
        (tmp_path / "day_manifest.json").write_text(json.dumps([{"sample": name, "meta": "a.json"}]))
        with pytest.raises(OutputError, match=r"day_manifest\.json has a name of this capture and belongs to none"):
            write_capture(tmp_path, force=True)


def test_an_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(OutputError) as caught:
        write_capture(tmp_path / "diary.txt")
    assert str(caught.value) == (
        f"{tmp_path}/diary.txt: is not a folder\nhint: name a folder for the capture with --output"
    )
    with pytest.raises(OutputError, match=r"diary\.txt/below: cannot be written: not a directory"):
        write_capture(tmp_path / "diary.txt" / "below")


def test_two_captures_do_not_go_into_one_folder_at_a_time(tmp_path: Path) -> None:
    with staged(tmp_path, "day"):
        with pytest.raises(OutputError) as caught:
            write_capture(tmp_path, "night")
        assert str(caught.value) == (
            f"{tmp_path}: another capture is writing here\nhint: wait until it has ended, or choose another --output"
        )
    write_capture(tmp_path)


def test_a_disk_that_is_full_leaves_the_earlier_capture(tmp_path: Path) -> None:
    """A limit on the length of files stands in for the full disk: both make a write fail in the middle."""
    write_capture(tmp_path)
    before = contents(tmp_path)
    with longest_file(2000), pytest.raises(OutputError) as caught:
        write_capture(tmp_path, force=True)
    assert str(caught.value) == f"{tmp_path}: cannot be written: file too large\nhint: nothing was changed there"
    assert contents(tmp_path) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot be written: permission denied"):
        write_capture(tmp_path)


def test_a_stage_that_is_no_stage_is_left_alone(tmp_path: Path) -> None:
    """A folder from elsewhere must not make a capture move files that are none of its own."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "diary.txt").write_text("mine")
    target = tmp_path / "target"
    stage = target / ".townlet-stage-evil"
    (stage / "new").mkdir(parents=True)
    (stage / "new" / "m_manifest.json").touch()
    (stage / "old").symlink_to(elsewhere)
    (stage / "plan.json").write_text(json.dumps({"new": ["m_manifest.json"]}))
    write_capture(target)
    assert names(elsewhere) == ["diary.txt"]


@pytest.mark.parametrize(
    "story",
    [
        "into a used folder",
        "over an earlier capture",
        "an impatient user",
        pytest.param("and the next one too", marks=pytest.mark.slow),
    ],
)
def test_a_capture_can_be_killed_or_interrupted_at_any_step(story: str, tmp_path: Path) -> None:
    """See the program for what is checked after each kill; it prints the number of kills."""
    root = Path(__file__).parents[2]
    program = [sys.executable, "-m", "tests.samples.killing", story, str(tmp_path)]
    done = subprocess.run(program, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 40
