"""`townlet rollout diff`, as its users call it, and as `git bisect run` does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import QUIET_TOWN, Townlet
from tests.samples.captures import write_capture


def test_what_is_the_same_ends_with_0_and_what_differs_with_1(townlet: Townlet, tmp_path: Path) -> None:
    write_capture(tmp_path / "a", agents=("anna", "ben"))
    write_capture(tmp_path / "b", agents=("anna", "ben"))
    write_capture(tmp_path / "c", agents=("anna", "ben"), mood=0.75)
    same, different, missing = (townlet("rollout", "diff", "a", other) for other in ("b", "c", "d"))
    assert (same.returncode, same.stdout.splitlines()[-1]) == (0, "the same: 2 lives and 6 agent-steps compared")
    assert different.returncode == 1
    assert different.stdout.splitlines() == [
        "A: a/day_manifest.json",
        "B: c/day_manifest.json",
        "",
        "first at tick 0: anna: features: need_hunger: 0.5 in A, 0.75 in B",
        "",
        "from tick  agent  array      ticks  largest  columns",
        "        0  anna   features  1 of 3     0.25  need_hunger",
        "        0  ben    features  1 of 3     0.25  need_hunger",
        "",
        "different: 2 of 2 lives, 1 array; 2 lives and 6 agent-steps compared",
    ]
    assert (missing.returncode, missing.stdout, missing.stderr) == (3, "", "error: d: no such folder\n")


def test_a_program_gets_all_of_it(townlet: Townlet, tmp_path: Path) -> None:
    write_capture(tmp_path / "a")
    write_capture(tmp_path / "b", mood=0.75)
    done = townlet("rollout", "diff", "a", "b", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    report = json.loads(done.stdout)
    assert (report["first"]["tick"], report["first"]["array"], report["first"]["column"]) == (
        0,
        "features",
        "need_hunger",
    )
    assert report["spread"][0]["columns"] == ["need_hunger"]


def test_of_what_only_one_has_the_first_are_named(townlet: Townlet, tmp_path: Path) -> None:
    write_capture(tmp_path / "a", agents=[f"agent_{number}" for number in range(30)])
    write_capture(tmp_path / "b", agents=["agent_0"])
    write_capture(tmp_path / "c", agents=["zoe"])
    lines = townlet("rollout", "diff", "a", "b").stdout.splitlines()
    assert [line for line in lines if "only in A" in line] == [
        f"agent_{number} is only in A: ticks 0 to 2" for number in range(1, 21)
    ]
    assert lines[-2] == "... and 9 more, with --json"
    refused = townlet("rollout", "diff", "c", "a")
    assert refused.stderr == (
        "error: c: has no life in common with a: there are zoe and agent_0, agent_1, agent_2, agent_3, agent_4, "
        "agent_5, agent_6, agent_7 and 22 more\n"
    )


# A commit whose town cannot be captured is passed over, which 125 means to git.
SCRIPT = """\
#!/bin/sh
"{python}" -m townlet_cli rollout capture town.yaml --output ../now --force > /dev/null || exit 125
"{python}" -m townlet_cli rollout diff ../good ../now > /dev/null
code=$?
[ $code -le 1 ] && exit $code
exit 125
"""


def test_git_bisect_finds_the_commit_that_changed_the_town(townlet: Townlet, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()

    def git(*words: str) -> str:
        nobodys = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        command = ["git", "-c", "user.name=anna", "-c", "user.email=anna", *words]
        done = subprocess.run(
            command, cwd=repository, capture_output=True, text=True, check=True, env=os.environ | nobodys
        )
        return done.stdout

    git("init", "--quiet")
    commits = []
    for number in range(6):
        town = QUIET_TOWN.replace("alone", f"alone for the {number}th time")
        if number >= 3:  # the culprit
            town = town.replace("at: [1, 1]", "at: [2, 1]")
        if number == 1:  # it cannot be captured
            town = town.replace("ticks: 10", "tocks: 10")
        (repository / "town.yaml").write_text(town)
        git("add", ".")
        git("commit", "--quiet", "--message", f"number {number}")
        commits.append(git("rev-parse", "HEAD").strip())
    git("checkout", "--quiet", commits[0])
    townlet("rollout", "capture", "repository/town.yaml", "--output", "good")
    script = tmp_path / "same.sh"
    script.write_text(SCRIPT.format(python=sys.executable))
    script.chmod(0o755)
    git("bisect", "start", commits[5], commits[0])
    assert f"{commits[3]} is the first bad commit" in git("bisect", "run", str(script))
