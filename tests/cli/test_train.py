"""`townlet train ppo`, as its users call it: what it shows, how it is stopped, and what it leaves."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Townlet
from tests.ppo.runs import CONSTANT, TIMES, arrays_of, check_whole, log_of, run, weights_of, words_of, write_kitchen
from tests.ppo.runs import townlet as townlet_here
from townlet_core.ppo.checkpoint import read_training
from townlet_core.ppo.run import TrainReport

STEADY = [word for setting in CONSTANT for word in ("--set", setting)]
FOREVER = ("--epochs", "100000", *STEADY)
WHOLE = ("--checkpoint-dir", "whole", "--ppo-log", "whole.jsonl")
KEPT = ("--checkpoint-dir", "runs", "--ppo-log", "log.jsonl")


@pytest.fixture(autouse=True, scope="module")
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compile what training needs, which is told of on standard error."""
    base = tmp_path_factory.mktemp("compiled")
    run(write_kitchen(base), epochs=1, eval_every=1, eval_worlds=1, save_dir=base / "kept")


@pytest.fixture(autouse=True)
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a folder with a kitchen."""
    monkeypatch.chdir(tmp_path)
    write_kitchen(tmp_path)
    return Path("kitchen.yaml")


def wait_for(path: Path, running: subprocess.Popen[str], lines: int = 1) -> None:
    """Wait until a log has so many records."""
    for _ in range(2400):
        if running.poll() is not None or (path.exists() and path.read_bytes().count(b"\n") >= lines):
            break
        time.sleep(0.025)
    assert running.poll() is None, running.communicate()


def start(*words: str) -> subprocess.Popen[str]:
    """Start a training."""
    command = [sys.executable, "-m", "townlet_cli", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_program_gets_a_report_and_nothing_else_and_people_get_lines(townlet: Townlet, kitchen: Path) -> None:
    done = townlet(*words_of(kitchen, "--epochs", "4", "--eval-every", "4", "--eval-worlds", "2", "--json", *KEPT))
    assert done.returncode == 0
    report = TrainReport.model_validate_json(done.stdout)
    assert (report.scenario, report.mode, report.seed, report.ended) == ("kitchen", "rollout", 3, "done")
    assert (report.epochs, report.epochs_planned, report.lost_records, report.notes) == (4, 4, 0, ())
    assert (report.log, report.checkpoint, report.capture) == ("log.jsonl", "runs/epoch_000004", None)
    assert report.best == "runs/epoch_000004"
    assert 0 < report.steps_per_second < 1e9
    records = log_of(Path("log.jsonl"))
    assert report.last.items() <= records[-1].items()
    assert [record["run_id"] for record in records] == [report.run_id] * 4
    lines = done.stderr.splitlines()
    assert [line.split(" · ")[0] for line in lines] == ["epoch 1/4", "epoch 4/4"], "ten seconds have not gone by"
    assert re.fullmatch(
        rf"epoch 4/4 · {report.steps} steps · return -?\d+\.\d\d · eval return -?\d+\.\d\d · KL \d\.\d{{4}} · "
        r"entropy \d\.\d{3} · [\d,]+ steps/s",
        lines[1],
    )
    assert "\x1b" not in done.stdout + done.stderr


def read_all(terminal: int) -> str:
    """Read what is shown until nobody is left to show anything."""
    shown = b""
    while True:
        try:
            piece = os.read(terminal, 65_536)
        except OSError:  # what Linux says then
            break
        if not piece:
            break
        shown += piece
    os.close(terminal)
    return shown.decode()


def test_a_terminal_shows_a_live_line_and_at_the_end_a_table(kitchen: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "townlet_cli", *words_of(kitchen, "--epochs", "40", *KEPT)]
    variables = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    running = subprocess.Popen(command, stdout=theirs, stderr=theirs, env=variables)
    os.close(theirs)
    shown = read_all(ours)
    assert running.wait() == 0, shown
    live, _, table = re.sub(r"\x1b\[[0-9;]*m", "", shown).rpartition("\x1b[2K")  # the live line is cleared at last
    assert re.search(r"kitchen \(rollout\) .* \d+/40 .* gone .* left", live)
    assert re.search(r"\d steps · return -?\d+\.\d\d · KL \d\.\d{4} · entropy \d\.\d{3}", live)
    lines = table.splitlines()
    rows = [line.split() for line in lines]
    assert ["epoch", "40"] in rows
    for title in ("return of episodes", "policy loss", "entropy", "gradient norm"):
        assert any(re.fullmatch(rf"{title} +-?\d+\.\d{{4}}", line) for line in lines), title
    assert any(line.startswith("kitchen, rollout: 40 of 40 epochs (done), ") for line in lines)
    assert ["log", "log.jsonl"] in rows
    assert ["checkpoint", "runs/epoch_000040"] in rows


def test_a_town_that_is_empty_at_first_has_nothing_to_tell_until_somebody_comes(
    townlet: Townlet, kitchen: Path
) -> None:
    """In 16 of 48 ticks nobody is there; in the last four of the next 16 all come."""
    late = [word for who in range(4) for word in ("--set", f"agents.{who}.arrives_tick=28")]
    done = townlet(*words_of(kitchen, "--epochs", "3", "--set", "ppo.stagger=false", *late, *KEPT))
    assert done.returncode == 0
    assert done.stderr.startswith("epoch 1/3 · 0 steps · 0 steps/s · ")
    first, second, third = log_of(Path("log.jsonl"))
    assert (first["updates"], first["transitions"], first["loss_total"], first["grad_norm"]) == (0, 0, None, None)
    assert second["updates"] <= third["updates"] == 4  # two passes over two minibatches
    assert second["loss_entropy"] > 1
    assert townlet("telemetry", "validate", "--strict", "log.jsonl").returncode == 0
    watched = townlet("telemetry", "watch", "log.jsonl")
    assert watched.returncode == 0, watched.stdout
    told = r"log\.jsonl:1: not measured while nobody lives, and passed over by rules while it is null: .*\bloss_total\b"
    assert re.search(told, watched.stderr)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_training_that_is_stopped_keeps_its_last_epoch_and_goes_on(kitchen: Path, number: signal.Signals) -> None:
    running = start(*words_of(kitchen, *FOREVER, *KEPT))
    wait_for(Path("log.jsonl"), running, lines=3)
    running.send_signal(number)
    shown, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert said.endswith("interrupted; nothing is left half done\n")
    done = check_whole(Path("runs"))
    assert done == log_of(Path("log.jsonl"))[-1]["epoch"] >= 3
    assert f"kitchen, rollout: {done} of 100,000 epochs (interrupted), " in shown
    assert os.listdir("runs") == [f"epoch_{done:06}"]
    go_on(kitchen, done + 2)


def go_on(kitchen: Path, epochs: int) -> None:
    """Resume the run, and see that its log is whole."""
    words = ("--resume", "runs", "--epochs", str(epochs), "--ppo-log", "log.jsonl", "--device", "cpu")
    assert townlet_here("train", "ppo", kitchen, *words) == 0
    records = log_of(Path("log.jsonl"))
    numbers = list(range(1, epochs + 1))
    assert [record["epoch"] for record in records] == [record["log_stream_offset"] for record in records] == numbers
    assert len({record["run_id"] for record in records}) == 1
    assert check_whole(Path("runs")) == epochs


def test_a_training_that_is_killed_goes_on_from_its_last_checkpoint(kitchen: Path) -> None:
    running = start(*words_of(kitchen, *FOREVER, *KEPT, "--save-every", "4"))
    wait_for(Path("log.jsonl"), running, lines=10)
    running.kill()
    running.communicate(timeout=60)
    saved, told = check_whole(Path("runs")), len(log_of(Path("log.jsonl")))
    assert saved % 4 == 0
    assert 0 <= told - saved <= 4
    go_on(kitchen, saved + 2)
    weights = weights_of(Path("runs"))
    assert townlet_here(*words_of(kitchen, "--epochs", str(saved + 2), *STEADY, *WHOLE)) == 0
    assert weights_of(Path("whole")) == weights
    whole, log = (log_of(Path(name), TIMES | {"run_id", "epochs_planned"}) for name in ("whole.jsonl", "log.jsonl"))
    assert whole == log


def test_a_second_interruption_does_not_wait_for_the_epoch(kitchen: Path) -> None:
    """An epoch of minutes: it is the log's lock that tells that training has begun."""
    long = ("--rollout-ticks", "20000", "--epochs", "1")
    running = start(*words_of(kitchen, *KEPT, *long))
    for _ in range(2400):
        if Path("log.jsonl.lock").exists():
            break
        time.sleep(0.025)
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert running.poll() is None, "the first lets the epoch end"
    running.send_signal(signal.SIGINT)
    shown, said = running.communicate(timeout=10)
    assert (running.returncode, shown) == (130, "")
    assert said == "interrupted; nothing is left half done\n"
    assert (Path("log.jsonl").read_bytes(), os.listdir("runs")) == (b"", [])


def test_a_log_has_one_writer(kitchen: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running = start(*words_of(kitchen, *FOREVER, "--ppo-log", "log.jsonl"))
    wait_for(Path("log.jsonl"), running)
    code = townlet_here(*words_of(kitchen, "--epochs", "1", "--ppo-log", "log.jsonl"))
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert code == 3
    assert capsys.readouterr().err == (
        f"error: log.jsonl: is being written by process {running.pid}\n"
        "hint: wait until it has ended, or name another file for the log\n"
    )
    assert len({record["run_id"] for record in log_of(Path("log.jsonl"))}) == 1


def test_a_log_on_a_full_disk_is_told_of_and_does_not_end_the_training(
    kitchen: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert townlet_here(*words_of(kitchen, "--epochs", "3", "--ppo-log", "/dev/full", "--json")) == 0
    told = capsys.readouterr()
    report = TrainReport.model_validate_json(told.out)
    note = "3 records could not be written to the log: no space left on device"
    assert (report.epochs, report.lost_records, report.notes) == (3, 3, (note,))
    assert told.err.splitlines()[-1] == f"note: {note}"


def test_two_processes_learn_what_one_does_and_write_once(townlet: Townlet, kitchen: Path) -> None:
    assert townlet_here(*words_of(kitchen, "--epochs", "3", *WHOLE)) == 0
    single = log_of(Path("whole.jsonl"))[-1]
    done = townlet(*words_of(kitchen, "--epochs", "3", "--nproc", "2", "--json", "--save-every", "2", *KEPT))
    assert (done.returncode, done.stderr.count("epoch 3/3 · ")) == (0, 1), done.stderr
    report = TrainReport.model_validate_json(done.stdout)
    records = log_of(Path("log.jsonl"))
    assert [(record["epoch"], record["log_stream_offset"]) for record in records] == [(1, 1), (2, 2), (3, 3)]
    assert [record["run_id"] for record in records] == [report.run_id] * 3
    assert sorted(os.listdir("runs")) == ["epoch_000002", "epoch_000003"]
    assert read_training(Path("runs"))[1].processes == 2
    for key in ("transitions", "steps", "loss_value", "grad_norm", "reward_advantage_corr"):
        assert records[-1][key] == pytest.approx(single[key], rel=1e-3), key
    for name, array in arrays_of(Path("whole")).items():
        assert np.abs(array - arrays_of(Path("runs"))[name]).max() < 1e-4, name


def test_two_processes_keep_one_best(townlet: Townlet, kitchen: Path) -> None:
    """They agree on when there is a better one, else one of them would wait for ever."""
    words = ("--epochs", "3", "--nproc", "2", "--eval-every", "2", "--eval-worlds", "2", "--json", *KEPT)
    done = townlet(*words_of(kitchen, *words))
    assert done.returncode == 0, done.stderr
    earned = {r["epoch"]: r["eval_return_mean"] for r in log_of(Path("log.jsonl")) if "eval_return_mean" in r}
    assert list(earned) == [2, 3]
    best = 3 if earned[3] > earned[2] else 2
    assert os.readlink("runs/best") == f"epoch_{best:06}"
    assert TrainReport.model_validate_json(done.stdout).best == f"runs/epoch_{best:06}"


def test_two_processes_that_are_interrupted_keep_their_last_epoch(
    kitchen: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running = start(*words_of(kitchen, *FOREVER, "--nproc", "2", *KEPT))
    wait_for(Path("log.jsonl"), running, lines=3)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert said.count("interrupted; nothing is left half done\n") == 1
    assert "Traceback" not in said
    assert check_whole(Path("runs")) == log_of(Path("log.jsonl"))[-1]["epoch"]
    assert townlet_here("train", "ppo", kitchen, "--resume", "runs", "--epochs", "200000") == 3
    assert "was trained by 2 processes, which divide its worlds otherwise\n" in capsys.readouterr().err


def test_what_the_first_process_refuses_ends_the_others_too(townlet: Townlet, kitchen: Path) -> None:
    done = townlet(*words_of(kitchen, "--nproc", "2", "--rollout-save-dir", "kept"))
    assert (done.returncode, done.stdout) == (2, "")
    said = "error: --rollout-save-dir: several processes cannot keep one capture\nhint: leave out --nproc, or"
    assert said in done.stderr.replace("process 1: ", "")
    assert "Traceback" not in done.stderr
    assert "torch" not in done.stderr
    assert os.listdir() == ["kitchen.yaml"]
