"""What a watch makes of the lines of a log: records, alerts and their end, and warnings of what is doubtful."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.telemetry.epochs import in_log
from tests.telemetry.reading import line, oldest, ours, theirs, write
from townlet_core.errors import InputError
from townlet_core.telemetry.following.follow import Line, Notice
from townlet_core.telemetry.resume import Run
from townlet_core.telemetry.watching.against import baselines_of
from townlet_core.telemetry.watching.events import EVENT, Event
from townlet_core.telemetry.watching.rules import Rule
from townlet_core.telemetry.watching.watch import Watch, is_being_written, read_once

FOR_TWO: dict[str, Any] = {"for": 2}


def rule(metric: str = "grad_norm", **values: Any) -> Rule:
    return Rule.model_validate({"metric": metric, **values})


def steep(number: int, grad_norm: float, **others: object) -> dict[str, object]:
    """Values of a record with some length of the gradient."""
    return ours(number, grad_norm=grad_norm, grad_norm_max=9.0, **others)


def seen(log: Path, *rules: Rule, run: str | None = None) -> list[Event]:
    """Watch a log from its begin to its end."""
    watch = Watch(log, rules, run=run)
    events = watch.begin()
    for each in read_once(log):
        events += watch.take(each)
    return [*events, *watch.end("read")]


def told(events: list[Event], kind: str) -> list[Any]:
    return [event for event in events if event.type == kind]


def test_every_record_is_told_with_all_that_it_breaks(tmp_path: Path) -> None:
    log = write(tmp_path / "a.jsonl", [ours(1), ours(2, grad_norm=6.0, grad_norm_max=7.0, lr=9.0)])
    rules = [rule(above=5.0), rule("grad_norm_max", above=5.0, **FOR_TWO), rule("lr", above=1.0)]
    first, second = told(seen(log, *rules), "record")
    assert (first.line, first.epoch, first.run, first.breaches) == (1, 1, "anna", ())
    assert first.values == {"grad_norm": 0.5, "grad_norm_max": 0.75, "lr": 0.001}
    assert [(each.rule, each.state, each.value, each.limit, each.fires) for each in second.breaches] == [
        ("grad_norm above 5", "FIRING", 6.0, 5.0, True),
        ("grad_norm_max above 5", "pending", 7.0, 5.0, False),
        ("lr above 1", "FIRING", 9.0, 1.0, True),
    ]


def test_an_alert_has_its_place_and_what_to_do_and_so_has_its_end(tmp_path: Path) -> None:
    log = write(tmp_path / "a.jsonl", [steep(n, value) for n, value in enumerate((1, 6.5, 6, 1), 1)])
    events = seen(log, rule(above=5.0, severity="critical", message="stop it"))
    [alert], [resolved] = told(events, "alert"), told(events, "resolved")
    assert alert.model_dump() == {
        "type": "alert",
        "rule": "grad_norm above 5",
        "severity": "critical",
        "metric": "grad_norm",
        "condition": "grad_norm above 5",
        "log": str(log),
        "file": str(log),
        "line": 2,
        "run": "anna",
        "epoch": 2,
        "value": 6.5,
        "got": None,
        "compared": 6.5,
        "limit": 5.0,
        "breaches": 1,
        "what": "grad_norm is 6.5, above 5",
        "message": "stop it",
    }
    assert (resolved.rule, resolved.line, resolved.epoch, resolved.value) == ("grad_norm above 5", 4, 4, 1.0)
    assert (resolved.since, resolved.why) == (2, "clear")
    end = events[-1]
    assert end.model_dump() == {
        "type": "end",
        "reason": "read",
        "records": 4,
        "alerts": 1,
        "firing": (),
        "warnings": 0,
        "exit_code": 1,
    }


def test_what_is_told_can_be_read_back(tmp_path: Path) -> None:
    log = write(tmp_path / "a.jsonl", [steep(1, 6), ours(2), ours(3, lr=-1.0)])
    for event in seen(log, rule(above=5.0), rule("lr", below=-2.0)):
        assert EVENT.validate_json(event.model_dump_json()) == event


def test_a_bad_line_is_a_warning_and_no_end(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    log.write_bytes(line(ours(1)) + b"{oops\n" + line(steep(2, 6)))
    events = seen(log, rule(above=5.0))
    [warned] = told(events, "warning")
    assert (warned.file, warned.line) == (str(log), 2)
    assert warned.what.startswith("is not JSON: ")
    assert len(told(events, "record")) == 2
    assert [alert.line for alert in told(events, "alert")] == [3]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b'"grad_norm": NaN', "grad_norm is NaN"),
        (b'"grad_norm": -Infinity', "grad_norm is -Infinity"),
        (b'"grad_norm": null', "grad_norm is null"),
        (b'"grad_norm": "0.5"', 'grad_norm is "0.5"'),
        (b'"grad_norm": -0.5', "grad_norm is -0.5"),
    ],
)
def test_what_is_no_such_number_breaks_the_rule_and_is_shown_as_it_stands(
    tmp_path: Path, text: bytes, what: str
) -> None:
    """A norm of -0.5 cannot be, so it is no number to compare either."""
    log = tmp_path / "a.jsonl"
    log.write_bytes(line(ours(1)).replace(b'"grad_norm": 0.5', text))
    [alert] = told(seen(log, rule(above=5.0)), "alert")
    assert (alert.what, alert.value) == (what, None)


def test_a_constant_reward_is_a_finding_and_said_to_be_one(tmp_path: Path) -> None:
    log = write(tmp_path / "a.jsonl", [ours(1)])
    [alert] = told(seen(log, rule("reward_advantage_corr", below=-0.5)), "alert")
    assert alert.what == "reward_advantage_corr is null (null where either is constant)"


def test_what_a_version_does_not_have_is_a_warning_at_the_start_and_no_breach(tmp_path: Path) -> None:
    log = write(tmp_path / "a.jsonl", [oldest(1), oldest(2)])
    events = seen(log, rule("grad_norm_max", above=5.0))
    assert [event.type for event in events] == ["warning", "record", "record", "warning", "end"]
    name = "rule 'grad_norm_max above 5'"
    assert [each.what for each in told(events, "warning")] == [
        f"{name}: version 1.0 has no grad_norm_max",
        f"{name}: no record had grad_norm_max",
    ]
    assert [event.exit_code for event in told(events, "end")] == [0]


def test_a_key_of_a_later_version_is_told_to_be_one(tmp_path: Path) -> None:
    log = write(tmp_path / "a.jsonl", [theirs(1)])
    warned = told(seen(log, rule("clip_fraction_max", above=0.5)), "warning")
    assert (
        warned[0].what == "rule 'clip_fraction_max above 0.5': clip_fraction_max came with version 1.2, and this is 1.1"
    )


def test_a_rule_that_needs_more_epochs_than_there_will_be_is_named(tmp_path: Path) -> None:
    """With 5 planned, a window of 4 and one breach are enough, and two are not."""
    log = write(tmp_path / "a.jsonl", [ours(1, epochs_planned=5)])
    assert told(seen(log, rule(above=0.5, window=4)), "warning") == []
    [warned] = told(seen(log, rule(above=0.5, window=4, **FOR_TWO)), "warning")
    assert warned.what.endswith("can never fire: it needs 6 epochs, and 5 are planned")


def test_rules_that_nobody_chose_do_not_complain(tmp_path: Path) -> None:
    log = write(tmp_path / "a.jsonl", [oldest(1)])
    watch = Watch(log, [rule("grad_norm_max", above=5.0)], own=[])
    events = [event for each in read_once(log) for event in watch.take(each)]
    assert [event.type for event in events + watch.end("read")] == ["record", "end"]


def test_each_run_is_judged_by_itself(tmp_path: Path) -> None:
    """Ben's first epoch is no second breach of Anna's; what fired for her is over."""
    log = write(
        tmp_path / "a.jsonl",
        [
            steep(1, 6.0),
            steep(2, 6.0),
            steep(1, 6.0, run_id="ben", seq=1, log_stream_offset=3),
        ],
    )
    events = seen(log, rule(above=5.0, **FOR_TWO))
    assert [event.type for event in events] == ["record", "record", "alert", "resolved", "record", "end"]
    assert (events[3].why, events[3].run, events[3].line) == ("new run", "ben", 3)  # type: ignore[union-attr]
    assert events[4].breaches[0].state == "pending"  # type: ignore[union-attr,index]
    assert [event.run for event in told(seen(log, rule(above=5.0), run="ben"), "record")] == ["ben"]


def test_a_run_without_an_id_is_called_by_its_number(tmp_path: Path) -> None:
    log = write(tmp_path / "a.jsonl", [theirs(1), theirs(2), theirs(1, lr=0.5)])
    assert [event.run for event in told(seen(log), "record")] == ["1", "1", "2"]


def test_a_log_in_which_nothing_is_written_is_an_alert_until_something_is(tmp_path: Path) -> None:
    """The clock stands at 100 when the watch begins; more than 30 s without a record are too many."""
    now = 100.0
    log = write(tmp_path / "a.jsonl", [ours(1), ours(2)])
    first, second = read_once(log)
    watch = Watch(log, [], stall=30.0, clock=lambda: now)
    now = 125.0
    watch.take(first)
    now = 155.0
    assert watch.idle() == []
    now = 155.5
    [alert] = watch.idle()
    assert (alert.rule, alert.value, alert.limit, alert.epoch) == ("stall", 30.5, 30.0, 1)  # type: ignore[union-attr]
    assert watch.idle() == []
    record, resolved = watch.take(second)
    assert (record.type, resolved.type, resolved.rule, resolved.since) == ("record", "resolved", "stall", 1)  # type: ignore[union-attr]
    assert (watch.alerts, watch.end("interrupted", interrupted=130)[-1].firing) == (1, ())  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        ('{"lr": 1.0}', "has no grad_norm, with which 'grad_norm 50% above its baseline' compares"),
        (None, "no such file"),
    ],
)
def test_a_baseline_that_says_nothing_is_refused(tmp_path: Path, baseline: str | None, message: str) -> None:
    file = tmp_path / "b.json"
    if baseline is not None:
        file.write_text(baseline)
    with pytest.raises(InputError) as caught:
        baselines_of([rule(above=0.5, baseline=str(file))])
    assert str(caught.value) == f"{file}: {message}"


def test_a_rule_is_compared_with_the_log_of_another_run(tmp_path: Path) -> None:
    """The mean of 1 and 3 is 2; half as much above it is 3."""
    good = write(tmp_path / "good.jsonl", [steep(1, 1.0), steep(2, 3.0)])
    log = write(tmp_path / "a.jsonl", [steep(1, 3.0), steep(2, 3.1)])
    [alert] = told(seen(log, rule(above=0.5, baseline=str(good))), "alert")
    assert (alert.epoch, alert.limit) == (2, 3.0)


@pytest.mark.parametrize(("records", "run", "message"), [([], None, "holds no record"), ([1], "9", "has no run 9")])
def test_a_log_without_what_is_to_be_watched_is_refused(
    tmp_path: Path, records: list[int], run: str | None, message: str
) -> None:
    log = write(tmp_path / "a.jsonl", map(ours, records))
    with pytest.raises(InputError, match=message):
        seen(log, run=run)


def test_a_log_is_being_written_while_its_writer_lives(tmp_path: Path) -> None:
    import os
    import subprocess
    import sys

    log, lock = tmp_path / "a.jsonl", tmp_path / "a.jsonl.lock"
    assert not is_being_written(log)
    lock.write_text(f"{os.getpid()}\n")
    assert is_being_written(log)
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    lock.write_text(f"{gone.pid}\n")
    assert not is_being_written(log)
    lock.write_text("")
    assert not is_being_written(log)


def test_a_record_is_told_of_with_what_it_says_of_its_run(tmp_path: Path) -> None:
    facts = {"epochs_planned": 9, "sps": 100.0, "scenario": "queue_conflict", "ep_return_mean": 2.0}
    log = write(tmp_path / "a.jsonl", [ours(1, finished=True, **facts)])
    [record] = told(seen(log), "record")
    assert (record.epochs_planned, record.sps, record.scenario, record.finished) == (9, 100.0, "queue_conflict", True)
    assert (record.steps, record.epoch_duration_sec) == (in_log()["steps"], 0.25)
    assert record.values == {"ep_return_mean": 2.0}


def test_a_number_in_the_wrong_place_is_a_number(tmp_path: Path) -> None:
    """Steps that do not grow are a warning, not a value that cannot be."""
    log = write(tmp_path / "a.jsonl", [ours(1), ours(2, steps=160)])
    events = seen(log, rule("steps", above=1000.0))
    assert [event.type for event in events] == ["record", "warning", "record", "end"]


def test_records_that_a_resumed_run_took_back_come_again_without_complaint(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    watch = Watch(log, [])
    for number in (1, 2, 3):
        watch.take(Line(log, number, line(ours(number))))
    [noted] = told(watch.take(Notice(log, "records were taken back", run=Run("anna", after=1))), "warning")
    assert (noted.is_note, watch.warnings) == (True, 0)
    assert [event.type for event in watch.take(Line(log, 2, line(ours(2, loss_value=4.0))))] == ["record"]
    wrong, *_ = watch.take(Line(log, 3, line(ours(2, loss_value=4.5))))
    assert wrong.type == "warning"


def test_lines_that_were_cut_off_come_again_without_complaint(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    watch = Watch(log, [])
    for number in (1, 2):
        watch.take(Line(log, number, line(ours(number))))
    [warned] = told(watch.take(Notice(log, "was cut off after line 1", line=1)), "warning")
    assert (warned.is_note, watch.warnings) == (False, 1)
    assert [event.type for event in watch.take(Line(log, 2, line(ours(2))))] == ["record"]
