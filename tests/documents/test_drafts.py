"""A file that has its name only when it is complete."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.telemetry.epochs import names
from townlet_core.documents.drafts import complete
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
    (tmp_path / "made.draft").write_bytes(b"half of an older one")
    with complete(tmp_path / "made") as file:
        file.write(b"new")
    assert (tmp_path / "made").read_bytes() == b"new"
    assert names(tmp_path) == ["made"]


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


def test_of_two_that_write_one_file_at_once_the_second_is_refused(tmp_path: Path) -> None:
    with complete(tmp_path / "made") as file:
        file.write(b"first")
        told = pytest.raises(OutputError, match="made: another command is writing it\nhint: wait")
        with told, complete(tmp_path / "made"):
            raise AssertionError("it is the other's")
    assert (tmp_path / "made").read_bytes() == b"first"
    with complete(tmp_path / "made") as file:
        file.write(b"third")
    assert (tmp_path / "made").read_bytes() == b"third"
    assert names(tmp_path) == ["made"]


def test_a_draft_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"old")
    (tmp_path / "made.draft").symlink_to("precious")
    with pytest.raises(OutputError, match="cannot be written"), complete(tmp_path / "made"):
        raise AssertionError("there is nothing to write to")
    assert (tmp_path / "precious").read_bytes() == b"old"


@pytest.mark.parametrize(("name", "reason"), [("no/such", "no such file or directory"), (".", "is a directory")])
def test_what_cannot_be_written_is_named(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(OutputError, match=f"cannot be written: {reason}"), complete(tmp_path / name):
        raise AssertionError("there is nothing to write to")
