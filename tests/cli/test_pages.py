"""Paragraphs and tables, as text and as Markdown."""

from __future__ import annotations

import pytest

from townlet_cli.pages import Lines, Table, laid_out
from townlet_cli.summary_words import duration, joined, labels, number

METRICS = Table(("key", "last", "least", "most"), (("needs", (("hunger", "0.5", "0", "1"),)),), least=(2, 3))


def test_words_stand_on_the_left_and_numbers_on_the_right() -> None:
    assert laid_out([METRICS], "text") == "key     last  least  most\n\nneeds\nhunger   0.5      0     1"


@pytest.mark.parametrize(
    ("width", "head"),
    [(25, "key     last  least  most"), (24, "key     last  most"), (18, "key     last  most"), (17, "key     last")],
)
def test_a_terminal_that_is_too_narrow_lacks_the_columns_that_matter_least(width: int, head: str) -> None:
    assert laid_out([METRICS], "text", width=width).splitlines()[0] == head


def test_markdown_has_all_columns_and_its_own_signs_escaped() -> None:
    page = laid_out([Lines(("a_b|c",)), Lines(("one", "two"), "title"), METRICS], "markdown", width=1)
    assert page == (
        "a\\_b\\|c\n\n**title**\n\n- one\n- two\n\n**needs**\n\n| key | last | least | most |\n"
        "| --- | ---: | ---: | ---: |\n| hunger | 0.5 | 0 | 1 |"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0.0, "0"),
        (-0.0, "0"),
        (0.00012346, "0.0001235"),
        (1234.56, "1,235"),
        (-3.0, "-3"),
        (2e16, "2e+16"),
    ],
)
def test_a_number_has_four_digits_or_all_before_the_point(value: float | None, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "–"), (12.34, "12.3 s"), (90, "1.5 minutes"), (3600, "1 h 0 min"), (9e3, "2 h 30 min")],
)
def test_a_time_is_shown_in_its_own_unit(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


def test_in_a_terminal_text_goes_on_between_words() -> None:
    blocks = [
        Lines(("one two three", "un_breakable_word")),
        Lines(("four five six",), "a title"),
        Lines(("x y",), folded=True),
    ]
    assert laid_out(blocks, "text", width=9) == (
        "one two\nthree\nun_breakable_word\n\na title\n  four\n    five\n    six\n\nx y"
    )
    assert laid_out(blocks, "text").splitlines()[0] == "one two three"


def test_columns_of_wide_signs_are_in_line() -> None:
    table = Table(("metric", "太郎", "b"), (("", (("報酬", "1", "2"), ("lr", "3", "4"))),))
    assert laid_out([table], "text") == "metric  太郎  b\n報酬       1  2\nlr         3  4"


@pytest.mark.parametrize(
    ("logs", "names"),
    [
        (["runs/a/log.jsonl", "runs/b/log.jsonl"], ["a", "b"]),
        (["runs/a.jsonl", "runs/b.jsonl"], ["a.jsonl", "b.jsonl"]),
        (["a.jsonl", "runs/a.jsonl"], ["a.jsonl", "runs/a.jsonl"]),
        (["a/x/log", "a/log"], ["x/log", "log"]),
        (["log", "log"], ["log", "log"]),
    ],
)
def test_logs_are_called_by_what_is_not_the_same_in_their_paths(logs: list[str], names: list[str]) -> None:
    assert labels(logs) == names


def test_keys_of_a_family_are_named_together() -> None:
    assert joined(["lr", "events.faint", "events.eviction"]) == "lr; events: faint, eviction"
