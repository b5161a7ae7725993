"""Write a plot to a file, of the kind that the file's name ends in: all of it or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from townlet_core.drafts import complete
from townlet_core.errors import OutputError, UsageError
from townlet_core.telemetry.plotting import figure
from townlet_core.telemetry.plotting.page import page
from townlet_core.telemetry.plotting.plan import Plot

KINDS: Final = ("png", "svg", "html")


def check_output(path: Path) -> None:
    """See that a picture can come of it, before a long log is read for it.

    Raises:
        UsageError: its name does not end in one of KINDS.
        OutputError: there is no such folder, or no matplotlib for this kind.
    """
    if _kind(path) not in KINDS:
        raise UsageError(f"must end in .png, .svg or .html, found '{path.name}'", where="--output")
    if not path.parent.is_dir():
        raise OutputError("there is no such folder", where=str(path.parent))
    if _kind(path) != "html":
        figure.check_installed()


def write(plot: Plot, path: Path) -> str | None:
    """Write the picture under another name, then give it its own; an older one is replaced.

    Returns:
        What is wrong with the picture, where something is.

    Raises:
        OutputError: it cannot be written; an older one is as it was.
    """
    data = page(plot) if _kind(path) == "html" else figure.picture(plot, _kind(path))
    with complete(path) as file:
        file.write(data)
    lacking = figure.without_font(plot) if _kind(path) == "png" else ""
    return f"its font has no {' '.join(lacking)}: an .svg or .html shows them" if lacking else None


def _kind(path: Path) -> str:
    return path.suffix.lower().removeprefix(".")
