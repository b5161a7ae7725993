"""Finding configurations by path and by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from townlet_core.config.find import find_config, find_configs, find_manifest, list_scenarios
from townlet_core.errors import InputError, UsageError


def refusal(source: str) -> str:
    with pytest.raises(InputError) as caught:
        find_config(source)
    return str(caught.value)


def test_a_shipped_scenario_is_found_by_its_name() -> None:
    assert find_config("poc_hybrid") == list_scenarios()["poc_hybrid"]
    assert find_config("poc_hybrid").parts[-2:] == ("examples", "poc_hybrid.yaml")


def test_the_template_is_found_by_its_name_but_not_listed() -> None:
    assert find_config("_template").parts[-2:] == ("scenarios", "_template.yaml")
    assert "_template" not in list_scenarios()


def test_a_path_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "town.yaml").touch()
    (tmp_path / "town").touch()
    monkeypatch.chdir(tmp_path)
    assert find_config("town.yaml") == Path("town.yaml")
    assert find_config("town") == Path("town"), "a file without a suffix, and no scenario of that name"
    assert find_config(str(tmp_path / "town.yaml")) == tmp_path / "town.yaml"


def test_a_shipped_scenario_wins_over_a_file_of_its_bare_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "poc_hybrid").touch()
    monkeypatch.chdir(tmp_path)
    assert find_config("poc_hybrid") == list_scenarios()["poc_hybrid"]


def test_an_unknown_name_brings_the_nearest_or_all_known() -> None:
    assert refusal("_templat") == "unknown scenario '_templat'\nhint: did you mean '_template'?"
    known = ", ".join(list_scenarios())
    assert refusal("zzz") == f"unknown scenario 'zzz'\nhint: known are {known}, or give a path"


def test_a_missing_file_brings_the_nearest_beside_it(tmp_path: Path) -> None:
    (tmp_path / "kitchen.yaml").touch()
    file = tmp_path / "kitchn.yaml"
    assert refusal(str(file)) == f"{file}: no such file\nhint: did you mean 'kitchen.yaml'?"
    lonely = tmp_path / "none" / "x.yaml"
    assert refusal(str(lonely)) == f"{lonely}: no such file\nhint: give the path of a YAML file, or a scenario's name"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "no configuration is given\nhint: give the path of a YAML file, or a scenario's name"),
        ("a\0b", "a\0b: no such file\nhint: give the path of a YAML file, or a scenario's name"),
        ("a\0/b.yaml", "a\0/b.yaml: no such file\nhint: give the path of a YAML file, or a scenario's name"),
        ("x" * 300 + ".yaml", f"{'x' * 300}.yaml: cannot be looked up: file name too long"),
        ("/", "/: is a folder, not a file"),
        ("/dev/null", "/dev/null: is not a file"),
    ],
)
def test_what_is_no_file_is_refused(source: str, message: str) -> None:
    assert refusal(source) == message


def test_a_manifest_is_found_by_name_or_beside_its_scenario(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").touch()
    assert find_manifest("mine.yaml", tmp_path / "town.yaml") == tmp_path / "mine.yaml"
    assert find_manifest("core", tmp_path / "town.yaml").parts[-2:] == ("affordances", "core.yaml")


@pytest.mark.parametrize("source", ["examples/poc_hybrid", "configs/examples/poc_hybrid.yaml", "poc_hybrid.yaml"])
def test_a_path_to_nowhere_that_ends_like_a_shipped_scenario_leads_to_its_name(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    hint = "did you mean the shipped scenario 'poc_hybrid'? It is given by its name alone"
    assert refusal(source) == f"{source}: no such file\nhint: {hint}"


@pytest.fixture
def _towns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of configurations, among other files."""
    for name in ("a.yaml", "b.yml", "_draft.yaml", "notes.txt", "below/c.yaml", "below/a.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.yaml").mkdir()
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_towns")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        pytest.param(["b.yml", "a.yaml"], ["b.yml", "a.yaml"], id="paths, in their order"),
        pytest.param(["*"], ["a.yaml", "b.yml"], id="pattern: YAML files alone"),
        pytest.param(["below/c*", "[ab].y*ml"], ["below/c.yaml", "a.yaml", "b.yml"], id="patterns"),
        pytest.param(["**/c.yaml"], ["below/c.yaml"], id="pattern with folders below"),
        pytest.param(["poc_*", "queue_conflict"], ["poc_hybrid", "queue_conflict"], id="names"),
    ],
)
def test_several_are_found_by_path_name_and_pattern(words: list[str], found: list[str]) -> None:
    assert list(find_configs(words)[0].values()) == found


@pytest.mark.usefixtures("_towns")
def test_templates_and_what_is_named_twice_are_passed_over_with_a_note() -> None:
    assert find_configs(["_template", "*.yaml", "./a.yaml"]) == (
        {"a": "a.yaml"},
        [
            "_template is passed over, as its name begins with '_'",
            "_draft.yaml is passed over, as its name begins with '_'",
            "./a.yaml is named twice, and taken once",
        ],
    )


@pytest.mark.usefixtures("_towns")
def test_two_of_one_stem_and_patterns_of_nothing_are_refused() -> None:
    with pytest.raises(UsageError) as twins:
        find_configs(["a.yaml", "below/*"])
    assert str(twins.value) == (
        "a.yaml and below/a.yml are both called 'a'\n"
        "hint: each has a folder of that name: rename one, or run them apart"
    )
    for words, said in (
        (["x*"], "x*: matches no YAML file and no scenario's name"),
        (["_*"], "no configuration is left"),
    ):
        with pytest.raises(InputError, match=re.escape(said)):
            find_configs(words)
