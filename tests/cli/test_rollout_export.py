"""`townlet rollout export`, as its users call it."""

from __future__ import annotations

from pathlib import Path

import minari
import pytest

from tests.cli.conftest import Townlet
from tests.samples.captures import write_capture


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Minari keeps its datasets, for the command too."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "shelf"))
    return tmp_path / "shelf"


def test_a_capture_becomes_a_dataset(townlet: Townlet, tmp_path: Path, shelf: Path) -> None:
    write_capture(tmp_path / "day", agents=("anna", "ben"))
    done = townlet("rollout", "export", "day", "--to", "minari", "town/day-v0")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("town/day-v0: 2 episodes, 6 steps, ")
    assert lines[1] == str(shelf / "town" / "day-v0")
    assert minari.load_dataset("town/day-v0").total_steps == 6
    refused = townlet("rollout", "export", "day", "--to", "minari", "town/day-v0")
    assert (refused.returncode, refused.stderr.startswith(f"error: {lines[1]}: holds a dataset already\n")) == (3, True)
    assert townlet("rollout", "export", "day", "--to", "minari", "town/day-v0", "--force").returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(["nowhere", "--to", "minari", "a-v0"], 3, "error: nowhere: cannot be read", id="no capture"),
        pytest.param(["day", "--to", "minari", "a"], 2, "error: NAME: must be [NAMESPACE/]NAME-vNUMBER", id="name"),
        pytest.param(["day", "--to", "hdf", "a-v0"], 2, "error: invalid value for '--to'", id="library"),
        pytest.param(["day", "a-v0"], 2, "error: missing option '--to'", id="no library"),
    ],
)
def test_bad_input_is_refused(
    townlet: Townlet, tmp_path: Path, shelf: Path, words: list[str], code: int, said: str
) -> None:
    write_capture(tmp_path / "day")
    done = townlet("rollout", "export", *words)
    assert (done.returncode, done.stdout, done.stderr.startswith(said)) == (code, "", True), done.stderr
    assert not shelf.exists()
