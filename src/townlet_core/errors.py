"""What can go wrong for a user of Townlet, each with a place, a problem and a way out."""

from __future__ import annotations

from collections.abc import Iterable


class TownletError(Exception):
    """A failure that the user can act on.

    Args:
        problem: what was found, lower case, without a full stop.
        where: file, file:line:column, key or option that the problem stands in.
        hint: what to do about it, printed on its own line.
    """

    exit_code = 3

    def __init__(self, problem: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(problem, where, hint)
        self.problem = problem
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f"\nhint: {self.hint}" if self.hint else ""
        return f"{place}{self.problem}{advice}"


class UsageError(TownletError):
    """The command was called with options that make no sense."""

    exit_code = 2


class InputError(TownletError):
    """An input is missing, unreadable or locked."""

    exit_code = 3


class OutputError(TownletError):
    """An output cannot be written, or would overwrite something."""

    exit_code = 3


class ConfigError(InputError):
    """One or more problems of a configuration file, all reported at once.

    Args:
        problems: every problem found, in the order of their places in the file.
    """

    def __init__(self, problems: list[TownletError]) -> None:
        super().__init__(f"{len(problems)} problem(s)")
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class DivergedError(TownletError):
    """Learning has come to numbers that are no numbers. What was saved before is good."""

    exit_code = 4


class SampleError(InputError):
    """A capture or one of its files is not what it says it is."""


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Word a hint that names the known word nearest to a misspelt one, if one is near."""
    from difflib import get_close_matches  # slow to import, and wanted only where something is wrong

    near = get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f"did you mean '{near[0]}'?" if near else None
