"""From a file to a town: overrides, the manifest, the hash, and whatever bytes may come."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from townlet_core.config.find import find_config, list_scenarios
from townlet_core.config.ground import affordances_present, kinds_present
from townlet_core.config.load import config_hash, load_town
from townlet_core.config.scenario import Scenario
from townlet_core.documents.text import MAX_BYTES
from townlet_core.errors import ConfigError, InputError, TownletError, UsageError

CORPUS = Path(__file__).parents[1] / "corpus"
TEMPLATE = find_config("_template")
TINY = """\
name: tiny
scenario: {ticks: 100}
map:
  rows: ["F..B"]
  legend: {F: fridge, B: bed}
agents:
  - {id: anna, at: [1, 0]}
  - {id: ben, at: [2, 0]}
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY)
    return file


def problems(source: Path, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_town(str(source), overrides)
    return str(caught.value)


def test_a_town_is_its_scenario_and_the_manifest_it_names(tiny: Path) -> None:
    town = load_town(str(tiny))
    assert [agent.id for agent in town.scenario.agents] == ["anna", "ben"]
    assert kinds_present(town) == ("fridge", "bed")
    assert affordances_present(town) == ("eat_meal", "rest_sleep")


@pytest.mark.parametrize("name", ["_template", *list_scenarios()])
def test_every_shipped_scenario_loads_by_name_and_bears_it(name: str) -> None:
    assert load_town(name).scenario.name == name.removeprefix("_")


def test_the_template_shows_every_section() -> None:
    assert set(yaml.safe_load(TEMPLATE.read_text())) == set(Scenario.model_fields)


@pytest.mark.parametrize("source", [str(CORPUS / "valid" / "edges.yaml"), "_template"])
def test_what_is_written_out_with_all_defaults_is_the_same_town(source: str, tmp_path: Path) -> None:
    town = load_town(source)
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(yaml.safe_dump(town.manifest.model_dump(mode="json"), sort_keys=False))
    scenario = town.scenario.model_copy(update={"affordances": "./manifest.yaml"})
    written = tmp_path / "written.yaml"
    written.write_text(yaml.safe_dump(scenario.model_dump(mode="json"), sort_keys=False))
    assert load_town(str(written)) == town.model_copy(update={"scenario": scenario})


def test_an_override_wins_over_the_file(tiny: Path) -> None:
    overrides = ["rewards.wage_rate=0.1", "agents.1.wallet=7", "agents.0.needs={hunger: 0.25}", "scenario.ticks=5"]
    scenario = load_town(str(tiny), overrides).scenario
    assert scenario.rewards.wage_rate == 0.1
    assert [agent.wallet for agent in scenario.agents] == [2.0, 7.0]
    assert scenario.agents[0].needs.hunger == 0.25
    assert scenario.scenario.ticks == 5


def test_an_override_may_write_a_number_as_the_file_must_not(tiny: Path) -> None:
    """Only YAML takes 3e-4 for text, and no YAML parser reads a command line."""
    assert load_town(str(tiny), ["rewards.wage_rate=3e-4"]).scenario.rewards.wage_rate == 0.0003
    tiny.write_text(TINY + "rewards: {wage_rate: 3e-4}\n")
    assert "'3e-4' is text in YAML, not a number" in problems(tiny)


def test_of_two_overrides_of_a_key_the_later_wins(tiny: Path) -> None:
    assert load_town(str(tiny), ["seed=1", "seed=2"]).scenario.seed == 2


def test_an_override_can_mend_the_file(tiny: Path) -> None:
    tiny.write_text(TINY.replace("ticks: 100", "ticks: 0"))
    assert load_town(str(tiny), ["scenario.ticks=9"]).scenario.scenario.ticks == 9


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("chat.range=9", "--set chat.range=9: must be at most 5, found 9"),
        ("rewards.wage_rat=1", "--set rewards.wage_rat=1: unknown key\nhint: did you mean 'wage_rate'?"),
        ("reward.clip=1.0", "--set reward.clip=1.0: reward: unknown key\nhint: did you mean 'rewards'?"),
        (
            "rewards.wage_rate=017",
            "--set rewards.wage_rate=017: '017' is the octal number 15 in YAML\n"
            'hint: write 17, or "017" in quotes for text',
        ),
        (
            "agents.0.needs={hunger: 2}",
            "--set agents.0.needs={hunger: 2}: agents.0.needs.hunger: must be at most 1, found 2",
        ),
        ("agents.0.needs={hunger", "--set agents.0.needs={hunger: broken YAML: did not find expected ',' or '}'\n"
         "hint: is the bracket that opens at 1:1 closed?"),
        ("agents.2.wallet=1", "--set agents.2.wallet=1: agents has no item '2'\nhint: items are numbered 0 to 1"),
        ("agents.anna.id=x", "--set agents.anna.id=x: agents has no item 'anna'\nhint: items are numbered 0 to 1"),
        ("name.first=x", "--set name.first=x: name is a single value, it has no 'first'"),
        ("seed=", "--set seed=: is empty"),
        ("agents.1.at=[1, 0]", "--set agents.1.at=[1, 0]: anna begins on [1, 0] too, and a tile has room for one"),
    ],
)  # fmt: skip
def test_what_an_override_breaks_is_put_down_to_it(tiny: Path, override: str, message: str) -> None:
    assert problems(tiny, override) == message


@pytest.mark.parametrize("override", ["seed", "=5", "a..b=5", ".=5", ""])
def test_an_override_of_no_form_is_a_usage_error(tiny: Path, override: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_town(str(tiny), [override])
    assert str(caught.value) == f"--set {override}: is not of the form KEY=VALUE\nhint: as in rewards.wage_rate=0.1"


def test_problems_come_in_the_order_of_the_scenario_the_overrides_and_the_manifest(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text("kinds: {fridge: {}, bed: {}}\naffordances: {}\nextra: 1\n")
    tiny.write_text(TINY + "affordances: odd.yaml\nzeal: 1\n")
    found = problems(tiny, "seed=-1", "chat.range=0")
    assert [line.split(": ")[0] for line in found.splitlines() if not line.startswith("hint")] == [
        f"{tiny}:10:1",
        "--set seed=-1",
        "--set chat.range=0",
        f"{tmp_path}/odd.yaml:3:1",
    ]


def test_the_hash_is_of_what_is_said_and_not_of_how(tiny: Path, tmp_path: Path) -> None:
    spelt = tmp_path / "spelt.yaml"
    spelt.write_text(json.dumps(yaml.safe_load(TINY) | {"seed": 0, "chat": {"range": 2, "base_success": 0.6}}))
    assert config_hash(load_town(str(spelt))) == config_hash(load_town(str(tiny)))
    assert config_hash(load_town(str(tiny), ["agents.0.wallet=2"])) == config_hash(load_town(str(tiny)))
    assert config_hash(load_town(str(tiny), ["agents.0.wallet=3"])) != config_hash(load_town(str(tiny)))


def test_the_order_of_affordances_makes_another_town_for_it_numbers_the_actions(tiny: Path, tmp_path: Path) -> None:
    eat, nap = "eat: {kind: fridge, duration_ticks: 1}", "nap: {kind: bed, duration_ticks: 1}"
    hashes = set()
    for order in ((eat, nap), (nap, eat)):
        (tmp_path / "odd.yaml").write_text(f"kinds: {{fridge: {{}}, bed: {{}}}}\naffordances: {{{', '.join(order)}}}\n")
        hashes.add(config_hash(load_town(str(tiny), ["affordances=odd.yaml"])))
    assert len(hashes) == 2


def test_a_file_of_more_than_a_configuration_can_need_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "large.yaml"
    file.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(InputError, match="is larger than 16 MiB"):
        load_town(str(file))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "town.yaml"


def load_or_say_why(file: Path, data: bytes) -> None:
    """Load a file; only an error of ours may come of it, and it says something."""
    file.write_bytes(data)
    try:
        said = load_town(str(file)).scenario.name
    except TownletError as error:
        said = str(error)
    assert said


@given(data=st.binary())
def test_any_bytes_give_a_town_or_an_error_of_ours(scratch: Path, data: bytes) -> None:
    load_or_say_why(scratch, data)


BITS = [
    "\n",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "<<: *a",
    "!!x ",
    "'",
    "#",
    "017",
    "3e-4",
    "off",
    "null",
    "-1",
]


@given(data=st.data())
def test_a_sound_file_with_a_part_changed_gives_a_town_or_an_error_of_ours(scratch: Path, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([TINY, TEMPLATE.read_text(), (CORPUS / "valid" / "edges.yaml").read_text()]))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 30)))
        text = text[:start] + data.draw(st.sampled_from(BITS) | st.text(max_size=5)) + text[end:]
    load_or_say_why(scratch, text.encode("utf-8", "surrogatepass"))


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["anna", "fridge", "", "wait"])
    | st.text(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(["id", "at", "x"]), below, max_size=3),
    max_leaves=6,
)


@given(data=st.data())
def test_a_sound_file_with_any_value_at_a_key_gives_a_town_or_an_error_of_ours(
    scratch: Path, data: st.DataObject
) -> None:
    tree = yaml.safe_load(TEMPLATE.read_text())
    node = tree
    while True:
        step = data.draw(st.sampled_from(list(node) if isinstance(node, dict) else range(len(node))))
        if not node[step] or not isinstance(node[step], dict | list) or data.draw(st.booleans()):
            break
        node = node[step]
    node[step] = data.draw(VALUES)
    load_or_say_why(scratch, yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass"))
