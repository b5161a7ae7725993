"""`townlet telemetry`: validate, migrate and export."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Townlet, unmeasured
from tests.telemetry.epochs import record
from tests.telemetry.reading import check, line, oldest, ours, theirs, write

MOST_MEGABYTES = 80
SCRIPT = """\
import re, sys
from pathlib import Path
from townlet_cli.app import main
code = main(sys.argv[1:])
loaded = {'numba', 'torch', 'numpy'} & set(sys.modules)
assert not loaded, loaded
print(re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1], file=sys.stderr)
sys.exit(code)
"""


def test_a_clean_log_has_a_summary(townlet: Townlet, tmp_path: Path) -> None:
    record(tmp_path / "ppo.jsonl", range(1, 6), max_entries=2)
    done = townlet("telemetry", "validate", "ppo.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "  ppo.jsonl.1: 2 records, ok\n"
        "  ppo.jsonl.2: 2 records, ok\n"
        "  ppo.jsonl: 1 record, ok\n"
        "ppo.jsonl: ok: 5 records in 3 files, run 1 (anna), epochs 1 to 5\n"
    )


def test_a_log_is_read_from_standard_input_compressed_or_not(tmp_path: Path) -> None:
    content = line(ours(1)) + line(ours(2, lr=-1.0))
    for given in (content, gzip.compress(content)):
        command = [sys.executable, "-m", "townlet_cli", "telemetry", "validate", "-"]
        done = subprocess.run(command, input=given, capture_output=True, check=False, cwd=tmp_path)
        assert done.stdout.decode() == (
            "-:2: lr: must be at least 0, got -1\n-: 1 problem: 2 records, run 1 (anna), epochs 1 to 2\n"
        )
        assert done.returncode == 1


def test_a_log_is_read_from_a_pipe_with_a_name(townlet: Townlet, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    write(tmp_path / "ppo.jsonl", [ours(1)])
    writer = subprocess.Popen(["sh", "-c", "exec cat ppo.jsonl > pipe"], cwd=tmp_path)
    try:
        assert townlet("telemetry", "validate", "pipe").stdout == "pipe: ok: 1 record, run 1 (anna), epoch 1\n"
    finally:
        writer.kill()
        writer.wait()


def test_all_logs_are_checked_and_the_worst_gives_the_exit_code(townlet: Townlet, tmp_path: Path) -> None:
    write(tmp_path / "good.jsonl", [ours(1)])
    write(tmp_path / "bad.jsonl", [ours(1, lr=-1.0)])
    done = townlet("telemetry", "validate", "bad.jsonl", "no.jsonl", "good.jsonl")
    assert (done.returncode, done.stderr) == (3, "error: no.jsonl: no such file\n")
    assert done.stdout.endswith("good.jsonl: ok: 1 record, run 1 (anna), epoch 1\n")
    assert townlet("telemetry", "validate", "bad.jsonl", "good.jsonl").returncode == 1


def test_a_warning_is_a_finding_only_if_it_is_asked_for(townlet: Townlet, tmp_path: Path) -> None:
    write(tmp_path / "ppo.jsonl", [ours(1, approx_lk=0.5)])
    codes = [townlet("telemetry", "validate", "ppo.jsonl", *more).returncode for more in ((), ("--strict",))]
    assert codes == [0, 1]


@pytest.mark.parametrize(("most", "shown"), [(0, 0), (2, 2), (3, 3)])
def test_only_so_many_are_shown_but_all_are_counted(townlet: Townlet, tmp_path: Path, most: int, shown: int) -> None:
    write(tmp_path / "ppo.jsonl", [ours(n, lr=-1.0) for n in (1, 2, 3)])
    done = townlet("telemetry", "validate", "ppo.jsonl", "--max-errors", str(most))
    *problems, last = done.stdout.splitlines()
    assert sum("must be at least" in problem for problem in problems) == shown
    assert (f"... and {3 - shown} more" in problems) == (shown < 3)
    assert last == "ppo.jsonl: 3 problems: 3 records, run 1 (anna), epochs 1 to 3"


def test_programs_get_an_object_a_line(townlet: Townlet, tmp_path: Path) -> None:
    write(tmp_path / "ppo.jsonl", [ours(1, lr=-1.0), ours(2, weather=1)])
    (tmp_path / "b.json").write_text('{"loss_value": 3.0, "adv_mean": 0}')
    done = townlet("telemetry", "validate", "ppo.jsonl", "no.jsonl", "--json", "--baseline", "b.json", "--relative")
    found = [json.loads(each) for each in done.stdout.splitlines()]
    assert [each["type"] for each in found] == ["problem", "warning", "log", "error", "end"]
    assert found[0] == {
        "type": "problem",
        "file": "ppo.jsonl",
        "line": 1,
        "key": "lr",
        "what": "must be at least 0",
        "got": "-1",
    }
    assert found[2]["epochs"] == [1, 2]
    assert [(drift["key"], drift["epoch"], drift["beyond"]) for drift in found[2]["drift"]] == [
        ("loss_value", 1, False),
        ("adv_mean", 1, False),
    ]
    assert found[3] == {"type": "error", "where": "no.jsonl", "problem": "no such file", "hint": None}
    assert found[4] == {"type": "end", "verdict": "cannot check", "exit_code": 3}
    assert done.returncode == 3


def test_drift_from_a_baseline_is_shown_and_too_much_of_it_is_a_finding(townlet: Townlet, tmp_path: Path) -> None:
    """The policy's loss is -0.25, 0.5 off; that of the values is 3.5 and 7, at most 4 off 3."""
    write(tmp_path / "ppo.jsonl", [ours(1), ours(2, loss_value=7.0)])
    (tmp_path / "b.json").write_text('{"loss_policy": 0.25, "loss_value": 3.0}')
    words = ("telemetry", "validate", "ppo.jsonl", "--baseline", "b.json")
    shown = townlet(*words)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == (
        "\n"
        "drift from b.json\n"
        "key          baseline  worst  epoch  drift  limit\n"
        "loss_value          3      7      2      4\n"
        "loss_policy      0.25  -0.25      1    0.5\n"
        "\n"
        "ppo.jsonl: ok: 2 records, run 1 (anna), epochs 1 to 2\n"
    )
    assert townlet(*words, "--drift-threshold", "4").returncode == 0
    assert townlet(*words, "--drift-threshold", "0.1", "--tolerance", "loss_policy=1").returncode == 1
    found = townlet(*words, "--relative", "--drift-threshold", "1.5", "--tolerance", "loss_value=1.25")
    assert found.returncode == 1
    assert found.stdout.splitlines()[1] == (
        "ppo.jsonl:2: loss_value: is 133.3% off (limit 125.0%) its baseline of 3 in epoch 2, got 7"
    )
    assert "loss_value          3      7      2  133.3%  125.0%  beyond\n" in found.stdout


def test_a_baseline_that_is_doubtful_is_used_with_a_warning(townlet: Townlet, tmp_path: Path) -> None:
    write(tmp_path / "b.jsonl", [theirs(1), theirs(1)])
    write(tmp_path / "ppo.jsonl", [theirs(1)])
    done = townlet("telemetry", "validate", "ppo.jsonl", "--baseline", "b.jsonl", "--drift-threshold", "0")
    assert done.returncode == 0
    assert done.stderr.startswith(
        "warning: the baseline is doubtful: b.jsonl:2: epoch: repeats the record in b.jsonl:1"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--max-errors -1", "--max-errors: must be at least 0, found -1"),
        ("--relative", "--relative: is about a baseline\nhint: name one with --baseline"),
        ("--drift-threshold 1", "--drift-threshold: is about a baseline\nhint: name one with --baseline"),
        ("--tolerance lr=1", "--tolerance: is about a baseline\nhint: name one with --baseline"),
        ("--baseline b.json --drift-threshold=-1", "--drift-threshold: must be at least 0, found -1"),
        ("--baseline b.json --drift-threshold nan", "--drift-threshold: must be at least 0, found nan"),
        ("--baseline b.json --tolerance lr", "--tolerance: must be KEY=X with X at least 0, found 'lr'"),
        ("--baseline b.json --tolerance lr=-1", "--tolerance: must be KEY=X with X at least 0, found 'lr=-1'"),
        ("--baseline b.json --tolerance los=1", "--tolerance: the baseline has no key los"),
    ],
)
def test_options_that_make_no_sense_are_refused(townlet: Townlet, tmp_path: Path, words: str, message: str) -> None:
    write(tmp_path / "ppo.jsonl", [ours(1)])
    (tmp_path / "b.json").write_text('{"lr": 0.001}')
    done = townlet("telemetry", "validate", "ppo.jsonl", *words.split())
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {message}\n")


@pytest.mark.parametrize(("baseline", "message"), [("no.json", "no such file"), (".", "is no capture: it has no file")])
def test_a_baseline_that_cannot_be_read_is_named(townlet: Townlet, tmp_path: Path, baseline: str, message: str) -> None:
    write(tmp_path / "ppo.jsonl", [ours(1)])
    done = townlet("telemetry", "validate", "ppo.jsonl", "--baseline", baseline)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith(f"error: {baseline}: {message}")


def test_what_lies_beside_a_log_is_told_to_be_none(townlet: Townlet, tmp_path: Path) -> None:
    record(tmp_path / "ppo.jsonl", range(1, 4), max_entries=2)
    (tmp_path / "ppo.jsonl.lock").write_text("4711\n")
    done = townlet("telemetry", "validate", *sorted(path.name for path in tmp_path.iterdir()))
    assert (done.returncode, done.stderr) == (0, "note: ppo.jsonl.lock lies beside its log, and is none\n")
    assert done.stdout.splitlines()[-1] == "ppo.jsonl: ok: 3 records in 2 files, run 1 (anna), epochs 1 to 3"


def test_the_reader_of_problems_may_go_away(tmp_path: Path) -> None:
    write(tmp_path / "ppo.jsonl", (ours(n, lr=-1.0) for n in range(1, 3000)))
    command = f"{sys.executable} -m townlet_cli telemetry validate ppo.jsonl | head -1"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("ppo.jsonl:1: lr: must be at least 0, got -1\n", "")


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="asks Linux for the most memory of a process")
def test_memory_does_not_grow_with_the_log_its_problems_or_its_longest_line(tmp_path: Path) -> None:
    log = tmp_path / "ppo.jsonl"
    with log.open("wb") as file:
        for n in range(1, 4001):
            file.write(line(ours(n, **({"lr": -1.0, f"weather_{n}": 1} if n % 2 else {}))))
        file.write(b"{" + b"x" * 30_000_000 + b"\n")
        file.write(b"{" + b'"a":1,' * 600_000 + b"}\n")
    words = [sys.executable, "-c", SCRIPT, "telemetry", "validate", str(log)]
    done = subprocess.run(words, env=unmeasured(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "4,000 records" in done.stdout
    assert int(done.stderr) / 1024 < MOST_MEGABYTES


def test_migrate_says_what_it_did(townlet: Townlet, tmp_path: Path) -> None:
    write(tmp_path / "old.jsonl", [oldest(1), oldest(2)])
    done = townlet("telemetry", "migrate", "old.jsonl", "--output", "new.jsonl")
    assert (done.returncode, done.stdout, done.stderr) == (0, "new.jsonl: 2 records, 2 of them migrated\n", "")
    assert townlet("telemetry", "validate", "--strict", "new.jsonl").returncode == 0
    again = townlet("telemetry", "migrate", "new.jsonl", "--output", "newer.jsonl")
    assert again.stderr == "note: no record was of version 1.0\n"
    refused = townlet("telemetry", "migrate", "old.jsonl", "--output", "new.jsonl")
    assert (refused.returncode, refused.stderr) == (
        3,
        "error: new.jsonl: is there already\nhint: name another file\n",
    )


def test_migrate_reads_standard_input_and_writes_a_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "townlet_cli", "telemetry", "migrate", "-", "--output"]
    old = line(oldest(1)) + line(oldest(2))
    done = subprocess.run([*command, "new.jsonl"], input=old, capture_output=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert check(tmp_path / "new.jsonl")[0] == []
    bad = line(oldest(1)) + line(oldest(2, lr=-1.0))
    done = subprocess.run([*command, "newer.jsonl"], input=bad, capture_output=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr.splitlines()[0]) == (3, b"error: -:2: lr: must be at least 0, got -1")
    done = subprocess.run([*command, "-"], input=old, capture_output=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"error: --output: must be a file, which appears when all of the log was well\n"
    assert [path.name for path in tmp_path.iterdir()] == ["new.jsonl"]


def test_an_export_reads_standard_input(tmp_path: Path) -> None:
    """The second record has a column more than the first."""
    content = line(ours(1)) + line(ours(2, sps=12.5))
    for to in ("csv", "jsonl"):
        command = [sys.executable, "-m", "townlet_cli", "telemetry", "export", "-", f"ppo.{to}", "--to", to]
        done = subprocess.run(command, input=content, capture_output=True, cwd=tmp_path, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
    head, first, second = (tmp_path / "ppo.csv").read_text().splitlines()
    assert (head.split(",")[-1], first.split(",")[-1], second.split(",")[-1]) == ("sps", "", "12.5")
    assert len((tmp_path / "ppo.jsonl").read_text().splitlines()) == 2


def test_f_is_to_follow_and_never_to_replace(townlet: Townlet, tmp_path: Path) -> None:
    write(tmp_path / "ppo.jsonl", [ours(1, finished=True)])
    assert townlet("telemetry", "watch", "ppo.jsonl", "-f", "--no-default-rules").returncode == 0
    assert townlet("telemetry", "export", "ppo.jsonl", "ppo.csv", "--to", "csv", "-f").returncode == 2
