"""Files that must load, and files that must not, each with the whole of what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from townlet_core.config.load import load_town
from townlet_core.errors import TownletError

CORPUS = Path(__file__).parents[1] / "corpus"
VALID = sorted((CORPUS / "valid").glob("*.yaml"))
INVALID = sorted((CORPUS / "invalid").glob("*.yaml"))


def stem(file: Path) -> str:
    return file.stem


@pytest.mark.parametrize("file", VALID, ids=stem)
def test_a_sound_file_loads(file: Path) -> None:
    assert load_town(str(file)).scenario.name


@pytest.mark.parametrize("file", INVALID, ids=stem)
def test_all_that_is_wrong_with_a_file_is_said_at_once_in_the_order_of_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    with pytest.raises(TownletError) as caught:
        load_town(file.name)
    assert f"{caught.value}\n" == file.with_suffix(".txt").read_text(encoding="utf-8")


def test_no_expected_message_has_lost_its_file() -> None:
    assert {message.stem for message in (CORPUS / "invalid").glob("*.txt")} == {file.stem for file in INVALID}
