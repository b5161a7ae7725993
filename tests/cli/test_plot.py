"""`townlet telemetry plot`: in the terminal, in files, in a window; and what it refuses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Townlet, in_terminal, unmeasured
from tests.telemetry.epochs import record
from tests.telemetry.plots import with_values
from tests.telemetry.reading import line, ours, write

PLAIN = """\
town, run anna, seed 3

loss_value  value loss, before its weight
       │                                                                  ⢀⣀⠤⠔⠒⠉
     8 ┤                                                            ⢀⣀⠤⠔⠒⠉⠁
       │                                                      ⢀⣀⠤⠔⠒⠉⠁
       │                                                ⢀⣀⠤⠔⠒⠉⠁
     6 ┤                                          ⣀⣀⠤⠔⠒⠉⠁
       │                                   ⢀⣀⠤⠤⠒⠊⠉
       │                             ⢀⣀⠤⠔⠒⠉⠁
     4 ┤                       ⢀⣀⠤⠔⠒⠉⠁
       │                 ⢀⣀⠤⠔⠒⠉⠁
       │           ⢀⣀⠤⠔⠒⠉⠁
     2 ┤     ⢀⣀⠤⠔⠒⠉⠁
       │⣀⠤⠔⠒⠉⠁
       └─────────┬─────────────────┬────────────────┬─────────────────┬─────────
                 2                 4                6                 8
                                                         last 9, least 1, most 9

⣀⡠ ppo
"""
WITHOUT = """\
import sys
sys.modules['matplotlib'] = None
from townlet_cli.app import main
code = main(sys.argv[1:])
loaded = {'numba', 'torch', 'numpy'} & set(sys.modules)
assert not loaded, loaded
sys.exit(code)
"""
# A window of a toolkit of the test's own, which writes down that it was opened.
WINDOW = """\
from pathlib import Path
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
class Manager(FigureManagerBase):
    @classmethod
    def pyplot_show(cls, *, block=None):
        from matplotlib import pyplot
        [number] = pyplot.get_fignums()
        titles = [axes.get_title(loc="left") for axes in pyplot.figure(number).axes]
        Path("window").write_text(" ".join(titles))
class FigureCanvas(FigureCanvasAgg):
    required_interactive_framework = "headless"  # as matplotlib calls a machine without a display
    manager_class = Manager
"""


def without_matplotlib(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `townlet telemetry plot` where neither matplotlib nor anything slow is there."""
    command = [sys.executable, "-c", WITHOUT, "telemetry", "plot", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Nine epochs of a run, with value losses 1 to 9."""
    return with_values(tmp_path / "ppo.jsonl", [float(epoch) for epoch in range(1, 10)], scenario="town", seed=3)


def test_into_a_pipe_the_plot_is_plain_text_and_needs_no_matplotlib(tmp_path: Path, log: Path) -> None:
    done = without_matplotlib(tmp_path, log.name, "--metrics", "loss_value")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == PLAIN
    assert max(map(len, done.stdout.splitlines())) == 80


def test_in_a_terminal_runs_have_colours(tmp_path: Path, log: Path) -> None:
    other = with_values(tmp_path / "other.jsonl", [5.0] * 9)
    shown = in_terminal(tmp_path, "telemetry", "plot", log.name, other.name, "-m", "loss_value")
    names = {name: code for code, name in re.findall(r"\x1b\[([\d;]+)m⣀⡠ (\w+)", shown)}
    assert names.keys() == {"ppo", "other"}
    assert names["ppo"] != names["other"]
    for code in names.values():
        assert re.search(rf"\x1b\[{code}m[\u2801-\u28ff]", shown)
    assert max(len(re.sub(r"\x1b\[[\d;]*m", "", row)) for row in shown.splitlines()) <= 60
    assert "note:" not in shown


def test_in_a_terminal_without_colours_it_is_plain(tmp_path: Path, log: Path) -> None:
    shown = in_terminal(tmp_path, "telemetry", "plot", log.name, "-m", "loss_value", NO_COLOR="1")
    assert "\x1b" not in shown
    assert "loss_value  value loss, before its weight" in shown


def test_plain_text_says_that_runs_cannot_be_told_apart(townlet: Townlet, tmp_path: Path, log: Path) -> None:
    other = with_values(tmp_path / "other.jsonl", [5.0] * 9)
    done = townlet("telemetry", "plot", log.name, other.name)
    assert done.returncode == 0
    assert done.stderr.startswith("note: in plain text the curves cannot be told apart")


def test_where_there_is_no_braille_there_are_stars(log: Path) -> None:
    command = [sys.executable, "-m", "townlet_cli", "telemetry", "plot", log.name, "-m", "loss_value"]
    own = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=log.parent, capture_output=True, env=own, check=False)
    assert done.returncode == 0
    assert b"     8 +        " in done.stdout
    assert b"***" in done.stdout
    assert b"\\u" not in done.stdout


@pytest.mark.parametrize(
    ("kind", "begin"),
    [("png", b"\x89PNG\r\n"), ("svg", b"<?xml"), ("html", b"<!DOCTYPE html>"), ("PNG", b"\x89PNG\r\n")],
)
def test_a_picture_is_written_and_an_older_one_replaced(
    townlet: Townlet, tmp_path: Path, log: Path, kind: str, begin: bytes
) -> None:
    (tmp_path / f"plot.{kind}").write_bytes(b"old")
    done = townlet("telemetry", "plot", log.name, "--output", f"plot.{kind}", "-m", "loss_value,lr")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"plot.{kind}: 2 metrics of 1 run, epochs 1 to 9\n"
    assert (tmp_path / f"plot.{kind}").read_bytes().startswith(begin)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([log.name, f"plot.{kind}"])


def test_signs_that_the_font_of_a_picture_lacks_are_named(townlet: Townlet, tmp_path: Path) -> None:
    with_values(tmp_path / "太é.jsonl", [1.0])
    done = townlet("telemetry", "plot", "太é.jsonl", "-m", "lr", "-o", "plot.png")
    assert (done.returncode, done.stderr) == (
        0,
        "warning: plot.png: its font has no 太: an .svg or .html shows them\n",
    )
    done = townlet("telemetry", "plot", "太é.jsonl", "-m", "lr", "-o", "plot.svg")
    assert (done.returncode, done.stderr) == (0, "")
    assert "太é" in (tmp_path / "plot.svg").read_text()


def test_a_page_needs_no_matplotlib_and_a_picture_says_what_to_install(tmp_path: Path, log: Path) -> None:
    assert without_matplotlib(tmp_path, log.name, "-o", "plot.html").returncode == 0
    for words in (("-o", "plot.png"), ("-o", "plot.svg"), ("--show",)):
        done = without_matplotlib(tmp_path, log.name, *words)
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr == (
            "error: plot: needs matplotlib, and there is no matplotlib\n"
            "hint: pip install 'townlet[plot]'; .html and the plot in the terminal need nothing\n"
        )
    assert not (tmp_path / "plot.png").exists()


def test_a_full_disk_leaves_the_older_picture_as_it_was(tmp_path: Path, log: Path) -> None:
    (tmp_path / "plot.html").write_bytes(b"old")
    words = f"ulimit -f 4; exec {sys.executable} -m townlet_cli telemetry plot {log.name} -o plot.html"
    done = subprocess.run(
        ["sh", "-c", words], cwd=tmp_path, env=unmeasured(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        3,
        "",
        "error: plot.html: cannot be written: file too large\n",
    )
    assert (tmp_path / "plot.html").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plot.html", log.name]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("-o plot.txt", 2, "--output: must end in .png, .svg or .html, found 'plot.txt'"),
        ("-o no/plot.svg", 3, "no: there is no such folder"),
        ("--smooth 1", 2, "--smooth: must be at least 0 and less than 1, found 1"),
        ("--smooth nan", 2, "--smooth: must be at least 0 and less than 1, found nan"),
        ("--threshold lr", 2, "--threshold: must be METRIC=X with a number X, found 'lr'"),
        ("--threshold lr=nan", 2, "--threshold: must be METRIC=X with a number X, found 'lr=nan'"),
        ("--threshold lr=1 --threshold lr=2", 2, "--threshold: lr has two of them"),
        ("-m lr,,sps", 2, "--metrics: has an empty name of a metric"),
        ("-m loss_vaule", 3, "ppo.jsonl: has no metric 'loss_vaule'\nhint: did you mean 'loss_value'?"),
        ("--threshold l=1", 3, "ppo.jsonl: has no metric 'l'\nhint: it has updates, transitions, loss_policy, "),
        ("--run 2", 3, "ppo.jsonl: has no run 2\nhint: it has run 1 (anna)"),
        ("--baseline no.json", 3, "no.json: no such file"),
        ("--baseline b.json", 3, "--baseline: has none of the metrics that are drawn"),
        ("no.jsonl", 3, "no.jsonl: no such file"),
    ],
)
def test_what_makes_no_sense_is_refused(
    townlet: Townlet, tmp_path: Path, log: Path, words: str, code: int, message: str
) -> None:
    (tmp_path / "b.json").write_text('{"weather": 1}')
    done = townlet("telemetry", "plot", log.name, *words.split())
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"error: {message}")


def test_a_metric_of_two_logs_needs_only_one_of_them(townlet: Townlet, tmp_path: Path, log: Path) -> None:
    other = write(tmp_path / "other.jsonl", [ours(1, approx_kl=0.5)])
    assert townlet("telemetry", "plot", log.name, other.name, "-m", "approx_kl").returncode == 0
    done = townlet("telemetry", "plot", log.name, other.name, "-m", "approx_lk")
    assert done.stderr == "error: no log: has no metric 'approx_lk'\nhint: did you mean 'approx_kl'?\n"


def test_a_metric_without_numbers_is_told_of_and_the_others_are_drawn(townlet: Townlet, tmp_path: Path) -> None:
    write(tmp_path / "ppo.jsonl", [ours(1, approx_kl=None), ours(2, approx_kl=None)])
    done = townlet("telemetry", "plot", "ppo.jsonl", "-m", "approx_kl,lr,loss_vaule", "-o", "plot.html")
    assert (done.returncode, done.stdout) == (0, "plot.html: 1 metric of 1 run, epochs 1 to 2\n")
    assert done.stderr == (
        "warning: ppo.jsonl: has no number for 'approx_kl'\n"
        "warning: ppo.jsonl: has no metric 'loss_vaule'\nhint: did you mean 'loss_value'?\n"
    )
    done = townlet("telemetry", "plot", "ppo.jsonl", "-m", "approx_kl")
    assert (done.returncode, done.stderr) == (3, "error: ppo.jsonl: has no number for 'approx_kl'\n")


def test_what_is_wrong_with_a_log_is_told(townlet: Townlet, tmp_path: Path) -> None:
    write(tmp_path / "ppo.jsonl", [ours(1), ours(2, lr=-1.0), ours(2), ours(3)])
    (tmp_path / "ppo.jsonl.lock").write_text("4711\n")
    done = townlet("telemetry", "plot", "ppo.jsonl", "ppo.jsonl.lock", "-m", "lr")
    assert done.returncode == 0
    assert done.stderr == (
        "note: ppo.jsonl.lock lies beside its log, and is none\n"
        "warning: ppo.jsonl: 3 problems: see 'townlet telemetry validate ppo.jsonl'\n"
        "warning: ppo.jsonl: 1 record left out, whose epoch does not grow\n"
    )
    assert "× no number" in done.stdout


def test_standard_input_and_segments_are_read(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "townlet_cli", "telemetry", "plot", "-", "-m", "lr", "-o", "plot.html"]
    content = b"".join(line(ours(number)) for number in range(1, 4))
    done = subprocess.run(command, input=content, capture_output=True, check=False, cwd=tmp_path)
    assert done.stdout == b"plot.html: 1 metric of 1 run, epochs 1 to 3\n"


def test_segments_are_read_with_their_log(townlet: Townlet, tmp_path: Path) -> None:
    record(tmp_path / "ppo.jsonl", range(1, 6), max_entries=2)
    done = townlet("telemetry", "plot", *sorted(path.name for path in tmp_path.glob("ppo.jsonl*")), "-m", "lr")
    assert "| log rotated" in done.stdout
    assert "ppo, run" not in done.stdout


def test_smoothing_is_said_and_changes_the_curve(townlet: Townlet, log: Path) -> None:
    plain = townlet("telemetry", "plot", log.name, "-m", "loss_value").stdout
    smooth = townlet("telemetry", "plot", log.name, "-m", "loss_value", "--smooth", "0.9").stdout
    assert "smoothed by 0.9" in smooth
    assert smooth.splitlines()[3:15] != plain.splitlines()[3:15]


def test_seeds_become_a_band(townlet: Townlet, tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        with_values(tmp_path / f"{seed}.jsonl", [float(seed), 2.0], scenario="town", seed=seed)
    done = townlet("telemetry", "plot", "1.jsonl", "2.jsonl", "3.jsonl", "--band", "seeds", "-o", "band.html")
    assert done.stdout.endswith("of 1 group, epochs 1 to 2\n")
    assert "town (3 runs)" in (tmp_path / "band.html").read_text()


@pytest.mark.parametrize("backend", ["agg", "qtagg"])
def test_where_no_window_can_be_opened_it_says_why(tmp_path: Path, log: Path, backend: str) -> None:
    command = [sys.executable, "-m", "townlet_cli", "telemetry", "plot", log.name, "--show"]
    own = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    own |= {"MPLBACKEND": backend}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=own, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("error: --show: ")
    assert done.stderr.endswith("hint: write a file with --output, or look at the plot in the terminal\n")


def test_a_window_shows_the_plot(tmp_path: Path, log: Path) -> None:
    (tmp_path / "a_window.py").write_text(WINDOW)
    command = [sys.executable, "-m", "townlet_cli", "telemetry", "plot", log.name, "--show", "-m", "loss_value,lr"]
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    own = {**os.environ, "MPLBACKEND": "module://a_window", "PYTHONPATH": path}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=own, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "window").read_text() == "loss_value lr"
