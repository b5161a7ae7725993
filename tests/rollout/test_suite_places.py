"""Where a suite may write: never over what is somebody else's, and what cannot be written is named."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.disk import longest_file
from tests.rollout.suites import run, saved, statuses, write_field
from townlet_core.errors import OutputError
from townlet_core.rollout.workers import LocalWorkers


def put_link(place: Path) -> None:
    place.symlink_to(place.parents[1] / "precious")


def put_file(place: Path) -> None:
    place.write_text("precious")


def refusal(workers: LocalWorkers, root: Path, field: str) -> str:
    """Run a suite that cannot go well; give why."""
    try:
        (entry,) = run(workers, root, field).values()
    except OutputError as error:
        return str(error)
    assert entry.status == "failed"
    return str(entry.reason)


@pytest.mark.parametrize("name", ["suite.json", "field.log", ".suite.lock"])
@pytest.mark.parametrize("put", [put_link, put_file, os.mkfifo, os.mkdir], ids=["link", "file", "pipe", "folder"])
def test_nothing_of_somebody_elses_is_written_over_or_waited_for(
    two: LocalWorkers, tmp_path: Path, root: Path, name: str, put: Callable[[Path], None]
) -> None:
    field, precious = write_field(tmp_path, "field"), tmp_path / "precious"
    precious.write_text("precious")
    root.mkdir()
    put(root / name)
    assert refusal(two, root, field).startswith(f"{root / name}: ")
    assert precious.read_text() == "precious"
    assert put is not put_file or (root / name).read_text() == "precious"


@pytest.mark.parametrize("found", ["", "71 on a host of mine 0123456789abcdef\n"], ids=["empty", "of an earlier suite"])
def test_a_lock_that_is_left_is_used_again(two: LocalWorkers, tmp_path: Path, root: Path, found: str) -> None:
    root.mkdir()
    (root / ".suite.lock").write_text(found)
    run(two, root, write_field(tmp_path, "field"))
    assert (root / ".suite.lock").read_text().startswith(f"{os.getpid()} on ")


def test_a_damaged_report_of_an_earlier_suite_is_written_anew(two: LocalWorkers, tmp_path: Path, root: Path) -> None:
    field = write_field(tmp_path, "field")
    run(two, root, field)
    whole = (root / "suite.json").read_bytes()
    for damaged in (whole[:200], whole[:3], b""):
        (root / "suite.json").write_bytes(damaged)
        assert statuses(run(two, root, field, resume=True)) == {"field": "kept"}
        assert saved(root).state == "ended"


def test_a_link_that_leads_nowhere_is_no_root(two: LocalWorkers, tmp_path: Path, root: Path) -> None:
    root.symlink_to("nowhere")
    with pytest.raises(OutputError, match="suite: is a link that leads nowhere"):
        run(two, root, write_field(tmp_path, "field"))


def test_a_lock_that_cannot_be_written_is_named(two: LocalWorkers, tmp_path: Path, root: Path) -> None:
    field = write_field(tmp_path, "field")
    with longest_file(0), pytest.raises(OutputError, match=r"\.suite\.lock: cannot be written: file too large"):
        run(two, root, field)


def test_the_last_word_on_a_suite_is_written_whoever_is_impatient(
    two: LocalWorkers, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C comes when the draft of the last report is about to take its name."""
    real = os.replace

    def replace(draft: Path, target: Path) -> None:
        if '"state": "ended"' in Path(draft).read_text():
            os.kill(os.getpid(), signal.SIGINT)
        real(draft, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        run(two, root, write_field(tmp_path, "field"))
    assert saved(root).state == "ended"
    assert sorted(os.listdir(root)) == [".suite.lock", "field", "field.log", "suite.json"]
