"""The documentation agrees with the code: reference, links, commands and examples."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import generate
import json_schemas
import jsonschema
import pytest
import typer.core
import typer.main

from tests.telemetry.reading import ours
from townlet_cli.app import app
from townlet_core.rollout.capture import capture
from townlet_core.rollout.request import CaptureRequest
from townlet_core.samples.metrics import read_metrics

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
README = ROOT / "README.md"
FIRST_SCREEN_LINES = 25
OTHER_PROGRAMS = {"cp", "git", "ls", "rm", "source"}
TOOLS = {"mypy", "nox", "pytest", "python", "ruff", "townlet"}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> Iterator[str]:
    yield from re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """Give the commands of a page's console blocks."""
    lines = [line for block in blocks(page, "console") for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as they are made on the web."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_townlet(words: list[str]) -> None:
    """Parse the words of a townlet command, without running it."""
    command = typer.main.get_command(app)
    path = "townlet"
    while isinstance(command, typer.core.TyperGroup) and words and not words[0].startswith("-"):
        path = f"{path} {words[0]}"
        assert words[0] in command.commands, path
        command = command.commands[words.pop(0)]
    with command.make_context(path, words):
        pass


def test_the_generated_reference_is_up_to_date() -> None:
    pages = generate.pages()
    assert {page.name for page in (DOCS / "reference").glob("*.md")} == set(pages)
    for file, text in pages.items():
        # Not `assert old == new`: the difference of two long pages is no message. Run docs/generate.py.
        assert ((DOCS / "reference" / file).read_text(encoding="utf-8") == text) is True, file


def test_the_generated_schemas_are_up_to_date() -> None:
    schemas = json_schemas.schema_files()
    assert {file.name for file in (DOCS / "schemas").iterdir()} == set(schemas)
    for file, text in schemas.items():
        assert ((DOCS / "schemas" / file).read_text(encoding="utf-8") == text) is True, file


def test_every_option_of_every_command_is_described() -> None:
    for path, command in generate.commands(typer.main.get_command(app), "townlet"):
        assert command.help, path
        for parameter in command.params:
            assert parameter.help, f"{path}: {parameter.name}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        goal = (page.parent / file).resolve() if file else page
        assert goal.is_relative_to(ROOT), target
        assert goal.exists(), target
        assert not anchor or anchor in anchors(goal), target


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached = {README}
    todo = [README]
    while todo:
        page = todo.pop()
        for target in re.findall(r"\]\(([^)#\s]+\.md)", page.read_text(encoding="utf-8")):
            goal = (page.parent / target).resolve()
            if goal not in reached:
                reached.add(goal)
                todo.append(goal)
    assert set(PAGES) <= reached


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_in_a_page_parses(page: Path) -> None:
    for line in commands(page):
        words = shlex.split(line, comments=True)
        if words[:2] == ["python3", "run.py"]:
            words = words[2:]
            assert words[0] in TOOLS, line
        if words[0] == "townlet":
            check_townlet(words[1:])
        else:
            assert words[0] in TOOLS | OTHER_PROGRAMS, line
        for word in words[1:]:
            if word.startswith(("docs/", "tests/", "configs/", "benchmarks/")):
                assert (ROOT / word).exists(), line


@pytest.fixture(scope="module")
def breakfast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the capture that the examples read, where they expect it; give the folder that they are run in."""
    folder = tmp_path_factory.mktemp("examples")
    capture(CaptureRequest("kitchen_breakfast", folder / "captures" / "breakfast"))
    return folder


@pytest.mark.parametrize("page", [page for page in PAGES if [*blocks(page, "python")]], ids=name)
def test_every_python_example_runs(page: Path, breakfast: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(breakfast)
    for block in blocks(page, "python"):
        exec(compile(block, name(page), "exec"), {})


def test_every_metric_of_a_capture_is_described(breakfast: Path) -> None:
    patterns = [re.sub(r"<\w+>", r"\\w+", pattern) for pattern in generate.METRIC_MEANINGS]
    written = read_metrics(breakfast / "captures" / "breakfast" / "rollout_sample_metrics.json")
    for sample in written.samples.values():
        assert not [metric for metric in sample if not any(re.fullmatch(pattern, metric) for pattern in patterns)]


def test_the_files_of_a_capture_are_what_their_schemas_say(breakfast: Path) -> None:
    for name in ("manifest", "metrics", "seal"):
        schema = json.loads(json_schemas.schema_files()[json_schemas.file_of(name)])
        written = json.loads((breakfast / "captures" / "breakfast" / f"rollout_sample_{name}.json").read_bytes())
        jsonschema.validate(written, schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**written, "weather": "fine"}, schema)


@pytest.mark.parametrize(
    ("key", "value"),
    [("loss_value", "3.5"), ("grad_norm", -1.0), ("telemetry_version", 1.0), ("weather", 1.0), ("agents.anna.x", "no")],
)
def test_a_record_is_what_its_schema_says_and_another_is_not(key: str, value: object) -> None:
    schema = json.loads(json_schemas.schema_files()["telemetry_record.schema.json"])
    record = ours(1, **{"agents.anna.reward_mean": 0.5, "reward_terms.wages": None, "seed": 1})
    jsonschema.validate(record, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**record, key: value}, schema)


def test_the_first_screen_of_the_readme_has_a_command_that_captures_and_one_that_tests() -> None:
    head = "\n".join(README.read_text(encoding="utf-8").splitlines()[:FIRST_SCREEN_LINES])
    shown = [
        line.removeprefix("$ python3 run.py ") for line in head.splitlines() if line.startswith("$ python3 run.py ")
    ]
    assert [line.split()[0] for line in shown] == ["townlet", "pytest"]
    assert shown[0].startswith("townlet rollout capture ")
