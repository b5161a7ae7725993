"""A file that has its name only when it is complete."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.telemetry.epochs import names
from townlet_core.drafts import complete
from townlet_core.errors import OutputError


def test_what_was_there_stays_until_all_of_the_new_file_is_written(tmp_path: Path) -> None:
    (tmp_path / "made").write_bytes(b"old")
    with complete(tmp_path / "made") as file:
        file.write(b"new")
        assert (tmp_path / "made").read_bytes() == b"old"
    assert (tmp_path / "made").read_bytes() == b"new"
    assert names(tmp_path) == ["made"]


def test_of_a_failure_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "made").write_bytes(b"old")
    with pytest.raises(TypeError), complete(tmp_path / "made") as file:
        file.writelines([b"half", "and no bytes"])  # type: ignore[list-item]
    assert (tmp_path / "made").read_bytes() == b"old"
    assert names(tmp_path) == ["made"]


def test_a_draft_that_a_crash_has_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".made.draft").write_bytes(b"half of an older one")
    with complete(tmp_path / "made") as file:
        file.write(b"new")
    assert (tmp_path / "made").read_bytes() == b"new"
    assert names(tmp_path) == ["made"]


def test_who_writes_at_the_same_time_is_refused(tmp_path: Path) -> None:
    with complete(tmp_path / "made") as file:
        with pytest.raises(OutputError, match="made: somebody else is writing it"), complete(tmp_path / "made"):
            raise AssertionError("two write one draft")
        file.write(b"new")
    assert (tmp_path / "made").read_bytes() == b"new"
    assert names(tmp_path) == ["made"]


def test_a_draft_that_is_put_into_place_at_this_moment_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between opening the draft and locking it, whoever had it has ended: it is the file now."""
    made, real = tmp_path / "made", os.open
    opened: list[str] = []

    def open_late(path: str, flags: int, mode: int = 0o777) -> int:
        descriptor = real(path, flags, mode)
        if not opened:
            opened.append(path)
            os.write(descriptor, b"theirs")
            os.replace(path, made)
        return descriptor

    monkeypatch.setattr(os, "open", open_late)
    with complete(made) as file:
        assert made.read_bytes() == b"theirs"
        file.write(b"ours")
    assert made.read_bytes() == b"ours"
    assert names(tmp_path) == ["made"]


def test_a_draft_is_nobody_elses_file(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / ".made.draft").symlink_to(tmp_path / "mine")
    with pytest.raises(OutputError, match="made: cannot be written: "), complete(tmp_path / "made"):
        raise AssertionError("there is nothing to write to")
    assert (tmp_path / "mine").read_bytes() == b"mine"


def test_what_is_there_is_not_replaced_where_that_is_not_wanted(tmp_path: Path) -> None:
    for name in ("file", "link"):
        (tmp_path / "file").write_bytes(b"old") if name == "file" else (tmp_path / name).symlink_to("nowhere")
        with pytest.raises(OutputError, match=f"{name}: is there already"), complete(tmp_path / name, replace=False):
            raise AssertionError("there is nothing to write to")


def test_a_new_file_has_the_permissions_of_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "made").touch(0o640)
    (tmp_path / "made").chmod(0o640)
    with complete(tmp_path / "made") as file:
        file.write(b"new")
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o640


def test_a_link_goes_on_to_lead_where_it_led(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "there")
    with complete(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there").read_bytes() == b"new"


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    """A file in place of a device, such as /dev/null, would harm the whole machine."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with complete(tmp_path / "pipe") as file:
            file.write(b"new")
        assert os.read(reader, 100) == b"new"
    finally:
        os.close(reader)
    assert (tmp_path / "pipe").is_fifo()
    assert names(tmp_path) == ["pipe"]


@pytest.mark.parametrize(("name", "reason"), [("no/such", "no such file or directory"), (".", "is a directory")])
def test_what_cannot_be_written_is_named(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(OutputError, match=f"cannot be written: {reason}"), complete(tmp_path / name):
        raise AssertionError("there is nothing to write to")
