"""The live view of a watch, drawn at fixed widths. `python -m tests.cli.test_watch_view` draws its goldens anew."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from tests.telemetry.reading import ours, write
from townlet_cli.telemetry_view import View
from townlet_cli.view_columns import shortened
from townlet_core.telemetry.watching.events import Event
from townlet_core.telemetry.watching.rules import Rule
from townlet_core.telemetry.watching.watch import Watch, read_once

WRITTEN = "2026-02-01T12:00:00+00:00"
NOW = 1769947205.0  # five seconds after that

SIZES = {110: "utf-8", 60: "utf-8", 44: "ascii", 30: "utf-8", 20: "ascii"}  # columns -> encoding

RULES = [
    {"metric": "kl_divergence", "amount": True, "above": 0.2},
    {"metric": "grad_norm", "above": 5.0, "for": 3},
    {"metric": "loss_entropy", "below": 0.9},
    {"metric": "loss_entropy", "below": -0.05, "change_over": 2},
    {"metric": "conflict.rivalry_avoid_count_mean_avg", "window": 3, "above": 0.5},
    {"metric": "sps", "plateau_over": 20, "better": "higher"},
    {"metric": "reward_advantage_corr", "below": -0.5},
    {"metric": "lr", "missing": True},
]


def golden(width: int) -> Path:
    return Path(__file__).parents[1] / "goldens" / f"watch_{width}.txt"


def watched(tmp_path: Path, epochs: int) -> Iterator[Event]:
    """Watch a run in which the gradient grows by 1 an epoch, and all rewards are the same."""
    facts = {
        "epochs_planned": 20,
        "epoch_duration_sec": 10.0,
        "sps": 1234.5,
        "scenario": "queue_conflict",
        "time": WRITTEN,
    }
    log = write(
        tmp_path / "ppo.jsonl",
        [
            ours(
                n,
                grad_norm=float(n),
                grad_norm_max=9.0,
                loss_entropy=1.0 - 0.02 * n,
                ep_return_mean=None if n == 4 else -2.0 + n / 2,
                **facts,
            )
            for n in range(1, epochs + 1)
        ],
    )
    watch = Watch(log, [Rule.model_validate(values) for values in RULES])
    for each in read_once(log):
        for event in watch.take(each):
            if event.type == "record" or event.type == "alert":
                yield event.model_copy(update={"file": "ppo.jsonl"})


def view_on(console: Console, *, follow: bool = True) -> View:
    rules = [Rule.model_validate(values) for values in RULES]
    return View(Path("ppo.jsonl"), rules, follow=follow, console=console, clock=lambda: NOW)


def drawn(tmp_path: Path, width: int, *, encoding: str = "utf-8", follow: bool = True) -> str:
    """Watch eight epochs; give what is on the terminal."""
    buffer = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=buffer, width=width, force_terminal=False, highlight=False, markup=False)
    view = view_on(console, follow=follow)
    for event in watched(tmp_path, 8):
        view.event(event)
    console.print(view.draw())
    buffer.flush()
    said = buffer.buffer.getvalue().decode(encoding)
    return "\n".join(text.rstrip() for text in said.splitlines())


def test_a_view_with_nothing_to_show_says_what_it_waits_for() -> None:
    console = Console(file=io.StringIO(), width=60)
    console.print(View(Path("ppo.jsonl"), [], follow=True, console=console).draw())
    assert "ppo.jsonl: waiting for the first record" in console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("width", "encoding"), SIZES.items())
def test_the_view_is_drawn_to_the_width_of_the_terminal(tmp_path: Path, width: int, encoding: str) -> None:
    said = drawn(tmp_path, width, encoding=encoding)
    assert max(map(len, said.splitlines())) <= width
    assert said + "\n" == golden(width).read_text(encoding="utf-8")


@pytest.mark.parametrize("width", range(16, 121))
def test_no_terminal_is_too_narrow_for_a_value_or_a_state(tmp_path: Path, width: int) -> None:
    table = drawn(tmp_path, width).partition("\nmetric ")[2].splitlines()[1:]
    values = ["2", "-0.01", "8", "0.84", "0.25", "1234", "–", "0.001"]
    assert [value for value, row in zip(values, table, strict=True) if value not in row.split()] == []
    assert [bool(re.search("FIRING$|!$", row)) for row in table] == [bool(n in (2, 3, 6)) for n in range(8)]


ALL = {
    "ep_return_mean": "",
    "kl_divergence": "ok",
    "grad_norm": "pending",
    "loss_entropy": "FIRING",
    "confli…nt_mean_avg": "ok",
    "sps": "ok",
    "reward…antage_corr": "FIRING",
    "lr": "ok",
}


@pytest.mark.parametrize(
    ("rows", "shown", "more"),
    [
        pytest.param(4, "", "… and 8 more, 2 FIRING, 1 pending", id="no row, and no head of the table"),
        pytest.param(5, "loss_entropy", "… and 7 more, 1 FIRING, 1 pending", id="the first that fires"),
        pytest.param(7, "grad_norm loss_entropy reward…antage_corr", "… and 5 more", id="what fires, and is pending"),
        pytest.param(8, "ep_return_mean grad_norm loss_entropy reward…antage_corr", "… and 4 more", id="8"),
        pytest.param(
            12,
            "ep_return_mean kl_divergence grad_norm loss_entropy confli…nt_mean_avg reward…antage_corr",
            "… and 2 more",
            id="12, with two blank lines",
        ),
        pytest.param(13, " ".join(ALL), None, id="all"),
        pytest.param(24, " ".join(ALL), None, id="all, in more than enough"),
    ],
)
def test_where_rows_are_too_few_what_fires_is_shown_first_and_the_rest_is_counted(
    tmp_path: Path, rows: int, shown: str, more: str | None
) -> None:
    """The head takes two lines of 60 columns, that of the table one. The gradient is 7, above 5 for two epochs of 3."""
    console = Console(file=io.StringIO(), width=60, height=rows, force_terminal=True, color_system=None)
    with view_on(console) as view:
        for event in watched(tmp_path, 7):
            view.event(event)
        lines = ["".join(each.text for each in line).rstrip() for line in console.render_lines(view.draw())]
    assert len(lines) <= rows
    table = lines[next((n for n, text in enumerate(lines, 1) if text.startswith("metric ")), len(lines)) :]
    found = [text.split()[0] for text in table if not text.startswith("…")]
    assert found == shown.split()
    assert [text.rpartition(" ")[2] for text in table if ALL.get(text.split()[0])] == [
        ALL[name] for name in found if ALL[name]
    ]
    assert [text for text in lines if text.startswith("…")] == ([more] if more else [])
    left = console.file.getvalue().rpartition("\nmetric ")[2]  # type: ignore[attr-defined]
    assert [text.split()[0] for text in left.splitlines()[1:-1]] == list(ALL)  # when it ends, all may scroll away


def test_what_is_not_measured_is_not_said_to_be_ok(tmp_path: Path) -> None:
    log = write(tmp_path / "ppo.jsonl", [ours(1, kl_divergence=None, rollout_ticks=0)])
    rules = [Rule.model_validate({"metric": "kl_divergence", "above": 1.0, "allow_null": "unmeasured"})]
    console, watch = Console(file=io.StringIO(), width=60), Watch(log, rules)
    view = View(log, rules, follow=True, console=console)
    for each in read_once(log):
        for event in watch.take(each):
            view.event(event)
    console.print(view.draw())
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert re.search(r"^kl_divergence +– +x +> 1 +null *$", shown, re.MULTILINE)


def on_a_terminal(folder: Path, *words: str, **environment: str) -> tuple[int, str]:
    """Run a watch on a terminal of 80 columns; give the exit code and what is written to it."""
    ours_, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 80))
    variables = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS", "TERM")}
    command = [sys.executable, "-m", "townlet_cli", "telemetry", "watch", "ppo.jsonl", *words]
    said = b""
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**variables, "TERM": "xterm", **environment},
    ) as process:
        os.close(theirs)
        while select.select([ours_], [], [], 60)[0]:
            try:
                said += os.read(ours_, 2**16)
            except OSError:  # the other end is closed
                break
    os.close(ours_)
    return process.returncode, said.decode()


@pytest.mark.parametrize("words", [(), ("--follow", "--interval", "0.05")])
def test_a_terminal_gets_alerts_and_below_them_the_view(tmp_path: Path, words: tuple[str, ...]) -> None:
    write(tmp_path / "ppo.jsonl", [ours(1), ours(2, loss_total=-9.0, finished=True)])
    code, said = on_a_terminal(tmp_path, "--loss-threshold", "5", *words, NO_COLOR="1")
    assert code == 1
    alert = "ppo.jsonl:2: epoch 2: ALERT (warning): |loss_total| is 9, above 5"
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said)
    assert plain.count(alert) == 1
    assert plain.index(alert) < plain.rindex("loss_total  ") < plain.index(": 2 records, 1 alert, 0 warnings")
    assert "FIRING" in plain
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", said)


def test_a_terminal_that_can_do_nothing_gets_lines(tmp_path: Path) -> None:
    write(tmp_path / "ppo.jsonl", [ours(1)])
    code, said = on_a_terminal(tmp_path, "--loss-threshold", "5", TERM="dumb")
    assert (code, "\x1b" in said) == (0, False)
    assert said.splitlines()[0] == "ppo.jsonl:1: epoch 1: ok · loss_total 1.5"


def test_a_long_name_loses_its_middle() -> None:
    """Of 11 columns the sign takes one, the end two thirds of the rest."""
    assert shortened("conflict.rivalry_max", 11) == "conf…ry_max"
    assert shortened("conflict", 8) == "conflict"


if __name__ == "__main__":
    for width, encoding in SIZES.items():
        with tempfile.TemporaryDirectory() as folder:
            golden(width).write_text(drawn(Path(folder), width, encoding=encoding) + "\n", encoding="utf-8")
