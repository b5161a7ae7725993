"""`townlet rollout export`: a capture as a dataset of another library."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from townlet_cli.options import CapturePlace
from townlet_cli.render import put, size


def export(
    place: CapturePlace,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the dataset: [NAMESPACE/]NAME-vNUMBER.")],
    to: Annotated[
        Literal["minari"], typer.Option("--to", help="Library of the dataset. Minari keeps it in MINARI_DATASETS_PATH.")
    ],
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace a dataset of that name.")] = False,
) -> None:
    """Write a capture as a dataset of Minari, an episode a life, with all that its samples hold.

    The capture is checked against its seal first.
    """
    from townlet_core.dataset.to_minari import export as write

    done = write(place, name, force=force)
    counts = f"{done.episodes:,} episode{'s' * (done.episodes != 1)}, {done.steps:,} steps, {size(done.size)}"
    put(f"{name}: {counts}\n{done.place}")
