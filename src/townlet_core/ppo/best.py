"""The checkpoint whose policy earned most when it was evaluated: a link beside the checkpoints."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from townlet_core.errors import InputError, OutputError
from townlet_core.policy.saved import BEST, CHECKPOINT, best_in, checkpoints_in
from townlet_core.ppo.checkpoint import HIDDEN, read_training, remove


class Best:
    """Leads to the best of the checkpoints in a folder.

    Args:
        evaluates: more of them are to come. Else a thing of that name that is not ours is left alone.

    Raises:
        OutputError: something else has its name, or the folder takes no links.
    """

    def __init__(self, folder: Path, *, evaluates: bool) -> None:
        self._folder, self._link = folder, folder / BEST
        self.earned: float | None = None
        leads_to = str(self._link.readlink()) if self._link.is_symlink() else ""
        self.is_ours = not os.path.lexists(self._link) or CHECKPOINT.fullmatch(leads_to) is not None
        if evaluates and not self.is_ours:
            hint = f"move it: with --eval-every, {BEST} is a link to the best checkpoint"
            raise OutputError("is no link that Townlet made", where=str(self._link), hint=hint)
        if evaluates:
            with self._drafted(BEST) as draft:
                draft.unlink()

    def begin(self) -> None:
        """Lead to that of the checkpoints that are there which earned most, whatever a killed run has left.

        Raises:
            OutputError: it cannot.
        """
        earned: dict[Path, float] = {}
        for place in checkpoints_in(self._folder) if self.is_ours else ():
            with suppress(InputError):  # what cannot be read is not the best
                mean = read_training(place)[1].eval_return_mean
                if mean is not None:
                    earned[place] = mean
        if earned:
            place = max(earned, key=earned.__getitem__)  # of equal ones the first
            self.become(place, earned[place])
        elif self._link.is_symlink() and self.is_ours:
            try:
                self._link.unlink()
            except OSError as error:
                problem = f"leads nowhere, and cannot be removed: {(error.strerror or str(error)).lower()}"
                raise OutputError(problem, where=str(self._link)) from error

    @property
    def place(self) -> Path | None:
        """The best checkpoint, if there is one."""
        return best_in(self._folder)

    def is_beaten_by(self, earned: float) -> bool:
        """Say whether a policy that earns so much is better than the best."""
        return self.earned is None or earned > self.earned

    def become(self, checkpoint: Path, earned: float) -> None:
        """Make a checkpoint in the folder the best one.

        Raises:
            OutputError: no link can be made there; the old one is as it was.
        """
        self.earned = earned
        if self.place != checkpoint:
            with self._drafted(checkpoint.name) as draft:
                os.replace(draft, self._link)

    @contextmanager
    def _drafted(self, name: str) -> Iterator[Path]:
        """Lend a link under a name that is not yet its own.

        Raises:
            OutputError: none can be made there, or what is done with it fails.
        """
        draft = self._folder / f"{HIDDEN}{BEST}"
        try:
            draft.unlink(missing_ok=True)
            draft.symlink_to(name, target_is_directory=True)
            yield draft
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            hint = "name a --checkpoint-dir that takes links, or leave out --eval-every"
            raise OutputError(f"cannot be made: {reason}", where=str(self._link), hint=hint) from error


def keep_newest(folder: Path, keep: int) -> None:
    """Remove all checkpoints but the newest `keep` and the best.

    Raises:
        OutputError: one cannot be removed.
    """
    for old in checkpoints_in(folder)[:-keep]:
        if old != best_in(folder):
            try:
                remove(old)
            except OSError as error:
                problem = f"cannot be removed: {(error.strerror or str(error)).lower()}"
                raise OutputError(problem, where=str(old), hint="later checkpoints are good") from error
