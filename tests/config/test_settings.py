"""Settings of training: shipped ones, files and the command line, each wrong one refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from townlet_core.config.find import shipped_settings
from townlet_core.config.ppo import PPO, TrainingSettings
from townlet_core.config.settings import load_settings, refuse_strays, split_overrides
from townlet_core.errors import ConfigError, InputError, UsageError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "quick.yaml"
    path.write_text("ppo: {gamma: 0.9}\nnetwork:\n  hidden: [32]\n")
    return path


def test_without_a_file_all_is_as_by_default() -> None:
    assert load_settings(None) == TrainingSettings()


def test_every_shipped_file_of_settings_loads_by_name() -> None:
    for name, path in shipped_settings().items():
        assert load_settings(name) == load_settings(str(path))


def test_a_file_changes_what_it_names_and_nothing_else(file: Path) -> None:
    settings = load_settings(str(file))
    assert settings.ppo == PPO(gamma=0.9)
    assert settings.network.hidden == (32,)
    assert settings.replay == TrainingSettings().replay


@pytest.mark.parametrize("text", ["1e-4", "1E-4", "1.0e-4", "0.0001"])
def test_the_command_line_takes_a_number_as_people_write_it(text: str) -> None:
    assert load_settings(None, [f"ppo.learning_rate={text}"]).ppo.learning_rate == 0.0001


def test_an_override_wins_over_the_file(file: Path) -> None:
    settings = load_settings(str(file), ["ppo.gamma=0.5", "network.hidden=[8, 8]", "ppo.value_clip_range=0.1"])
    assert (settings.ppo.gamma, settings.network.hidden, settings.ppo.value_clip_range) == (0.5, (8, 8), 0.1)


def test_nothing_turns_a_limit_off() -> None:
    assert load_settings(None, ["ppo.max_grad_norm=null"]).ppo.max_grad_norm is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("ppo:\n  gama: 0.9\n", "2:3: ppo.gama: unknown key\nhint: did you mean 'gamma'?", id="misspelt"),
        pytest.param(
            "ppo:\n  learning_rate: 1e-4\n",
            "2:18: ppo.learning_rate: '1e-4' is text in YAML, not a number\n"
            'hint: write 1.0e-4, or "1e-4" in quotes for text',
            id="an exponent without a point",
        ),
        pytest.param("ppo: {gamma: 2}\n", "1:14: ppo.gamma: must be at most 1, found 2", id="out of its range"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_place(file: Path, text: str, message: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(str(file))
    assert str(caught.value) == f"{file}:{message}"


def test_a_file_without_a_word_is_refused_though_a_scenario_is_no_help(file: Path) -> None:
    file.write_text("# ppo:\n#   gamma: 0.9\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(str(file))
    assert str(caught.value) == f"{file}: is empty\nhint: leave --settings out to have the defaults"


def test_a_name_that_is_empty_does_not_mean_the_folder() -> None:
    with pytest.raises(InputError, match=r"^--settings: is empty$"):
        load_settings("")


def test_an_unknown_key_of_the_command_line_is_refused_with_a_hint() -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(None, ["ppo.learning_rat=0.1"])
    assert str(caught.value) == "--set ppo.learning_rat=0.1: unknown key\nhint: did you mean 'learning_rate'?"


def test_an_override_of_no_form_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="is not of the form KEY=VALUE"):
        load_settings(None, ["ppo.gamma"])


def test_settings_of_an_unknown_name_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        load_settings("no_such_settings")
    assert str(caught.value).startswith("--settings: unknown settings 'no_such_settings'\nhint: ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_settings(str(tmp_path / "gone.yaml"))


def test_overrides_are_dealt_to_the_scenario_and_the_settings() -> None:
    given = ["seed=3", "ppo.gamma=0.9", "replay.method=awr", "rewards.clip=1.0", "network.hidden=[8]", "mixed.x=1"]
    assert split_overrides(given) == (
        ("seed=3", "rewards.clip=1.0"),
        ("ppo.gamma=0.9", "replay.method=awr", "network.hidden=[8]", "mixed.x=1"),
    )


def test_a_key_that_only_begins_like_a_section_is_the_scenarios() -> None:
    assert split_overrides(["ppox.gamma=1"]) == (("ppox.gamma=1",), ())


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        pytest.param("gamma=0.9", "did you mean 'ppo.gamma'?", id="without its section"),
        pytest.param("mixd.replay_ratio=1", "did you mean 'mixed'?", id="misspelt section"),
        pytest.param("reward.clip=1", "did you mean 'rewards'?", id="misspelt key of the scenario"),
        pytest.param("x=1", "keys begin with ppo, network, replay, mixed, name, description, ", id="nothing near"),
    ],
)
def test_a_key_of_neither_is_refused_with_a_hint_at_both(override: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        refuse_strays(["rewards.clip=1", override])
    assert str(caught.value).startswith(f"--set {override}: unknown key\nhint: {hint}")


@pytest.mark.parametrize("override", ["seed=3", "rewards.x=1", "agents.0.wallet=3", "nonsense", ".x=1"])
def test_what_a_scenario_can_judge_is_left_to_it(override: str) -> None:
    refuse_strays([override])
