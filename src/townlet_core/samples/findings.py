"""What is found wrong with a capture: all of it, each thing once."""

from __future__ import annotations

from pydantic import Field

from townlet_core.errors import SampleError, TownletError
from townlet_core.samples.provenance import printable
from townlet_core.schema import StrictModel


class Problem(StrictModel):
    """Something that is not as the capture says."""

    where: str | None = Field(description="file, and array or key in it")
    problem: str = Field(description="what was found")
    hint: str | None = Field(description="what to do about it")

    def __str__(self) -> str:
        return str(SampleError(self.problem, where=self.where, hint=self.hint))


def problem_of(error: TownletError) -> Problem:
    """Put an error into a report."""
    where = None if error.where is None else printable(error.where)
    return Problem(where=where, problem=printable(error.problem), hint=error.hint)


class Findings:
    """Problems as they come up; the same one is told once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str | None, str], SampleError] = {}
        self.ticks = self.metrics = 0
        self.packed_anew: list[str] = []  # samples with other bytes than were written, and the same arrays

    def add(self, problem: str, where: str, hint: str | None = None) -> None:
        """Note a problem."""
        self.take(SampleError(problem, where=where, hint=hint))

    def take(self, error: SampleError) -> None:
        """Note an error."""
        self._found.setdefault((error.where, error.problem), error)

    def __enter__(self) -> None:
        """Note the error that ends the body, and go on after it."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if isinstance(error, SampleError):
            self.take(error)
        return isinstance(error, SampleError)

    def problems(self) -> tuple[Problem, ...]:
        """Give all of them, in the order in which they came up."""
        return tuple(map(problem_of, self._found.values()))
