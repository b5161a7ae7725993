"""Animations of a town: what is where in them; the same every time; whole, or not there."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.disk import longest_file
from tests.rollout.kitchens import take
from townlet_core.errors import InputError, OutputError, SampleError, UsageError
from townlet_core.rollout import looks
from townlet_core.rollout.picture import draw_animation
from townlet_core.rollout.picture_size import EDGE, HEAD
from townlet_core.rollout.playback import Playback, choose, play_again, play_live
from townlet_core.rollout.request import CaptureRequest

SCALE = 20


def play(kitchen: Path, stop: int = 6) -> Playback:
    return choose(play_live(CaptureRequest(str(kitchen), Path())), range(stop))


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two colours are alike: a palette of 255 has not every shade."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 12


def colour_at(picture: Image.Image, x: int, y: int, dx: float = 0.25, dy: float = 0.5) -> tuple[int, ...]:
    """The colour of a place in a tile."""
    place = (EDGE + int((x + dx) * SCALE), HEAD + EDGE + int((y + dy) * SCALE))
    found = picture.convert("RGB").getpixel(place)
    assert isinstance(found, tuple)
    return found


@pytest.mark.parametrize("ending", ["gif", "apng", "GIF"])
def test_every_tick_has_a_frame_in_which_things_are_where_they_are(kitchen: Path, ending: str) -> None:
    """Anna stands at [2, 2] and the fridge at [7, 1]; [1, 2] is floor and [0, 0] wall. Three ticks, so four moments."""
    output = kitchen.parent / f"town.{ending}"
    assert draw_animation(play(kitchen, 4), output, scale=SCALE, fps=10) == 4
    with Image.open(output) as picture:
        assert (getattr(picture, "n_frames", 0), picture.info["duration"], picture.info["loop"]) == (4, 100, 0)
        assert near(colour_at(picture, 2, 2), rgb(looks.PEOPLE[0]))
        assert near(colour_at(picture, 7, 1, 0.9, 0.5), rgb(looks.KINDS["fridge"]))
        assert near(colour_at(picture, 1, 2), rgb(looks.FLOOR))
        assert near(colour_at(picture, 0, 0), rgb(looks.WALL))


def test_who_walks_is_drawn_where_they_have_come(kitchen: Path) -> None:
    """Each agent is drawn where the moments have it, in every frame."""
    moments = list(play(kitchen, 20).moments)
    assert len({(int(moment.agents["x"][0]), int(moment.agents["y"][0])) for moment in moments}) > 1
    output = kitchen.parent / "town.gif"
    draw_animation(play(kitchen, 20), output, scale=SCALE)
    with Image.open(output) as picture:
        for number, moment in enumerate(moments):
            picture.seek(number)
            place = int(moment.agents["x"][0]), int(moment.agents["y"][0])
            assert near(colour_at(picture, *place), rgb(looks.PEOPLE[0])), number


def test_who_is_in_focus_is_marked_and_told_of_first(tmp_path: Path) -> None:
    """Of nine people there is room for eight in the panel: the ninth is seen there if in focus. A mark is of ink."""
    people = "\n".join(f"  - {{id: p{number}, at: [{number + 1}, 1]}}" for number in range(9))
    rows = "\n".join(f'    - "{row}"' for row in ("###########", "#.........#", "###########"))
    town = tmp_path / "town.yaml"
    town.write_text(f"name: town\nscenario: {{ticks: 9}}\nmap:\n  rows:\n{rows}\nagents:\n{people}\n")
    seen = {}
    for focus in (None, 8):
        draw_animation(play(town, 1), tmp_path / f"{focus}.gif", scale=SCALE, focus=focus)
        with Image.open(tmp_path / f"{focus}.gif") as picture:
            ring = colour_at(picture, 9, 1, 0.5, -0.05)
            panel = picture.convert("RGB").crop((EDGE * 2 + 11 * SCALE, HEAD + EDGE, picture.width, HEAD + EDGE + 14))
            shades = {shade for _, shade in panel.getcolors(10_000) or [] if isinstance(shade, tuple)}
            seen[focus] = (
                ring,
                {name for name in (0, 1, 8) if any(near(s, rgb(looks.colour_of_slot(name))) for s in shades)},
            )
    assert near(seen[8][0], rgb(looks.INK))
    assert not near(seen[None][0], rgb(looks.INK))
    assert (seen[None][1], seen[8][1]) == ({0}, {1})  # the second is then the first of eight, up to the ninth


@pytest.mark.parametrize("ending", ["gif", "apng"])
def test_the_same_play_gives_the_same_bytes_live_or_again(kitchen: Path, ending: str) -> None:
    take(kitchen)
    one, other = kitchen.parent / f"one.{ending}", kitchen.parent / f"other.{ending}"
    draw_animation(choose(play_again(kitchen.parent / "out"), range(6)), one)
    draw_animation(play(kitchen), other)
    assert one.read_bytes() == other.read_bytes()


def test_a_town_is_drawn_as_large_as_suits_it_unless_it_is_said(kitchen: Path) -> None:
    """Nine tiles of 640 pixels would be 71 each, so they are as large as ever: 32."""
    output = kitchen.parent / "town.gif"
    draw_animation(play(kitchen, 2), output)
    with Image.open(output) as picture:
        wide = picture.width
    draw_animation(play(kitchen, 2), output, scale=16, force=True)
    with Image.open(output) as picture:
        assert wide - picture.width == 9 * (32 - 16)


def test_a_file_that_is_there_is_replaced_only_by_force(kitchen: Path) -> None:
    output = kitchen.parent / "town.gif"
    output.write_text("precious")
    with pytest.raises(OutputError, match="is there already"):
        draw_animation(play(kitchen), output)
    assert output.read_text() == "precious"
    draw_animation(play(kitchen), output, force=True)
    assert output.read_bytes()[:6] == b"GIF89a"


def test_a_full_disk_leaves_the_old_picture_and_no_draft(kitchen: Path) -> None:
    output = kitchen.parent / "town.gif"
    output.write_text("precious")
    before = sorted(kitchen.parent.iterdir())
    with longest_file(500), pytest.raises(OutputError, match=r"town\.gif: cannot be written: file too large"):
        draw_animation(play(kitchen), output, force=True)
    assert output.read_text() == "precious"
    assert sorted(kitchen.parent.iterdir()) == before


def test_a_capture_that_comes_out_otherwise_leaves_no_picture(kitchen: Path) -> None:
    take(kitchen)
    seal = kitchen.parent / "out" / "rollout_sample_seal.json"
    seal.write_text(seal.read_text().replace('"seed": 3,\n  "worlds"', '"seed": 4,\n  "worlds"'))
    before = sorted(kitchen.parent.iterdir())
    with pytest.raises(SampleError, match="when it is played again"):
        draw_animation(play_again(kitchen.parent / "out"), kitchen.parent / "town.gif")
    assert sorted(kitchen.parent.iterdir()) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"scale": 2}, "--scale: must be a whole number from 3 to 64, found 2"),
        ({"fps": 51}, "--fps: must be a whole number from 1 to 50, found 51"),
    ],
)
def test_numbers_that_make_no_picture_are_refused(kitchen: Path, options: dict[str, int], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        draw_animation(play(kitchen), kitchen.parent / "town.gif", **options)  # type: ignore[arg-type]


def test_a_picture_that_memory_could_not_hold_is_refused_before_anything_is_played(
    kitchen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six frames of as many pixels as there are in one would fit, and there are seven."""
    draw_animation(play(kitchen, 1), kitchen.parent / "one.gif", scale=SCALE)
    with Image.open(kitchen.parent / "one.gif") as picture:
        width, height = picture.size
    monkeypatch.setattr("townlet_core.rollout.picture_size.MOST_PIXELS", 7 * width * height - 1)
    assert draw_animation(play(kitchen, 6), kitchen.parent / "six.gif", scale=SCALE) == 6
    unplayed = replace(play(kitchen, 7), moments=iter(()))
    with pytest.raises(UsageError, match=f"would be too large: 7 frames of {width} x {height}") as caught:
        draw_animation(unplayed, kitchen.parent / "town.gif", scale=SCALE)
    assert caught.value.hint == (
        "there is room for 6 of these: show less with --range or --every, or take a --scale below 20"
    )
    assert not (kitchen.parent / "town.gif").exists()


def test_without_pillow_it_is_told_what_to_install(kitchen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    unplayed = replace(play(kitchen), moments=iter(()))
    with pytest.raises(InputError, match="is drawn by Pillow, which is not installed") as caught:
        draw_animation(unplayed, kitchen.parent / "town.gif")
    assert caught.value.hint == "pip install 'townlet[plot]', or write an .html"
