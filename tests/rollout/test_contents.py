"""What a capture is said to hold, counted by hand in the small capture of anna's three ticks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.rollout.kitchens import take
from tests.samples.captures import write_capture, write_old_capture
from townlet_core.errors import SampleError, UsageError
from townlet_core.rollout.contents import read_contents, read_ticks

ALL = range(1000)


def test_the_small_capture_is_counted_as_by_hand(tmp_path: Path) -> None:
    """Anna waits, walks and waits again for 0.25 - 1 + 0.5; ben does the same."""
    contents = read_contents(write_capture(tmp_path, agents=("anna", "ben")))
    assert (contents.scenario, contents.seed, contents.ticks, contents.worlds) == ("kitchen", 7, 3, 1)
    assert (contents.form, contents.seal, contents.lacks) == ("townlet", "day_seal.json", ())
    assert contents.agent_steps == 6
    assert contents.actions == {"wait": 4, "move north": 2}
    assert contents.reward_terms == {"needs": -2.0, "wages": 0.5}  # twice 0.25 - 1.5 + 0.25, twice 0.25
    assert contents.events == {"invalid_action": 2, "chat_success": 4}
    anna = contents.samples[0]
    assert (anna.agent, anna.world, anna.slot, anna.first_tick, anna.ticks) == ("anna", 0, "anna", 0, 3)
    assert (anna.reward_sum, anna.reward_mean, anna.events, anna.end) == (-0.25, -0.25 / 3, 3, "cut")
    assert anna.action_entropy == pytest.approx(np.log(3) - 2 / 3 * np.log(2))  # shares of 2/3 and 1/3
    assert anna.bytes == (tmp_path / anna.sample).stat().st_size
    assert contents.bytes == sum(path.stat().st_size for path in tmp_path.iterdir())


def test_the_arrays_are_told_with_their_shapes_and_sizes(tmp_path: Path) -> None:
    arrays = {array.name: array for array in read_contents(write_capture(tmp_path, agents=("anna", "ben"))).arrays}
    assert list(arrays)[:3] == ["map", "features", "actions"]
    assert (arrays["map"].dtype, arrays["map"].shape) == ("float32", ("T", 1, 1, 2))
    assert arrays["map"].bytes == 2 * 3 * 2 * 4  # two samples of three ticks of two tiles of four bytes
    assert (arrays["value_preds"].shape, arrays["value_preds"].bytes) == (("T+1",), 2 * 4 * 4)
    assert (arrays["last_action_mask"].dtype, arrays["last_action_mask"].shape) == ("bool", (3,))
    assert {array.samples for array in arrays.values()} == {2}


@pytest.mark.parametrize("newer", [False, True], ids=["older form", "newer form"])
def test_a_capture_of_the_predecessor_is_shown_with_what_it_lacks(tmp_path: Path, newer: bool) -> None:
    contents = read_contents(write_old_capture(tmp_path, newer=newer).parent)
    assert contents.form == ("predecessor" if newer else "predecessor, older")
    assert any("where it comes from" in lack for lack in contents.lacks) is not newer
    assert any("seal" in lack for lack in contents.lacks)
    assert any("action_mask, terminated, truncated" in lack for lack in contents.lacks)
    assert contents.actions == {"wait": 2, "move north": 1}
    (sample,) = contents.samples
    assert (sample.reward_sum, sample.end, sample.events, sample.world) == (-0.25, "done", None, None)
    assert [array.name for array in contents.arrays][-1] == "dones"
    assert (contents.events, contents.reward_terms, contents.config_hash) == ({}, {}, None)
    assert not [warning for warning in contents.warnings if warning.kind == "no_events"]  # nobody knows


def test_warnings_are_those_of_the_capture_itself(kitchen: Path) -> None:
    report = take(kitchen)
    contents = read_contents(kitchen.parent / "out")
    assert (contents.warnings, contents.notes) == (report.warnings, report.notes)
    assert contents.warnings
    assert {sample.sample: sample.reward_sum for sample in contents.samples} == {
        sample.sample: sample.metrics["reward_sum"] for sample in report.samples
    }
    assert {sample.agent: sample.end for sample in contents.samples}["cara"] == "ended"  # she starves


def test_a_folder_of_captures_is_no_capture_but_names_those_in_it(tmp_path: Path) -> None:
    for name in ("night", "day"):
        write_capture(tmp_path / name)
    with pytest.raises(SampleError) as caught:
        read_contents(tmp_path)
    assert caught.value.problem == "holds no capture: there is no *_manifest.json"
    assert caught.value.hint == "name one of the folders below that hold captures: day, night"


def test_a_missing_sample_is_an_error_that_names_it(tmp_path: Path) -> None:
    write_capture(tmp_path)
    (tmp_path / "day_anna_001.npz").unlink()
    with pytest.raises(SampleError, match=r"day_anna_001\.npz is missing"):
        read_contents(tmp_path)


def test_the_ticks_of_a_slot_are_those_of_all_its_lives(kitchen: Path) -> None:
    """Cara starves in her tenth tick, and newcomers who take her place live on."""
    take(kitchen)
    rows = list(read_ticks(kitchen.parent / "out", "cara", ALL))
    assert [row.agent for row in rows if row.tick < 10] == ["cara"] * 10
    assert {row.agent for row in rows} == {"cara", "cara.2"}
    assert [row.tick for row in rows] == sorted(row.tick for row in rows)
    second = list(read_ticks(kitchen.parent / "out", "cara.2", ALL))
    assert second == [row for row in rows if row.agent == "cara.2"]


def test_the_world_can_be_chosen_and_is_else_the_first(kitchen: Path) -> None:
    take(kitchen, worlds=3, policy="random")
    place = kitchen.parent / "out"
    worlds = [list(read_ticks(place, "anna", range(5, 9), world)) for world in (None, 0, 2)]
    assert worlds[0] == worlds[1]
    assert [(row.world, row.tick) for row in worlds[2]] == [(2, 5), (2, 6), (2, 7), (2, 8)]
    with pytest.raises(UsageError, match="anna was not recorded in world 3, but in worlds 0 to 2"):
        list(read_ticks(place, "anna", ALL, 3))


def test_an_unknown_agent_is_told_who_there_is(kitchen: Path) -> None:
    take(kitchen, agents=("anna", "ben"))
    with pytest.raises(UsageError) as caught:
        list(read_ticks(kitchen.parent / "out", "ana", ALL))
    assert str(caught.value) == (
        "--agent: no agent 'ana' in this capture; known are anna, ben\nhint: did you mean 'anna'?"
    )
