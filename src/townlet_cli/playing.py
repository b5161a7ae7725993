"""Plays a town on a terminal, with keys to stop, step and look around, or prints it frame by frame."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from townlet_cli.keys import whole_screen
from townlet_cli.render import put
from townlet_cli.town_view import GAP, LEAST_PANEL, NEEDS, TILE, Line, News, TownView, beside, cropped
from townlet_core.errors import OutputError

if TYPE_CHECKING:
    from rich.console import Console

    from townlet_core.rollout.playback import Moment, Playback
    from townlet_core.rollout.scene import Scene

SPEEDS = (0.5, 1, 2, 4, 8, 15, 30, 60, 120, 240)  # ticks a second
MOST_FRAMES_A_SECOND = 30
SIGNS = "▀█▏·❚→…"
IDLE_SECONDS = 0.25  # after which a stopped picture is looked at again: the terminal may have another size
KEPT_BYTES = 256 * 2**20  # of moments that one can go back to
LEAST_SHARE = 0.4  # of the screen that the map has
HELP = (
    ("space", "stop, and go on"),
    (". or →", "a tick on"),
    (", or ←", "a tick back"),
    ("home end", "the first tick; the last"),
    ("+ -", "faster, slower"),
    ("tab 1…9", "who is in focus"),
    ("0", "nobody in focus"),
    ("z", "tiles larger, smaller"),
    ("?", "this help"),
    ("q", "leave"),
)
FEET = (
    "space stop · . , step · + - speed · tab 1…9 focus · z zoom · ? help · q quit",
    "space stop · . , step · + - speed · ? help · q quit",
    "space stop · ? help · q quit",
    "? help · q quit",
)  # that which fits is shown


class Reel:
    """The moments played so far, as many as memory allows, and those that come."""

    def __init__(self, playback: Playback) -> None:
        self._coming = playback.moments
        self._kept: list[Moment] = []
        self._dropped = 0
        self._size = 0
        self.is_over = False

    @property
    def first(self) -> int:
        """Number of the first moment that is kept."""
        return self._dropped

    @property
    def last(self) -> int:
        """Number of the last moment played."""
        return self._dropped + len(self._kept) - 1

    def go_on(self) -> Moment | None:
        """Play the next moment; None when all is over."""
        moment = next(self._coming, None)
        if moment is None:
            self.is_over = True
            return None
        self._kept.append(moment)
        self._size = self._size or sum(array.nbytes for array in moment[1:])
        if len(self._kept) * self._size > KEPT_BYTES:
            half = len(self._kept) // 2
            del self._kept[:half]
            self._dropped += half
        return moment

    def at(self, number: int) -> Moment:
        """Give a moment that was played."""
        return self._kept[number - self._dropped]


class Screen:
    """A town on a terminal, and what its viewer has chosen."""

    def __init__(self, playback: Playback, console: Console, *, speed: float, focus: int | None) -> None:
        self.playback = playback
        self.reel = Reel(playback)
        self.console = console
        self.view = TownView(playback, colour=not console.no_color and console.color_system is not None)
        self.news: list[News] = []
        self.told: list[int] = []  # news until each moment
        self.at = -1
        self.speed = speed
        self.focus = focus
        self.stopped = self.helping = False
        self.zoom = 0  # sizes of tiles beyond the one that fits
        self.is_left = False
        self.go(2)  # kernels are compiled, if need be, before the screen is taken
        self.at = 0

    def go(self, ticks: int) -> None:
        """Go on so many ticks, or back."""
        if ticks < 0:
            self.at = max(self.at + ticks, self.reel.first)
        for _ in range(ticks):
            if self.at == self.reel.last:
                moment = self.reel.go_on()
                if moment is None:
                    return
                self._note(moment)
            self.at += 1

    @property
    def is_over(self) -> bool:
        """Whether the last moment of all is shown."""
        return self.reel.is_over and self.at == self.reel.last

    @property
    def scene(self) -> Scene:
        """What is shown."""
        from townlet_core.rollout.scene import describe_moment

        return describe_moment(self.playback.town, self.reel.at(self.at))

    def _note(self, moment: Moment) -> None:
        """Take up what happened."""
        from townlet_core.rollout.scene import describe_moment

        scene = describe_moment(self.playback.town, moment)
        self.news += [News(scene.time, happening) for happening in scene.happenings]
        self.told.append(len(self.news))

    def press(self, key: str) -> None:
        """Do what a key is for; others do nothing."""
        if key in ("q", "escape"):
            self.is_left = True
        elif key == "space":
            self.stopped = not self.stopped
        elif key in (".", "right", ",", "left"):
            self.stopped = True
            self.go(1 if key in (".", "right") else -1)
        elif key in ("home", "end"):
            self.stopped = True
            self.at = self.reel.first if key == "home" else self.reel.last
        elif key in ("+", "=", "-"):
            self.speed = _next_speed(self.speed, up=key != "-")
        elif key == "z":
            self.zoom += 1
        elif key == "?":
            self.helping = not self.helping
        else:
            self._look_at(key)

    def _look_at(self, key: str) -> None:
        """Put somebody in focus."""
        slots = [person.slot for person in self.scene.people]
        if key == "0":
            self.focus = None
        elif key.isdigit() and int(key) <= len(slots):
            self.focus = slots[int(key) - 1]
        elif key in ("tab", "back tab", "down", "up") and slots:
            step = 1 if key in ("tab", "down") else -1
            place = slots.index(self.focus) + step if self.focus in slots else 0 if step > 0 else -1
            self.focus = slots[place % len(slots)]

    def lines(self) -> list[Line]:
        """Draw it all, to fit the terminal."""
        columns, rows = self.console.size
        scene, room = self.scene, max(rows - 2, 1)
        most = max(columns - LEAST_PANEL - GAP, int(columns * LEAST_SHARE))
        sizes = self.view.sizes()
        cells = sizes[(sizes.index(self.view.fitting(most, room)) + self.zoom) % len(sizes)]
        across, _ = TILE[cells]
        width = int(min(self.view.width_of(cells), most) // across * across)
        town = self.view.map(scene, cells, width, room, self.focus)
        if self.helping:
            panel: list[Line] = [[(f"{key:<10}", "bold"), (what, "")] for key, what in HELP]
            panel += [[], *self.view.legend()]
        else:
            panel = self.view.panel(scene, self.news[: self.told[self.at]], columns - width - GAP - 1, room, self.focus)
        body = beside(town, panel, width, columns, room)
        foot = next((foot for foot in FEET if len(foot) <= columns), FEET[-1])
        return [cropped(self._head(scene), columns), *body, cropped([(foot, "dim")], columns)][:rows]

    def _head(self, scene: Scene) -> Line:
        """Say what is shown, and when."""
        playback = self.playback
        state = "■ end" if self.is_over else "❚❚" if self.stopped else f"▶ {self.speed:g}/s"
        head: Line = [
            (f"{playback.town.config.scenario.name} ", "bold"),
            (f"day {scene.day} {scene.time} ", "bold"),
            (f"tick {scene.tick}/{playback.ticks} ", ""),
            (f"{state} ", "bold"),
            *[(f"{notice} ", "bold red") for notice in scene.notices],
        ]
        world = f", world {playback.world}" if playback.world else ""
        return [*head, (f"{playback.policy}, seed {playback.seed}{world}", "dim")]


def play_on_terminal(playback: Playback, *, speed: float, focus: int | None) -> bool:
    """Play a town until it is left, and tell whether all of it was played. Without keys the end is enough.

    Raises:
        OutputError: the terminal cannot show it.
    """
    from rich.console import Console

    try:
        SIGNS.encode(sys.stdout.encoding)
    except UnicodeEncodeError as error:
        problem = f"its encoding, {sys.stdout.encoding}, has not the signs that a town is drawn with"
        hint = "set LC_ALL=C.UTF-8, or give --frames"
        raise OutputError(problem, where="standard output", hint=hint) from error
    console = Console(highlight=False, markup=False, emoji=False)
    screen = Screen(playback, console, speed=speed, focus=focus)
    with whole_screen() as keys:
        due = time.monotonic()
        while not screen.is_left:
            _show(screen)
            if screen.stopped or screen.is_over:
                if screen.is_over and not keys.are_there:
                    break
                pause = IDLE_SECONDS
                due = time.monotonic()
            else:
                due = max(due + max(1 / screen.speed, 1 / MOST_FRAMES_A_SECOND), time.monotonic())
                pause = due - time.monotonic()
            for key in keys.wait(max(pause, 0)):
                screen.press(key)
            if not screen.stopped and time.monotonic() >= due:
                screen.go(max(round(screen.speed / MOST_FRAMES_A_SECOND), 1))
    return screen.reel.is_over


def _show(screen: Screen) -> None:
    """Draw over what is there, in one go."""
    from rich.text import Text

    with screen.console.capture() as captured:
        for line in screen.lines():
            screen.console.print(Text.assemble(*line), no_wrap=True, overflow="crop", crop=True)
    text = captured.get().rstrip("\n").replace("\n", "\x1b[K\n")
    sys.stdout.write(f"\x1b[?2026h\x1b[H{text}\x1b[K\x1b[J\x1b[?2026l")
    sys.stdout.flush()


def _next_speed(speed: float, *, up: bool) -> float:
    """Give the next speed up or down."""
    if up:
        return next((each for each in SPEEDS if each > speed), SPEEDS[-1])
    return next((each for each in reversed(SPEEDS) if each < speed), SPEEDS[0])


def print_frames(playback: Playback) -> None:
    """Print a town frame by frame, as text without colour."""
    from townlet_core.rollout.scene import describe_moment

    view = TownView(playback, colour=False)
    for moment in playback.moments:
        put("\n".join(_frame(view, playback, describe_moment(playback.town, moment))) + "\n")
        put("")


def _frame(view: TownView, playback: Playback, scene: Scene) -> Iterator[str]:
    """Write one frame: when it is, the town, who is at what, and what has happened."""
    notices = "".join(f" · {notice}" for notice in scene.notices)
    yield f"tick {scene.tick} of {playback.ticks} · day {scene.day}, {scene.time}{notices}"
    for line in view.map(scene, "singles", view.ground.width, view.ground.height, None):
        yield "".join(text for text, _ in line)
    longest = max((len(person.name) for person in scene.people), default=0)
    for person in scene.people:
        needs = "  ".join(f"{need} {level:.2f}" for need, level in zip(NEEDS, person.needs, strict=True))
        job = f"  {person.job}: {person.shift}" if person.job else ""
        name = f"{view.label(person.slot)} {person.name:<{longest}}"
        yield f"{name}  {needs}  money {person.money:.2f}{job}  {person.told}"
    for happening in scene.happenings:
        yield f"* {happening.who}: {happening.what}"
