"""`townlet telemetry explain` and `export`: what they print, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import json_schemas
import jsonschema
import pytest

from tests.cli.conftest import Townlet
from tests.telemetry.reading import ours, write
from tests.telemetry.test_explain import BROKEN, records
from townlet_core.telemetry.explaining.explanation import Explanation

VIEW = """\
ppo.jsonl: run 1 (anna), epochs 1 to 40
ep_return_mean jumped in epoch 21: from 3 to 1, with no spread at all, for the worse
moved the most: agents.ben.reward_mean (agent), events.faint (event)
nothing surely moved before it

changes of ep_return_mean
epoch  95 %  kind  before  after  effect
   21    21  step       3      1     all

what moved about epoch 21
group   key                     before  after  effect  epoch  95 %  order
agents  agents.ben.reward_mean       1     -1     all     21    21  with
events  events.faint                 2      9     all     21    21  with
"""


def test_the_verdict_comes_first_and_the_tables_after_it(townlet: Townlet, tmp_path: Path) -> None:
    """Curves without any noise, so that every number is as it was made."""
    run = [
        ours(
            epoch,
            ep_return_mean=3.0 if epoch < 21 else 1.0,
            **{
                "agents.ben.reward_mean": 1.0 if epoch < 21 else -1.0,
                "events.faint": 2 if epoch < 21 else 9,
                "reward_terms.wages": 0.5,
                "entropy_coef": 0.01,
            },
        )
        for epoch in range(1, 41)
    ]
    write(tmp_path / "ppo.jsonl", run)
    done = townlet("telemetry", "explain", "ppo.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(VIEW)


def test_programs_get_one_object_by_its_schema(townlet: Townlet, tmp_path: Path) -> None:
    write(tmp_path / "ppo.jsonl", records(60, BROKEN))
    write(tmp_path / "other.jsonl", records(60, BROKEN, seed=2))
    done = townlet("telemetry", "explain", "ppo.jsonl", "--against", "other.jsonl", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = Explanation.model_validate_json(done.stdout)
    assert found.explained == 31
    assert found.against is not None
    jsonschema.validate(json.loads(done.stdout), json.loads(json_schemas.schema_files()["explanation.schema.json"]))


def test_a_log_of_several_runs_is_explained_by_its_last_with_a_note(townlet: Townlet, tmp_path: Path) -> None:
    write(tmp_path / "ppo.jsonl", [*records(13, BROKEN), *records(13, BROKEN, run_id="ben")])
    done = townlet("telemetry", "explain", "ppo.jsonl")
    assert done.stdout.startswith("ppo.jsonl: run 2 (ben), epochs 1 to 13\n")
    assert done.stderr == "note: ppo.jsonl holds 2 runs; this is the last: --run chooses another\n"
    assert townlet("telemetry", "explain", "ppo.jsonl", "--run", "1").stderr == ""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("explain", "no.jsonl"), 3, "no.jsonl: no such file"),
        (("explain", "ppo.jsonl", "--run", "3"), 3, "ppo.jsonl: has no run 3"),
        (("explain", "ppo.jsonl", "--metric", "los_value"), 3, "did you mean 'loss_value'?"),
        (("explain", "ppo.jsonl", "--at", "99"), 2, "--at: must be an epoch after the first of 1 to 13, found 99"),
        (("explain", "-", "--against", "-"), 2, "--against: standard input can be read once"),
        (("export", "no.jsonl", "--to", "tensorboard", "tb"), 3, "no.jsonl: no such file"),
        (("export", "ppo.jsonl", "--to", "csv", "a.csv", "--step", "epoch"), 2, "--step: is about tensorboard"),
        (("export", "ppo.jsonl", "--to", "jsonl", "ppo.jsonl", "--force"), 3, "ppo.jsonl: is a file of the log itself"),
        (("export", "ppo.jsonl", "--to", "csv", "no/a.csv"), 3, "no/a.csv: cannot be written"),
    ],
)
def test_what_makes_no_sense_is_one_error(
    townlet: Townlet, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    write(tmp_path / "ppo.jsonl", records(13, BROKEN))
    done = townlet("telemetry", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert done.stderr.count("error: ") == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["ppo.jsonl"]


@pytest.mark.parametrize(("to", "output"), [("tensorboard", "tb"), ("csv", "a.csv"), ("jsonl", "a.jsonl")])
def test_an_export_says_what_it_has_written_and_what_it_has_not(
    townlet: Townlet, tmp_path: Path, to: str, output: str
) -> None:
    write(tmp_path / "ppo.jsonl", [ours(1), ours(2, lr=-1.0)])
    done = townlet("telemetry", "export", "ppo.jsonl", "--to", to, output)
    assert (done.returncode, done.stdout) == (0, f"{output}: 2 records of 1 run\n")
    assert done.stderr == "warning: ppo.jsonl: 1 problem, left out: see 'townlet telemetry validate ppo.jsonl'\n"
    assert (tmp_path / output).exists()
