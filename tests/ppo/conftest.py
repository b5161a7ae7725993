"""What the tests of training share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.ppo.runs import run, write_kitchen


@pytest.fixture(autouse=True)
def _one_core() -> Iterator[None]:
    """Products of small matrices wait longer for other threads than they take."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def kitchen(tmp_path: Path) -> Path:
    """Write the configuration of the kitchen."""
    return write_kitchen(tmp_path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the kitchen, the log of four epochs there, and the checkpoints of two of them in runs/."""
    base = tmp_path_factory.mktemp("trained")
    run(write_kitchen(base), epochs=4, save_every=2, checkpoint_dir=base / "runs", log=base / "log.jsonl")
    return base


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """The same, to be changed by a test."""
    shutil.copytree(trained, tmp_path / "copy")
    return tmp_path / "copy"
