"""The notebooks of the docs run, and show what stands in them."""

from __future__ import annotations

import base64
import struct
from pathlib import Path
from typing import Any

import nbformat
import pytest
import run_notebooks
from nbclient.exceptions import CellExecutionError

NOTEBOOKS = run_notebooks.notebooks()
PLOTS = {"telemetry_quicklook.ipynb": 2}
REMAKE = "run 'python docs/run_notebooks.py'"
PNG = b"\x89PNG\r\n\x1a\n"
Shown = list[tuple[str, str]]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Jupyter and IPython keep what they keep in a folder of the test's own."""
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def texts(notebook: Any) -> Shown:
    """Give what is shown in words."""
    found = []
    for output in outputs(notebook):
        data = output.get("data", {})
        found.append(
            (output.output_type, output.get("text", "") + data.get("text/markdown", data.get("text/plain", "")))
        )
    return found


def plots(notebook: Any) -> list[tuple[int, int]]:
    """Give the width and height of each picture."""
    found = []
    for output in outputs(notebook):
        if "image/png" in output.get("data", {}):
            picture = base64.b64decode(output.data["image/png"])
            assert picture.startswith(PNG)
            found.append(struct.unpack(">II", picture[16:24]))  # https://www.w3.org/TR/png/#11IHDR
    return found


def test_every_notebook_is_known() -> None:
    assert {path.name for path in NOTEBOOKS} == set(PLOTS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_and_shows_what_stands_in_it(path: Path) -> None:
    stored, now = nbformat.read(path, as_version=4), run_notebooks.executed(path)
    assert not [output for output in outputs(now) if output.get("name") == "stderr"]
    assert len(plots(now)) == PLOTS[path.name]
    assert plots(stored) == plots(now), REMAKE  # sizes: other bytes by another matplotlib are no other picture
    assert texts(stored) == texts(now), REMAKE


def test_a_notebook_with_a_cell_that_fails_is_an_error(tmp_path: Path) -> None:
    text = NOTEBOOKS[0].read_text(encoding="utf-8").replace("ppo_conflict_telemetry.jsonl", "nothing.jsonl")
    (tmp_path / "broken.ipynb").write_text(text, encoding="utf-8")
    with pytest.raises(CellExecutionError, match=r"nothing\.jsonl: no such file"):
        run_notebooks.executed(tmp_path / "broken.ipynb")
