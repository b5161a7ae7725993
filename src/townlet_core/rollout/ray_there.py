"""What runs on the machines of a Ray cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from townlet_core.errors import TownletError
from townlet_core.rollout.sending import Parcel, Sent, attempt_away
from townlet_core.rollout.task import Failed, News, Task
from townlet_core.samples.provenance import Versions, versions


class Channel:
    """Keeps what attempts tell until the suite takes it; an actor of Ray."""

    def __init__(self) -> None:
        self._told: asyncio.Queue[tuple[int, int, News]] = asyncio.Queue()

    async def tell(self, number: int, attempt: int, news: News) -> None:
        """Take news of a task."""
        await self._told.put((number, attempt, news))

    async def take(self) -> list[tuple[int, int, News]]:
        """Give all there is, as soon as there is something."""
        taken = [await self._told.get()]
        while not self._told.empty():
            taken.append(self._told.get_nowait())
        return taken


class Seen(NamedTuple):
    """What a machine can do for a suite."""

    shares: bool  # the folder of the suite is the same there
    problem: str | None = None  # that keeps it from working
    hint: str | None = None


@cache
def _warmed() -> None:
    """Load the kernels, once a process."""
    from townlet_core.rollout.warming import warm_up

    warm_up(lambda: None, learned=False)


def attempt_there(task: Task, number: int, channel: Any, wanted: Versions, parcel: Parcel | None) -> Iterator[Sent]:
    """Make an attempt; yield what came of it, and before that the files, where they cannot be put in place there.

    Args:
        parcel: what the capture is made from; None: there is no machine that would have to be sent it.
    """
    from townlet_core.rollout.attempt import attempt, shares_folder

    def tell(news: News) -> None:
        channel.tell.remote(number, task.attempt, news)

    problem = other_versions(wanted)
    if problem is not None:
        yield Failed(problem)
        return
    _warmed()
    if parcel is None or shares_folder(task):
        yield attempt(task, tell)
    else:
        yield from attempt_away(task, parcel, tell)


def look_there(example: Task, wanted: Versions) -> Seen:
    """See what this machine can do for a suite."""
    from townlet_core.rollout.attempt import check_place, shares_folder

    problem = other_versions(wanted)
    if problem is not None:
        return Seen(False, problem, "install the same versions everywhere: captures are to be the same, byte for byte")
    if not shares_folder(example):
        return Seen(False)
    try:
        check_place(example)
    except TownletError as error:
        return Seen(True, f"{error.where}: {error.problem}", error.hint)
    return Seen(True)


def other_versions(wanted: Versions) -> str | None:
    """Name what this machine has another version of than the one that the suite was started on."""
    found = versions()
    for name in type(wanted).model_fields:
        here, there = getattr(found, name), getattr(wanted, name)
        if here != there:
            return f"has {name} {here}, and the suite was started with {there}"
    return None
