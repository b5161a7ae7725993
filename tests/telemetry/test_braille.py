"""The plot in the terminal: what it looks like, and that every value is where it belongs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.telemetry.plots import judged_by, plotted, with_values
from townlet_core.telemetry.plotting.braille import Canvas, Line, Scale, curve, picture
from townlet_core.telemetry.plotting.columns import MOST_BUCKETS, Column
from townlet_core.telemetry.plotting.plan import Series
from townlet_core.telemetry.widths import cells, cut

SQUARES = """\
run anna

loss_value  value loss, before its weight
   100 ┤                                                  ⡠⠊
       │                                               ⢀⠔⠊
    80 ┤                                             ⡠⠔⠁
       │                                          ⢀⠔⠊
    60 ┤                                       ⢀⠤⠊⠁
       │                                    ⢀⡠⠊⠁
       │                                 ⢀⠤⠒⠁
    40 ┤                             ⢀⣀⠔⠊⠁
       │                         ⢀⣀⠔⠒⠁
    20 ┤                    ⣀⡠⠤⠒⠉⠁
       │              ⢀⣀⡠⠔⠒⠉
     0 ┤⣀⣀⣀⣀⣀⣀⡠⠤⠤⠔⠒⠒⠉⠉⠁
       └─────┬─────────┬──────────┬─────────┬─────────┬─────
             2         4          6         8        10
                                 last 100, least 0, most 100

⣀⡠ log"""

TWO_METRICS = """\
town, run anna

loss_value  value loss, before its wei…  lr  learning rate
     3 ┤                  ⠘⡄             0.0010 ┤⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉
       │                   ⢣                    │
       │                   ⠘⡄            0.0009 ┤
       │                    ⢣                   │
     2 ┤     ⡔⠁             ⠘⡄           0.0008 ┤
       │⡀⡀⡀⡠⡊⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀⣣⡀⡀⡀⡀⡀⡀⡀⡀⡀         │
       │ ⢀⠔⠁                 ⠘⡄                 │
     1 ┤⡠⠃                    ⢣       ⢀  0.0007 ┤
       │                      ⠘⡄     ⡰⠁         │
       │                       ⢣   ⢀⠜    0.0006 ┤
       │                       ⠘⡄ ⡰⠁            │
     0 ┤                        ⢣⠜       0.0005 ┤⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀
       └──────^─────×─────┬─────v─────┬         └──────┬───────────┬───────────┬
              2           4           6                2           4           6
                last 1, least 0, most 3                             always 0.001

⣀⡠ log   ⠂⠀⠂⠀ baseline   ⠂⠂⠂⠂ threshold   × no number (NaN, infinity, invalid)
^ rises above the threshold   v falls below the threshold"""

WIDEST_ENTRY = 36  # of the legend, whose words are not cut

numbers = st.floats(-1e300, 1e300, allow_subnormal=False)


def text(lines: list[Line]) -> str:
    return "\n".join("".join(span.text for span in line).rstrip() for line in lines)


def test_one_metric_is_drawn_as_wide_as_there_is_room(tmp_path: Path) -> None:
    """The squares of 0 to 10 at the epochs 1 to 11."""
    log = with_values(tmp_path / "log", [float(number * number) for number in range(11)])
    assert text(picture(plotted([log], "loss_value"), 60)) == SQUARES


def test_where_a_rule_fires_is_marked_on_the_axis_as_long_as_it_does(tmp_path: Path) -> None:
    """Above 1.5 in epochs 2 to 4 of 6, and fine again in the fifth: a fifth of 28 signs to four fifths."""
    log = with_values(tmp_path / "log", [1.0, 2.0, 3.0, 2.0, 0.0, 1.0])
    drawn = text(picture(plotted([log], "loss_value", rules=judged_by({"above": 1.5})), 36)).splitlines()
    [axis] = [row for row in drawn if "└" in row]
    assert axis == "       └─────!━━━━━━━━━━━━━━━━┬─────"
    assert drawn[-3:] == ["⣀⡠ log   ⠂⠂⠂⠂ limit of a rule", "! a rule fires", "━ until it is fine again"]


def test_signs_that_take_two_cells_of_a_terminal_leave_the_panels_in_line(tmp_path: Path) -> None:
    """A panel of 39 cells: the name takes 24 of them, whose two signs of Japanese are two wide; a gap of 2 follows."""
    log = with_values(tmp_path / "長い名前", [1.0, 2.0], "agents.太郎.reward_mean", scenario="町" * 60)
    lines = text(picture(plotted([log], "agents.*", "lr"), 80)).splitlines()
    assert lines[0] == "町" * 40
    heading = lines[2]
    assert heading.startswith("agents.太郎.reward_mean  mean reward a")
    assert cells(heading[: heading.index("lr")]) == 41
    assert {cells(line[: line.rindex("│")]) for line in lines if line.count("│") == 2} == {48}


@pytest.mark.parametrize(
    ("words", "room", "shown"),
    [("abc", 2, "ab"), ("太郎", 3, "太"), ("e\u0301e", 1, "e\u0301"), ("🙂🙂", 4, "🙂🙂"), ("", 3, "")],
)
def test_as_much_is_shown_as_fits(words: str, room: int, shown: str) -> None:
    assert cut(words, room) == shown


def test_what_is_wider_than_the_terminal_is_folded(tmp_path: Path) -> None:
    log = with_values(tmp_path / ("long" * 20), [0.0, 1.0] * MOST_BUCKETS)
    assert max(map(len, text(picture(plotted([log], "loss_value"), 40)).splitlines())) <= 40


def test_metrics_stand_side_by_side_with_levels_and_marks(tmp_path: Path) -> None:
    """NaN in epoch 3; the threshold of 1.5 is crossed upwards in epoch 2, downwards in epoch 5 (3 to 0)."""
    log = with_values(tmp_path / "log", [1.0, 2.0, None, 3.0, 0.0, 1.0], scenario="town")
    plot = plotted([log], "loss_value", "lr", thresholds={"loss_value": 1.5}, baseline={"lr": 0.0005})
    assert text(picture(plot, 80)) == TWO_METRICS


@pytest.mark.parametrize("width", [10, 40, 79, 80, 140, 400])
def test_no_line_is_wider_than_there_is_room(tmp_path: Path, width: int) -> None:
    log = with_values(tmp_path / "log", [-0.000123456, 123456.7], scenario="town")
    names = ("loss_value", "loss_policy", "lr", "kl_divergence", "conflict.rivalry_avoid_count_mean_avg")
    lines = text(picture(plotted([log], *names, thresholds={"lr": 0.5}), width)).splitlines()
    assert max(map(len, lines)) <= max(width, WIDEST_ENTRY)


def test_every_run_has_its_own_style(tmp_path: Path) -> None:
    logs = [with_values(tmp_path / name, values) for name, values in (("a", [0.0, 0.0]), ("b", [1.0, 1.0]))]
    lines = picture(plotted(logs, "loss_value"), 60)
    rows = [{span.style for span in line if span.text.strip() and span.style.isdigit()} for line in lines]
    assert [styles for styles in rows if styles] == [{"1"}, {"0"}, {"0", "1"}]  # above, below, and the legend


def drawn(values: list[float | None], width: int, height: int) -> tuple[Canvas, Column, Callable[[float, float], bool]]:
    """Draw the values of the epochs from 1; the last of what is given tells whether there is a dot at a value."""
    column = Column()
    for epoch, value in enumerate(values, start=1):
        column.add(epoch, value)
    finite = [value for value in values if value is not None]
    canvas = Canvas(width, height)
    across = Scale(1, len(values), canvas.across)
    up = Scale(min(finite, default=0.0), max(finite, default=0.0), canvas.down)
    curve(canvas, Series(0, column.points(), column.width, [], column.last), across, up, smooth=False)
    return canvas, column, lambda epoch, value: canvas.has(across.place(epoch), up.place(value))


@given(st.lists(numbers | st.none(), min_size=1, max_size=60), st.integers(1, 60), st.integers(1, 12))
def test_every_value_has_its_dot(values: list[float | None], width: int, height: int) -> None:
    _, _, has = drawn(values, width, height)
    assert all(has(epoch, value) for epoch, value in enumerate(values, start=1) if value is not None)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 5 * MOST_BUCKETS - 1), min_size=1, max_size=5, unique=True))
def test_a_single_value_that_sticks_out_is_seen_among_thousands(places: list[int]) -> None:
    values: list[float | None] = [0.0] * (5 * MOST_BUCKETS)
    for place in places:
        values[place] = 1.0
    canvas, column, _ = drawn(values, 40, 7)
    top = [x for x in range(canvas.across) if canvas.has(x, canvas.down - 1)]
    assert column.width > 1
    room = column.width / len(values) * canvas.across + 1  # a bucket's and a dot's
    for place in places:
        assert any(abs(x - place / (len(values) - 1) * (canvas.across - 1)) <= room for x in top)


@given(st.integers(0, 19), st.integers(0, 15))
def test_a_dot_is_one_dot_of_one_sign(x: int, y: int) -> None:
    canvas = Canvas(10, 4)
    canvas.dot(x, y, "0")
    found = [
        (row, column, ord(span.text) - 0x2800)
        for row, line in enumerate(canvas.rows())
        for column, span in enumerate(line)
        if span.text != " "
    ]
    [(row, column, bits)] = found
    assert (row, column) == ((15 - y) // 4, x // 2)
    assert bits.bit_count() == 1


@pytest.mark.parametrize("smooth", [0.0, 0.9])
def test_a_value_by_itself_is_seen(tmp_path: Path, smooth: float) -> None:
    log = with_values(tmp_path / "log", [None, 1.0, None])
    lines = picture(plotted([log], "loss_value", smooth=smooth), 60)
    dots = [span for line in lines for span in line if len(span.text) == 1 and "\u2801" <= span.text <= "\u28ff"]
    assert len(dots) == 1


def test_gaps_are_not_bridged() -> None:
    """Two values with NaN between them are two dots, at the left and at the right."""
    canvas, _, _ = drawn([0.0, None, 0.0], 10, 1)
    assert [x for x in range(canvas.across) if canvas.has(x, 2)] == [0, 19]  # all are the same: the middle of 4


def test_a_plot_of_any_numbers_can_be_drawn() -> None:
    """The largest and the smallest, constants, one value, gaps at the ends."""
    for values in ([1e300, -1e300], [5e-324, 0.0], [7.0], [None, 1.0, None], [1e15, 1e15 + 1], [-0.0, -0.0]):
        with tempfile.TemporaryDirectory() as folder:
            plot = plotted([with_values(Path(folder) / "log", values)], "loss_value")
            assert "loss_value" in text(picture(plot, 80))
