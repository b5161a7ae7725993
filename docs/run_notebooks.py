"""Execute the notebooks of the docs and keep what they show: `python docs/run_notebooks.py`.

A test executes them too, and fails where what they show is no longer what stands in them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent / "notebooks"
SECONDS = 120  # that a cell may take


def notebooks() -> list[Path]:
    return sorted(FOLDER.glob("*.ipynb"))


def executed(path: Path) -> Any:
    """Execute a notebook in the folder that it lies in, by a kernel of this Python; give it with its outputs.

    Raises:
        CellExecutionError: a cell raises an exception.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,  # the same bytes every time
    )
    client.execute()
    notebook.metadata = {"kernelspec": notebook.metadata.kernelspec, "language_info": {"name": "python"}}
    return notebook


def main() -> None:
    """Execute all of them, and write what has changed."""
    for path in notebooks():
        text = nbformat.writes(executed(path)) + "\n"
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path}")


if __name__ == "__main__":
    main()
