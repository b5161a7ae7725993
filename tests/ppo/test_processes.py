"""Processes that train together: what each hears of the others."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.ppo.joining import heard
from townlet_core.ppo.processes import Processes

ROOT = Path(__file__).parents[2]
REFUSAL = "disk: is full\nhint: make room"


@pytest.fixture(scope="module")
def both() -> list[dict[str, Any]]:
    """What two processes have heard."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.ppo.joining"], cwd=ROOT, env={**os.environ, **place, "RANK": str(rank)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    ended = [process.communicate(timeout=60) for process in started]
    assert [process.returncode for process in started] == [0, 0], ended
    return [json.loads(out) for out, _ in ended]


def test_all_hear_the_sum_and_what_each_has_and_what_the_first_says(both: list[dict[str, Any]]) -> None:
    for said in both:
        assert (said["total"], said["gathered"], said["told"]) == ([3.0, 20.0], ["from 0", "from 1"], "by 0")


def test_the_first_acts_alone_and_where_it_is_refused_all_are(both: list[dict[str, Any]]) -> None:
    assert [said["leads"] for said in both] == [True, False]
    assert [said["alone"] for said in both] == ["done by 0", None]
    assert [said["refusal"] for said in both] == [REFUSAL, REFUSAL]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted as Linux shows them")
def test_no_thread_is_left_to_abort_a_process_that_ends(both: list[dict[str, Any]]) -> None:
    assert [(said["at work"], said["left"]) for said in both] == [(True, []), (True, [])]


def test_a_process_by_itself_hears_itself() -> None:
    assert heard(Processes()) == {
        "leads": True,
        "total": [1.0, 10.0],
        "gathered": ["from 0"],
        "told": "by 0",
        "alone": "done by 0",
        "refusal": REFUSAL,
    }
