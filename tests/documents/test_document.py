"""YAML with places: what is read, where it stood, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from townlet_core.documents.document import MAX_DEPTH, Document, read_document
from townlet_core.documents.nodes import Mapping, Node, Place, Scalar, Sequence
from townlet_core.documents.scalars import BROKEN, read_plain


def at(document: Document, *path: str | int) -> Node:
    assert document.root is not None
    node = document.root
    for step in path:
        if isinstance(node, Mapping):
            node = node.entries[str(step)].node
        else:
            assert isinstance(node, Sequence)
            node = node.items[int(step)]
    return node


def value(node: Node) -> object:
    assert isinstance(node, Scalar)
    return node.value


TOWN = """\
# a town
name: tiny
agents:
  - id: anna
    at: [ 2, 13]
"""


def test_keys_and_values_know_their_line_and_column() -> None:
    document = read_document(TOWN, "tiny.yaml")
    assert at(document, "name").place == Place("tiny.yaml", 2, 7)
    assert at(document, "agents").place == Place("tiny.yaml", 4, 3)
    assert at(document, "agents", 0, "at", 1).place == Place("tiny.yaml", 5, 14)
    agent = at(document, "agents", 0)
    assert isinstance(agent, Mapping)
    assert agent.entries["at"].place == Place("tiny.yaml", 5, 5)
    assert document.findings == []


def test_columns_count_characters_and_not_bytes() -> None:
    document = read_document("{é😀: 1, b: 2}", "x.yaml")
    assert document.root is not None
    assert isinstance(document.root, Mapping)
    assert document.root.entries["b"].place == Place("x.yaml", 1, 9)


def test_an_alias_stands_for_what_it_names() -> None:
    document = read_document("a: &one [1, 2]\nb: *one\n", "x.yaml")
    assert at(document, "b") is at(document, "a")


def test_merged_keys_do_not_replace_those_that_are_there() -> None:
    document = read_document("a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {z: 5, <<: [*a, *b]}\n", "x.yaml")
    assert {key: value(at(document, "c", key)) for key in "xyz"} == {"x": 1, "y": 2, "z": 5}


def test_aliases_count_as_often_as_they_stand_for_something() -> None:
    # 400 lists of 1,001 values, and the list they repeat.
    text = f"a: &a [{', '.join(['0'] * 1000)}]\nb: [{', '.join(['*a'] * 400)}]\n"
    assert read_document(text, "x.yaml").findings == []
    (found,) = read_document(text.replace("]\nb: [", "]\nb: [" + "*a, " * 100), "x.yaml").findings
    assert found.clause == "holds more than 500,000 values, aliases written out"


def test_a_tree_may_be_as_deep_as_is_allowed() -> None:
    assert read_document("[" * MAX_DEPTH + "]" * MAX_DEPTH, "x.yaml").findings == []
    (found,) = read_document("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "x.yaml").findings
    assert found.clause == "nested more than 20 deep"


@pytest.mark.parametrize(
    ("text", "tag", "meaning"),
    [
        ("", "null", None),
        ("~", "null", None),
        ("true", "bool", True),
        ("False", "bool", False),
        ("0", "int", 0),
        ("-17", "int", -17),
        ("+5", "int", 5),
        ("2.50", "float", 2.5),
        (".5", "float", 0.5),
        ("-3.", "float", -3.0),
        ("3.0e-4", "float", 0.0003),
        ("fridge", "str", "fridge"),
        ("e5", "str", "e5"),
        ("5 apples", "str", "5 apples"),
    ],
)
def test_a_plain_word_means_what_it_seems_to(text: str, tag: str, meaning: object) -> None:
    assert read_plain(text, f"tag:yaml.org,2002:{tag}") == (meaning, None)


@pytest.mark.parametrize("text", ["3e-4", "1E5", "10:30", "017", "08", "0o17", "0x1f", "0b1", "1_000", "1.5_0", "off"])
def test_a_trap_of_yaml_1_1_has_no_value_but_a_hint(text: str) -> None:
    document = read_document(f"a: {text}", "x.yaml")
    (found,) = document.findings
    assert value(at(document, "a")) is BROKEN
    assert found.path == ("a",)
    assert found.hint is not None
    assert "write " in found.hint


@pytest.mark.parametrize("text", ["3e-4", "10:30", "017", "off", "2024-01-01", "="])
def test_in_quotes_a_trap_is_text(text: str) -> None:
    assert value(at(read_document(f"a: '{text}'", "x.yaml"), "a")) == text


@given(st.text() | st.text(alphabet="ab:-[]{},&*!|>'\"%@#?<= \n\t0."))
def test_any_text_gives_a_tree_or_a_finding_inside_it(text: str) -> None:
    document = read_document(text, "x.yaml")
    assert document.root is not None or document.findings
    for found in document.findings:
        assert found.place.line <= text.count("\n") + text.count("\r") + len(text.splitlines()) + 1
        assert str(found.place).startswith("x.yaml")
