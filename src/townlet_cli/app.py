"""The command `townlet`: its groups, and the boundary at which errors become words and exit codes.

Modules of commands import typer and nothing heavy; each command imports what it runs when it runs, so that help comes
at once. Help is plain text: Rich panels would triple the time that it takes.
"""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, NoReturn

import typer

from townlet_cli import INTERRUPTED, config, rollout, telemetry, train
from townlet_cli.render import describe_fault, output_fails, prepare_streams, problem, put, silence, tell
from townlet_core.errors import TownletError, UsageError

ENDED = 128  # and the number of the signal, as a shell shows it
BROKEN_PIPE = 141  # what a shell shows for a program that SIGPIPE has ended
FAULT = 70  # EX_SOFTWARE: an uncaught exception must not look like a finding, which is 1

app = typer.Typer(
    name="townlet",
    help="A small town of agents: simulate it, capture it, learn from it.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(rollout.app, name="rollout")
app.add_typer(train.app, name="train")
app.add_typer(telemetry.app, name="telemetry")
app.add_typer(config.app, name="config")


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        put(f"townlet {version('townlet')}")
        raise typer.Exit


@app.callback()
def townlet(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Take the options of the command itself."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code: 0 fine, 1 a finding, 2 usage, 3 input or output, 4 partly done."""
    prepare_streams()
    with _ended_in_order():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        words = list(sys.argv[1:] if arguments is None else arguments)
        code = app(words, prog_name="townlet", standalone_mode=False, obj=words)
    except TownletError as error:
        problem(error)
        return error.exit_code
    except typer.TyperException as error:
        return _misused(error)
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except SystemExit as end:
        # Typer ends with 1 where the reader of a pipe has gone, and 1 is a finding.
        return _pipe_is_gone() if isinstance(end.__context__, BrokenPipeError) else _as_code(end.code)
    except BrokenPipeError:
        return _pipe_is_gone()
    except MemoryError:
        problem(TownletError("there is not enough memory for this", hint="take fewer worlds, or a smaller town"))
        return TownletError.exit_code
    except Exception as error:  # noqa: BLE001  # the boundary: see FAULT
        if isinstance(error, OSError) and output_fails(error):  # Typer writes help by itself
            problem(describe_fault(error))
            return TownletError.exit_code
        tell(traceback.format_exc().rstrip())
        problem(TownletError("this is a fault in townlet, not in your input", hint="report it with the lines above"))
        return FAULT
    return _interrupted() if code == INTERRUPTED else _as_code(code)  # Typer makes it a code where it can


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Let a program that ends this one by a signal, or a terminal that closes, have everything cleared up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGHUP)
    taken = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]  # nohup has it ignored
    for number in taken:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _end(number: int, _: FrameType | None) -> NoReturn:
    tell(f"ended by {signal.Signals(number).name}; nothing is left half done")
    raise SystemExit(ENDED + number)


def _misused(error: typer.TyperException) -> int:
    """Say what is wrong with the words of the command, and where its help is."""
    message = error.format_message().replace("Value error, ", "")  # a word of Typer's helpers
    context: typer.Context | None = getattr(error, "ctx", None)  # the errors of parsing have it, their base has not
    if message.startswith("Usage:"):  # a group was called without a command
        tell(message)
    else:
        command = context.command_path if context else "townlet"
        problem(UsageError(f"{message[:1].lower()}{message[1:].rstrip('.')}", hint=f"see '{command} --help'"))
    return error.exit_code


def _interrupted() -> int:
    tell("interrupted; nothing is left half done")
    return INTERRUPTED


def _pipe_is_gone() -> int:
    """Keep Python from complaining, at its end, about what it could not write."""
    silence(sys.stdout)
    return BROKEN_PIPE


def _as_code(code: object) -> int:
    return code if isinstance(code, int) else 0
