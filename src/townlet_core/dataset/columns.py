"""What is known of each row beside the observation: what was done, what came of it, and where a life ends."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet_core.errors import SampleError
from townlet_core.samples.sample import Meta, PlainMeta, PlainSample, Sample

# true: of the action drawn; deterministic: the policy had no choice; unknown: nobody can say of which policy
LogProbs = Literal["true", "deterministic", "unknown"]


class Columns(NamedTuple):
    """A column a quantity, a row a tick of a life; life after life."""

    actions: NDArray[np.int64]  # [steps]
    rewards: NDArray[np.float32]  # [steps]
    log_probs: NDArray[np.float32]  # [steps] NaN where they are not true
    terminated: NDArray[np.bool_]  # [steps] the life ended
    truncated: NDArray[np.bool_]  # [steps] the recording ended, the life did not

    def put(self, first: int, sample: PlainSample, where: str) -> None:
        """Write the rows of one life.

        Args:
            where: the file, for the error.

        Raises:
            SampleError: the sample goes on after its end, or somebody did what was not allowed.
        """
        _check_allowed(sample, where)
        stop = first + sample.meta.timesteps
        self.actions[first:stop] = sample.actions
        self.rewards[first:stop] = sample.rewards
        if log_probs_of(sample.meta) == "true":
            self.log_probs[first:stop] = sample.old_log_probs
        self.terminated[first:stop] = _deaths(sample, where)
        self.truncated[stop - 1] = not self.terminated[stop - 1]


def new_columns(steps: int) -> Columns:
    """Make columns without any log-probability or end in them."""
    return Columns(
        np.zeros(steps, np.int64),
        np.zeros(steps, np.float32),
        np.full(steps, np.nan, np.float32),
        np.zeros(steps, np.bool_),
        np.zeros(steps, np.bool_),
    )


def log_probs_of(meta: PlainMeta) -> LogProbs:
    """Say what the log-probabilities of a sample are; the predecessor's are of no policy that acted."""
    return meta.policy.log_probs if isinstance(meta, Meta) else "unknown"


def _check_allowed(sample: PlainSample, where: str) -> None:
    """Refuse an action that the mask forbids: to every policy that heeds the mask it is impossible."""
    if not isinstance(sample, Sample):
        return
    allowed = sample.action_mask[np.arange(len(sample.actions)), sample.actions]
    if not allowed.all():
        tick = int(np.argmin(allowed))
        name = sample.meta.action_names[sample.actions[tick]]
        raise SampleError(f"'{name}' was done at tick {tick}, and was not allowed", where=where)


def _deaths(sample: PlainSample, where: str) -> NDArray[np.bool_]:
    """[T] where a life ended. The predecessor's mark at the last tick may be its time limit, and is taken for that."""
    if isinstance(sample, Sample):
        if (sample.terminated | sample.truncated)[:-1].any():
            raise SampleError("terminated or truncated before its last tick", where=where)
        return sample.terminated
    deaths = sample.dones.copy()
    deaths[-1] = False
    return deaths
