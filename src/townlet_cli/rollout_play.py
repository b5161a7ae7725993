"""`townlet rollout play`: a town in the terminal, or in a picture to share."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from townlet_cli.options import ALL_TICKS, Overrides, Policy, Seed, World, span, whole_number
from townlet_cli.render import note, tell_of_compiling
from townlet_core.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from townlet_core.rollout.playback import Playback

OF_CONFIG = ("--policy", "--seed", "--ticks", "--set")
LEAST_SPEED, MOST_SPEED = 0.1, 1000.0


def play(
    what: Annotated[
        str,
        typer.Argument(
            metavar="DIR|CONFIG",
            help="Folder or manifest of a capture, to be played again; or a scenario's name or YAML file, to be played "
            "now.",
        ),
    ],
    policy: Policy = "scripted",
    seed: Seed = None,
    ticks: Annotated[
        int | None,
        typer.Option(
            "--ticks", "-t", metavar="N", parser=whole_number, help="Length of the episode, not the scenario's."
        ),
    ] = None,
    overrides: Overrides = None,
    world: World = None,
    shown: Annotated[
        range | None,
        typer.Option("--range", metavar="A:B", parser=span, help="Show ticks from A on and before B only."),
    ] = None,
    every: Annotated[
        int, typer.Option("--every", metavar="N", parser=whole_number, help="Show every Nth tick only.")
    ] = 1,
    focus: Annotated[str | None, typer.Option("--focus", metavar="ID", help="Begin with this agent in focus.")] = None,
    speed: Annotated[float, typer.Option("--speed", metavar="X", help="Ticks a second to begin with.")] = 8.0,
    frames: Annotated[
        bool, typer.Option("--frames", help="Print a frame a tick, as text; so it is too where nobody watches.")
    ] = False,
) -> None:
    """Play a town in the terminal, tick by tick; press ? there for the keys.

    A capture does not say where anybody was. Its town is played again with the actions that were recorded, and all that
    its samples hold is compared with what comes of it.
    """
    from townlet_core.rollout.playback import choose
    from townlet_core.world.compiling import notice_compiling

    _check_numbers(speed, every)
    given = dict(zip(OF_CONFIG, (policy != "scripted", seed is not None, ticks is not None, overrides), strict=True))
    with notice_compiling(tell_of_compiling):
        playback = choose(_open(what, policy, seed, ticks, overrides, world, given), shown or ALL_TICKS, every)
        slot = _slot(focus, playback)
        _show(playback, slot, speed, plain=frames)


def _check_numbers(speed: float, every: int) -> None:
    if not LEAST_SPEED <= speed <= MOST_SPEED:
        raise UsageError(f"must be a number from {LEAST_SPEED} to {MOST_SPEED:g}, found {speed}", where="--speed")
    if every < 1:
        raise UsageError(f"must be at least 1, found {every}", where="--every")


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
    if world is not None:
        raise UsageError("is for captures: a configuration is played in world 0", where="--world")
    from townlet_core.rollout.capture import CaptureRequest
    from townlet_core.rollout.playback import play_live

    request = CaptureRequest(what, Path(), ticks=ticks, seed=seed, policy=policy, overrides=tuple(overrides or ()))
    return play_live(request)


def _slot(focus: str | None, playback: Playback) -> int | None:
    """Find who is to be in focus."""
    slots = playback.town.slots
    if focus is None:
        return 0 if slots else None
    if focus not in slots:
        hint = did_you_mean(focus, slots)
        raise UsageError(f"no agent '{focus}' in this town", where="--focus", hint=hint)
    return slots.index(focus)


def _show(playback: Playback, focus: int | None, speed: float, *, plain: bool) -> None:
    """Play it where somebody watches, else print it."""
    from townlet_cli.playing import play_on_terminal, print_frames

    if plain or not sys.stdout.isatty():
        print_frames(playback)
    elif play_on_terminal(playback, speed=speed, focus=focus) and playback.is_again:
        note("all of it came out as it was captured")
