"""Towns played live and again from captures: the same course as that of a capture, moment by moment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.rollout.kitchens import sample, take
from tests.samples.captures import write_capture, write_old_capture
from townlet_core.errors import SampleError, UsageError
from townlet_core.rollout.playback import Moment, choose, play_again, play_live
from townlet_core.rollout.request import CaptureRequest
from townlet_core.samples.seal import config_sha256


def same(one: Moment, other: Moment) -> bool:
    return all(np.array_equal(np.asarray(mine), np.asarray(yours)) for mine, yours in zip(one, other, strict=True))


def rewrite(seal: Path, **changes: Any) -> None:
    seal.write_text(json.dumps(json.loads(seal.read_text()) | changes))


def test_a_town_is_played_as_it_is_captured(kitchen: Path) -> None:
    """There are 61 moments around 60 ticks. Needs and rewards are those of anna's sample."""
    take(kitchen)
    anna = sample(kitchen.parent / "out", "anna_001")
    moments = list(play_live(CaptureRequest(str(kitchen), Path())).moments)
    assert [moment.tick for moment in moments] == list(range(61))
    assert [moment.rewards[0] for moment in moments[1:]] == anna.rewards.tolist()
    assert [moment.agents["needs"][0, 0] for moment in moments[:-1]] == anna.features[:, 0].tolist()
    assert moments[-1].agents["needs"][0, 0] == anna.last_features[0]  # the last moment is not the next episode's first
    assert [moment.events[0].tolist() for moment in moments[1:]] == anna.events.tolist()
    assert not moments[0].acted.any()


@pytest.mark.parametrize("options", [{}, {"policy": "random", "worlds": 3}, {"noise": 0.3}], ids=str)
def test_a_capture_is_played_again_to_the_same_bit(kitchen: Path, options: dict[str, Any]) -> None:
    take(kitchen, **options)
    single = {name: value for name, value in options.items() if name != "worlds"}
    live = list(play_live(CaptureRequest(str(kitchen), Path(), **single)).moments)
    again = play_again(kitchen.parent / "out")
    assert again.is_again
    assert all(same(one, other) for one, other in zip(live, again.moments, strict=True))


def test_each_world_of_a_capture_can_be_played(kitchen: Path) -> None:
    take(kitchen, worlds=3, policy="random")
    second, third = (list(play_again(kitchen.parent / "out", world).moments) for world in (1, 2))
    assert not all(same(one, other) for one, other in zip(second, third, strict=True))
    with pytest.raises(UsageError, match="nothing was recorded in world 3; the capture has worlds 0 to 2"):
        play_again(kitchen.parent / "out", 3)


def test_a_capture_of_some_agents_is_played_with_the_policy_of_all(kitchen: Path) -> None:
    take(kitchen, agents=("ben",))
    live = play_live(CaptureRequest(str(kitchen), Path())).moments
    again = play_again(kitchen.parent / "out").moments
    assert all(same(one, other) for one, other in zip(live, again, strict=True))


def test_a_learned_capture_of_some_agents_cannot_be_played(kitchen: Path) -> None:
    take(kitchen, agents=("ben",))
    learned = {"name": "net", "kind": "learned", "log_probs": "true"}
    rewrite(kitchen.parent / "out" / "rollout_sample_seal.json", policy=learned)
    with pytest.raises(SampleError, match="what anna did was not recorded, so the town cannot be played again"):
        list(play_again(kitchen.parent / "out").moments)


def test_a_capture_that_comes_out_otherwise_is_told_by_tick_agent_and_name(kitchen: Path) -> None:
    """The seed of the seal decides on the tiles of newcomers; with another, cara's successor is elsewhere."""
    take(kitchen)
    seal = kitchen.parent / "out" / "rollout_sample_seal.json"
    rewrite(seal, seed=4)
    with pytest.raises(SampleError, match=r"^tick \d+: cara: features \w+ is .* in the capture and .* again") as caught:
        list(play_again(kitchen.parent / "out").moments)
    assert "it was captured with townlet" in str(caught.value.hint)


def test_a_capture_whose_town_was_altered_is_not_played(kitchen: Path) -> None:
    take(kitchen)
    seal = kitchen.parent / "out" / "rollout_sample_seal.json"
    config = json.loads(seal.read_text())["config"]
    config["scenario"]["agents"][0]["at"] = [1, 0]  # a wall
    rewrite(seal, config=config)
    with pytest.raises(SampleError, match="has been altered"):
        play_again(kitchen.parent / "out")
    rewrite(seal, config=config, config_hash=config_sha256(config))
    with pytest.raises(SampleError, match=r"seal\.json: config\.agents\.0\.at: .*wall"):
        play_again(kitchen.parent / "out")
    config["scenario"].pop("agents")
    config["scenario"]["sky"] = "blue"
    rewrite(seal, config=config, config_hash=config_sha256(config))
    with pytest.raises(SampleError, match=r"is no town to this version: scenario\.sky"):
        play_again(kitchen.parent / "out")


def test_a_capture_of_another_town_is_not_played(kitchen: Path) -> None:
    """The small capture by hand has a seal whose configuration is no town."""
    with pytest.raises(SampleError, match="is no town to this version"):
        play_again(write_capture(kitchen.parent / "day"))


def test_a_capture_without_a_seal_is_not_played(tmp_path: Path) -> None:
    write_old_capture(tmp_path)
    with pytest.raises(SampleError, match="cannot be played again: it has no seal") as caught:
        play_again(tmp_path)
    assert caught.value.hint == "see 'townlet rollout show' for what it holds"


@pytest.mark.parametrize(
    ("ticks", "every", "kept"),
    [
        pytest.param(range(2**40), 1, list(range(61)), id="all"),
        pytest.param(range(10, 13), 1, [10, 11, 12], id="some"),
        pytest.param(range(5, 2**40), 20, [5, 25, 45], id="every twentieth"),
    ],
)
def test_moments_are_chosen_and_carry_what_happened_in_between(
    kitchen: Path, ticks: range, every: int, kept: list[int]
) -> None:
    request = CaptureRequest(str(kitchen), Path())
    all_of_them = list(play_live(request).moments)
    chosen = list(choose(play_live(request), ticks, every).moments)
    assert [moment.tick for moment in chosen] == kept
    for before, moment in zip([kept[0] - 1, *kept], chosen, strict=False):
        between = sum(each.events.astype(int) for each in all_of_them[before + 1 : moment.tick + 1])
        assert np.array_equal(moment.events, between)


def test_a_range_after_the_end_is_refused(kitchen: Path) -> None:
    with pytest.raises(UsageError, match="--range: begins at tick 61, and all is over at tick 60"):
        choose(play_live(CaptureRequest(str(kitchen), Path())), range(61, 70))
