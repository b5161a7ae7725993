"""What tests of rollouts share."""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rollout.kitchens import KITCHEN
from townlet_core.rollout.workers import LocalWorkers

DEADLINE_SECONDS = 150


@pytest.fixture(autouse=True)
def deadline(request: pytest.FixtureRequest) -> Iterator[None]:
    """End the session, and say where it stood, when a test with Ray does not end."""
    if request.node.get_closest_marker("ray") is None:
        yield
        return
    capfd: pytest.CaptureFixture[str] = request.getfixturevalue("capfd")
    with capfd.disabled():
        stderr = os.dup(2)
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True, file=stderr)
    yield
    faulthandler.cancel_dump_traceback_later()
    os.close(stderr)


@pytest.fixture(scope="module")
def two() -> Iterator[LocalWorkers]:
    """Two workers, who have the suites of several tests one after the other."""
    with LocalWorkers(2) as workers:
        yield workers


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of a suite, which is not there yet."""
    return tmp_path / "suite"


@pytest.fixture
def kitchen(tmp_path: Path) -> Path:
    """The configuration of the kitchen, alone in a folder."""
    path = tmp_path / "kitchen.yaml"
    path.write_text(KITCHEN)
    return path
