"""The lock of a log is that of the file beside it which bears its name, and of no other."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from townlet_core.errors import OutputError
from townlet_core.locks import holder_of, only_writer


def test_a_lock_that_is_removed_while_it_is_taken_is_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holder ended after we had opened the file, so that the next who comes would lock another one."""
    log, lock, take = tmp_path / "ppo.jsonl", tmp_path / "ppo.jsonl.lock", fcntl.flock

    def take_late(descriptor: int, how: int) -> None:
        monkeypatch.undo()
        lock.unlink()
        take(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", take_late)
    with only_writer(log, log):
        assert lock.read_text() == f"{os.getpid()}\n"


def test_the_lock_of_somebody_else_is_not_removed(tmp_path: Path) -> None:
    """The folder was removed and made anew, and another writer has come."""
    log, lock = tmp_path / "ppo.jsonl", tmp_path / "ppo.jsonl.lock"
    with only_writer(log, log):
        lock.unlink()
        lock.write_text("4711\n")
    assert lock.read_text() == "4711\n"


def test_a_holder_that_has_not_said_who_it_is_has_the_lock_all_the_same(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    with (tmp_path / "ppo.jsonl.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="is being written by another process"), only_writer(log, log):
            pass


def test_a_lock_that_was_left_behind_is_free(tmp_path: Path) -> None:
    log, lock = tmp_path / "ppo.jsonl", tmp_path / "ppo.jsonl.lock"
    lock.write_text("4194304000\n")
    with only_writer(log, log):
        assert lock.read_text() == f"{os.getpid()}\n"
    assert not lock.exists()


def test_a_lock_that_is_empty_is_used_again(tmp_path: Path) -> None:
    log, lock = tmp_path / "ppo.jsonl", tmp_path / "ppo.jsonl.lock"
    lock.touch()
    with only_writer(log, log):
        assert lock.read_text() == f"{os.getpid()}\n"


def link(place: Path) -> None:
    place.symlink_to("precious")


@pytest.mark.parametrize("put", [link, os.mkfifo, os.mkdir], ids=["link", "pipe", "folder"])
def test_what_is_no_file_is_no_lock(tmp_path: Path, put: Callable[[Path], None]) -> None:
    """Nor is it followed, or waited for."""
    log, lock = tmp_path / "ppo.jsonl", tmp_path / "ppo.jsonl.lock"
    (tmp_path / "precious").write_text("4711\n")
    put(lock)
    assert holder_of(log) is None
    with pytest.raises(OutputError, match=f"^{lock}: is there already, and is no lock\n"), only_writer(log, log):
        pass
    assert os.path.lexists(lock)
    assert (tmp_path / "precious").read_text() == "4711\n"


@pytest.mark.parametrize(
    "found", [b"4711", b"0\n", b"-1\n", b"my own\n", b"4711\nand more\n", b"\xff\xfe", b"1" * 2000]
)
@pytest.mark.parametrize("is_held", [False, True], ids=["free", "held"])
def test_a_file_of_somebody_else_that_is_called_as_the_lock_is_refused(
    tmp_path: Path, found: bytes, is_held: bool
) -> None:
    log, lock = tmp_path / "ppo.jsonl", tmp_path / "ppo.jsonl.lock"
    lock.write_bytes(found)
    assert holder_of(log) is None
    with lock.open() as held:
        if is_held:
            fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(OutputError) as refused, only_writer(log, log):
            pass
    hint = "move it away, or name another file for the log"
    assert str(refused.value) == f"{lock}: is there already, and is no lock\nhint: {hint}"
    assert lock.read_bytes() == found
