"""`townlet telemetry summary`: what it shows, writes and refuses."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Townlet
from tests.cli.summaries import CASES, EXPECTED, make_logs, shown
from tests.telemetry.course import learned, log, records
from tests.telemetry.reading import write
from townlet_core.telemetry.summarising.summary import Summary

MOST_MEGABYTES = 80  # of all of it, whatever the length of the log
SCRIPT = """\
import re, sys
from pathlib import Path
from townlet_cli.app import main
code = main(sys.argv[1:])
loaded = {'numba', 'torch', 'matplotlib'} & set(sys.modules)
assert not loaded, loaded
print(re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1], file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize("name", CASES)
def test_a_summary_looks_as_it_should(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is expected is written anew by `python -m tests.cli.summaries`."""
    make_logs(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert shown(shlex.split(CASES[name])) == (EXPECTED / f"{name}.txt").read_text(encoding="utf-8")


def test_no_expected_summary_has_lost_its_case() -> None:
    assert {text.stem for text in EXPECTED.glob("*.txt")} == CASES.keys()


@pytest.mark.parametrize("words", [["learned.jsonl", "--baseline", "level.jsonl"], ["--group", "slow=groups/slow*"]])
def test_json_is_of_the_published_model(townlet: Townlet, tmp_path: Path, words: list[str]) -> None:
    make_logs(tmp_path)
    done = townlet("telemetry", "summary", *words, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    found = Summary.model_validate_json(done.stdout)
    assert json.loads(found.model_dump_json()) == json.loads(done.stdout)


def test_json_has_every_number_of_the_log(townlet: Townlet, tmp_path: Path) -> None:
    log(tmp_path / "log", 20, ep_return_mean=learned(), events__rain=[3] * 20)
    done = townlet("telemetry", "summary", "log", "--format", "json", "--last", "19")
    (run,) = json.loads(done.stdout)["logs"]
    rain, returns = run["metrics"]["events.rain"], run["metrics"]["ep_return_mean"]
    assert (rain["mean"], rain["sd"], rain["count"], rain["min_epoch"]) == (3, 0, 19, 2)
    assert returns["trend"]["direction"] == "rises"
    assert returns["trend"]["slope"] == pytest.approx(2 / 19)
    assert run["verdict"]["state"] == "learning"


def test_a_summary_is_written_to_a_file(townlet: Townlet, tmp_path: Path) -> None:
    make_logs(tmp_path)
    done = townlet("telemetry", "summary", "learned.jsonl", "--output", "run.txt")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "run.txt").read_text() == (EXPECTED / "run.txt").read_text()
    assert not (tmp_path / "run.txt.draft").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("", 2, "error: LOG: is missing\nhint: name a log, or groups of logs with --group\n"),
        ("log --group a=log", 2, "error: LOG: cannot be given beside --group\n"),
        ("log --last 0", 2, "error: --last: must be at least 1, found 0\n"),
        ("--group log", 2, "error: --group: must be NAME=LOG,..., found 'log'\n"),
        ("--group a=", 2, "error: --group: must be NAME=LOG,..., found 'a='\n"),
        ("--group a=log,", 2, "error: --group: must be NAME=LOG,..., found 'a=log,'\n"),
        ("log --metric los_value", 3, "error: log: has no metric 'los_value'\nhint: did you mean 'loss_value'?\n"),
        ("log -m lr,,sps", 2, "error: --metrics: has an empty name of a metric\n"),
        ("log --output log", 2, "error: --output: is a file of a log that is read\nhint: name another file\n"),
        ("log --output no/such", 3, "error: no/such: cannot be written: no such file or directory\n"),
        ("log no.jsonl nor.jsonl", 3, "error: no.jsonl: no such file\nerror: nor.jsonl: no such file\n"),
        ("--group a=log --group b=no*", 3, "error: no*: there is no such file\n"),
        (
            "--group a=log,log",
            3,
            "error: log: holds the same run as another log\nhint: leave out that or log\n",
        ),
        ("log --baseline no.json", 3, "error: no.json: no such file\n"),
        ("log --run ben", 3, "error: log: has no run ben\nhint: it has run 1 (anna)\n"),
        ("empty", 3, "error: empty: holds no record\n"),
    ],
)
def test_what_makes_no_sense_or_cannot_be_read_is_told(
    townlet: Townlet, tmp_path: Path, words: str, code: int, message: str
) -> None:
    log(tmp_path / "log", 3)
    (tmp_path / "empty").touch()
    before = (tmp_path / "log").read_bytes()
    done = townlet("telemetry", "summary", *words.split())
    assert (done.returncode, done.stdout, done.stderr) == (code, "", message)
    assert (tmp_path / "log").read_bytes() == before


def test_metrics_are_named_as_for_a_plot_and_what_is_not_there_is_told_of(townlet: Townlet, tmp_path: Path) -> None:
    log(tmp_path / "log", 3)
    done = townlet("telemetry", "summary", "log", "--metrics", "loss_p*,los_value", "-m", "lr")
    assert done.returncode == 0
    assert done.stderr == "warning: log: has no metric 'los_value'\nhint: did you mean 'loss_value'?\n"
    assert [line.split()[0] for line in done.stdout.splitlines() if line.startswith(("lr", "loss"))] == [
        "loss_policy",
        "lr",
    ]


def test_a_log_of_several_runs_is_told_of(townlet: Townlet, tmp_path: Path) -> None:
    write(tmp_path / "log", [*records(2, run_id="anna"), *records(2, run_id="ben")])
    done = townlet("telemetry", "summary", "log")
    assert "\nrun 2 (ben), the last of 2: scenario kitchen" in done.stdout
    assert "note: log holds 2 runs; this is the last: --run chooses another\n" in done.stderr
    assert "\nrun 1 (anna): scenario kitchen" in townlet("telemetry", "summary", "log", "--run", "1").stdout


def test_a_log_is_read_from_standard_input(tmp_path: Path) -> None:
    content = log(tmp_path / "log", 20, ep_return_mean=learned()).read_bytes()
    command = [sys.executable, "-m", "townlet_cli", "telemetry", "summary", "-"]
    done = subprocess.run(command, input=content, capture_output=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"learning: return 0.0526 -> 1.95 over 20 epochs; healthy\n")


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="asks Linux for the most memory of a process")
def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    rows = b"".join(json.dumps(record).encode() + b"\n" for record in records(1000))
    with (tmp_path / "log").open("wb") as file:
        for n in range(30):
            file.write(rows.replace(b'"anna"', f'"anna{n}"'.encode()))
    command = [sys.executable, "-c", SCRIPT, "telemetry", "summary", str(tmp_path / "log")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "the last of 30" in done.stdout
    assert int(done.stderr.splitlines()[-1]) / 1024 < MOST_MEGABYTES


def test_a_run_whose_health_no_key_tells_of_is_not_called_healthy(townlet: Townlet, tmp_path: Path) -> None:
    (tmp_path / "bare").write_text('{"epoch": 1, "telemetry_version": 1.1}\n{"epoch": 2, "telemetry_version": 1.1}\n')
    done = townlet("telemetry", "summary", "bare")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].endswith("; no key to tell its health by")
