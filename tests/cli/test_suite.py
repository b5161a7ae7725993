"""`townlet rollout suite`, as its users call it: what it shows, what it leaves, and how it ends."""

from __future__ import annotations

import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Townlet
from tests.cli.test_rollout import read_on
from tests.rollout.suites import LONG, children_of, is_alive, wait_until, write_broken, write_field
from townlet_core.samples.manifest import Manifest, read_manifest
from townlet_core.samples.seal import verify
from townlet_core.samples.suite_report import SuiteReport

SUITE = [sys.executable, "-m", "townlet_cli", "rollout", "suite"]


def saved(root: Path) -> SuiteReport:
    return SuiteReport.model_validate_json((root / "suite.json").read_bytes())


def test_a_suite_shows_a_line_for_each_capture_and_a_table_of_all(townlet: Townlet, tmp_path: Path) -> None:
    for name in ("one", "two", "_template"):
        write_field(tmp_path, name)
    done = townlet("rollout", "suite", "*.yaml", "--output-root", "out", "--jobs", "1")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["scenario", "seed", "status", "agents", "ticks", "seconds", "attempts", "reason"]
    assert [(row := line.split())[:5] + row[6:] for line in lines[1:3]] == [
        ["one", "3", "captured", "1", "20", "1"],
        ["two", "3", "captured", "1", "20", "1"],
    ]
    assert re.fullmatch(r"2 captured; 40 agent-steps, \d+\.\d\d s", lines[4])
    said = done.stderr.splitlines()
    assert "note: _template.yaml is passed over, as its name begins with '_'" in said
    assert [line.partition(", 0.")[0] for line in said if "/2 " in line] == [
        f"{n}/2 {name}: captured: 1 sample, 20 ticks" for n, name in ((1, "one"), (2, "two"))
    ]
    assert "warning: two: nothing happened: there is no event in the whole capture" in said
    assert sorted(os.listdir(tmp_path / "out")) == [".suite.lock", "one", "one.log", "suite.json", "two", "two.log"]


def test_every_option_reaches_the_captures(townlet: Townlet, tmp_path: Path) -> None:
    done = townlet(
        "rollout", "suite", write_field(tmp_path, "field"), "-o", "out", "-j", "2", "--seeds", "0:2,7", "-t", "10",
        "--agent", "anna", "--compress", "-w", "2", "-p", "scripted", "--noise", "0.5", "--set", "agents.0.wallet=7",
        "--auto-seed-agents", "--retries", "1", "--timeout", "60", "--fail-fast", "--executor", "local", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = SuiteReport.model_validate_json(done.stdout)
    assert report == saved(tmp_path / "out")
    assert [(entry.name, entry.seed, entry.ticks) for entry in report.captures] == [
        (f"field/seed_{seed}", seed, 10) for seed in (0, 1, 7)
    ]
    assert (report.jobs, report.captures[0].samples) == (2, 2)
    manifest = read_manifest(tmp_path / "out" / report.captures[1].manifest)
    assert isinstance(manifest, Manifest)
    assert (manifest.metadata.seed, manifest.metadata.worlds, manifest.metadata.policy.name) == (1, 2, "scripted+0.5")
    (sample,) = (tmp_path / "out" / "field" / "seed_0").glob("*w0_anna_001.npz")
    assert sample.stat().st_size < 10_000  # ten maps alone have 40 × 121 numbers of four bytes


def test_some_that_fail_make_it_done_in_part_and_resume_makes_only_these(townlet: Townlet, tmp_path: Path) -> None:
    write_field(tmp_path, "field")
    write_broken(tmp_path)
    words = ("rollout", "suite", "field.yaml", "broken.yaml", "-o", "out")
    done = townlet(*words)
    assert done.returncode == 4
    assert re.search(r"^broken +– +failed +– +– +\S+ +1 +broken\.yaml:2:1: broken YAML: ", done.stdout, re.MULTILINE)
    assert "broken: failed: broken.yaml:2:1: broken YAML: " in done.stderr
    assert done.stderr.endswith("the same command with --resume makes what is not there\n")
    refused = townlet(*words)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert refused.stderr.startswith("error: out: holds captures already (field)\nhint: give --resume ")
    write_field(tmp_path, "broken")
    again = townlet(*words, "--resume")
    assert again.returncode == 0
    assert re.search(r"^field .* kept .*^broken .* captured ", again.stdout, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param("no.yaml -o out", 3, "error: no.yaml: no such file\n", id="missing file"),
        pytest.param("'no*.yaml' -o out", 3, "error: no*.yaml: matches no YAML file and no scenario's", id="no match"),
        pytest.param("field.yaml", 2, "error: missing option '--output-root' / '-o'\n", id="no root"),
        pytest.param("-o out", 2, "error: missing argument 'CONFIG...'\n", id="no config"),
        pytest.param("field.yaml field.yml -o out", 2, "error: field.yaml and field.yml are both called", id="stems"),
        pytest.param("field.yaml -o out -j 0", 2, "error: --jobs: must be a whole number from 1 to 10000", id="jobs"),
        pytest.param("field.yaml -o out --seeds 5:1", 2, "error: --seeds: must be numbers or ranges", id="seeds"),
        pytest.param("field.yaml -o out --timeout 0", 2, "error: --timeout: must be more than 0", id="timeout"),
        pytest.param("field.yaml -o out --executor dask", 2, "error: --executor: must be local or ray", id="executor"),
        pytest.param("field.yaml -o out --ray-address auto", 2, "error: --ray-address: is about a Ray", id="address"),
        pytest.param("field.yaml -o field.yaml", 3, "error: field.yaml: is not a folder\n", id="root is a file"),
        pytest.param("field.yaml -o gs://b/x", 2, "error: --output-root: object storage cannot be", id="storage"),
    ],
)
def test_bad_words_are_refused_and_leave_nothing_behind(
    townlet: Townlet, tmp_path: Path, words: str, code: int, said: str
) -> None:
    Path(write_field(tmp_path, "field")).with_suffix(".yml").write_text("name: another\n")
    done = townlet("rollout", "suite", *shlex.split(words))
    assert done.stderr.startswith(said)
    assert (done.returncode, done.stdout, sorted(os.listdir(tmp_path))) == (code, "", ["field.yaml", "field.yml"])


def test_ray_is_asked_for_by_name_where_it_is_not_installed(tmp_path: Path) -> None:
    write_field(tmp_path, "field")
    script = "import sys; sys.modules['ray'] = None; from townlet_cli.app import main; sys.exit(main(sys.argv[1:]))"
    words = ["rollout", "suite", "field.yaml", "-o", "out", "--executor", "ray"]
    done = subprocess.run(
        [sys.executable, "-c", script, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, (tmp_path / "out").exists()) == (2, "", False)
    assert done.stderr == (
        "error: --executor: Ray is not installed\n"
        "hint: pip install 'townlet[ray]', here and on every machine of the cluster\n"
    )


def start(tmp_path: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """Start a suite of a short capture and a long one; give it, and its processes, when the first one is there."""
    sources = [write_field(tmp_path, "short"), write_field(tmp_path, "long", ticks=LONG), write_field(tmp_path, "last")]
    running = subprocess.Popen(
        [*SUITE, *sources, "-o", "out", "-j", "1"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    stages = tmp_path / "out" / "long"
    wait_until(lambda: running.poll() is not None or any(stages.glob(".townlet-stage-*/spool/*")))
    assert running.poll() is None, "it ended before it could be disturbed"
    return running, children_of(running.pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_suite_that_is_stopped_leaves_what_is_done_and_nobody_behind(tmp_path: Path, number: signal.Signals) -> None:
    running, others = start(tmp_path)
    os.killpg(running.pid, number)  # as a terminal does
    shown, said = running.communicate(timeout=60)
    assert running.returncode == 128 + number
    assert "Traceback" not in said
    assert "nothing is left half done" in said
    assert re.search(r"^long .* stopped .* the suite was interrupted$", shown, re.MULTILINE)
    assert len(others) >= 2
    assert not any(map(is_alive, others))
    report, out = saved(tmp_path / "out"), tmp_path / "out"
    assert report.state == "interrupted"
    assert [entry.status for entry in report.captures] == ["captured", "stopped", "stopped"]
    assert verify(out / "short") == []
    assert sorted(os.listdir(out)) == [".suite.lock", "long.log", "short", "short.log", "suite.json"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_nobody_compiles_kernels_that_are_no_longer_wanted(tmp_path: Path, number: signal.Signals) -> None:
    """It would take some twenty seconds."""
    variables = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    with subprocess.Popen(
        [*SUITE, write_field(tmp_path, "field"), "-o", "out"],
        cwd=tmp_path, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stderr is not None
        assert running.stderr.readline().startswith("note: compiling the kernels of the simulation")
        others, began = children_of(running.pid), time.monotonic()
        running.send_signal(number)
        running.communicate(timeout=60)
        wait_until(lambda: not any(map(is_alive, others)))
    assert others
    assert time.monotonic() - began < 8
    if number == signal.SIGINT:
        assert running.returncode == 130
        assert [entry.status for entry in saved(tmp_path / "out").captures] == ["stopped"]


def test_who_is_killed_leaves_nobody_behind_and_resume_goes_on(townlet: Townlet, tmp_path: Path) -> None:
    running, others = start(tmp_path)
    running.kill()
    running.communicate(timeout=60)
    wait_until(lambda: not any(map(is_alive, others)))
    assert saved(tmp_path / "out").state == "running"
    assert verify(tmp_path / "out" / "short") == []
    merged = townlet("rollout", "merge", "out", "--golden", "golden.json")
    without_a_word = "the suite was interrupted without a word, though suite.json says that it is running"
    assert (merged.returncode, without_a_word in merged.stderr) == (3, True), merged.stderr
    again = townlet("rollout", "suite", "short.yaml", "last.yaml", "-o", "out", "--resume", "--json")
    assert "note: the suite before was interrupted without a word: its suite.json said that it" in again.stderr
    assert [entry.status for entry in SuiteReport.model_validate_json(again.stdout).captures] == ["kept", "captured"]


def test_a_terminal_sees_bars_and_reasons(tmp_path: Path) -> None:
    sources = [write_broken(tmp_path), write_field(tmp_path, "long", ticks=LONG)]
    ours, theirs = pty.openpty()
    command = [*SUITE, *sources, "-o", "out", "--timeout", "2"]
    variables = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, cwd=tmp_path, env=variables, stdout=subprocess.PIPE, stderr=theirs) as running:
        os.close(theirs)
        shown = b""
        while not all(words in shown for words in (b"captures 1/2", b"  long", b"broken: failed: ")):
            shown += os.read(ours, 4096)
        reading = threading.Thread(target=read_on, args=[ours], daemon=True)
        reading.start()
        table, _ = running.communicate(timeout=60)
        reading.join(timeout=60)
    os.close(ours)
    assert (running.returncode, b"took longer than the 2 s of --timeout" in table) == (4, True)
