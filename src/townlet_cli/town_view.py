"""A town on a terminal: its map beside what people are at, in lines of styled runs that fit a number of cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from townlet_cli.render import bar

if TYPE_CHECKING:
    from townlet_core.rollout.playback import Playback
    from townlet_core.rollout.scene import Happening, Person, Scene

Run = tuple[str, str]  # text, and its style in Rich's words
Line = list[Run]
Cells = Literal["quads", "pairs", "halves", "singles"]

LEVELS = "▁▂▃▄▅▆▇█"
NEEDS = ("hunger", "hygiene", "energy")
LEAST_PANEL, LEAST_CARD, MOST_PANEL = 36, 46, 68  # cells that the panel takes; that a card with bars takes
GAP = 2
BAR_CELLS, LONG_BAR_CELLS = 5, 24
LEAST_DETAIL = 14  # rows of a panel in which somebody is shown at length too
MOST_DIGIT = 9
MOST_NAME, LEAST_ROW = 11, 10  # cells of a name in a row of its own; of the rest of that row


# Cells that a tile takes, across and down.
TILE: dict[Cells, tuple[float, float]] = {"quads": (4, 2), "pairs": (2, 1), "halves": (1, 0.5), "singles": (1, 1)}


class News(NamedTuple):
    """Something that happened, and when."""

    time: str
    happening: Happening


class TownView:
    """Draws the scenes of one town."""

    def __init__(self, playback: Playback, *, colour: bool) -> None:
        from townlet_core.rollout import looks
        from townlet_core.rollout.scene import ground_of

        town = playback.town
        self.colour = colour
        self.ground = ground_of(town)
        self._looks = looks
        self._letters = looks.letters_of_kinds(town)
        self._kinds = tuple(looks.colour_of_kind(kind, town.kinds) for kind in town.kinds)
        self._labels = looks.labels_of_slots(town)
        self._names = town.kinds
        self._pairs = tuple(looks.pair_of_slot(slot) for slot in town.slots)

    def legend(self) -> Iterator[Line]:
        """Say what the letters of things are."""
        for kind, letter in enumerate(self._letters):
            style = self._style_of_thing(kind, None)
            yield [(f"{letter} ", style), (f" {self._names[kind].replace('_', ' ')}", "")]

    def label(self, slot: int) -> str:
        """Give the letter of an agent."""
        return self._labels[slot]

    def sizes(self) -> tuple[Cells, ...]:
        """Name the sizes of tiles, the largest first."""
        return ("quads", "pairs", "halves" if self.colour else "singles")

    def fitting(self, columns: int, rows: int) -> Cells:
        """Choose the largest tiles with which the whole town fits, or else the smallest, to be scrolled."""
        for cells in self.sizes():
            across, down = TILE[cells]
            if across * self.ground.width <= columns and down * self.ground.height <= rows:
                return cells
        return self.sizes()[-1]

    def width_of(self, cells: Cells) -> int:
        """Give the cells that a row of the whole town takes."""
        return int(self.ground.width * TILE[cells][0])

    def map(self, scene: Scene, cells: Cells, columns: int, rows: int, focus: int | None) -> list[Line]:
        """Draw as much of the town as fits, around whoever is in focus."""
        across, down = int(columns / TILE[cells][0]), int(rows / TILE[cells][1])
        me = next((person for person in scene.people if person.slot == focus), None)
        middle = (me.x, me.y) if me else (self.ground.width // 2, self.ground.height // 2)
        left = _begin(middle[0], across, self.ground.width)
        top = _begin(middle[1], down, self.ground.height)
        right, bottom = min(left + across, self.ground.width), min(top + down, self.ground.height)
        people = {(person.x, person.y): person for person in scene.people}
        if cells == "halves":
            return [self._halves(people, y, bottom, range(left, right), focus) for y in range(top, bottom, 2)]
        draw = {"quads": self._quad, "pairs": self._pair, "singles": self._single}[cells]
        numbers = {(x, y): number for number, (_, x, y) in enumerate(self.ground.things)}
        lines: list[Line] = []
        for y in range(top, bottom):
            tiles = [
                draw(scene, people.get((x, y)), numbers.get((x, y)), bool(self.ground.walls[y, x]), focus)
                for x in range(left, right)
            ]
            lines += [_joined(row) for row in zip(*tiles, strict=True)]
        return lines

    def _quad(
        self, scene: Scene, person: Person | None, thing: int | None, is_wall: bool, focus: int | None
    ) -> tuple[Run, ...]:
        """Draw a tile four cells wide and two high: somebody's name over their needs, a thing over what is in it."""
        if person is not None:
            style = self._style_of(person, focus)
            return (f"{person.name[:4]:<4}", style), (f" {''.join(map(_level, person.needs))}", style)
        if thing is not None:
            number, about = self.ground.things[thing][0], scene.things[thing]
            stock = f"{about.stock:>3} " if about.stock is not None else " " * 4
            style = self._style_of_thing(number, about.holder)
            return (f"{self._names[number][:4]:<4}", style), (stock, style)
        run = self._style_of_tile(is_wall)
        return (run[0] * 4, run[1]), (run[0] * 4, run[1])

    def _pair(
        self, scene: Scene, person: Person | None, thing: int | None, is_wall: bool, focus: int | None
    ) -> tuple[Run, ...]:
        """Draw a tile two cells wide: letters on its colour."""
        if person is not None:
            return ((self._pairs[person.slot], self._style_of(person, focus)),)
        if thing is not None:
            number, about = self.ground.things[thing][0], scene.things[thing]
            stock = "" if about.stock is None else str(about.stock) if about.stock <= MOST_DIGIT else "+"
            return ((f"{self._letters[number]}{stock:<1}", self._style_of_thing(number, about.holder)),)
        run = self._style_of_tile(is_wall)
        return ((run[0] * 2, run[1]),)

    def _single(
        self, scene: Scene, person: Person | None, thing: int | None, is_wall: bool, focus: int | None
    ) -> tuple[Run, ...]:
        """Draw a tile in one cell, as a letter."""
        if person is not None:
            return ((self._labels[person.slot], "bold reverse" if person.slot == focus else "bold"),)
        if thing is not None:
            return ((self._letters[self.ground.things[thing][0]], ""),)
        return (("#" if is_wall else ".", "dim"),)

    def _style_of(self, person: Person, focus: int | None) -> str:
        if not self.colour:
            return "bold reverse" if person.slot == focus else "bold underline"
        ground = "#ffffff" if person.slot == focus else self._looks.colour_of_slot(person.slot)
        return f"bold #101216 on {ground}"

    def _style_of_thing(self, kind: int, holder: int | None) -> str:
        """The ink of a thing that is taken is the colour of who has it."""
        if not self.colour:
            return "bold" if holder is not None else ""
        ink = self._looks.INK if holder is None else self._looks.colour_of_slot(holder)
        return f"bold {ink} on {self._kinds[kind]}"

    def _style_of_tile(self, is_wall: bool) -> Run:
        """A cell of a wall or of the floor."""
        if not self.colour:
            return ("█" if is_wall else " "), "dim"
        return " ", f"on {self._looks.WALL if is_wall else self._looks.FLOOR}"

    def _halves(self, people: dict[tuple[int, int], Person], y: int, bottom: int, xs: range, focus: int | None) -> Line:
        """Draw two rows of tiles in one row of cells, each half of a cell in the colour of a tile."""
        upper = [self._tile_colour(people.get((x, y)), x, y, focus) for x in xs]
        lower = [
            self._tile_colour(people.get((x, y + 1)), x, y + 1, focus) if y + 1 < bottom else self._looks.PAPER
            for x in xs
        ]
        return _joined(("▀", f"{over} on {under}") for over, under in zip(upper, lower, strict=True))

    def _tile_colour(self, person: Person | None, x: int, y: int, focus: int | None) -> str:
        if person is not None:
            return "#ffffff" if person.slot == focus else self._looks.colour_of_slot(person.slot)
        kind = int(self.ground.kinds[y, x])
        if kind >= 0:
            return self._kinds[kind]
        return self._looks.WALL if self.ground.walls[y, x] else self._looks.FLOOR

    # The panel

    def panel(self, scene: Scene, news: Sequence[News], columns: int, rows: int, focus: int | None) -> list[Line]:
        """Show how people are and what has happened, in so many rows; whoever is in focus is always seen."""
        people = scene.people
        columns = min(columns, MOST_PANEL)
        cards = columns >= LEAST_CARD and 3 * len(people) + 3 <= rows
        each = 3 if cards else 1
        me = next((person for person in people if person.slot == focus), None)
        detail = [] if cards or me is None or rows < LEAST_DETAIL else [[], *self._detail(me, columns)]
        room = max(rows - len(detail) - 5, rows // 2)
        shown = min(len(people), room // each)
        place = next((number for number, person in enumerate(people) if person.slot == focus), 0)
        first = _begin(place, shown, len(people))
        lines: list[Line] = []
        name = min(max((len(person.name) for person in people), default=0), MOST_NAME, max(columns - LEAST_ROW, 1))
        for number in range(first, first + shown):
            person = people[number]
            if cards:
                lines += [*self._card(person, number, columns, focus), []]
            else:
                lines.append(self._row(person, number, columns, name, focus))
        if shown < len(people):
            lines.append([(f"  {first + 1}–{first + shown} of {len(people)} · tab", "dim")])
        lines += detail
        left = rows - len(lines) - 1
        return [*lines, [], *self._news(news, left)] if left > 0 else lines[:rows]

    def _card(self, person: Person, number: int, columns: int, focus: int | None) -> list[Line]:
        """Show somebody in two lines: what they are at, and bars."""
        job = f"{person.job}: {person.shift}" if person.job else ""
        name = f"{_key(number)} {person.name}"
        deed = person.told[: max(columns - len(name) - len(job) - 4, 8)]
        fill = " " * max(columns - len(name) - len(deed) - len(job) - 2, 1)
        first: Line = [(name, self._name_style(person, focus)), ("  ", ""), (deed, ""), (fill, ""), (job, "dim")]
        second: Line = [("  ", "")]
        for need, level in zip(NEEDS, person.needs, strict=True):
            style = self._looks.colour_of_need(level) if self.colour else ""
            second += [(f"{need} ", "dim"), (f"{bar(level, BAR_CELLS):·<{BAR_CELLS}} ", style)]
        return [first, [*second, (f"{person.money:.2f}", "bold")]]

    def _detail(self, person: Person, columns: int) -> Iterator[Line]:
        """Show somebody at length: a long bar a need, money, work."""
        yield cropped([(f"  {person.name}", self._name_style(person, None)), (f"  {person.told}", "")], columns)
        for need, level in zip(NEEDS, person.needs, strict=True):
            style = self._looks.colour_of_need(level) if self.colour else ""
            cells = min(columns - 16, LONG_BAR_CELLS)
            yield [(f"  {need:<8}", "dim"), (f"{bar(level, cells):·<{cells}}", style), (f" {level:.2f}", "")]
        job = f"  {person.job}: {person.shift}" if person.job else ""
        yield [("  money   ", "dim"), (f"{person.money:.2f}", "bold"), (job, "")]

    def _row(self, person: Person, number: int, columns: int, name: int, focus: int | None) -> Line:
        """Show somebody in one line: a level a need, money if there is room for it, what they are at."""
        line: Line = [(f"{_key(number)} {person.name[:name]:<{name}}", self._name_style(person, focus)), (" ", "")]
        for level in person.needs:
            style = self._looks.colour_of_need(level) if self.colour else ""
            line.append((_level(level), style))
        money: Line = [(f" {person.money:5.2f}", "bold")]
        if sum(len(text) for text, _ in (*line, *money)) > columns:
            money = []  # half a number would be a wrong one
        return cropped([*line, *money, (" ", ""), (person.told, "")], columns)

    def _name_style(self, person: Person, focus: int | None) -> str:
        mark = "bold reverse" if person.slot == focus else "bold"
        return f"{mark} {self._looks.colour_of_slot(person.slot)}" if self.colour else mark

    def _news(self, news: Sequence[News], rows: int) -> Iterator[Line]:
        """Show what happened last, the newest first."""
        for time, happening in reversed(news[-rows:]):
            style = self._looks.colour_of_slot(happening.slot) if self.colour else "bold"
            yield [(f"{time} ", "dim"), (happening.who, style), (f" {happening.what}", "")]


def _level(need: float) -> str:
    """Draw a need in one cell."""
    return LEVELS[min(int(need * len(LEVELS)), len(LEVELS) - 1)]


def _key(number: int) -> str:
    """The key that puts the so-manieth person in focus."""
    return f"{number + 1}" if number < MOST_DIGIT else " "


def _begin(middle: int, length: int, whole: int) -> int:
    """Give where a stretch around a place begins that does not leave the whole."""
    return max(0, min(middle - length // 2, whole - length))


def _joined(runs: Iterable[Run]) -> Line:
    """Put neighbours of one style together."""
    line: Line = []
    for text, style in runs:
        if line and line[-1][1] == style:
            line[-1] = (line[-1][0] + text, style)
        else:
            line.append((text, style))
    return line


def cropped(line: Line, columns: int) -> Line:
    """Cut a line to so many cells. All our signs are one cell wide."""
    kept: Line = []
    for text, style in line:
        if columns <= 0:
            break
        kept.append((text[:columns], style))
        columns -= len(text)
    return kept


def beside(left: Sequence[Line], right: Sequence[Line], width: int, columns: int, rows: int) -> list[Line]:
    """Put two blocks beside each other, the left one so many cells wide."""
    lines: list[Line] = []
    for row in range(rows):
        over = left[row] if row < len(left) else []
        fill = " " * (width - sum(len(text) for text, _ in over) + GAP)
        lines.append(cropped([*over, (fill, ""), *(right[row] if row < len(right) else [])], columns))
    return lines
