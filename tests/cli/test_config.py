"""`townlet config`: list, check, show and schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest
import yaml

from tests.cli.conftest import Townlet
from townlet_core.config.find import list_scenarios
from townlet_core.config.json_schema import json_schema
from townlet_core.config.load import load_town


def test_list_names_every_shipped_scenario(townlet: Townlet) -> None:
    done = townlet("config", "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["scenario", *list_scenarios()]


def test_list_gives_the_same_to_programs(townlet: Townlet) -> None:
    done = townlet("config", "list", "--json")
    rows = json.loads(done.stdout)
    assert [row["name"] for row in rows] == list(list_scenarios())
    assert all(row["ticks"] > 0 and row["description"] for row in rows)


def test_the_template_is_not_listed_but_can_be_shown_and_checked(townlet: Townlet) -> None:
    assert "_template" not in townlet("config", "list").stdout
    assert townlet("config", "check", "_template").stdout == "_template: ok (template)\n"
    assert yaml.safe_load(townlet("config", "show", "_template").stdout)["name"] == "template"


def test_check_passes_a_good_file(townlet: Townlet, quiet_town: Path) -> None:
    done = townlet("config", "check", quiet_town)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{quiet_town}: ok (quiet_town)\n", "")


def test_check_goes_on_after_a_bad_file_and_ends_with_a_finding(townlet: Townlet, quiet_town: Path) -> None:
    bad = quiet_town.with_name("bad.yaml")
    bad.write_text(quiet_town.read_text().replace("ticks: 10", "tick: 10"))
    done = townlet("config", "check", bad, quiet_town)
    assert (done.returncode, done.stdout) == (1, f"{quiet_town}: ok (quiet_town)\n")
    assert f"error: {bad}:3:12: scenario.tick: unknown key\nhint: did you mean 'ticks'?\n" in done.stderr


def test_check_ends_with_3_where_a_file_is_missing(townlet: Townlet, quiet_town: Path) -> None:
    done = townlet("config", "check", "other.yaml", quiet_town)
    assert (done.returncode, done.stdout) == (3, f"{quiet_town}: ok (quiet_town)\n")
    assert done.stderr.startswith("error: other.yaml: no such file\n")


@pytest.mark.parametrize("as_json", [False, True], ids=["YAML", "JSON"])
def test_show_prints_the_whole_configuration_which_loads_as_the_same_town(
    townlet: Townlet, quiet_town: Path, as_json: bool
) -> None:
    done = townlet("config", "show", quiet_town, "--set", "rewards.wage_rate=0.5", *(["--json"] if as_json else []))
    assert (done.returncode, done.stderr) == (0, "")
    shown = json.loads(done.stdout) if as_json else yaml.safe_load(done.stdout)
    assert shown["rewards"]["wage_rate"] == 0.5
    again = quiet_town.with_name("again.yaml")
    again.write_text(done.stdout)
    assert load_town(str(again)) == load_town(str(quiet_town), ("rewards.wage_rate=0.5",))


@pytest.mark.parametrize(("of", "key"), [("scenario", "agents"), ("affordances", "kinds")])
def test_schema_describes_a_file_to_editors(townlet: Townlet, of: Literal["scenario", "affordances"], key: str) -> None:
    done = townlet("config", "schema", "--of", of)
    schema = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert schema == json_schema(of)
    assert key in schema["properties"]


def test_schema_writes_a_file_and_tells_how_to_use_it(townlet: Townlet, tmp_path: Path) -> None:
    done = townlet("config", "schema", "--output", "town.json")
    assert (done.returncode, done.stdout) == (0, "")
    assert "$schema=town.json" in done.stderr
    assert json.loads((tmp_path / "town.json").read_text()) == json.loads(townlet("config", "schema").stdout)


def test_schema_that_cannot_be_written_is_an_error(townlet: Townlet) -> None:
    done = townlet("config", "schema", "--output", "no/folder/town.json")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "error: no/folder/town.json: cannot be written: no such file or directory\n"
