"""The page of a plot, in a browser: its curves are drawn, values can be read off, and it needs nothing else."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.telemetry.browsing import asked, chromium, said
from tests.telemetry.plot_pages import EPOCHS, curves, find, hover, opened, tip
from tests.telemetry.plots import judged_by, plotted, with_values
from tests.telemetry.reading import ours, write
from townlet_core.telemetry.plotting.columns import MOST_BUCKETS
from townlet_core.telemetry.plotting.page import page
from townlet_core.telemetry.plotting.plan import Plot


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture
def two_runs(tmp_path: Path) -> Plot:
    """Two runs of 60 epochs: value losses 100 to 41, and half of these."""
    down = [float(101 - epoch) for epoch in range(1, EPOCHS + 1)]
    logs = [
        with_values(tmp_path / "first.jsonl", down, scenario="town"),
        with_values(tmp_path / "second.jsonl", [value / 2 for value in down], scenario="town"),
    ]
    return plotted(logs, "loss_value", "lr", smooth=0.6)


@pytest.mark.browser
def test_the_curves_of_every_run_are_drawn_within_their_panels(browser: Any, tmp_path: Path, two_runs: Plot) -> None:
    opened(browser, tmp_path, two_runs)
    assert [head.text for head in find(browser, ".panel h2")] == ["loss_value", "lr"]
    for metric in ("loss_value", "lr"):
        [svg] = find(browser, f"svg[data-metric='{metric}']")
        for kind in ("curve", "raw"):
            first, second = curves(browser, metric, kind)
            assert len(first) == len(second) == EPOCHS
            for x, y in (*first, *second):
                assert 0 <= x <= svg.size["width"]
                assert 0 <= y <= svg.size["height"]
    first, second = curves(browser, "loss_value")
    assert first[0][1] < first[-1][1]  # it falls: y grows downwards
    assert all(one[1] < other[1] for one, other in zip(first, second, strict=True))  # the second is half as large
    colours = [path.value_of_css_property("stroke") for path in find(browser, "svg[data-metric='lr'] path.curve")]
    assert len(set(colours)) == 2
    assert "none" not in colours


@pytest.mark.browser
def test_the_page_needs_no_other_and_complains_of_nothing(browser: Any, tmp_path: Path, two_runs: Plot) -> None:
    opened(browser, tmp_path, two_runs)
    hover(browser, "loss_value", 30)
    for box in find(browser, ".controls label"):
        box.click()
    assert said(browser) == []
    assert [address for address in asked(browser) if not address.startswith(("file:", "data:"))] == []
    assert len([address for address in asked(browser) if address.startswith("file:")]) <= 1


@pytest.mark.browser
@pytest.mark.parametrize("epoch", [1, 21, EPOCHS])
def test_values_can_be_read_off(browser: Any, tmp_path: Path, two_runs: Plot, epoch: int) -> None:
    opened(browser, tmp_path, two_runs)
    hover(browser, "loss_value", epoch)
    shown = tip(browser).splitlines()
    assert shown[0] == f"epoch {epoch}"
    assert shown[1].startswith(f"first {101 - epoch} (smoothed ")
    assert shown[2].startswith(f"second {(101 - epoch) / 2:g} (smoothed ")


@pytest.mark.browser
def test_the_keyboard_reads_values_off_too(browser: Any, tmp_path: Path, two_runs: Plot) -> None:
    opened(browser, tmp_path, two_runs)
    [svg] = find(browser, "svg[data-metric='loss_value']")
    for _ in range(3):  # to the first epoch, and two further
        svg.send_keys("\ue014")  # the arrow to the right
    assert tip(browser).splitlines()[0] == "epoch 3"


@pytest.mark.browser
def test_a_run_is_hidden_by_its_name_and_shown_again(browser: Any, tmp_path: Path, two_runs: Plot) -> None:
    opened(browser, tmp_path, two_runs)
    [first, second] = find(browser, ".legend button")
    assert (first.text, second.text) == ("first", "second")
    high = curves(browser, "loss_value")[1][0][1]
    first.click()
    [left] = curves(browser, "loss_value")
    assert first.get_attribute("aria-pressed") == "false"
    assert left[0][1] < high  # what is left takes all the height
    hover(browser, "loss_value", 21)
    assert tip(browser).splitlines()[1].startswith("second 40")
    assert find(browser, ".panel h2 output")[0].text == "40"
    first.click()
    assert len(curves(browser, "loss_value")) == 2


@pytest.mark.browser
def test_some_epochs_can_be_looked_at_and_then_all_again(browser: Any, tmp_path: Path, two_runs: Plot) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    opened(browser, tmp_path, two_runs)
    [svg] = find(browser, "svg[data-metric='loss_value']")
    ActionChains(browser).move_to_element_with_offset(svg, -60, 0).click_and_hold().move_by_offset(
        80, 0
    ).release().perform()
    first, last = browser.execute_script("return [state.from, state.to];")
    assert 1 < first < last < EPOCHS
    middle = round((first + last) / 2)
    hover(browser, "lr", middle, first, last)
    assert tip(browser).splitlines()[0] == f"epoch {middle}"
    [button] = find(browser, "#reset")
    button.click()
    assert browser.execute_script("return [state.from, state.to];") == [1, EPOCHS]
    assert not button.is_enabled()


@pytest.mark.browser
def test_on_a_log_scale_what_falls_by_halves_is_straight(browser: Any, tmp_path: Path) -> None:
    """And what is not above 0 has no place there: epoch 5 is a gap, and a metric without such values stays as it is."""
    values = [2.0**-epoch for epoch in range(1, 11)]
    values[4] = 0.0
    plot = plotted([with_values(tmp_path / "log", values)], "loss_value", "loss_policy")
    opened(browser, tmp_path, plot)
    assert len(curves(browser, "loss_value")[0]) == 10
    find(browser, "#log")[0].click()
    [points] = curves(browser, "loss_value")
    assert len(points) == 9
    slopes = [(y - points[0][1]) / (x - points[0][0]) for x, y in points[1:]]
    assert max(slopes) - min(slopes) < 0.01 * max(slopes)
    assert "linear: nothing is above 0" in find(browser, "svg[data-metric='loss_policy']")[0].text
    assert said(browser) == []


@pytest.mark.browser
def test_what_is_no_number_is_a_gap_with_a_cross(browser: Any, tmp_path: Path) -> None:
    plot = plotted([with_values(tmp_path / "log", [1.0, 2.0, None, 4.0, 3.0])], "loss_value")
    opened(browser, tmp_path, plot)
    [path] = find(browser, "path.curve")
    assert path.get_attribute("d").count("M") == 2
    assert len(find(browser, "path.odd")) == 1
    hover(browser, "loss_value", 3, last=5)
    assert "no number" in tip(browser)


@pytest.mark.browser
def test_long_runs_show_the_least_and_the_most_of_several_epochs(browser: Any, tmp_path: Path) -> None:
    """Four thousand epochs are buckets of eight; the spike of one of them is at the top of the shade."""
    count = 4 * MOST_BUCKETS
    values = [math.sin(epoch / 100) for epoch in range(1, count + 1)]
    values[1999] = 50.0
    opened(browser, tmp_path, plotted([with_values(tmp_path / "log", values)], "loss_value"))
    [shade] = curves(browser, "loss_value", "band")
    [line] = curves(browser, "loss_value")
    assert min(y for _, y in shade) < min(y for _, y in line) - 50
    hover(browser, "loss_value", 2000, last=count)
    assert re.match(r"epochs \d+ to \d+\n", tip(browser))
    assert said(browser) == []


@pytest.mark.browser
def test_levels_marks_and_crossings_are_shown(browser: Any, tmp_path: Path) -> None:
    write(tmp_path / "log.1", [ours(1, finished=True, reason="done"), ours(2, loss_value=9.0)])
    write(tmp_path / "log", [ours(3), ours(4)])
    levels: dict[str, Any] = {"thresholds": {"loss_value": 5.0}, "baseline": {"loss_value": 4.0}}
    opened(browser, tmp_path, plotted([tmp_path / "log"], "loss_value", **levels))
    for kind, count in (("threshold", 1), ("baseline", 1), ("crossing", 2), ("resumed", 1), ("rotated", 1)):
        assert len(find(browser, f".{kind}")) == count, kind
    titles = [title.get_attribute("textContent") for title in find(browser, "svg title")]
    assert "log, epoch 2: goes on after it was finished" in titles
    assert "log, epoch 3: the log goes on in log" in titles
    assert "log: rises above the threshold at epoch 2" in titles


@pytest.mark.browser
def test_where_rules_fire_is_marked_and_told(browser: Any, tmp_path: Path) -> None:
    """The first run is above 5 in epochs 2 and 3, the second in epoch 5, its last; each has a lane of its own."""
    first = with_values(tmp_path / "first", [1.0, 6.0, 7.0, 1.0, 1.0])
    second = with_values(tmp_path / "second", [1.0, 1.0, 1.0, 1.0, 6.0])
    rules = judged_by({"above": 5.0, "name": "<steep>"})
    opened(browser, tmp_path, plotted([first, second], "loss_value", "lr", rules=rules))
    assert [len(find(browser, f"svg[data-metric='{metric}'] .alert")) for metric in ("loss_value", "lr")] == [2, 0]
    titles = [title.get_attribute("textContent") for title in find(browser, ".alert title")]
    assert titles == [
        "first, epochs 2 to 4: warning: <steep>: loss_value is 6, above 5",
        "second, epoch 5: warning: <steep>: loss_value is 6, above 5",
    ]
    (x, to, y), (_, _, other) = (
        map(
            float, re.findall(r"[\d.]+", bar.get_attribute("d"))[::2] + re.findall(r",([\d.]+)", bar.get_attribute("d"))
        )
        for bar in find(browser, ".firing")
    )
    assert to > x
    assert y < other < min(at for points in curves(browser, "loss_value") for _, at in points)
    hover(browser, "loss_value", 3, last=5)
    assert tip(browser).splitlines()[-1] == "warning: <steep>: loss_value is 6, above 5"
    hover(browser, "loss_value", 1, last=5)
    assert "steep" not in tip(browser)
    find(browser, ".legend button")[0].click()
    assert len(find(browser, ".alert")) == 1
    assert said(browser) == []


@pytest.mark.browser
def test_the_numbers_of_an_axis_are_of_one_unit(browser: Any, tmp_path: Path) -> None:
    opened(browser, tmp_path, plotted([with_values(tmp_path / "log", [4000.0, 21000.0])], "loss_value"))
    texts = [text.text for text in find(browser, "svg text[text-anchor=end]")]
    assert texts[:-1] == ["5k", "10k", "15k", "20k"]


@pytest.mark.browser
def test_bands_are_drawn_and_read_off(browser: Any, tmp_path: Path) -> None:
    logs = [with_values(tmp_path / str(seed), [float(seed)] * 5, seed=seed) for seed in (1, 2, 6)]
    opened(browser, tmp_path, plotted(logs, "loss_value", band=True))
    assert len(find(browser, "path.band")) == len(find(browser, "path.curve")) == 1
    hover(browser, "loss_value", 3, last=5)
    assert tip(browser).splitlines() == ["epoch 3", "all runs (3 runs) 3 1 … 6"]  # (1 + 2 + 6) / 3 = 3


@pytest.mark.browser
def test_the_page_is_dark_where_its_reader_wants_that(browser: Any, tmp_path: Path, two_runs: Plot) -> None:
    def looks(scheme: str) -> tuple[str, str]:
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        opened(browser, tmp_path, two_runs)
        back = find(browser, "body")[0].value_of_css_property("background-color")
        return back, find(browser, "path.curve")[0].value_of_css_property("stroke")

    assert looks("light") == ("rgba(255, 255, 255, 1)", "rgb(0, 114, 178)")
    assert looks("dark") == ("rgba(22, 24, 28, 1)", "rgb(86, 180, 233)")


@pytest.mark.browser
def test_names_are_text_whatever_stands_in_them(browser: Any, tmp_path: Path) -> None:
    """A title or a file that looks like a script is none."""
    nasty = "</script><script>console.error('obeyed')</script><b>"
    log = write(tmp_path / "log", [ours(1)])
    (tmp_path / "<img src=x>").mkdir()
    other = write(tmp_path / "<img src=x>" / "log", [ours(1)])
    opened(browser, tmp_path, plotted([log, other], "lr", title=nasty))
    assert find(browser, "h1")[0].text == nasty
    assert "<img src=x>/log" in [button.text for button in find(browser, ".legend button")]
    assert said(browser) == []


@pytest.mark.browser
@pytest.mark.parametrize(
    "values", [[7.0], [0.0] * 9, [1e300, -1e300], [5e-324, 0.0], [None, 1.0, None], [1e15, 1e15 + 1]]
)
def test_a_plot_of_any_numbers_can_be_drawn(browser: Any, tmp_path: Path, values: list[float | None]) -> None:
    opened(browser, tmp_path, plotted([with_values(tmp_path / "log", values)], "loss_value", smooth=0.6))
    [points] = curves(browser, "loss_value")
    assert len(points) == sum(value is not None for value in values)
    assert all(0 <= y <= 210 for _, y in points)
    find(browser, "#log")[0].click()
    assert said(browser) == []
    drawn = find(browser, "svg")[0].get_attribute("outerHTML").replace("(NaN, infinity, invalid)", "")
    assert not re.search("NaN|Infinity|undefined|null", drawn)


def test_without_a_browser_these_tests_are_skipped_but_not_where_all_must_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="there is no chromedriver on PATH"), chromium():
        pass
    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match="there is no chromedriver on PATH"), chromium():
        pass


def test_the_same_plot_is_the_same_page(tmp_path: Path, two_runs: Plot) -> None:
    logs = [tmp_path / "first.jsonl", tmp_path / "second.jsonl"]
    assert page(two_runs) == page(plotted(logs, "loss_value", "lr", smooth=0.6))
