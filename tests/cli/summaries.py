"""Summaries as they look: the logs that they are of, and the words of each.

`python -m tests.cli.summaries` writes what is expected (tests/corpus/summary/*.txt) anew. Read it before it is kept.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from pathlib import Path

from tests.telemetry.course import Course, learned, log
from tests.telemetry.reading import oldest, write
from townlet_cli.app import main

EXPECTED = Path(__file__).parents[1] / "corpus" / "summary"

CASES = {
    "run": "learned.jsonl",
    "run_in_markdown": "learned.jsonl --format markdown --metric 'ep_*'",
    "baseline": "learned.jsonl --baseline level.jsonl --metric ep_return_mean --metric events.faint --metric lr",
    "last_epochs": "learned.jsonl --last 5 --metric ep_return_mean",
    "everything": "learned.jsonl --all",
    "unsound": "unsound.jsonl --metric approx_kl --metric grad_norm",
    "oldest": "oldest.jsonl",
    "runs": "learned.jsonl level.jsonl --metric 'ep_*' --metric 'events.*'",
    "groups": "--group 'slow=groups/slow*' --group 'fast=groups/fast*' --metric ep_return_mean",
    "groups_the_better_first": "--group 'fast=groups/fast*' --group 'slow=groups/slow*' --metric ep_return_mean",
    "groups_of_few": "--group a=groups/slow0 --group b=groups/slow1,groups/slow2 --metric ep_return_mean",
    "groups_and_tests": "--group 'slow=groups/slow*' --group 'fast=groups/fast*' --metric 'ep_return*' --metric lr",
}


def make_logs(folder: Path) -> None:
    """Write the logs."""
    agents: Course = {"agents__anna__reward_mean": [0.5] * 20, "agents__ben__reward_mean": [-0.25] * 20}
    end: Course = {"finished": [...] * 19 + [True], "reason": [...] * 19 + ["done"], "agents__worst": ["ben"] * 20}
    events: Course = {
        "events__faint": [2, 1] + [0] * 18,
        "events__eviction": [0] * 20,
        "reward_terms__needs": [-0.5] * 20,
    }
    returns: Course = {"ep_return_mean": [..., ..., *learned(18)], "ep_len_mean": [None, None] + [240.0] * 18}
    log(folder / "learned.jsonl", 20, course={**agents, **end, **events, **returns})
    log(folder / "level.jsonl", 12, run_id="ben", ep_return_mean=[1.0, 1.5] * 6, events__faint=[1] * 12)
    odd: Course = {"approx_kl": [0.1] * 8 + [None], "nonfinite": [...] * 8 + [{"approx_kl": "nan"}]}
    broken = log(folder / "unsound.jsonl", 9, course={**odd, "signal__reward_std": [0.0] * 9})
    broken.write_bytes(broken.read_bytes() + b'{"epoch": 10, "upd')
    write(folder / "oldest.jsonl", (oldest(n) for n in range(1, 4)))
    (folder / "groups").mkdir()
    for name, first in (("slow", 1), ("fast", 5)):
        for n in range(4):
            course = {"ep_return_mean": [float(first + n)] * 8, "ep_return_max": [float(first + 2 * n)] * 8}
            log(folder / "groups" / f"{name}{n}", 8, run_id=f"{name}{n}", course=course)


def shown(words: list[str]) -> str:
    """Run `townlet telemetry summary` where the logs are; give all that it prints."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["telemetry", "summary", *words])
    assert code == 0, err.getvalue()
    return f"{out.getvalue()}{err.getvalue()}"


if __name__ == "__main__":
    import shlex

    with tempfile.TemporaryDirectory() as folder:
        make_logs(Path(folder))
        os.chdir(folder)
        for name, words in CASES.items():
            (EXPECTED / f"{name}.txt").write_text(shown(shlex.split(words)), encoding="utf-8")
