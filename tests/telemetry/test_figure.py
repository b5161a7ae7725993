"""Figures of matplotlib: that there is something on them, and the same thing every time."""

from __future__ import annotations

import io
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from tests.telemetry.plots import judged_by, plotted, with_values
from tests.telemetry.reading import ours, theirs, write
from townlet_core.telemetry.plotting.columns import MOST_BUCKETS
from townlet_core.telemetry.plotting.figure import picture
from townlet_core.telemetry.plotting.plan import COLOURS, Plot

SVG = "{http://www.w3.org/2000/svg}"


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def pixels(plot: Plot) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture(plot, "png"))).convert("RGB"))


def words(svg: bytes) -> str:
    return " ".join("".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text"))


def test_each_run_is_drawn_in_its_colour(tmp_path: Path) -> None:
    logs = [with_values(tmp_path / str(run), [run + epoch for epoch in range(50)]) for run in range(5)]
    image = pixels(plotted(logs, smooth=0.6))
    height, width, _ = image.shape
    assert 1000 < width < 1600
    assert 600 < height < 1400
    for colour in COLOURS[:5]:
        assert np.all(image == rgb(colour), axis=2).sum() > 100, colour


def test_an_svg_has_the_metrics_their_words_and_the_runs_as_text(tmp_path: Path) -> None:
    log = with_values(tmp_path / "log", [1.0, 2.0, None, 4.0], scenario="town")
    plot = plotted([log], "loss_value", smooth=0.6, thresholds={"loss_value": 1.5}, baseline={"loss_value": 3.0})
    found = words(picture(plot, "svg"))
    for wanted in (
        "town, run anna",
        "loss_value",
        "value loss, before its weight",
        "smoothed by 0.6",
        "raw",
        "threshold",
        "baseline",
        "rises above the threshold",
        "no number (NaN, infinity, invalid)",
        "epoch",
    ):
        assert wanted in found
    assert "falls below it" not in found


def test_the_same_plot_is_the_same_file(tmp_path: Path) -> None:
    log = with_values(tmp_path / "log", [1.0, 2.0, 4.0])
    for kind in ("svg", "png"):
        assert picture(plotted([log], smooth=0.6), kind) == picture(plotted([log], smooth=0.6), kind)
    assert not re.search(rb"20[0-9]{2}-[0-9]{2}", picture(plotted([log]), "svg"))  # no date


def test_marks_of_a_run_are_explained(tmp_path: Path) -> None:
    write(tmp_path / "log.1", [ours(1, finished=True, reason="done")])
    write(tmp_path / "log", [ours(2)])
    found = words(picture(plotted([tmp_path / "log"], "lr"), "svg"))
    assert "run stopped and resumed" in found
    assert "log rotated" in found


def test_where_a_rule_fires_there_is_a_red_edge_and_a_bar_above_the_curve(tmp_path: Path) -> None:
    """It fires from epoch 20 to 40 of 60: a bar as thick as nothing else goes over a third of the axes."""
    log = with_values(tmp_path / "log", [float(20 <= epoch < 40) for epoch in range(1, 61)])

    def thick(plot: Plot) -> int:
        blue = np.all(pixels(plot) == rgb(COLOURS[0]), axis=2)
        return int((blue[:-2] & blue[1:-1] & blue[2:]).sum(axis=1).max())

    calm, alarmed = (plotted([log], "loss_value", rules=judged_by({"above": limit})) for limit in (2.0, 0.5))
    assert thick(calm) < 20
    assert thick(alarmed) > 100
    found = words(picture(alarmed, "svg"))
    assert "a rule fires; bar: until it is fine again" in found
    assert "limit of a rule" in found
    assert "rule" not in words(picture(calm, "svg"))


def test_a_gap_is_not_bridged(tmp_path: Path) -> None:
    """A curve of three values, a gap and two values is two lines; three values are one."""

    def lines(*values: float | None) -> int:
        svg = picture(plotted([with_values(tmp_path / "log", values)], "loss_value"), "svg").decode()
        return len(re.findall(rf'<path d="[^"]*L[^"]*"[^>]*stroke: {COLOURS[0]}[^>]*stroke-linecap: square', svg))

    assert lines(1.0, 2.0, 4.0, None, 4.0, 5.0) == lines(1.0, 2.0, 4.0) + 1


@pytest.mark.parametrize("smooth", [0.0, 0.9])
def test_a_spike_is_seen_among_a_hundred_buckets_of_epochs(tmp_path: Path, smooth: float) -> None:
    """Only the spike reaches into the upper half of the axes, which is otherwise white but for the grid."""
    flat = [0.0] * (3 * MOST_BUCKETS)
    spike = [*flat[:1234], 1.0, *flat[1235:]]

    def blue(values: list[float]) -> int:
        log = with_values(tmp_path / "log", values)
        image = pixels(plotted([log], "loss_value", smooth=smooth, thresholds={"loss_value": 1.0})).astype(int)
        return int((image[60:130, :, 2] - image[60:130, :, 0] > 20).sum())

    assert blue(spike) > blue(flat) + 30


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([7.0], id="one value"),
        pytest.param([0.0] * 9, id="zeros"),
        pytest.param([1e300, -1e300], id="the largest numbers"),
        pytest.param([5e-324, 0.0], id="the smallest"),
        pytest.param([None, 1.0, None], id="gaps at the ends"),
        pytest.param([1e15, 1e15 + 1], id="far from zero"),
    ],
)
def test_a_plot_of_any_numbers_can_be_drawn(tmp_path: Path, values: list[float | None]) -> None:
    plot = plotted([with_values(tmp_path / "log", values)], "loss_value", smooth=0.6)
    assert np.all(pixels(plot) == rgb(COLOURS[0]), axis=2).sum() > 3


def test_names_are_taken_as_they_are(tmp_path: Path) -> None:
    """Dollars are no formula, and a line at the begin does not hide a name."""
    log = write(tmp_path / "_a$b$<c>", [theirs(1), theirs(2)])
    found = words(picture(plotted([log], "lr", title="$x$ & <y>"), "svg"))
    assert "_a$b$<c>" in found
    assert "$x$ & <y>" in found


def test_a_band_says_what_it_is(tmp_path: Path) -> None:
    logs = [with_values(tmp_path / str(seed), [seed, 2.0 * seed], seed=seed) for seed in (1, 2, 3)]
    found = words(picture(plotted(logs, "loss_value", band=True, smooth=0.5), "svg"))
    assert "line: mean, band: least to largest run" in found
    assert "all runs (3 runs)" in found
