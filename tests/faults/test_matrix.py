"""Whatever step of writing fails, or kills: nothing broken under a final name, a clear word, and the next run is well.

The steps of each story are counted in an undisturbed run. By default a few of each kind fail, the first and the last
among them; `nox -s faults` has each of them fail.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
import torch

from tests.faults.injecting import Ended, Failure, Fault, Kind, run
from tests.faults.stories import CAPTURE, STORIES, TRAIN, Files, Story, of_town, shown, story
from tests.ppo.runs import townlet
from tests.samples.captures import contents

MOST = 2  # of a kind that fail by default


class Scene(NamedTuple):
    """A story that has been told undisturbed."""

    story: Story
    template: Path
    before: Files
    after: Files
    counts: Counter[str]


@pytest.fixture(scope="module", autouse=True)
def _warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Import, and load kernels, once: the children inherit it."""
    folder, threads = tmp_path_factory.mktemp("warm"), torch.get_num_threads()
    torch.set_num_threads(1)  # a pool of threads does not outlive a fork
    of_town(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert townlet(*CAPTURE) == townlet(*TRAIN) == 0
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def scenes() -> dict[str, Scene]:
    return {}


def scene(name: str, scenes: dict[str, Scene], factory: pytest.TempPathFactory) -> Scene:
    """Give a story told undisturbed, for the first time if need be."""
    if name not in scenes:
        told, base = story(name), factory.mktemp("scene")
        template, folder = base / "template", base / "folder"
        template.mkdir()
        told.prepare(template)
        shutil.copytree(template, folder)
        ended = run(folder, told.action)
        assert ended.code in told.redone, ended.said
        assert ended.counts, "it writes"
        after = contents(folder)
        told.settled(folder, after)
        scenes[name] = Scene(told, template, contents(template), shown(after), ended.counts)
    return scenes[name]


def sampled(count: int, most: int) -> list[int]:
    """Take some of the numbers from 1, evenly, and the first and the last in any case."""
    if count <= most:
        return list(range(1, count + 1))
    return sorted({1 + round(i * (count - 1) / (most - 1)) for i in range(most)})


def check(case: Scene, folder: Path, fault: Fault) -> None:
    """Tell a story with a fault, and check what comes of it."""
    told = case.story
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(case.template, folder)
    ended = run(folder, told.action, fault)
    told.sound(folder, case.before, case.after)
    if fault.failure == "kill":
        assert ended.code == -9
    else:
        check_told(told, ended)
        if ended.code == 3 and not told.goes_on and "is in place" not in ended.said:
            changed = {name for name, data in contents(folder).items() if case.before.get(name) != data}
            gone = case.before.keys() - contents(folder).keys()
            wrong = {name for name in changed | gone if name in shown(dict.fromkeys(changed | gone, b""))}
            assert wrong <= told.notes, f"it says that it failed, and not as it was is {sorted(wrong)}: {ended.said}"
    again = run(folder, told.action)
    if again.code != told.nothing_to_do:
        assert again.code in told.redone, f"run again after {ended.code} {ended.said!r}: {again.said}"
    assert "Traceback" not in again.said, again.said
    told.settled(folder, case.after)


def check_told(told: Story, ended: Ended) -> None:
    """An error is one clear line; what goes on has done all that it should, or tells."""
    for faulty in ("Traceback", "fault in townlet", "Exception ignored"):
        assert faulty not in ended.said, ended.said
    assert ended.code in (3, *told.redone), ended.said
    if ended.code == 3:
        errors = [line for line in ended.said.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, ended.said
        assert "no space left on device" in errors[0] or "input/output error" in errors[0], ended.said
        assert "standard output" not in errors[0], ended.said


def matrix(case: Scene, failure: Failure, folder: Path, most: int) -> None:
    """Have steps of each kind fail, and name those after which something was wrong."""
    wrong = []
    kinds: tuple[Kind, ...] = get_args(Kind)
    for kind in kinds:
        for number in sampled(case.counts[kind], most):
            fault = Fault(kind, number, failure)
            try:
                check(case, folder, fault)
            except AssertionError as error:
                wrong.append(f"{kind} {number} of {case.counts[kind]}: {error}")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


NAMES = [each.name for each in STORIES]


@pytest.mark.parametrize("failure", get_args(Failure))
@pytest.mark.parametrize("name", NAMES)
def test_some_of_the_steps_fail(
    name: str, failure: Failure, scenes: dict[str, Scene], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    matrix(scene(name, scenes, tmp_path_factory), failure, tmp_path / "folder", MOST)


@pytest.mark.faults
@pytest.mark.parametrize("failure", get_args(Failure))
@pytest.mark.parametrize("name", NAMES)
def test_each_of_the_steps_fails(
    name: str, failure: Failure, scenes: dict[str, Scene], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    matrix(scene(name, scenes, tmp_path_factory), failure, tmp_path / "folder", 10**9)
