"""Which way to learn from captures, by who made them."""

from __future__ import annotations

from typing import Literal

from townlet_core.config.ppo import Replay
from townlet_core.dataset.replay import Dataset
from townlet_core.errors import InputError, UsageError

Method = Literal["retrace", "awr", "clone", "anchored", "vtrace"]
HAVE_TOO = {"vtrace": "", "retrace": " or with --noise"}  # which captures beside those of networks can be learned from


def choose_method(settings: Replay, dataset: Dataset, *, alone: bool = True) -> Method:
    """Settle how to learn from these captures.

    Args:
        alone: nothing else is learned from.

    Raises:
        InputError, UsageError: a capture has no true log-probabilities, or the town is learned from, and it must not.
    """
    if settings.method == "retrace" and not alone:
        raise UsageError("retrace learns from captures alone", where="replay.method", hint="use awr with --mode mixed")
    without = next((life for life in dataset.lives if life.log_probs != "true"), None)
    if settings.method in ("vtrace", "retrace") and without is not None:
        reason = "its policy had no choice" if without.log_probs == "deterministic" else "nobody knows of which policy"
        raise InputError(
            f"has no true log-probabilities ({reason}), which {settings.method} needs",
            where=f"{without.capture}: {without.sample}",
            hint=f"use --set replay.method=awr, or captures of a learned policy{HAVE_TOO[settings.method]}",
        )
    learned = all(life.learned for life in dataset.lives)
    best: Method = "awr" if without is not None else "vtrace" if learned else "retrace" if alone else "awr"
    return best if settings.method == "auto" else settings.method


def cloned_first(method: Method, settings: Replay) -> int:
    """Give how many epochs only clone before advantages count."""
    return {"anchored": settings.anchor_epochs, "retrace": settings.critic_epochs}.get(method, 0)
