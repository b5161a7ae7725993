"""What commands print: data to standard output, everything else to standard error."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from townlet_core.errors import ConfigError, OutputError, TownletError

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console, RenderableType

KILO = 1000
PIPE_COLUMNS = 10_000  # nothing reads a pipe's width, so no line of a table is folded or cut there
# What a file may hold to have a terminal do things; but for colours, which we set ourselves.
CONTROLS = re.compile(r"(\x1b\[[\d;]*m)|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def prepare_streams() -> None:
    """Have something to write to where a stream is closed, and no sign that an encoding lacks be an error."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # as long as the program runs
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def put(text: str) -> None:
    """Print data.

    Raises:
        OutputError: standard output cannot take it.
    """
    try:
        print(_tamed(text, coloured=sys.stdout.isatty()).rstrip("\n"), flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        silence(sys.stdout)
        raise describe_fault(error) from error


def put_json(told: BaseModel, *, indent: int | None = None) -> None:
    """Print data for programs.

    Raises:
        OutputError: standard output cannot take it.
    """
    put(json_text(told, indent=indent))


def json_text(told: BaseModel, *, indent: int | None = None) -> str:
    """Give JSON in ASCII, which can be written whatever the encoding, and names of files whatever their bytes."""
    return json.dumps(told.model_dump(mode="json"), indent=indent, allow_nan=False)


def _tamed(text: str, *, coloured: bool = False) -> str:
    """Write signs out that a terminal would obey, as JSON does."""

    def written_out(found: re.Match[str]) -> str:
        return found[0] if found[1] and coloured else f"\\u{ord(found[0][0]):04x}{found[0][1:]}"

    return CONTROLS.sub(written_out, text)


def describe_fault(error: OSError) -> OutputError:
    """Say why standard output cannot be written."""
    return OutputError(f"cannot be written: {(error.strerror or str(error)).lower()}", where="standard output")


def output_fails(error: OSError) -> bool:
    """Say whether an error comes from standard output: it then names no file. What was not written is dropped."""
    if error.filename is None:
        silence(sys.stdout)
    return error.filename is None


def silence(stream: TextIO) -> None:
    """Drop what a stream cannot write, or Python would try again, and complain, at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
    with suppress(OSError):
        stream.flush()


def table_text(*parts: RenderableType) -> str:
    """Lay tables out: in colour on a terminal (unless NO_COLOR is set), as plain text into a pipe."""
    return _laid_out(_console(), *parts)


def uncut_table_text(table: RenderableType) -> str:
    """Lay a table out as wide as it is: a narrow terminal breaks its lines, but half a number would be a wrong one."""
    console = _console()
    wide = console.options.update(width=PIPE_COLUMNS)
    console.width = max(console.width, console.measure(table, options=wide).maximum)
    return _laid_out(console, table)


def bar(share: float, cells: int) -> str:
    """Draw a share of 0 to 1 as a bar, to an eighth of a cell; what is more than nothing is seen."""
    eighths = max(round(min(share, 1.0) * cells * 8), 1 if share > 0 else 0)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def size(count: int) -> str:
    """Word a number of bytes."""
    number, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if number < KILO:
            break
        number, unit = number / KILO, larger
    return f"{number:,.0f} {unit}" if unit == "B" or number >= 100 else f"{number:,.1f} {unit}"


def fits(part: RenderableType) -> bool:
    """Say whether a table can be shown without anything being cut."""
    console = _console()
    return console.measure(part, options=console.options.update(width=PIPE_COLUMNS)).maximum <= console.width


def _laid_out(console: Console, *parts: RenderableType) -> str:
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _console() -> Console:
    from rich.console import Console

    terminal = sys.stdout.isatty()
    return Console(
        file=io.StringIO(),  # not standard output, to which it would write by itself
        force_terminal=terminal,
        width=None if terminal else PIPE_COLUMNS,
        highlight=False,
        markup=False,
        emoji=False,
    )


def tell(text: str) -> None:
    """Print something that is not data. Where nobody can be told, the exit code has to do."""
    try:
        print(_tamed(text), file=sys.stderr, flush=True)
    except OSError:
        silence(sys.stderr)


def note(text: str) -> None:
    """Print something good to know."""
    tell(f"note: {text}")


def warn(text: str) -> None:
    """Print something that makes the result doubtful."""
    tell(f"warning: {text}")


def problem(error: TownletError) -> None:
    """Print an error, with its place before it and its hint on a line below; of a ConfigError, every problem."""
    for each in error.problems if isinstance(error, ConfigError) else [error]:
        tell(f"error: {each}")


def tell_of_compiling() -> None:
    """Say why the first command that simulates takes so long."""
    note("compiling the kernels of the simulation (once; about half a minute) ...")


def counted(number: int, word: str) -> str:
    """Give a number of things."""
    plural = {"life": "lives", "hash": "hashes"}.get(word, f"{word}s")
    return f"{number:,} {word if number == 1 else plural}"
