"""`townlet rollout play`: a town in the terminal, or in a picture to share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from townlet_cli.options import ALL_TICKS, Overrides, Policy, Seed, World, path_of, span, whole_number
from townlet_cli.progress import progress
from townlet_cli.render import note, put, size, tell_of_compiling
from townlet_core.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from townlet_core.rollout.playback import Moment, Playback

DEFAULT_SPEED = 8
FORMATS = (".gif", ".apng", ".html")
OF_CONFIG = ("--policy", "--seed", "--ticks", "--set")
LEAST_SPEED, MOST_SPEED = 0.1, 1000.0
NO_SCREENS = ("dumb", "unknown")  # terminals on which nothing can be drawn over


What = Annotated[
    str,
    typer.Argument(
        metavar="DIR|CONFIG",
        help="Folder or manifest of a capture, to be played again, or a scenario's name or YAML file.",
    ),
]
Length = Annotated[
    int | None,
    typer.Option("--ticks", "-t", metavar="N", parser=whole_number, help="Length of the episode, not the scenario's."),
]
Shown = Annotated[
    range | None,
    typer.Option("--range", metavar="A:B", parser=span, help="Show ticks from A on and before B only."),
]
Every = Annotated[int, typer.Option("--every", metavar="N", parser=whole_number, help="Show every Nth tick only.")]
Focus = Annotated[
    str | None, typer.Option("--focus", metavar="ID", help="Who is in focus at first, and marked in a file.")
]
Speed = Annotated[
    float | None, typer.Option("--speed", metavar="X", help="Ticks a second to begin with in the terminal: 8.")
]
AsText = Annotated[
    bool, typer.Option("--frames", help="Print a frame a tick, as text; so it is too where nobody watches.")
]
PictureFile = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        parser=path_of,
        help="Draw it into a file to share: .gif, .apng or .html, a page that plays it in any browser.",
    ),
]
Scale = Annotated[
    int | None,
    typer.Option("--scale", metavar="N", parser=whole_number, help="Pixels a tile of a .gif or .apng."),
]
Fps = Annotated[
    int | None, typer.Option("--fps", metavar="N", parser=whole_number, help="Frames a second of the file: 8.")
]
ForceFile = Annotated[bool, typer.Option("--force", "-f", help="Replace the file.")]


def play(
    what: What,
    policy: Policy = "scripted",
    seed: Seed = None,
    ticks: Length = None,
    overrides: Overrides = None,
    world: World = None,
    shown: Shown = None,
    every: Every = 1,
    focus: Focus = None,
    speed: Speed = None,
    frames: AsText = False,
    output: PictureFile = None,
    scale: Scale = None,
    fps: Fps = None,
    force: ForceFile = False,
) -> None:
    """Play a town in the terminal, tick by tick; press ? there for the keys. With --output, draw it into a file.

    A capture does not say where anybody was. Its town is played again with the actions that were recorded; what its
    samples hold of features, masks, rewards and events is compared with what comes of it.
    """
    from townlet_core.rollout.playback import choose
    from townlet_core.world.compiling import notice_compiling

    _check_options(output, speed, every, {"--scale": scale, "--fps": fps, "--force": force or None}, plain=frames)
    given = dict(zip(OF_CONFIG, (policy != "scripted", seed is not None, ticks is not None, overrides), strict=True))
    with notice_compiling(tell_of_compiling):
        playback = choose(_open(what, policy, seed, ticks, overrides, world, given), shown or ALL_TICKS, every)
        slot = _slot(focus, playback)
        if output is not None:
            frames_a_second = DEFAULT_SPEED if fps is None else fps
            _draw(playback, output, scale, frames_a_second, slot if focus else None, force=force)
        else:
            to_its_end = (shown or ALL_TICKS).stop > playback.ticks
            _show(playback, slot, speed or DEFAULT_SPEED, plain=frames, to_its_end=to_its_end)


def _check_options(
    output: Path | None, speed: float | None, every: int, of_files: Mapping[str, int | None], *, plain: bool
) -> None:
    """Refuse numbers that mean nothing, and options that would have no effect."""
    if every < 1:
        raise UsageError(f"must be at least 1, found {every}", where="--every")
    if speed is not None and not LEAST_SPEED <= speed <= MOST_SPEED:
        raise UsageError(f"must be a number from {LEAST_SPEED} to {MOST_SPEED:g}, found {speed}", where="--speed")
    if output is None:
        idle = next((option for option, value in of_files.items() if value is not None), None)
        if idle is not None:
            raise UsageError("is about a file, so it needs --output", where=idle)
        return
    if plain or speed is not None:
        where = "--frames" if plain else "--speed"
        raise UsageError("has no effect with --output", where=where, hint="files have --fps")
    if output.suffix.lower() not in FORMATS:
        raise UsageError(f"must end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}, found {output}", where="--output")
    if output.suffix.lower() == ".html" and of_files["--scale"] is not None:
        raise UsageError("has no effect on a page: it is as large as its window", where="--scale")


def _open(
    what: str,
    policy: str,
    seed: int | None,
    ticks: int | None,
    overrides: list[str] | None,
    world: int | None,
    given: Mapping[str, object],
) -> Playback:
    """Tell a capture from a configuration, and begin to play it."""
    place = Path(what)
    if place.is_dir() or what.endswith("_manifest.json"):
        for option, value in given.items():
            if value:
                raise UsageError("is for configurations: a capture says this itself", where=option)
        from townlet_core.rollout.playback import play_again

        return play_again(place, world)
    if place.suffix in (".json", ".npz"):
        _refuse_part(place)
    if world is not None:
        raise UsageError("is for captures: a configuration is played in world 0", where="--world")
    from townlet_core.rollout.playback import play_live
    from townlet_core.rollout.request import CaptureRequest

    request = CaptureRequest(what, Path(), ticks=ticks, seed=seed, policy=policy, overrides=tuple(overrides or ()))
    return play_live(request)


def _refuse_part(place: Path) -> None:
    """Refuse a file of a capture that is not the one which stands for all of it."""
    from townlet_core.samples.manifest import part_of_capture, whole_of

    part = part_of_capture(place)
    if part is not None:
        raise UsageError(f"is {part} of a capture, and no configuration", where=str(place), hint=whole_of(place))


def _slot(focus: str | None, playback: Playback) -> int | None:
    """Find who is to be in focus."""
    slots = playback.town.slots
    if focus is None:
        return 0 if slots else None
    if focus not in slots:
        hint = did_you_mean(focus, slots)
        raise UsageError(f"no agent '{focus}' in this town", where="--focus", hint=hint)
    return slots.index(focus)


def _show(playback: Playback, focus: int | None, speed: float, *, plain: bool, to_its_end: bool) -> None:
    """Play it where somebody watches, else print it."""
    from townlet_cli.playing import play_on_terminal, print_frames

    if plain or not sys.stdout.isatty() or os.environ.get("TERM") in NO_SCREENS:
        print_frames(playback)
    elif play_on_terminal(playback, speed=speed, focus=focus) and playback.is_again and to_its_end:
        note("all of it came out as it was captured")


def _draw(playback: Playback, output: Path, scale: int | None, fps: int, focus: int | None, *, force: bool) -> None:
    """Draw it into a file, and say what came of it."""
    from dataclasses import replace

    with progress("drawing") as on_progress:
        seen = replace(playback, moments=_watched(playback, on_progress))
        if output.suffix.lower() == ".html":
            from townlet_core.rollout.page import draw_page

            count = draw_page(seen, output, fps=fps, focus=focus, force=force)
        else:
            from townlet_core.rollout.picture import draw_animation

            count = draw_animation(seen, output, scale=scale, fps=fps, focus=focus, force=force)
    put(f"{output}: {count:,} frame{'s' * (count != 1)}, {size(output.stat().st_size)}")


def _watched(playback: Playback, on_progress: Callable[[int, int], None] | None) -> Iterator[Moment]:
    """Tell how far it has come."""
    for moment in playback.moments:
        if on_progress:
            on_progress(moment.tick, playback.ticks)
        yield moment
