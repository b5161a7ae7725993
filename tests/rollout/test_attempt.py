"""An attempt refuses what cannot go well, wherever it is made; what is told of it on the way comes in order."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import os
import platform
from pathlib import Path
from typing import Any

import pytest

from tests.rollout.suites import write_field
from townlet_core.rollout.attempt import STDOUT, attempt
from townlet_core.rollout.ray_there import Channel, other_versions
from townlet_core.rollout.request import CaptureRequest
from townlet_core.rollout.task import Advanced, Began, Captured, Failed, News, Task
from townlet_core.samples.provenance import versions


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.chdir(tmp_path)  # it is where an attempt goes
    (tmp_path / "token").write_text("word")
    return Task(
        name="field",
        request=CaptureRequest(write_field(tmp_path, "field"), tmp_path / "field"),
        log=tmp_path / "field.log",
        attempt=1,
        resume=False,
        folder=str(tmp_path),
        token=tmp_path / "token",
        word="word",
    )


def test_an_attempt_tells_that_it_has_begun_and_writes_a_log(task: Task, capfd: pytest.CaptureFixture[str]) -> None:
    told: list[News] = []
    made = attempt(task, told.append)
    assert isinstance(made, Captured)
    assert (made.kept, made.samples, made.ticks) == (False, 1, 20)
    assert told[0] == Began()
    lines = task.log.read_text().splitlines()
    assert lines[0].endswith(f" attempt 1 at field, by process {os.getpid()} on {platform.node()}")
    assert "warning: nothing happened: there is no event in the whole capture" in lines
    assert lines[-1].partition(" ")[2].startswith("captured: 20 agent-steps in 1 lives, ")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"word": "other"}, f"is not the same folder on {platform.node()}", id="another folder there"),
        pytest.param({"token": Path("/no/such")}, f"/no: is not the same folder on {platform.node()}", id="none there"),
        pytest.param({"folder": "/no/such"}, f"/no/such: is not there on {platform.node()}", id="no such start"),
        pytest.param({"log": Path("/proc/no.log")}, "/proc/no.log: cannot be written: ", id="no log"),
    ],
)
def test_an_attempt_that_others_would_not_see_is_refused(task: Task, changes: dict[str, Any], reason: str) -> None:
    made = attempt(dataclasses.replace(task, **changes), lambda _: None)
    assert isinstance(made, Failed)
    assert reason in made.reason
    assert not task.request.output.exists()


def test_a_second_attempt_adds_to_the_log_of_the_first(task: Task) -> None:
    attempt(task, lambda _: None)
    refused = attempt(dataclasses.replace(task, attempt=2), lambda _: None)
    assert isinstance(refused, Failed)
    assert (refused.is_final, refused.died) == (False, False)
    log = task.log.read_text()
    assert log.index(" captured: ") < log.index(" attempt 2 at field") < log.index("error: ")
    attempt(task, lambda _: None)
    assert " attempt 2 " not in task.log.read_text(), "the log of a suite begins with its first attempt"


def test_a_capture_that_is_there_is_no_failure_for_a_log_that_is_full(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full when the capture has just come into place; what is left of the log is known for one."""
    real = os.write
    lines: list[bytes] = []

    def write(descriptor: int, data: bytes) -> int:
        if descriptor != STDOUT or not lines:
            lines.append(data)
            return real(descriptor, data)
        real(descriptor, b"2026")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", write)
    made = attempt(task, lambda _: None)
    assert isinstance(made, Captured)
    assert made.warnings[-1] == "its log is not complete: no space left on device"
    refused = attempt(dataclasses.replace(task, attempt=2), lambda _: None)
    assert isinstance(refused, Failed)
    assert refused.reason.endswith("field.log: cannot be written: no space left on device")
    monkeypatch.undo()
    for length in (0, 29, 33, 38):  # of the time there are 29 letters
        task.log.write_bytes(lines[0][:length])
        again = attempt(
            dataclasses.replace(task, request=dataclasses.replace(task.request, force=True)), lambda _: None
        )
        assert isinstance(again, Captured)


def test_what_is_told_is_kept_until_it_is_taken() -> None:
    async def tell() -> list[list[tuple[int, int, News]]]:
        channel = Channel()
        taking = asyncio.ensure_future(channel.take())
        await channel.tell(1, 1, Began())
        first = await taking
        await channel.tell(1, 1, Advanced(1, 2))
        await channel.tell(2, 1, Began())
        return [first, await channel.take()]

    assert asyncio.run(tell()) == [[(1, 1, Began())], [(1, 1, Advanced(1, 2)), (2, 1, Began())]]


def test_a_machine_with_other_versions_is_named_by_them() -> None:
    assert other_versions(versions()) is None
    problem = other_versions(versions().model_copy(update={"numpy": "0.9"})) or ""
    assert problem.startswith("has numpy ")
    assert problem.endswith(", and the suite was started with 0.9")
