"""The shape of the project: who may import whom, how large a file or a function may be, what a start-up may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "src" / "townlet_core"
CLI = ROOT / "src" / "townlet_cli"

# Package (or module) of townlet_core -> those it may import beside itself. Everybody may import EVERYBODYS.
MAY_IMPORT = {
    "errors": set(),
    "schema": set(),
    "drafts": set(),
    "locks": set(),
    "documents": set(),
    "config": {"documents"},
    "world": {"config"},
    "policy": {"config", "world"},
    "samples": set(),
    "rollout": {"config", "world", "policy", "samples"},
    "dataset": {"samples"},
    "telemetry": {"documents"},
    "ppo": {"config", "world", "policy", "samples", "rollout", "dataset", "telemetry"},
    "envs": {"config", "world", "rollout"},
}
EVERYBODYS = {"drafts", "errors", "locks", "schema"}

# Heavy module -> the places below src that may import it: nothing else waits for it.
HEAVY = {
    "matplotlib": ("townlet_core/telemetry/plotting/figure.py", "townlet_core/telemetry/plotting/figure_legend.py"),
    "msgspec": ("townlet_core/telemetry/decoder.py",),
    "minari": ("townlet_core/dataset/to_minari.py",),
    "PIL": ("townlet_core/rollout/picture.py",),
    "numba": ("townlet_core/world/",),
    "torch": (
        "townlet_core/policy/marks.py",
        "townlet_core/policy/network.py",
        "townlet_core/policy/learned.py",
        "townlet_core/ppo/",
    ),
    "tensorboard": ("townlet_core/telemetry/exporting/tensorboard.py",),
    "ray": ("townlet_core/rollout/ray_cluster.py", "townlet_core/rollout/ray_workers.py"),
}

# The one place that may catch every exception: the boundary of the command.
CATCHES_ALL = {"townlet_cli/app.py"}

MOST_FILE_LINES = 300
MOST_FUNCTION_LINES = 60
# The signature of a command with many options, and one call.
LONG_FUNCTIONS = {"townlet_cli/train.py:ppo": 80}

SOURCES = sorted((ROOT / "src").rglob("*.py"))
ALL_FILES = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]


def name(file: Path) -> str:
    return str(file.relative_to(ROOT))


def imports(file: Path) -> Iterator[str]:
    """Give the dotted names that a file imports, at its top or inside its functions."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(file)}:{node.lineno}: imports are written from the root"
            assert node.module
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def part(dotted: str) -> str | None:
    """Give the package of townlet_core that a dotted name lies in."""
    words = dotted.split(".")
    return words[1] if words[0] == "townlet_core" and len(words) > 1 else None


def test_every_part_of_the_core_is_in_the_import_table() -> None:
    parts = {entry.stem for entry in CORE.iterdir() if entry.suffix == ".py" or (entry / "__init__.py").is_file()}
    assert parts - {"__init__"} == set(MAY_IMPORT)


@pytest.mark.parametrize("file", sorted(CORE.rglob("*.py")), ids=name)
def test_the_core_imports_only_what_its_place_in_the_flow_of_data_allows(file: Path) -> None:
    own = file.relative_to(CORE).parts[0].removesuffix(".py")
    allowed = MAY_IMPORT.get(own, set()) | EVERYBODYS | {own}
    found = {part(dotted) for dotted in imports(file)} - {None}
    assert found <= allowed
    assert not any(dotted.split(".")[0] == "townlet_cli" for dotted in imports(file))


@pytest.mark.parametrize("file", SOURCES, ids=name)
def test_heavy_modules_are_imported_only_where_they_do_the_work(file: Path) -> None:
    place = str(file.relative_to(ROOT / "src"))
    for heavy, places in HEAVY.items():
        if not place.startswith(tuple(places)):
            assert heavy not in {dotted.split(".")[0] for dotted in imports(file)}


@pytest.mark.parametrize("file", ALL_FILES, ids=name)
def test_nobody_imports_click(file: Path) -> None:
    assert not [dotted for dotted in imports(file) if dotted.split(".")[0] == "click" or "._" in dotted]


@pytest.mark.parametrize("file", sorted(CLI.glob("*.py")), ids=name)
def test_modules_of_commands_import_nothing_heavy_at_their_top(file: Path) -> None:
    light = {"townlet_core.errors", "townlet_cli", "typer", "__future__"} | sys.stdlib_module_names
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
            assert module in light or str(module).split(".")[0] in light, f"{name(file)}:{node.lineno}"


@pytest.mark.parametrize("file", ALL_FILES, ids=name)
def test_a_file_can_be_read_in_one_go(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").count("\n")
    assert lines <= MOST_FILE_LINES


@pytest.mark.parametrize("file", SOURCES, ids=name)
def test_a_function_can_be_seen_at_once(file: Path) -> None:
    for function in functions(file):
        lines = (function.end_lineno or 0) - function.lineno + 1
        most = LONG_FUNCTIONS.get(f"{file.relative_to(ROOT / 'src')}:{function.name}", MOST_FUNCTION_LINES)
        assert lines <= most, f"{name(file)}:{function.lineno}: {function.name}"


@pytest.mark.parametrize("file", SOURCES, ids=name)
def test_every_module_says_in_a_sentence_what_it_is_for(file: Path) -> None:
    if file.name != "__init__.py":
        assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("file", SOURCES, ids=name)
def test_nobody_catches_every_exception(file: Path) -> None:
    if str(file.relative_to(ROOT / "src")) in CATCHES_ALL:
        return
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ExceptHandler) and not any(isinstance(each, ast.Raise) for each in ast.walk(node)):
            caught = {each.id for each in ast.walk(node.type or node) if isinstance(each, ast.Name)}
            assert node.type is not None, f"{name(file)}:{node.lineno}"
            assert not caught & {"Exception", "BaseException"}, f"{name(file)}:{node.lineno}"


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["rollout", "--help"],
        ["rollout", "capture", "--help"],
        ["rollout", "diff", "--help"],
        ["rollout", "merge", "--help"],
        ["rollout", "repair", "--help"],
        ["rollout", "verify", "--help"],
        ["rollout", "show", "--help"],
        ["rollout", "play", "--help"],
        ["rollout", "export", "--help"],
        ["rollout", "suite", "--help"],
        ["train", "--help"],
        ["train", "ppo", "--help"],
        ["telemetry", "--help"],
        ["telemetry", "validate", "--help"],
        ["telemetry", "migrate", "--help"],
        ["telemetry", "explain", "--help"],
        ["telemetry", "export", "--help"],
        ["telemetry", "plot", "--help"],
        ["telemetry", "plot", str(ROOT / "tests" / "corpus" / "telemetry" / "fine.jsonl"), "--run", "1"],
        ["telemetry", "watch", "--help"],
        ["telemetry", "rules", "check", "--help"],
        ["telemetry", "summary", "--help"],
        ["telemetry", "validate", str(ROOT / "tests" / "corpus" / "telemetry" / "fine.jsonl")],
        ["config", "list"],
    ],
)
def test_a_command_that_simulates_nothing_loads_neither_numba_nor_torch(words: list[str]) -> None:
    script = (
        "import sys; from townlet_cli.app import main; code = main(sys.argv[1:]);"
        "loaded = {'numba', 'torch', 'numpy'} & set(sys.modules); assert not loaded, loaded; sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
