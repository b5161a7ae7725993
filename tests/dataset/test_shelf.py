"""The shelf of Minari's datasets: of two exports one wins, and what a killed one has left is put right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.samples.captures import contents
from tests.samples.killing import kills
from townlet_core.dataset.shelf import DATA, METADATA, NEW, drafted, put
from townlet_core.errors import OutputError

NAME = "town/day-v0"


def shelve(shelf: Path, text: str, *, force: bool = False) -> None:
    """Put something on a shelf that looks like a dataset."""
    with drafted(shelf) as draft:
        (draft / NEW / DATA).mkdir()
        (draft / NEW / DATA / METADATA).write_text(text)
        put(draft, shelf / NAME, shelf, force=force)


def told(shelf: Path) -> str:
    return (shelf / NAME / DATA / METADATA).read_text()


def test_of_two_exports_to_one_name_the_second_is_refused(tmp_path: Path) -> None:
    with drafted(tmp_path) as draft:
        (draft / NEW / DATA).mkdir()
        (draft / NEW / DATA / METADATA).write_text("second")
        shelve(tmp_path, "first")
        with pytest.raises(OutputError, match="holds a dataset already"):
            put(draft, tmp_path / NAME, tmp_path, force=False)
        assert told(tmp_path) == "first"
        put(draft, tmp_path / NAME, tmp_path, force=True)
    assert told(tmp_path) == "second"
    assert sorted(contents(tmp_path)) == [f"{NAME}/{DATA}/{METADATA}", "town/namespace_metadata.json"]


def test_an_export_that_is_at_work_is_left_alone_by_the_next(tmp_path: Path) -> None:
    with drafted(tmp_path) as one, drafted(tmp_path) as other:
        assert (one != other, (one / NEW).is_dir(), (other / NEW).is_dir()) == (True, True, True)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("force", [False, True], ids=["a new one", "over another"])
def test_an_export_that_is_killed_at_any_step_leaves_the_old_or_the_new(tmp_path: Path, force: bool) -> None:
    template, shelf = tmp_path / "template", tmp_path / "shelf"
    template.mkdir()
    if force:
        shelve(template, "old")
    order = ["old" if force else "", "new"]
    seen = []
    for _ in kills(template, shelf, lambda: shelve(shelf, "new", force=force)):
        with drafted(shelf):  # the next one clears up
            pass
        seen.append(told(shelf) if (shelf / NAME).exists() else "")
        assert not [path for path in shelf.iterdir() if path.name.startswith(".")]
    assert set(seen) == set(order)
    assert seen == sorted(seen, key=order.index)


def test_a_dataset_within_a_dataset_would_not_be_found(tmp_path: Path) -> None:
    shelve(tmp_path, "old")
    with drafted(tmp_path) as draft, pytest.raises(OutputError, match="day-v0: is a dataset, and no namespace"):
        put(draft, tmp_path / NAME / "night-v0", tmp_path, force=True)


def test_minari_knows_the_namespaces(tmp_path: Path) -> None:
    with drafted(tmp_path) as draft:
        put(draft, tmp_path / "town" / "small" / "day-v0", tmp_path, force=False)
    for namespace in ("town", "town/small"):
        assert json.loads((tmp_path / namespace / "namespace_metadata.json").read_text()) == {}
