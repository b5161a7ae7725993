"""A run that was stopped and goes on: it ends where it would have ended without, or says why it cannot go on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tests.ppo.runs import (
    CONSTANT,
    TIMES,
    Values,
    interrupt_at,
    log_of,
    never,
    run,
    weights_of,
)
from tests.rollout.kitchens import sample, take
from townlet_core.errors import InputError, OutputError, UsageError
from townlet_core.policy.saved import find_checkpoint
from townlet_core.ppo.checkpoint import in_the_way
from townlet_core.ppo.request import TrainRequest
from townlet_core.ppo.resuming import taken_up
from townlet_core.samples.seal import verify


class Crash(Exception):
    """What a test breaks a run off with."""


class Story(NamedTuple):
    """A way of training, and the epoch after which it is stopped."""

    stop: int
    options: Values
    captures: bool = True
    noise: bool = False  # in the captures


LIVE = Story(3, {}, captures=False)
MANY = Story(2, {"worlds": 32}, captures=False)  # 128 agents: two parts, played side by side
REPLAY = Story(2, {})
CRITIC = Story(3, {}, noise=True)
CLONED = Story(1, {"also": ("replay.method=anchored", "replay.anchor_epochs=2")})
ANCHORED = Story(3, CLONED.options)
WARMING = Story(1, {"mode": "mixed", "also": ("mixed.warm_start_epochs=2",)})
MIXING = Story(3, WARMING.options)
STORIES = {
    "rollout": LIVE,
    "rollout in parts": MANY,
    "replay": REPLAY,
    "replay with a critic": CRITIC,
    "replay before its anchor": CLONED,
    "replay with its anchor": ANCHORED,
    "mixed while it warms up": WARMING,
    "mixed": MIXING,
}


@pytest.fixture
def scripted(kitchen: Path) -> Path:
    """A capture of the script, in the kitchen; beside it, one with noise."""
    take(kitchen, "scripted", worlds=2)
    take(kitchen, "noisy", worlds=2, noise=0.25)
    return kitchen.parent / "scripted"


def state_of(place: Path) -> bytes:
    """Give Adam's moments and the towns as they stand."""
    return (find_checkpoint(place) / "training.safetensors").read_bytes()


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_a_run_that_was_interrupted_ends_as_if_it_had_not_been(kitchen: Path, scripted: Path, story: Story) -> None:
    whole, parts = (kitchen.parent / name for name in ("whole", "parts"))
    captures = scripted.with_name("noisy") if story.noise else scripted
    given: Values = {"captures": (captures,)} if story.captures else {}
    all_at_once = run(kitchen, checkpoint_dir=whole, log=whole / "log.jsonl", **given, **story.options)
    first = run(
        kitchen, checkpoint_dir=parts, log=parts / "log.jsonl", on_epoch=interrupt_at(story.stop), **given,
        **story.options,
    )  # fmt: skip
    assert (first.ended, first.epochs) == ("interrupted", story.stop)
    assert first.checkpoint == str(parts / f"epoch_{story.stop:06}")
    second = run(kitchen, resume=parts, log=parts / "log.jsonl", **given)
    assert (second.ended, second.epochs, second.steps) == ("done", 6, all_at_once.steps)
    assert second.run_id == first.run_id
    assert weights_of(parts) == weights_of(whole)
    assert state_of(parts) == state_of(whole)
    assert log_of(parts / "log.jsonl", TIMES | {"run_id"}) == log_of(whole / "log.jsonl", TIMES | {"run_id"})
    assert {record["run_id"] for record in log_of(parts / "log.jsonl")} == {first.run_id}


def test_a_run_that_is_interrupted_again_and_again_ends_as_if_it_had_not_been(kitchen: Path, copy: Path) -> None:
    run(kitchen, checkpoint_dir=kitchen.parent / "whole")
    parts = kitchen.parent / "parts"
    run(kitchen, checkpoint_dir=parts, on_epoch=interrupt_at(1))
    for epoch in (2, 3, 4, 5):
        assert run(kitchen, resume=parts, on_epoch=interrupt_at(epoch)).epochs == epoch
    run(kitchen, resume=parts)
    assert weights_of(parts) == weights_of(kitchen.parent / "whole")


def test_a_run_that_is_interrupted_in_its_last_epoch_is_done(kitchen: Path, tmp_path: Path) -> None:
    report = run(kitchen, epochs=2, on_epoch=interrupt_at(2), log=tmp_path / "log.jsonl")
    assert (report.ended, report.epochs) == ("done", 2)
    assert log_of(tmp_path / "log.jsonl")[-1]["finished"] is True


def test_more_epochs_go_on_where_the_run_had_ended(kitchen: Path, tmp_path: Path) -> None:
    """Where nothing falls towards the planned end, four epochs are two and then two more."""
    run(kitchen, epochs=4, also=CONSTANT, checkpoint_dir=tmp_path / "whole")
    run(kitchen, epochs=2, also=CONSTANT, checkpoint_dir=tmp_path / "parts", log=tmp_path / "log.jsonl")
    report = run(kitchen, resume=tmp_path / "parts", epochs=4, log=tmp_path / "log.jsonl")
    assert (report.epochs, report.epochs_planned) == (4, 4)
    assert weights_of(tmp_path / "parts") == weights_of(tmp_path / "whole")
    records = log_of(tmp_path / "log.jsonl")
    assert [(r["epoch"], r["log_stream_offset"], r["epochs_planned"]) for r in records] == [
        (1, 1, 2), (2, 2, 2), (3, 3, 4), (4, 4, 4)
    ]  # fmt: skip


@pytest.mark.parametrize("epochs", [None, 4, 3])
def test_a_run_that_is_done_does_not_go_on(copy: Path, epochs: int | None) -> None:
    with pytest.raises(UsageError) as refusal:
        run(copy / "kitchen.yaml", resume=copy / "runs", epochs=epochs, on_epoch=never)
    assert str(refusal.value) == f"{copy / 'runs' / 'epoch_000004'}: has done 4 epochs\nhint: give more --epochs"


def test_what_another_run_made_since_the_checkpoint_was_read_is_not_written_over(copy: Path) -> None:
    """A training looks at the folder again under its lock: with the checkpoint that it has read, not the newest now."""
    own, _, _ = taken_up(TrainRequest(str(copy / "kitchen.yaml"), resume=copy / "runs", epochs=6))
    run(copy / "kitchen.yaml", resume=copy / "runs", epochs=5)
    with pytest.raises(OutputError, match=r"holds newer checkpoints than .*epoch_000004 \(epoch_000005\)"):
        in_the_way(copy / "runs", own.resume, force=False)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"seed": 4}, "--seed: {} was trained with 3", id="seed"),
        pytest.param({"worlds": 3}, "--worlds: {} was trained with 2", id="worlds"),
        pytest.param({"rollout_ticks": 32}, "--rollout-ticks: {} was trained with 16", id="ticks"),
        pytest.param({"mode": "mixed"}, "--mode: {} was trained with rollout", id="mode"),
        pytest.param({"settings": "x.yaml"}, "--settings: {} has settings of its own", id="settings"),
        pytest.param({"overrides": ("ppo.gamma=0.99",)}, "--set: {} has settings of its own", id="override"),
    ],
)
def test_what_contradicts_the_run_is_refused_by_its_option(copy: Path, options: Values, said: str) -> None:
    with pytest.raises(UsageError) as refusal:
        run(copy / "kitchen.yaml", resume=copy / "runs", epochs=6, on_epoch=never, **options)
    checkpoint = copy / "runs" / "epoch_000004"
    assert str(refusal.value) == f"{said.format(checkpoint)}\nhint: leave it out, or begin a run anew"


def test_what_agrees_with_the_run_may_be_said_again(copy: Path) -> None:
    given: Values = {"seed": 3, "worlds": 2, "rollout_ticks": 16, "mode": "rollout"}
    assert run(copy / "kitchen.yaml", resume=copy / "runs", epochs=5, **given).epochs == 5


@pytest.mark.parametrize(
    ("options", "mode"),
    [
        pytest.param({"overrides": ("rewards.wage_rate=0.5",)}, "rollout", id="override"),
        pytest.param({"source": "renamed"}, "rollout", id="configuration"),
        pytest.param({"source": "renamed"}, "replay", id="configuration, captures only"),
    ],
)
def test_another_town_is_refused(kitchen: Path, scripted: Path, options: Values, mode: str) -> None:
    captures: Values = {"captures": (scripted,)} if mode == "replay" else {}
    run(kitchen, epochs=1, checkpoint_dir=kitchen.parent / "runs", **captures)
    if options.pop("source", None):
        kitchen.write_text(kitchen.read_text().replace("hunger: 0.4", "hunger: 0.5"))
    with pytest.raises(InputError, match="epoch_000001: was trained in another town: the configuration of kitchen"):
        run(kitchen, resume=kitchen.parent / "runs", epochs=2, on_epoch=never, **captures, **options)


def test_the_same_override_of_the_town_has_to_be_given_again(kitchen: Path, tmp_path: Path) -> None:
    wages = ("rewards.wage_rate=0.5",)
    run(kitchen, epochs=1, also=wages, checkpoint_dir=tmp_path / "runs")
    with pytest.raises(InputError, match="was trained in another town"):
        run(kitchen, resume=tmp_path / "runs", epochs=2, on_epoch=never)
    assert run(kitchen, resume=tmp_path / "runs", epochs=2, overrides=wages).epochs == 2


def test_other_captures_are_refused_and_so_is_another_order(kitchen: Path, scripted: Path, tmp_path: Path) -> None:
    take(kitchen, "others", seed=8)
    others = tmp_path / "others"
    run(kitchen, captures=(scripted, others), epochs=1, checkpoint_dir=tmp_path / "runs")
    for captures in [(scripted,), (others, scripted), (scripted, others / "rollout_sample_manifest.json")]:
        if captures[-1].suffix:  # the same by its manifest
            assert run(kitchen, resume=tmp_path / "runs", captures=captures, epochs=2).epochs == 2
            continue
        with pytest.raises(InputError, match="was trained with other captures\nhint: give the same --capture-dir"):
            run(kitchen, resume=tmp_path / "runs", captures=captures, epochs=2, on_epoch=never)


def test_captures_that_a_run_had_are_missed(kitchen: Path, scripted: Path, tmp_path: Path) -> None:
    run(kitchen, captures=(scripted,), epochs=1, checkpoint_dir=tmp_path / "runs")
    with pytest.raises(UsageError, match="--mode: replay learns from captures, and none is given"):
        run(kitchen, resume=tmp_path / "runs", epochs=2, on_epoch=never)


@pytest.mark.parametrize(("place", "said"), [("", "holds no checkpoint"), ("nowhere", "no such folder")])
def test_there_must_be_a_checkpoint(kitchen: Path, tmp_path: Path, place: str, said: str) -> None:
    with pytest.raises(InputError) as refusal:
        run(kitchen, resume=tmp_path / place, on_epoch=never)
    hint = "name a folder that 'townlet train ppo --checkpoint-dir' made"
    assert str(refusal.value) == f"{tmp_path / place}: {said}\nhint: {hint}"


def crash_at(epoch: int) -> Callable[[Values], None]:
    """End a run as a kill does when an epoch has been told of: nothing is done of what comes at an end."""

    def watch(values: Values) -> None:
        if values["epoch"] == epoch:
            raise Crash

    return watch


@pytest.mark.parametrize(("crash", "lost"), [(3, [3]), (4, [3, 4]), (5, [5])])
def test_after_a_crash_the_log_goes_on_without_gap_or_twin(
    kitchen: Path, tmp_path: Path, crash: int, lost: list[int]
) -> None:
    """Every second epoch is saved, after it was told of."""
    whole, log = tmp_path / "whole.jsonl", tmp_path / "log.jsonl"
    run(kitchen, log=whole)
    with pytest.raises(Crash):
        run(kitchen, log=log, checkpoint_dir=tmp_path / "runs", save_every=2, on_epoch=crash_at(crash))
    report = run(kitchen, resume=tmp_path / "runs", log=log)
    moved = f"moved {len(lost)} records that come after the checkpoint to log.jsonl.superseded-1"
    assert report.notes == (moved,)
    assert [record["epoch"] for record in log_of(tmp_path / "log.jsonl.superseded-1")] == lost
    assert log_of(log, TIMES | {"run_id"}) == log_of(whole, TIMES | {"run_id"})
    assert [record["log_stream_offset"] for record in log_of(log)] == [1, 2, 3, 4, 5, 6]


def test_a_run_goes_on_in_another_log_at_its_own_number(copy: Path, tmp_path: Path) -> None:
    report = run(copy / "kitchen.yaml", resume=copy / "runs", epochs=6, log=tmp_path / "other.jsonl")
    assert report.notes == ("the log ends with record 0, the checkpoint knows of 4",)
    assert [record["log_stream_offset"] for record in log_of(tmp_path / "other.jsonl")] == [5, 6]


def test_a_run_that_kept_what_it_collected_goes_on_without(kitchen: Path, tmp_path: Path) -> None:
    run(kitchen, checkpoint_dir=tmp_path / "whole")
    kept, parts = tmp_path / "kept", tmp_path / "parts"
    run(kitchen, checkpoint_dir=parts, save_dir=kept, on_epoch=interrupt_at(2))
    assert verify(kept) == []
    run(kitchen, resume=parts, on_epoch=interrupt_at(4))
    with pytest.raises(InputError, match="epoch_000004: was made without --rollout-save-dir, so none can begin here"):
        run(kitchen, resume=parts, save_dir=tmp_path / "late", on_epoch=never)
    run(kitchen, resume=parts)
    assert weights_of(parts) == weights_of(tmp_path / "whole")


def test_a_run_that_goes_on_keeps_what_it_collects_from_there(kitchen: Path, tmp_path: Path) -> None:
    """An episode of 60 ticks in world 1, which begins with it: 32 are played before the stop and 28 after it."""
    run(kitchen, save_dir=tmp_path / "whole")
    run(kitchen, checkpoint_dir=tmp_path / "runs", save_dir=tmp_path / "first", on_epoch=interrupt_at(2))
    run(kitchen, resume=tmp_path / "runs", save_dir=tmp_path / "second")
    assert verify(tmp_path / "second") == []
    whole, first, second = (sample(tmp_path / name, "w1_anna_001") for name in ("whole", "first", "second"))
    assert [len(each.actions) for each in (whole, first, second)] == [60, 32, 28]
    for name in ("map", "features", "action_mask", "actions", "rewards"):
        parts = [getattr(each, name) for each in (first, second)]
        assert np.array_equal(getattr(whole, name), np.concatenate(parts)), name
