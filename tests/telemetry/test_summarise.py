"""A run in numbers and in words: what is read, the verdict, the baseline, the agents."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.telemetry.course import learned, log, records
from tests.telemetry.reading import line, oldest, ours, theirs, write
from townlet_core.errors import InputError
from townlet_core.telemetry.summarising import gather
from townlet_core.telemetry.summarising.summarise import baseline_values, put_together, summarise
from townlet_core.telemetry.summarising.summary import LogSummary


def test_what_a_record_lacks_is_told_from_null_and_from_0(tmp_path: Path) -> None:
    course = [..., ..., None, 0.0, 2.0]
    found = summarise(log(tmp_path / "log", 5, ep_return_mean=course)).metrics["ep_return_mean"]
    assert (found.count, found.nulls, found.missing, found.zeros, found.mean) == (2, 1, 2, 1, 1)


def test_keys_may_come_and_go(tmp_path: Path) -> None:
    course = [1.0, ..., 3.0, ..., 5.0]
    found = summarise(log(tmp_path / "log", 5, eval_return_mean=course, events__rain=[..., 4, ..., 6, ...])).metrics
    assert (found["eval_return_mean"].mean, found["eval_return_mean"].missing) == (3, 2)
    assert (found["events.rain"].mean, found["events.rain"].min_epoch, found["events.rain"].last) == (5, 2, 6)


def test_places_and_words_are_no_metrics(tmp_path: Path) -> None:
    found = summarise(log(tmp_path / "log", 2, anneal_stage=["warm", "cold"], agents__worst=["ben", "ben"]))
    assert found.metrics.keys().isdisjoint(
        {"epoch", "steps", "seq", "seed", "run_id", "time", "anneal_stage", "data_mode"}
    )
    assert found.agents.worst_epochs == {"ben": 2}


def test_a_key_that_turns_from_numbers_to_words_keeps_its_numbers(tmp_path: Path) -> None:
    found = summarise(log(tmp_path / "log", 3, anneal_stage=[1.0, "cold", 3.0])).metrics["anneal_stage"]
    assert (found.count, found.mean) == (2, 2)


def test_the_last_run_is_summarised_unless_another_is_asked_for(tmp_path: Path) -> None:
    first = records(3, run_id="anna", ep_return_mean=[1.0, 1.0, 1.0])
    second = records(2, run_id="ben", ep_return_mean=[5.0, 5.0])
    for offset, record in enumerate([*first, *second], 1):
        record["log_stream_offset"] = offset
    write(tmp_path / "log", [*first, *second])
    newest = summarise(tmp_path / "log")
    assert (newest.provenance.run, newest.provenance.runs, newest.epochs) == ("2 (ben)", 2, 2)
    assert newest.metrics["ep_return_mean"].mean == 5
    oldest_run = summarise(tmp_path / "log", run="anna")
    assert (oldest_run.provenance.run, oldest_run.epochs) == ("1 (anna)", 3)
    assert oldest_run.metrics["ep_return_mean"].mean == 1


def test_two_runs_that_are_written_at_the_same_time_are_kept_apart(tmp_path: Path) -> None:
    runs = (
        records(3, run_id="anna", ep_return_mean=[1.0, 1.0, 1.0]),
        records(3, run_id="ben", ep_return_mean=[5.0] * 3),
    )
    write(tmp_path / "log", [record for both in zip(*runs, strict=True) for record in both])
    found = summarise(tmp_path / "log")
    assert (found.provenance.run_id, found.epochs, found.metrics["ep_return_mean"].mean) == ("ben", 3, 5)


@pytest.mark.parametrize("last", [1, 3, 6, 7, 600, 1300, 5000])
def test_the_last_epochs_are_those_at_the_end_of_the_run(tmp_path: Path, last: int) -> None:
    found = summarise(log(tmp_path / "log", 1300, ep_return_mean=list(map(float, range(1, 1301)))), last=last)
    many = min(last, 1300)
    assert (found.epochs, found.provenance.records) == (many, 1300)
    metric = found.metrics["ep_return_mean"]
    assert (metric.count, metric.first, metric.last) == (many, 1301 - many, 1300)
    assert found.provenance.seconds == 1300 * 0.25  # of the whole run


def test_what_is_no_number_is_counted_whoever_wrote_it(tmp_path: Path) -> None:
    ours_odd = records(1, approx_kl=[None], nonfinite=[{"approx_kl": "inf"}])[0]
    theirs_odd = records(3)[2] | {"grad_norm": float("nan"), "loss_value": float("-inf")}
    write(tmp_path / "log", [ours_odd, records(2)[1], theirs_odd])
    found = summarise(tmp_path / "log")
    assert found.nonfinite == {"approx_kl": {"inf": 1}, "grad_norm": {"nan": 1}, "loss_value": {"-inf": 1}}
    assert (found.metrics["approx_kl"].nonfinite, found.metrics["approx_kl"].nulls) == (1, 0)
    assert [finding.text for finding in found.health.findings] == [
        "3 values were NaN or infinite: approx_kl, loss_value, grad_norm"
    ]


def test_of_the_last_epochs_only_their_own_are_counted(tmp_path: Path) -> None:
    odd = [{"approx_kl": "nan"}, ..., {"approx_kl": "inf"}, ..., ...]
    written = log(tmp_path / "log", 5, approx_kl=[None, 0.1, None, 0.1, None], nonfinite=odd)
    found = summarise(written, last=3)
    assert found.nonfinite == {"approx_kl": {"inf": 1}}
    assert (found.metrics["approx_kl"].nonfinite, found.metrics["approx_kl"].nulls) == (1, 1)


def test_bad_lines_and_a_torn_tail_are_left_out_and_counted(tmp_path: Path) -> None:
    written = log(tmp_path / "log", 3, ep_return_mean=[1.0, 2.0, 3.0])
    whole = written.read_bytes().splitlines(keepends=True)
    written.write_bytes(whole[0] + b"no record\n" + whole[1] + whole[2] + b'{"epoch": 4, "upd')
    found = summarise(written)
    assert (found.epochs, found.metrics["ep_return_mean"].mean) == (3, 2)
    said = found.provenance
    assert (said.problems, said.warnings, said.left_out) == (1, 1, 2)


def test_a_log_of_bad_lines_alone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("no record\n")
    with pytest.raises(InputError, match="has no record that can be read"):
        summarise(tmp_path / "log")


def test_there_is_an_end_to_the_keys_that_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = len(summarise(log(tmp_path / "log", 1)).metrics)
    monkeypatch.setattr(gather, "MOST_KEYS", known + 2)
    events = {f"events__rain_{n}": [n] for n in range(5)}
    found = summarise(log(tmp_path / "log", 1, course=events))
    assert (len(found.metrics), found.provenance.keys_left_out) == (known + 2, 3)


def test_provenance_is_of_the_whole_run(tmp_path: Path) -> None:
    end = {"finished": [..., ..., ..., True], "reason": [..., ..., ..., "done"]}
    said = summarise(log(tmp_path / "log", 4, course=end)).provenance
    assert (said.scenario, said.config_hash, said.seed, said.modes) == ("kitchen", "0123456789abcdef", 7, ("rollout",))
    assert (said.epoch_first, said.epoch_last, said.epochs_planned, said.steps) == (1, 4, 4, 640)
    assert (said.seconds, said.finished, said.reason) == (1.0, True, "done")


def test_a_run_that_was_planned_to_be_longer_is_not_finished(tmp_path: Path) -> None:
    planned = summarise(log(tmp_path / "log", 4, epochs_planned=[5] * 4)).provenance
    assert (planned.finished, planned.epochs_planned) == (False, 5)


@pytest.mark.parametrize("make", [oldest, theirs])
def test_of_what_the_predecessor_did_not_write_nothing_is_known(tmp_path: Path, make: object) -> None:
    assert callable(make)
    found = summarise(write(tmp_path / "log", (make(n) for n in range(1, 11))))
    said = found.provenance
    assert (said.scenario, said.seed, said.finished, said.run_id, found.agents.worst) == (None, None, None, None, None)
    assert said.seconds == (None if make is oldest else 2.5)
    assert "approx_kl" not in found.metrics
    assert found.verdict.text.startswith("cannot tell: the log says nothing of what the policy earned")


def test_a_mean_is_put_beside_the_baseline(tmp_path: Path) -> None:
    written = log(tmp_path / "log", 2, ep_return_mean=[1.0, 2.0], events__faint=[4, 2], ep_len_mean=[9.0, 9.0])
    baseline = {"ep_return_mean": 2.0, "events.faint": 4.0, "lr": 0.001, "approx_kl": 0.0, "ep_len_mean": 6.0, "x": 1}
    found = summarise(written, baseline=baseline).against
    assert found.keys() == baseline.keys() - {"x"}
    worse, better = found["ep_return_mean"], found["events.faint"]
    assert (worse.difference, worse.percent, worse.verdict) == (-0.5, -25, "worse")
    assert (better.difference, better.percent, better.verdict) == (-1, -25, "better")
    assert (found["approx_kl"].percent, found["lr"].verdict, found["ep_len_mean"].verdict) == (None, None, None)


def test_a_difference_of_less_than_a_thousandth_is_none(tmp_path: Path) -> None:
    written = log(tmp_path / "log", 1, ep_return_mean=[2.001], ep_return_max=[2.003])
    found = summarise(written, baseline={"ep_return_mean": 2.0, "ep_return_max": 2.0}).against
    assert [found[key].verdict for key in ("ep_return_mean", "ep_return_max")] == ["same", "better"]


def test_of_a_baseline_that_is_a_log_the_last_epochs_are_taken_too(tmp_path: Path) -> None:
    written = log(tmp_path / "log", 4, ep_return_mean=[1.0, 2.0, 3.0, 6.0])
    assert baseline_values(written, last=None)[0]["ep_return_mean"] == 3
    assert baseline_values(written, last=2)[0]["ep_return_mean"] == 4.5
    (tmp_path / "one.json").write_text('{"lr": 0.5}')
    assert baseline_values(tmp_path / "one.json", last=2) == ({"lr": 0.5}, None)


def test_the_worst_and_the_best_agent_are_named(tmp_path: Path) -> None:
    rewards = {"agents__anna__reward_mean": [1.0, 3.0], "agents__ben__reward_mean": [-1.0, 0.0]}
    found = summarise(log(tmp_path / "log", 2, course=rewards, agents__worst=["ben", "ben"])).agents
    assert found.worst is not None
    assert found.best is not None
    assert (found.worst.agent, found.worst.reward_mean) == ("ben", -0.5)
    assert (found.best.agent, found.best.reward_mean) == ("anna", 2)
    assert found.worst_epochs == {"ben": 2}


@pytest.mark.parametrize(
    ("returns", "text"),
    [
        pytest.param(learned(), "learning: return 0.0526 -> 1.95 over 20 epochs", id="learning"),
        pytest.param(learned()[::-1], "getting worse: return 1.95 -> 0.0526 over 20 epochs", id="getting worse"),
        pytest.param([1.0, 2.0] * 10, "not learning: return 1.5 -> 1.5 over 20 epochs", id="to and fro"),
        pytest.param(learned(15) + [0.0] * 5, "fell back: return 0.0714 -> 2 about epoch 15 -> 0", id="fell back"),
        pytest.param(
            learned(7) + [...] * 13, "cannot tell: return is known of 7 epochs, a trend takes 8", id="too few epochs"
        ),
    ],
)
def test_the_verdict_is_that_of_the_rules(tmp_path: Path, returns: list[object], text: str) -> None:
    # the first tenth of learned() is (0 + 2 / 19) / 2, the last (2 + 36 / 19) / 2
    assert summarise(log(tmp_path / "log", 20, ep_return_mean=returns)).verdict.text == text


def test_a_run_that_goes_on_rising_is_told_from_one_that_has_come_to_its_end(tmp_path: Path) -> None:
    rising = summarise(log(tmp_path / "rising", 40, ep_return_mean=learned(40))).verdict
    level = summarise(log(tmp_path / "level", 60, ep_return_mean=learned(30) + [2.0, 2.1] * 15)).verdict
    assert (rising.late, rising.text[-19:]) == ("rises", ", rising at the end")
    assert (level.late, level.text[-18:]) == ("steady", ", level at the end")


@pytest.mark.parametrize(("end", "state"), [(0.8, "fell back"), (1.2, "learning")])
def test_it_fell_back_where_more_than_half_of_the_gain_is_lost(tmp_path: Path, end: float, state: str) -> None:
    # from 0.05 up to 2.0 and back to 0.8, which loses 1.2 of 1.95, or to 1.2, which loses 0.8
    returns = learned(15) + [end] * 5
    assert summarise(log(tmp_path / "log", 20, ep_return_mean=returns)).verdict.state == state


def test_of_the_last_epochs_it_is_told_whether_they_are_level(tmp_path: Path) -> None:
    found = summarise(log(tmp_path / "log", 40, ep_return_mean=learned(20) + [2.0, 2.1] * 10), last=20)
    assert found.verdict.text == "level: return 2.05 -> 2.05 over 20 epochs"


def test_what_captures_earn_is_no_score(tmp_path: Path) -> None:
    modes = ["replay"] * 10
    rewards = log(tmp_path / "log", 10, data_mode=modes, signal__reward_mean=learned(10))
    assert summarise(rewards).verdict.text == (
        "cannot tell: it learned from captures alone, and nothing was played to evaluate it (no eval_return_mean)"
    )
    evaluated = log(tmp_path / "log", 10, data_mode=modes, eval_return_mean=learned(10))
    assert summarise(evaluated).verdict.text == "learning: return in evaluation 0 -> 2 over 10 epochs"


def group(folder: Path, name: str, ends: list[float]) -> list[LogSummary]:
    """Runs of eight epochs with a constant return each."""
    return [
        summarise(log(folder / f"{name}{n}", 8, run_id=f"{name}{n}", ep_return_mean=[end] * 8))
        for n, end in enumerate(ends)
    ]


def test_groups_are_told_apart_by_the_score_of_their_runs(tmp_path: Path) -> None:
    groups = {"slow": group(tmp_path, "slow", [1, 2, 3, 4]), "fast": group(tmp_path, "fast", [5, 6, 7, 8])}
    found = put_together(groups, [], [], last=None, baseline=None)
    assert [each.metrics["ep_return_mean"].mean for each in found.groups] == [2.5, 6.5]
    tested = [each for each in found.differences if each.p is not None]
    assert [(each.metric, each.better) for each in tested] == [("ep_return_mean", "fast")]
    assert tested[0].p_holm == pytest.approx(2 / 70)


def test_a_number_beyond_all_measure_counts_as_unknown(tmp_path: Path) -> None:
    groups = {"slow": group(tmp_path, "slow", [1e308, 1e308, 1, 2]), "fast": group(tmp_path, "fast", [1e308] * 4)}
    found = put_together(groups, [], [], last=None, baseline=None).groups
    assert found[0].metrics["ep_return_mean"].runs == 2
    assert "ep_return_mean" not in found[1].metrics


def test_a_run_does_not_count_twice(tmp_path: Path) -> None:
    runs = group(tmp_path, "slow", [1, 2])
    with pytest.raises(InputError, match="holds the same run as another log"):
        put_together({"slow": runs, "fast": runs[:1]}, [], [], last=None, baseline=None)


def test_a_record_with_keys_of_its_own_in_every_epoch_is_read(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"".join(line(ours(n, **{f"events.rain_{n}": n})) for n in range(1, 600)))
    found = summarise(tmp_path / "log")
    assert (found.metrics["events.rain_7"].count, found.metrics["events.rain_7"].missing) == (1, 598)
