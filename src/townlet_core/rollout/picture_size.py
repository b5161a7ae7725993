"""How large a picture of a town is, and whether there is room for all its frames."""

from __future__ import annotations

from typing import NamedTuple

from townlet_core.errors import UsageError
from townlet_core.rollout.playback import Playback
from townlet_core.rollout.scene import ground_of

LEAST_SCALE, MOST_SCALE = 3, 64  # pixels a tile
MOST_PIXELS = 600_000_000  # of all frames together, which are in memory, a byte each
WIDE = 640  # pixels that a town takes at most where no scale is given
LARGE = 32  # pixels a tile at most where no scale is given
HEAD, PANEL, CARD, LINE, EDGE, BAR = 28, 240, 56, 16, 10, 5  # pixels


class Size(NamedTuple):
    """How large a picture is, in pixels."""

    scale: int  # of a tile
    town: tuple[int, int]
    frame: tuple[int, int]


def size_of(playback: Playback, scale: int | None) -> Size:
    """Say how large a town is drawn."""
    ground = ground_of(playback.town)
    scale = scale or min(max(WIDE // max(ground.width, ground.height), LEAST_SCALE), LARGE)
    town = (ground.width * scale, ground.height * scale)
    people = min(len(playback.town.slots), 8)
    height = max(town[1], people * CARD + 4 * LINE) + HEAD + 2 * EDGE
    return Size(scale, town, (town[0] + PANEL + 3 * EDGE, height))


def refuse_too_large(frames: int, size: Size) -> None:
    """Refuse what memory could not hold, before anything is played.

    Raises:
        UsageError: there are too many frames, or too large ones.
    """
    width, height = size.frame
    most = MOST_PIXELS // (width * height)
    if frames <= most:
        return
    problem = f"would be too large: {frames:,} frame{'s' * (frames != 1)} of {width} x {height}"
    smaller = f"a --scale below {size.scale}" if size.scale > LEAST_SCALE else "an .html"
    hint = f"there is room for {most:,} of these: show less with --range or --every, or take {smaller}"
    raise UsageError(problem, where="--output", hint=hint)
