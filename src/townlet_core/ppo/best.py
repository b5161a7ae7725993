"""The checkpoint whose policy earned most when it was evaluated: a link beside the checkpoints."""

from __future__ import annotations

import os
from pathlib import Path

from townlet_core.errors import OutputError
from townlet_core.policy.saved import BEST, best_in
from townlet_core.ppo.checkpoint import HIDDEN, read_training


class Best:
    """Knows how much the best checkpoint in a folder earned, and makes another one it.

    Raises:
        OutputError: something that is no link has its name.
    """

    def __init__(self, folder: Path) -> None:
        self._link = folder / BEST
        self.earned: float | None = None
        if self._link.exists() and not self._link.is_symlink():
            hint = f"move it: with --eval-every, {BEST} is a link to the best checkpoint"
            raise OutputError("is no link that Townlet made", where=str(self._link), hint=hint)

    def begin(self) -> None:
        """Find out how much the best of the checkpoints that are there earned; a link to one that is gone is removed.

        Raises:
            InputError: it cannot be read.
        """
        place = best_in(self._link.parent)
        if place is not None:
            self.earned = read_training(place)[1].eval_return_mean
        elif self._link.is_symlink():
            self._link.unlink()

    @property
    def place(self) -> Path | None:
        """The best checkpoint, if there is one."""
        return best_in(self._link.parent)

    def is_beaten_by(self, earned: float) -> bool:
        """Say whether a policy that earns so much is better than the best."""
        return self.earned is None or earned > self.earned

    def become(self, checkpoint: Path, earned: float) -> None:
        """Make a checkpoint in the folder the best one.

        Raises:
            OutputError: no link can be made there; the old one is as it was.
        """
        draft = self._link.with_name(f"{HIDDEN}{BEST}")
        try:
            draft.unlink(missing_ok=True)
            draft.symlink_to(checkpoint.name, target_is_directory=True)
            os.replace(draft, self._link)
        except OSError as error:
            raise OutputError(
                f"cannot be made: {(error.strerror or str(error)).lower()}", where=str(self._link)
            ) from error
        self.earned = earned
