"""`townlet rollout verify`: whether captures are what they say they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from townlet_cli.options import Json, path_of
from townlet_cli.progress import progress
from townlet_cli.render import counted, note, problem, put, put_json, tell_of_compiling
from townlet_core.errors import InputError, TownletError, UsageError

if TYPE_CHECKING:
    from townlet_core.samples.verify import Verification

FINE, FINDING = 0, 1
MOST_NOTES = 20

Places = Annotated[
    list[Path],
    typer.Argument(metavar="DIR...", parser=path_of, help="Folder of a capture or of several, or a manifest."),
]


def verify(
    places: Places,
    recapture: Annotated[
        bool, typer.Option("--recapture", help="Capture again from the seal, and compare every bit.")
    ] = False,
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy",
            "-p",
            metavar="DIR",
            parser=path_of,
            help="Checkpoint of the policy that acted, to capture again.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Verify that captures are what they say: hashes, shapes, types, and metrics taken from the arrays anew.

    Tells everything that is wrong. Ends with 0 if all is well, with 1 if something is not as a capture says, and with 3
    if there is nothing that can be verified. In a folder without a capture of its own, those in the folders below are
    verified.
    """
    if policy is not None and not recapture:
        raise UsageError("is for capturing again", where="--policy", hint="give --recapture too")
    from townlet_core.samples.verify import VerifyReport, captures_at

    codes: list[int] = []
    done: list[Verification] = []
    for place in places:
        try:
            for capture in captures_at(place):
                codes.append(_verify(capture, done, policy, recapture=recapture, as_json=as_json))
        except InputError as error:
            problem(error)
            codes.append(error.exit_code)
    if as_json:
        put_json(VerifyReport(captures=tuple(done)), indent=2)
    raise typer.Exit(max(codes))


def _verify(place: Path, done: list[Verification], policy: Path | None, *, recapture: bool, as_json: bool) -> int:
    """Verify one capture, show what came of it and add that to what is done; give the exit code."""
    from townlet_core.samples.verify import examine, manifest_at

    verification, failure = examine(place), None
    if recapture:
        try:
            verification = _recaptured(manifest_at(place), verification, policy)
        except TownletError as error:  # the next may be captured again
            failure = error
    done.append(verification)
    if not as_json:
        _show(verification, recaptured=recapture and failure is None)
    if failure is not None:
        problem(failure)
        return failure.exit_code
    return FINDING if verification.problems else FINE


def _recaptured(path: Path, verification: Verification, policy: Path | None) -> Verification:
    """Capture again, and add what is different then."""
    from townlet_core.rollout.recapture import recapture
    from townlet_core.world.compiling import notice_compiling

    with notice_compiling(tell_of_compiling), progress("capturing again") as on_progress:
        again = recapture(path, policy=policy, on_progress=on_progress)
    return verification.with_recapture(again.equal, again.differences, again.notes)


def _show(verification: Verification, *, recaptured: bool) -> None:
    """Print every problem, and a line that sums up."""
    for each in verification.problems:
        put(str(each))
    for words in verification.unverified:
        put(f"{verification.place}: cannot be verified: {words}")
    facts = [
        verification.scenario or "unknown scenario",
        counted(verification.samples, "sample"),
        counted(verification.ticks, "agent-step"),
        *([f"{counted(verification.hashes, 'hash')} compared"] if verification.hashes else []),
        f"{counted(verification.metrics, 'metric')} taken anew",
    ]
    if recaptured:
        facts.append(
            f"{verification.recaptured:,} of {counted(verification.hashes, 'hash')} the same when captured again"
        )
    verdict = "ok, so far as it can be verified" if verification.unverified else "ok"
    if verification.problems:
        verdict = counted(len(verification.problems), "problem")
    put(f"{verification.place}: {verdict}: {', '.join(facts)}")
    for words in verification.notes[:MOST_NOTES]:
        note(f"{verification.place}: {words}")
    if len(verification.notes) > MOST_NOTES:
        note(f"{verification.place}: and {len(verification.notes) - MOST_NOTES:,} more, with --json")
