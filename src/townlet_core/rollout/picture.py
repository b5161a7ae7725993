"""Pictures of a town as it is played, to share: an animated GIF or PNG. Pillow draws them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from townlet_core.drafts import complete
from townlet_core.errors import InputError, UsageError
from townlet_core.rollout import looks
from townlet_core.rollout.picture_size import (
    BAR,
    CARD,
    EDGE,
    HEAD,
    LEAST_SCALE,
    LINE,
    MOST_SCALE,
    PANEL,
    Size,
    refuse_too_large,
    size_of,
)
from townlet_core.rollout.playback import Playback
from townlet_core.rollout.scene import Happening, Person, Scene, describe_moment, ground_of

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

FORMATS = {".gif": "GIF", ".apng": "PNG"}
LEAST_FPS, MOST_FPS = 1, 50  # a GIF counts in hundredths of a second, and viewers make ten of less than two
LETTERS_FROM, STOCKS_FROM, GRID_FROM = 12, 26, 8  # scales from which on these are drawn
NEEDS = ("hunger", "hygiene", "energy")
SMOOTH = 8  # times as large circles are drawn before they are made small
COLOURS = 255


def draw_animation(
    playback: Playback,
    output: Path,
    *,
    scale: int | None = None,
    fps: int = 8,
    focus: int | None = None,
    force: bool = False,
) -> int:
    """Draw a town as an animation, in the format that the file's name ends in; give the number of frames.

    The file is there whole or not at all. The same play gives the same bytes, with the same version of Pillow.

    Args:
        scale: pixels a tile; as suits the town, if left out.
        fps: frames a second.
        focus: slot that is marked, and told of first.

    Raises:
        InputError: Pillow is not installed.
        UsageError: there is no such scale or speed, or the picture would be too large.
        OutputError: the file is there already and force is not given, or it cannot be written.
    """
    for option, number, least, most in (
        ("--scale", scale, LEAST_SCALE, MOST_SCALE),
        ("--fps", fps, LEAST_FPS, MOST_FPS),
    ):
        if number is not None and not least <= number <= most:
            raise UsageError(f"must be a whole number from {least} to {most}, found {number}", where=option)
    try:
        import PIL  # noqa: F401  # asked for before anything is played
    except ModuleNotFoundError as error:
        hint = "pip install 'townlet[plot]', or write an .html"
        raise InputError("is drawn by Pillow, which is not installed", where=str(output), hint=hint) from error
    size = size_of(playback, scale)
    refuse_too_large(playback.frames, size)
    with complete(output, replace=force) as file:
        frames = list(_in_one_palette(_Painter(playback, size, focus).frames()))  # Pillow goes through them twice
        frames[0].save(
            file,
            format=FORMATS[output.suffix.lower()],
            save_all=True,
            append_images=frames[1:],
            duration=10 * round(100 / fps),
            loop=0,
        )
    return len(frames)


def _in_one_palette(frames: Iterator[Image]) -> Iterator[Image]:
    """Reduce all frames to the colours of the first, which has every colour that there is."""
    from PIL import Image

    palette: Image.Image | None = None
    for frame in frames:
        if palette is None:
            palette = _with_swatches(frame).quantize(COLOURS, method=Image.Quantize.MEDIANCUT)
        yield frame.quantize(palette=palette, dither=Image.Dither.NONE)


def _with_swatches(frame: Image) -> Image:
    """Put a field of each colour that later frames may need below a frame."""
    from PIL import Image, ImageDraw

    needed = (*looks.PEOPLE, looks.GOOD, looks.FAIR, looks.POOR, looks.INK, looks.PALE)
    field = max(frame.width // len(needed), 1)
    larger = Image.new("RGB", (frame.width, frame.height + field))
    larger.paste(frame)
    draw = ImageDraw.Draw(larger)
    for number, colour in enumerate(needed):
        draw.rectangle((number * field, frame.height, (number + 1) * field, frame.height + field), fill=colour)
    return larger


class _News(NamedTuple):
    """Something that happened, and when."""

    time: str
    happening: Happening


class _Painter:
    """Draws the frames of one town."""

    def __init__(self, playback: Playback, size: Size, focus: int | None) -> None:
        from PIL import Image, ImageDraw, ImageFont

        self._playback = playback
        self._focus = focus
        self._ground = ground_of(playback.town)
        self._scale, self._town_size, self._size = size
        self._font: Any = ImageFont.load_default(12)
        self._small: Any = ImageFont.load_default(9)
        self._letters: Any = ImageFont.load_default(max(self._scale * 0.55, 6))
        self._draw_on = ImageDraw.Draw
        self._new = Image.new
        self._labels = looks.labels_of_slots(playback.town)
        self._news: deque[_News] = deque(maxlen=40)
        self._discs = {colour: self._disc(colour) for colour in looks.PEOPLE}
        self._empty_town = self._draw_ground()

    def frames(self) -> Iterator[Image]:
        """Draw every moment."""
        for moment in self._playback.moments:
            scene = describe_moment(self._playback.town, moment)
            self._news.extend(_News(scene.time, happening) for happening in scene.happenings)
            yield self._draw(scene)

    def _disc(self, colour: str) -> tuple[Image, Image]:
        """Draw somebody's head: a picture and its mask."""
        from PIL import Image

        large = self._scale * SMOOTH
        mask = self._new("L", (large, large))
        inset = large // 12
        self._draw_on(mask).ellipse((inset, inset, large - inset, large - inset), fill=255)
        size = (self._scale, self._scale)
        return self._new("RGB", size, colour), mask.resize(size, Image.Resampling.LANCZOS)

    def _draw_ground(self) -> Image:
        """Draw what does not change: floor, walls and things."""
        image = self._new("RGB", self._size, looks.PAPER)
        draw, scale = self._draw_on(image), self._scale
        letters = looks.letters_of_kinds(self._playback.town)
        for y in range(self._ground.height):
            for x in range(self._ground.width):
                left, top = self._corner(x, y)
                colour = looks.WALL if self._ground.walls[y, x] else looks.FLOOR
                line = looks.LINE if scale >= GRID_FROM and colour == looks.FLOOR else None
                draw.rectangle((left, top, left + scale - 1, top + scale - 1), fill=colour, outline=line)
        kinds = self._playback.town.config.manifest.kinds
        for kind, x, y in self._ground.things:
            left, top = self._corner(x, y)
            has_stock = kinds[self._playback.town.kinds[kind]].stock is not None and scale >= STOCKS_FROM
            colour = looks.colour_of_kind(self._playback.town.kinds[kind], self._playback.town.kinds)
            box = (left + 1, top + 1, left + scale - 2, top + scale - 2)
            draw.rounded_rectangle(box, radius=scale // 6, fill=colour)
            if scale >= LETTERS_FROM:
                middle = (left + scale * (0.36 if has_stock else 0.5), top + scale * (0.42 if has_stock else 0.5))
                draw.text(middle, letters[kind], looks.INK, self._letters, anchor="mm")
        return image

    def _corner(self, x: int, y: int) -> tuple[int, int]:
        """The north-west corner of a tile."""
        return EDGE + x * self._scale, HEAD + EDGE + y * self._scale

    def _middle(self, x: int, y: int) -> tuple[int, int]:
        left, top = self._corner(x, y)
        return left + self._scale // 2, top + self._scale // 2

    def _draw(self, scene: Scene) -> Image:
        """Draw one frame."""
        image = self._empty_town.copy()
        draw = self._draw_on(image)
        self._draw_head(draw, scene)
        self._draw_things(draw, scene)
        for person in scene.people:
            if person.place and person.thing is not None:
                there = self._middle(*self._ground.things[person.thing][1:])
                draw.line((self._middle(person.x, person.y), there), looks.colour_of_slot(person.slot), 1)
        for person in scene.people:
            self._draw_person(image, draw, person)
        self._draw_panel(draw, scene)
        return image

    def _draw_head(self, draw: ImageDraw, scene: Scene) -> None:
        """Say what is shown and when, and how far the episode has come."""
        playback = self._playback
        name = playback.town.config.scenario.name
        text = f"{name}    day {scene.day}  {scene.time}    tick {scene.tick}/{playback.ticks}"
        draw.text((EDGE, HEAD / 2 + 3), text, looks.INK, self._font, anchor="lm")
        who = f"{playback.policy}, seed {playback.seed}"
        draw.text((self._size[0] - EDGE, HEAD / 2 + 3), who, looks.PALE, self._font, anchor="rm")
        for number, notice in enumerate(scene.notices):
            place = (self._size[0] - PANEL - EDGE - 70 * number, HEAD / 2 + 3)
            draw.text(place, notice, looks.POOR, self._font, anchor="rm")
        draw.rectangle((0, 0, self._size[0] * scene.tick // playback.ticks, 2), fill=looks.PALE)

    def _draw_things(self, draw: ImageDraw, scene: Scene) -> None:
        """Draw what changes about things: who has them, and what is in them."""
        scale = self._scale
        for (_, x, y), about in zip(self._ground.things, scene.things, strict=True):
            left, top = self._corner(x, y)
            if about.holder is not None:
                box = (left, top, left + scale - 1, top + scale - 1)
                colour = looks.colour_of_slot(about.holder)
                draw.rounded_rectangle(box, radius=scale // 6, outline=colour, width=max(scale // 12, 1))
            if about.stock is not None and scale >= STOCKS_FROM:
                draw.text((left + scale - 3, top + scale - 1), str(about.stock), looks.INK, self._font, anchor="rd")

    def _draw_person(self, image: Image, draw: ImageDraw, person: Person) -> None:
        """Draw somebody, and how far they have come with what they use."""
        left, top = self._corner(person.x, person.y)
        disc, mask = self._discs[looks.colour_of_slot(person.slot)]
        image.paste(disc, (left, top), mask)
        if person.slot == self._focus:
            box = (left - 2, top - 2, left + self._scale + 1, top + self._scale + 1)
            draw.ellipse(box, outline=looks.INK, width=max(self._scale // 10, 1))
        if self._scale >= LETTERS_FROM:
            middle = self._middle(person.x, person.y)
            draw.text(middle, self._labels[person.slot], looks.PAPER, self._letters, anchor="mm")
        if person.length:
            long, thick = self._scale - 2, max(self._scale // 10, 1)
            bottom = top + self._scale - 1
            draw.rectangle((left, bottom - thick, left + long, bottom), fill=looks.PAPER)
            draw.rectangle((left, bottom - thick, left + long * person.done // person.length, bottom), fill=looks.INK)

    def _draw_panel(self, draw: ImageDraw, scene: Scene) -> None:
        """Draw how people are, as many as there is room for, and what happened last."""
        left, top = self._town_size[0] + 2 * EDGE, HEAD + EDGE
        room = (self._size[1] - top - EDGE - 4 * LINE) // CARD
        first = next((number for number, person in enumerate(scene.people) if person.slot == self._focus), 0)
        first = max(min(first, len(scene.people) - room), 0)
        for person in scene.people[first : first + room]:
            self._draw_card(draw, person, left, top)
            top += CARD
        if len(scene.people) > room:
            draw.text((left, top), f"and {len(scene.people) - room} more", looks.PALE, self._font)
            top += LINE
        lines = max((self._size[1] - top - EDGE) // LINE, 0)
        for time, happening in list(self._news)[: -lines - 1 : -1]:
            draw.text((left, top), time, looks.PALE, self._font)
            draw.text((left + 38, top), happening.who, looks.colour_of_slot(happening.slot), self._font)
            after = left + 42 + draw.textlength(happening.who, self._font)
            draw.text((after, top), happening.what, looks.INK, self._font)
            top += LINE

    def _draw_card(self, draw: ImageDraw, person: Person, left: int, top: int) -> None:
        """Draw how somebody is: what they are at, their needs as bars, their money."""
        colour = looks.colour_of_slot(person.slot)
        draw.ellipse((left, top + 3, left + 9, top + 12), fill=colour)
        draw.text((left + 14, top), person.name, colour, self._font)
        draw.text((left + PANEL, top), f"{person.money:.2f}", looks.INK, self._font, anchor="ra")
        draw.text((left + 14, top + 14), person.told, looks.PALE, self._font)
        wide = (PANEL - 14 - 2 * 6) // len(person.needs)
        for number, level in enumerate(person.needs):
            start, under = left + 14 + number * (wide + 6), top + 32
            draw.rectangle((start, under, start + wide, under + BAR), fill=looks.FLOOR)
            draw.text((start, under + BAR + 1), NEEDS[number], looks.PALE, self._small)
            if level > 0:
                filled = start + max(round(wide * level), 1)
                draw.rectangle((start, under, filled, under + BAR), fill=looks.colour_of_need(level))
