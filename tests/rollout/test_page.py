"""The page that plays a town: what it is told, and what a browser makes of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.disk import longest_file
from tests.rollout.kitchens import take
from tests.telemetry.browsing import asked, chromium, go, said
from townlet_core.errors import OutputError, UsageError
from townlet_core.rollout import looks
from townlet_core.rollout.page import Series, draw_page, page_data
from townlet_core.rollout.playback import Moment, Playback, choose, play_again, play_live
from townlet_core.rollout.request import CaptureRequest
from townlet_core.rollout.scene import describe_moment


def play(kitchen: Path, stop: int = 61) -> Playback:
    return choose(play_live(CaptureRequest(str(kitchen), Path())), range(stop))


def unpack(runs: list[int]) -> list[int]:
    return np.repeat(runs[::2], runs[1::2]).tolist()


def test_a_series_is_told_in_runs() -> None:
    series = Series()
    for value in (3, 3, 3, -1, 3):
        series.add(value)
    assert series.runs == [3, 3, -1, 1, 3, 1]


def test_what_the_page_is_told_is_what_the_moments_say(kitchen: Path) -> None:
    playback = play(kitchen)
    data = page_data(playback, 8)
    scenes = [describe_moment(playback.town, moment) for moment in play(kitchen).moments]
    assert data["ticks"] == [scene.tick for scene in scenes]
    for slot, packed in enumerate(data["people"]):
        series = {field: unpack(runs) for field, runs in zip(data["fields"], packed, strict=True)}
        for frame, scene in enumerate(scenes):
            person = next((each for each in scene.people if each.slot == slot), None)
            if person is None:
                assert series["name"][frame] == -1
                continue
            told = {field: values[frame] for field, values in series.items()}
            assert data["words"][told["name"]] == person.name
            assert (told["x"], told["y"], told["length"]) == (person.x, person.y, person.length)
            assert data["words"][told["deed"]] == person.deed
            assert told["hunger"] == round(100 * person.needs[0])
            if person.length:
                assert scene.tick - told["began"] == person.done
    for number, packed in enumerate(data["things"]):
        assert unpack(packed[0]) == [-1 if s.things[number].holder is None else s.things[number].holder for s in scenes]
    told_news = [(frame, data["words"][who], data["words"][what]) for frame, _, who, what in data["news"]]
    assert told_news == [(n, each.who, each.what) for n, scene in enumerate(scenes) for each in scene.happenings]


def test_the_page_follows_who_is_in_focus(kitchen: Path) -> None:
    assert (page_data(play(kitchen), 8)["focus"], page_data(play(kitchen), 8, 1)["focus"]) == (-1, 1)


def test_the_same_play_gives_the_same_page_live_or_again(kitchen: Path) -> None:
    take(kitchen)
    one, other = kitchen.parent / "one.html", kitchen.parent / "other.html"
    draw_page(play_again(kitchen.parent / "out"), one)
    draw_page(play(kitchen), other)
    assert one.read_bytes() == other.read_bytes()


def test_a_page_fetches_nothing_and_cannot_be_broken_by_words(kitchen: Path) -> None:
    """A description with the end of a script in it stays text."""
    kitchen.write_text(kitchen.read_text().replace("share a kitchen.", "share </script><script>alert(1)</script>."))
    draw_page(play(kitchen, 3), kitchen.parent / "town.html")
    text = (kitchen.parent / "town.html").read_text(encoding="utf-8")
    assert text.count("</script>") == 2
    data = json.loads(re.findall(r'id="data">(.*?)</script>', text)[0])
    assert "</script>" in data["description"]
    assert not re.search(r"https?://|src=|@import", text)


def test_a_full_disk_leaves_the_old_page_and_no_draft(kitchen: Path) -> None:
    output = kitchen.parent / "town.html"
    output.write_text("precious")
    before = sorted(kitchen.parent.iterdir())
    with longest_file(500), pytest.raises(OutputError, match=r"town\.html: cannot be written: file too large"):
        draw_page(play(kitchen), output, force=True)
    assert output.read_text() == "precious"
    assert sorted(kitchen.parent.iterdir()) == before


def test_pages_that_make_no_sense_are_refused(kitchen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="--fps: must be a whole number from 1 to 60, found 0"):
        draw_page(play(kitchen), kitchen.parent / "town.html", fps=0)
    monkeypatch.setattr("townlet_core.rollout.page.MOST_NUMBERS", 10)
    with pytest.raises(UsageError, match="--output: would be too large: 61 frames are about 183 numbers"):
        draw_page(play(kitchen), kitchen.parent / "town.html")


@pytest.mark.parametrize(
    ("most", "played"), [(90_000, 0), (90_004, 1001)], ids=["frames alone", "what happens in them"]
)
def test_a_page_that_is_too_large_is_refused_as_soon_as_that_is_known(
    kitchen: Path, monkeypatch: pytest.MonkeyPatch, most: int, played: int
) -> None:
    """Each of 30,001 frames has a tick, a time and notices, which makes 90,003; and something is seen in them, too."""
    monkeypatch.setattr("townlet_core.rollout.page.MOST_NUMBERS", most)
    playback = play_live(CaptureRequest(str(kitchen), Path(), ticks=30_000))
    seen: list[int] = []

    def watched() -> Iterator[Moment]:
        for moment in playback.moments:
            seen.append(moment.tick)
            yield moment

    with pytest.raises(UsageError, match="would be too large: 30,001 frames"):
        draw_page(replace(playback, moments=watched()), kitchen.parent / "town.html")
    assert len(seen) == played
    assert not (kitchen.parent / "town.html").exists()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


def pixel(browser: Any, x: float, y: float) -> list[int]:
    """The colour of a place in the town, in tiles."""
    script = (
        "const dots = devicePixelRatio || 1; const [x, y] = arguments;"
        "return [...pen.getImageData(cornerX(x) * dots, cornerY(y) * dots, 1, 1).data.slice(0, 3)]"
    )
    return list(browser.execute_script(script, x, y))


def rgb(colour: str) -> list[int]:
    return list(bytes.fromhex(colour[1:]))


@pytest.mark.browser
def test_a_browser_draws_the_town_and_plays_it(browser: Any, kitchen: Path) -> None:
    """Anna begins at [2, 2]; [1, 2] is floor and [0, 0] wall."""
    draw_page(play(kitchen), kitchen.parent / "town.html")
    go(browser, kitchen.parent / "town.html")
    assert browser.title == "kitchen · Townlet"
    assert pixel(browser, 2.25, 2.5) == rgb(looks.PEOPLE[0])
    assert pixel(browser, 1.5, 2.5) == rgb(looks.FLOOR)
    assert pixel(browser, 0.5, 0.5) == rgb(looks.WALL)
    find = browser.find_element
    assert "tick 0/60" in find("id", "when").text
    assert find("css selector", ".person .who").text == "anna"
    find("id", "on").click()
    find("id", "on").click()
    assert "tick 2/60" in find("id", "when").text
    browser.execute_script("go(frames - 1)")
    anna = list(play(kitchen).moments)[-1].agents[0]
    assert pixel(browser, anna["x"] + 0.25, anna["y"] + 0.5) == rgb(looks.PEOPLE[0])
    assert "tick 60/60" in find("id", "when").text
    assert find("id", "play").text == "Again"
    assert "cara faint" in find("id", "news").text
    assert [text for text in said(browser) if "willReadFrequently" not in text] == []  # it is the test that reads
    assert {address.partition(":")[0] for address in asked(browser)} <= {"file", "data"}


@pytest.mark.browser
def test_pressing_play_plays_to_the_end(browser: Any, kitchen: Path) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    draw_page(play(kitchen, 10), kitchen.parent / "town.html", fps=60)
    go(browser, kitchen.parent / "town.html")
    browser.find_element("id", "play").click()
    WebDriverWait(browser, 60).until(lambda each: "tick 9/60" in each.find_element("id", "when").text)
    assert said(browser) == []


@pytest.mark.browser
def test_pointing_at_a_tile_tells_who_and_what_is_there(browser: Any, kitchen: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    draw_page(play(kitchen), kitchen.parent / "town.html")
    go(browser, kitchen.parent / "town.html")
    canvas = browser.find_element("id", "town")
    for tile, told in (((2, 2), "anna: idle"), ((7, 1), "fridge_1: 6 in it")):
        x, y, wide, high = browser.execute_script(
            "const [x, y] = arguments;"
            "return [cornerX(x + .5), cornerY(y + .5), canvas.clientWidth, canvas.clientHeight]",
            *tile,
        )
        ActionChains(browser).move_to_element_with_offset(canvas, x - wide / 2, y - high / 2).perform()
        assert browser.find_element("id", "tip").text.startswith(told)


@pytest.mark.browser
def test_a_crowd_is_played_too(browser: Any, tmp_path: Path) -> None:
    draw_page(choose(play_live(CaptureRequest("market_town", Path())), range(5)), tmp_path / "town.html")
    go(browser, tmp_path / "town.html")
    assert len(browser.find_elements("css selector", ".person")) == 208
    assert said(browser) == []
