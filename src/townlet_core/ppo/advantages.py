"""How much better an action was than expected: GAE, V-trace and Retrace for actions of another policy.

In NumPy, [T, B].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def next_values(
    values: Floats, last_values: Floats, terminated: NDArray[np.bool_], truncated: NDArray[np.bool_]
) -> Floats:
    """Give the value of what each tick led to.

    Args:
        values: [T + 1, B] of the observation before each tick; the last row is what is seen after the last tick.
        last_values: [T, B] where truncated, the value of the last observation of that life; else not looked at.
        terminated: [T, B] the life ended: nothing follows.
        truncated: [T, B] the life was cut off: what would have followed is worth the value of its last observation.
    """
    after = np.where(truncated, last_values, values[1:])
    after[terminated] = 0
    return after


def gae(
    rewards: Floats, values: Floats, after: Floats, ended: NDArray[np.bool_], *, gamma: float, lam: float | Floats
) -> Floats:
    """Estimate advantages by GAE(gamma, lambda).

    Source: Schulman et al. 2016, arXiv:1506.02438, eq. 16.

    Args:
        rewards: [T, B].
        values: [T, B] of the observation before each tick.
        after: [T, B] of what the tick led to, see next_values.
        ended: [T, B] a life ended or was cut off: what comes after belongs to somebody else.
        lam: one number, or one a tick [T, B], see lambdas.

    Returns:
        [T, B]; the returns that values are fitted to are these plus the values.
    """
    errors = rewards + gamma * after - values
    decay = gamma * lam * ~ended
    return _accumulate(errors, decay)


def lambdas(choices: NDArray[np.bool_], lam: float) -> Floats:
    """Give the lambda of each tick [T, B]: one step of lambda a choice, and none for ticks in which there is none.

    An agent in the shower for thirty ticks can do nothing but wait. Such ticks add no chance of its making, so what
    came of its last choice is traced through them unshortened, as through the steps of an option (Sutton, Precup,
    Singh 1999, https://doi.org/10.1016/S0004-3702(99)00052-1).

    Args:
        choices: [T + 1, B] more than one action was allowed.
    """
    return np.where(choices[1:], np.float32(lam), np.float32(1))


def vtrace(
    rewards: Floats,
    values: Floats,
    after: Floats,
    ended: NDArray[np.bool_],
    log_rhos: Floats,
    *,
    gamma: float,
    lam: float | Floats = 1.0,
    rho_clip: float = 1.0,
    c_clip: float = 1.0,
) -> tuple[Floats, Floats]:
    """Estimate values and advantages of a policy from what another one did.

    Source: Espeholt et al. 2018 (IMPALA), arXiv:1802.01561, eq. 1 and section 4.2, with lambda as in its remark 2.

    Args:
        log_rhos: [T, B] log-probability of the action under the present policy less that under the one that acted.

    Returns:
        Targets `vs` [T, B] that values are fitted to, and advantages `r + gamma vs' - V` [T, B], not yet weighted.
    """
    rhos = np.exp(np.minimum(log_rhos, np.log(rho_clip)))
    traces = lam * np.exp(np.minimum(log_rhos, np.log(c_clip)))
    errors = rhos * (rewards + gamma * after - values)
    corrections = _accumulate(errors, gamma * traces * ~ended)
    targets = values + corrections
    following = after.copy()
    goes_on = ~ended[:-1]
    following[:-1][goes_on] = targets[1:][goes_on]
    return targets, rewards + gamma * following - values


def retrace(
    rewards: Floats,
    worth: Floats,
    after: Floats,
    ended: NDArray[np.bool_],
    log_rhos: Floats,
    *,
    gamma: float,
    lam: float | Floats,
) -> Floats:
    """Estimate what actions are worth to a policy from what another one went on to do.

    Source: Munos et al. 2016, arXiv:1606.02647, eq. 3 and 4: Retrace(lambda), whose traces end where the other one did
    what this one would not.

    Args:
        worth: [T, B] of the actions taken, as they are estimated now.
        after: [T, B] what the policy expects of the next observation, over its own choice of actions; see next_values.
        log_rhos: [T, B] log-probability of the action under the policy less that under the one that acted.

    Returns:
        [T, B] targets that `worth` is fitted to.
    """
    errors = rewards + gamma * after - worth
    traces = np.exp(np.minimum(log_rhos, 0))
    decay = np.zeros_like(errors)  # that of a tick is by the action after it
    decay[:-1] = gamma * np.broadcast_to(lam, errors.shape)[:-1] * traces[1:]
    return worth + _accumulate(errors, decay * ~ended)


def _accumulate(errors: Floats, decay: Floats) -> Floats:
    """Sum errors backwards in time: x[t] = errors[t] + decay[t] x[t + 1]."""
    sums = np.empty_like(errors)
    running = np.zeros_like(errors[0])
    for t in range(len(errors) - 1, -1, -1):
        running = errors[t] + decay[t] * running
        sums[t] = running
    return sums


def explained_variance(predicted: Floats, actual: Floats) -> float | None:
    """Give the share of the variance of returns that values explain: 1 - Var(actual - predicted) / Var(actual).

    None where the returns do not vary.
    """
    variance = float(np.var(actual, dtype=np.float64))
    if variance == 0:
        return None
    return 1 - float(np.var(actual - predicted, dtype=np.float64)) / variance
