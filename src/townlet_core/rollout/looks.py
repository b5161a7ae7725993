"""How a town is drawn, whatever draws it: a letter and a colour for each kind of thing, a label and a colour for each
agent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import ascii_lowercase, ascii_uppercase, digits

from townlet_core.world.town import CompiledTown

# Light colours, told apart by people who do not see all of them too (after Okabe and Ito, https://jfly.uni-koeln.de/color/).
PEOPLE = ("#e69f00", "#56b4e9", "#2fbf8f", "#f0e442", "#ff7f5c", "#e08fc0", "#b3a6ff", "#b5d86a", "#8fe0e0", "#d8b48a")
KINDS = {
    "bed": "#5a5f9e",
    "shower": "#2f7f99",
    "fridge": "#5d8a86",
    "stove": "#9c5a48",
    "sofa": "#7d5a8c",
    "sink": "#3f7fae",
    "counter": "#8c6a3f",
    "stall": "#96793a",
    "bench": "#6b6f4a",
    "desk": "#5f6673",
    "toolbench": "#6e5c50",
}
OTHERS = ("#4f7a52", "#7a4f6d", "#4f6c7a", "#7a724f", "#5d4f7a", "#7a4f4f")
FLOOR, LINE, WALL, INK, PAPER, PALE = "#262a33", "#2e333e", "#59606e", "#f2f4f8", "#171a20", "#9aa3b2"
SPARE = "•"  # the sign of whoever has none of their own
GOOD, FAIR, POOR = "#4fbf67", "#e0b13c", "#e0574c"


def colour_of_need(level: float) -> str:
    """Colour a need by how well it is met."""
    return GOOD if level >= 0.5 else FAIR if level >= 0.25 else POOR


def colour_of_kind(kind: str, kinds: tuple[str, ...]) -> str:
    """Colour a kind of thing: the core manifest's as one knows them, others in turn."""
    return KINDS.get(kind) or OTHERS[kinds.index(kind) % len(OTHERS)]


def colour_of_slot(slot: int) -> str:
    """Colour an agent."""
    return PEOPLE[slot % len(PEOPLE)]


def letters_of_kinds(town: CompiledTown) -> tuple[str, ...]:
    """Give each kind a capital of its own: that of the scenario's drawing, or one of its name, or any that is left."""
    drawn = {kind: letter.upper() for letter, kind in town.config.scenario.map.legend.items()}
    return tuple(_letters([(drawn.get(kind, ""), kind) for kind in town.kinds], ascii_uppercase + digits))


def labels_of_slots(town: CompiledTown) -> tuple[str, ...]:
    """Give each agent a small letter or a digit of its own; a dot to all where there are too many."""
    known = ascii_lowercase + digits
    if len(town.slots) > len(known):
        return (SPARE,) * len(town.slots)
    return tuple(_letters([(slot[-1] if slot[-1].isdigit() else "", slot) for slot in town.slots], known))


def _letters(names: Sequence[tuple[str, str]], known: str) -> Iterator[str]:
    """Give each name a sign: the one wished for, where that can be, or one of its own that is free, or any."""
    wishes = [wish for wish, _ in names]
    taken: set[str] = set()
    for place, (wish, name) in enumerate(names):
        own = name.upper() if known[0].isupper() else name
        free = (sign for sign in (*own, *known) if sign in known and sign not in taken and sign not in wishes)
        sign = wish if wish and wishes.index(wish) == place else next(free, SPARE)
        taken.add(sign)
        yield sign


def pair_of_slot(slot: str) -> str:
    """Shorten an agent's name to two signs: a number's last digits, or the first letters."""
    _, _, number = slot.rpartition("_")
    return f"{number[-2:]:>2}" if number.isdigit() else f"{slot[:2]:<2}"
