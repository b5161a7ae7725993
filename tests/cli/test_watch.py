"""`townlet telemetry watch` on a log that is there, and `townlet telemetry rules`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Townlet
from tests.telemetry.reading import line, oldest, ours, write
from townlet_core.telemetry.watching.events import EVENT

PATIENCE_SECONDS = 50.0  # less than the minute that the slow command sleeps

RULES = """\
[[rules]]
name = "steep"
metric = "grad_norm"
above = 5
for = 2
message = "lower lr"
"""


def steep(number: int, grad_norm: float, **others: object) -> dict[str, object]:
    return ours(number, grad_norm=grad_norm, grad_norm_max=9.0, **others)


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    begin = time.monotonic()
    while not is_so():
        assert time.monotonic() - begin < PATIENCE_SECONDS
        time.sleep(0.01)


def is_gone(process: int) -> bool:
    """Say whether a process has ended, be it that nobody has asked how."""
    status = Path(f"/proc/{process}/status")
    return not status.exists() or "zombie" in status.read_text()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Write a log in which the gradient is too long in epochs 2 to 4."""
    values = (1.0, 6.0, 7.0, 6.5, 1.0)
    return write(tmp_path / "ppo.jsonl", [steep(n, value, epochs_planned=5) for n, value in enumerate(values, 1)])


def watch(townlet: Townlet, *words: str) -> subprocess.CompletedProcess[str]:
    return townlet("telemetry", "watch", "ppo.jsonl", *words)


def test_in_a_pipe_there_is_a_line_a_record_and_one_for_each_breach(
    townlet: Townlet, log: Path, tmp_path: Path
) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    done = watch(townlet, "--rules", "rules.toml")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        "ppo.jsonl:1: epoch 1/5: ok · grad_norm 1\n"
        "ppo.jsonl:2: epoch 2/5: 1 pending · grad_norm 6\n"
        "ppo.jsonl:2: epoch 2/5: pending: steep: grad_norm is 6, above 5\n"
        "ppo.jsonl:3: epoch 3/5: 1 FIRING · grad_norm 7\n"
        "ppo.jsonl:3: epoch 3: ALERT (warning): steep: grad_norm is 7, above 5 (2 epochs)\n"
        "  lower lr\n"
        "ppo.jsonl:4: epoch 4/5: 1 FIRING · grad_norm 6.5\n"
        "ppo.jsonl:4: epoch 4/5: FIRING: steep: grad_norm is 6.5, above 5\n"
        "ppo.jsonl:5: epoch 5/5: ok · grad_norm 1\n"
        "ppo.jsonl:5: epoch 5: resolved: steep, which fired since epoch 3\n"
        "read to its end: 5 records, 1 alert, 0 warnings\n"
    )


def test_thresholds_are_rules_and_look_at_means_and_maxima(townlet: Townlet, tmp_path: Path) -> None:
    """|kl| is 0.3 and its maximum 0.5; the maximum of the gradient is 9 where its mean is 6; the entropy is 1."""
    write(
        tmp_path / "ppo.jsonl",
        [
            ours(1),
            steep(2, 6.0, kl_divergence=-0.3, kl_divergence_max=0.5, reward_advantage_corr=-0.7, loss_total=-9.0),
        ],
    )
    words = (
        "--kl-threshold 0.2 --grad-threshold 5 --entropy-threshold 1.5 --reward-corr-threshold -0.5 --loss-threshold 5"
    )
    done = watch(townlet, *words.split())
    assert (done.returncode, done.stderr) == (1, "")
    assert [text.partition("): ")[2] for text in done.stdout.splitlines() if "ALERT" in text] == [
        "loss_entropy is 1, below 1.5",
        "reward_advantage_corr is null (null where either is constant)",
        "|kl_divergence| is 0.3, above 0.2",
        "|kl_divergence_max| is 0.5, above 0.2",
        "grad_norm is 6, above 5",
        "grad_norm_max is 9, above 5",
        "|loss_total| is 9, above 5",
    ]


def test_without_a_rule_there_are_some_to_start_from(townlet: Townlet, tmp_path: Path) -> None:
    write(tmp_path / "ppo.jsonl", [ours(n, reward_advantage_corr=0.5) for n in (1, 2, 3)])
    done = watch(townlet)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "read to its end: 3 records, 0 alerts, 0 warnings")
    assert (
        done.stderr == "note: watching by 13 rules to start from; a threshold, or --rules, puts others in their place\n"
    )
    assert watch(townlet, "--no-default-rules").stderr == ""


def test_what_is_not_measured_in_replay_is_named_and_no_alert_until_the_policy_acts(
    townlet: Townlet, tmp_path: Path
) -> None:
    """Epochs 1 to 3 learn from captures alone; in 4 to 6 the policy acts, and null is a breach: three make an alert."""
    nothing = dict.fromkeys(("kl_divergence", "kl_divergence_max", "clip_fraction"))
    some = {"reward_advantage_corr": 0.5, "data_mode": "mixed", **nothing}
    write(tmp_path / "ppo.jsonl", [ours(n, rollout_ticks=0 if n < 4 else 80, **some) for n in range(1, 7)])
    done = watch(townlet)
    assert done.stderr.splitlines()[1:] == [
        "note: ppo.jsonl:1: not measured while only captures are learned from, and passed over by rules while it is "
        "null: kl_divergence, kl_divergence_max, clip_fraction"
    ]
    alerts = [text.partition(": ALERT")[0] for text in done.stdout.splitlines() if "ALERT" in text]
    assert (done.returncode, alerts) == (1, ["ppo.jsonl:6: epoch 6"] * 3)


def test_a_rule_that_can_never_fire_is_named_at_the_start(townlet: Townlet, log: Path) -> None:
    done = watch(townlet, "--entropy-threshold", "-0.2")
    assert (done.returncode, done.stderr) == (
        0,
        "warning: rule 'loss_entropy below -0.2': can never fire: loss_entropy is at least 0 "
        "(a policy over a list of actions has an entropy of at least 0)\n",
    )


def test_the_first_alert_ends_it_if_that_is_asked_for(townlet: Townlet, log: Path) -> None:
    """Both rules about epoch 2 are told of, and nothing after."""
    done = watch(townlet, "--grad-threshold", "5", "--fail-fast")
    assert done.returncode == 1
    assert [text.partition(": ")[0] for text in done.stdout.splitlines() if "ALERT" in text] == ["ppo.jsonl:1"]
    done = watch(townlet, "--grad-threshold", "5", "--entropy-threshold", "1.5", "--fail-fast")
    assert sum("ALERT" in text for text in done.stdout.splitlines()) == 2
    assert done.stdout.splitlines()[-1].startswith("ended at the first alert: 1 record, 2 alerts, 0 warnings")


def test_programs_get_typed_objects(townlet: Townlet, log: Path) -> None:
    with log.open("ab") as file:
        file.write(b"oops\n")
    done = watch(townlet, "--json", "--kl-threshold", "0.015")
    events = [EVENT.validate_json(text) for text in done.stdout.splitlines()]
    kinds = [event.type for event in events]
    assert kinds == ["record", "alert", *["record"] * 4, "warning", "end"]
    assert (done.returncode, done.stderr, events[-1].exit_code) == (1, "", 1)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("--kl-threshold nan", 2, "invalid value for '--kl-threshold': must be a number, found 'nan'"),
        ("--interval 0", 2, "--interval: must be at least 0.01, found 0"),
        ("--stall 5", 2, "--stall: is about a log that is followed"),
        ("--follow --stall 0", 2, "--stall: must be more than 0, found 0"),
        ("--run 9", 3, "ppo.jsonl: has no run 9"),
        ("--rules no.toml", 3, "no.toml: cannot be read: no such file or directory"),
        ("--rules twice.toml --grad-threshold 5", 2, "twice.toml: has the rule 'grad_norm above 5', as has an option"),
    ],
)
def test_what_makes_no_sense_is_refused(
    townlet: Townlet, log: Path, tmp_path: Path, words: str, code: int, message: str
) -> None:
    (tmp_path / "twice.toml").write_text('[[rules]]\nmetric = "grad_norm"\nabove = 5\n')
    done = watch(townlet, *words.split())
    problem = next(text for text in done.stderr.splitlines() if not text.startswith("note: "))
    assert (done.returncode, problem, done.stderr.count("error: ")) == (code, f"error: {message}", 1)


def test_a_log_that_cannot_be_read_is_no_finding(townlet: Townlet, tmp_path: Path) -> None:
    assert watch(townlet).returncode == 3
    (tmp_path / "ppo.jsonl").write_text("")
    done = watch(townlet, "--no-default-rules")
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "error: ppo.jsonl: holds no record\n")


def test_standard_input_is_watched_as_it_comes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "townlet_cli", "telemetry", "watch", "-", "--grad-threshold", "5"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(line(ours(1)))
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"-:1: epoch 1: ok")  # though the input goes on
        process.stdin.close()
        assert process.stdout.read() == b"read to its end: 1 record, 0 alerts, 0 warnings\n"
    assert process.returncode == 0


def test_who_reads_may_go_away(log: Path, tmp_path: Path) -> None:
    write(log, (steep(n, 6.0) for n in range(1, 3000)))
    command = f"{sys.executable} -m townlet_cli telemetry watch ppo.jsonl --kl-threshold 1 | head -1"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_a_command_gets_each_alert_as_the_schema_says(townlet: Townlet, log: Path, tmp_path: Path) -> None:
    done = watch(townlet, "--grad-threshold", "6.6", "--on-alert", "cat >> alerts.jsonl; echo told")
    alerts = [EVENT.validate_json(text) for text in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    assert sorted(alert.what for alert in alerts) == [  # type: ignore[union-attr]
        "grad_norm is 7, above 6.6",
        "grad_norm_max is 9, above 6.6",
    ]
    assert (done.returncode, done.stderr) == (1, "")


def test_a_command_that_fails_is_a_warning(townlet: Townlet, log: Path) -> None:
    done = watch(townlet, "--loss-threshold", "1", "--on-alert", "echo no mail >&2; exit 7")
    assert (done.returncode, done.stderr) == (
        1,
        "warning: --on-alert ended with 7 for '|loss_total| above 1': no mail\n",
    )


def test_a_command_that_takes_too_long_is_ended_with_all_it_started(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from townlet_cli import on_alert

    monkeypatch.setattr(on_alert, "SECONDS", 0.2)
    note = tmp_path / "child"
    command = on_alert.OnAlert(f"sleep 60 & echo $! > {note}; wait")
    begin = time.monotonic()
    assert command.run("steep", "{}") == []
    until(lambda: note.is_file() and note.read_text().endswith("\n"))
    assert command.finish() == ["--on-alert took more than 0.2 s for 'steep'"]
    assert time.monotonic() - begin < PATIENCE_SECONDS
    until(lambda: is_gone(int(note.read_text())))


def test_rules_are_checked(townlet: Townlet, tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text(RULES)
    (tmp_path / "bad.toml").write_text(RULES + "abov = 3\n")
    (tmp_path / "doubtful.toml").write_text(RULES.replace("grad_norm", "grad_nrm"))
    done = townlet("telemetry", "rules", "check", "good.toml")
    assert (done.returncode, done.stdout) == (0, "good.toml: ok (1 rule)\n")
    done = townlet("telemetry", "rules", "check", "good.toml", "bad.toml", "doubtful.toml")
    assert (done.returncode, done.stderr) == (
        1,
        "error: bad.toml:7:1: rules.0.abov: unknown key\nhint: did you mean 'above'?\n",
    )
    assert done.stdout.splitlines()[1:] == [
        "doubtful.toml: steep: grad_nrm is no key that is known (did you mean 'grad_norm'?)",
        "doubtful.toml: 1 rule, 1 of them doubtful",
    ]
    assert townlet("telemetry", "rules", "check", "good.toml", "no.toml").returncode == 3


def test_rules_are_tried_on_a_log(townlet: Townlet, log: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    done = townlet("telemetry", "rules", "backtest", "ppo.jsonl", "--rules", "rules.toml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "rule   severity  looked at  breaches  fired  epochs firing  first                 at the end\n"
        "steep  warning           5         3      1              2  epoch 3, ppo.jsonl:3  ok\n"
        "\n"
        "5 records: 1 of 1 rules would have fired\n"
    )
    done = townlet("telemetry", "rules", "backtest", "ppo.jsonl", "--rules", "rules.toml", "--json")
    assert json.loads(done.stdout)["epochs_firing"] == 2


def test_rules_are_tried_on_a_log_of_an_old_version(townlet: Townlet, tmp_path: Path) -> None:
    write(tmp_path / "ppo.jsonl", [oldest(1)])
    done = townlet("telemetry", "rules", "backtest", "ppo.jsonl")
    assert (done.returncode, done.stderr) == (0, "note: the 13 rules to start from\n")
    assert "grad_norm_max above 15" in done.stdout
    assert "nothing to look at" in done.stdout
