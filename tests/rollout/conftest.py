"""What tests of rollouts share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rollout.kitchens import KITCHEN


@pytest.fixture
def kitchen(tmp_path: Path) -> Path:
    """The configuration of the kitchen, alone in a folder."""
    path = tmp_path / "kitchen.yaml"
    path.write_text(KITCHEN)
    return path
