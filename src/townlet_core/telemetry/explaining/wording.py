"""An explanation in sentences: what was found, and what it cannot tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from townlet_core.telemetry.explaining.changes import FEWEST, MOST_CORRELATION
from townlet_core.telemetry.explaining.curves import Curves
from townlet_core.telemetry.explaining.explanation import Against, ExplainedChange, Explanation, Moved

MOST_NAMED: Final = 3  # keys in a sentence
FEW: Final = 30  # points, in fewer of which a step of 20 standard deviations may be missed
WANDERS: Final = 0.55  # correlation beyond which noise is taken for a change in one curve of ten
# Group -> how a sentence calls its keys, in this order; the last ones are told of in the table alone.
TOLD: Final = {
    "loss": "loss",
    "agents": "agent",
    "reward_terms": "term of the reward",
    "events": "event",
    "settings": "setting",
    "learning": "learning",
}
# What nothing can be said of where no key begins so.
ABSENT: Final = {
    "agents.": "which agents",
    "reward_terms.": "which terms of the reward",
    "events.": "which events",
    "entropy_coef": "how much each part of the loss adds to loss_total",
}


def number(value: float | None) -> str:
    """Show a number in as many digits as one can compare at a glance."""
    return "–" if value is None else f"{value:,.4g}" if abs(value) < 1e6 else f"{value:.4g}"


def verdict(found: Explanation) -> Iterator[str]:
    """Say what was found: whether and when the metric changed, what moved first, what is no number."""
    for each in found.not_finite[:MOST_NAMED]:
        many = f"{'left out' if each.kind == 'too large' else 'no number'} in {_count(each.count, 'record')}"
        yield f"{each.key} is {each.kind} in epoch {each.epoch:,.0f}, and {many}"
    change = next((each for each in found.changes if each.epoch == found.explained), None)
    if change is not None:
        yield _changed(found.metric, change)
        others = [f"{each.epoch:.0f}" for each in found.changes if each is not change]
        if others:
            yield f"it also changed, less plainly, in {_epochs(others)}"
    elif found.noise is None:
        yield f"{found.metric} has {_count(found.points, 'point')}: too few to look for a change"
    elif not found.changes:
        yield f"{found.metric} did not change: one straight line and noise of {number(found.noise)} explain all of it"
    else:
        yield f"{found.metric} changed in {_epochs([f'{each.epoch:.0f}' for each in found.changes])}"
    if found.explained is not None:
        yield from _with_it(found.moved)
    if found.against is not None:
        yield from _apart(found.against, found.metric)


def _changed(metric: str, change: ExplainedChange) -> str:
    word = "jumped" if change.kind == "step" else "bent"
    better = {True: ", for the better", False: ", for the worse", None: ""}[change.is_better]
    times = ", with no spread at all" if change.effect is None else f", {abs(change.effect):.1f} times its spread"
    surely = "" if change.low == change.high else f" (95 %: {change.low:.0f} to {change.high:.0f})"
    return (
        f"{metric} {word} in epoch {change.epoch:.0f}{surely}: from {number(change.before)} to {number(change.after)}"
        f"{times}{better}"
    )


def _with_it(moved: Sequence[Moved]) -> Iterator[str]:
    """Say what moved with it: the most of each group, and what moved first."""
    if not moved:
        yield "nothing else moved with it"
        return
    most = {each.group: each for each in reversed(moved)}
    yield "moved the most: " + ", ".join(
        f"{most[group].key} ({words})" for group, words in TOLD.items() if group in most
    )
    first = [f"{each.key} (epoch {each.changed_at:.0f})" for each in moved if each.order == "first"]
    yield f"moved before it: {_some(first)}" if first else "nothing surely moved before it"


def _apart(found: Against, metric: str) -> Iterator[str]:
    """Say how two runs differ."""
    if found.epochs is None:
        yield "the two have no epoch in common"
        return
    first, last = found.epochs
    if found.same_until == last:
        yield f"the two are the same to the bit in epochs {first:.0f} to {last:.0f}"
        return
    if found.same_until is not None:
        yield f"the two are the same to the bit up to epoch {found.same_until:.0f}"
    if found.parted_at is None:
        yield f"{metric} does not differ from that of {found.log} beyond noise in epochs {first:.0f} to {last:.0f}"
        return
    again = f" to {found.parted_again - 1:.0f}, and no more after that" if found.parted_again is not None else " on"
    by = f"by {number(found.difference)} (median)"
    yield f"{metric} differs from that of {found.log} from epoch {found.parted_at:.0f}{again}, {by}"


def undecided(found: Explanation, curves: Curves, *, is_replaced: bool) -> Iterator[str]:
    """Say what cannot be told.

    Args:
        is_replaced: the metric is not the usual one, and nobody asked for it.
    """
    if found.changes or found.explained is not None:
        yield "what moved together need not be cause and effect, and one run with one seed may be chance: compare seeds"
    if is_replaced:
        yield f"there is no ep_return_mean in the log: {found.metric} stands for it"
    if found.points < FEWEST:
        yield f"a change is looked for in {FEWEST} points or more: {found.metric} has {found.points}"
    elif found.points < FEW:
        yield f"in {found.points} points only a large change is seen: {FEW} or more would do"
    if found.correlation is not None and found.correlation > WANDERS:
        most = "at least " if found.correlation > MOST_CORRELATION - 0.01 else ""
        yield (
            f"{found.metric} wanders: the noise of an epoch resembles that of the one before it (correlation "
            f"{most}{found.correlation:.2f}); such a curve can seem to change by chance"
        )
    if found.epochs_a_point > 1:
        yield f"a point is the mean of {found.epochs_a_point} epochs: nothing is known more closely"
    yield from _trails(found, curves)
    if found.against is not None:
        yield from _not_apart(found.against)
    for begin, what in ABSENT.items():
        if not any(key.startswith(begin) for key in curves.keys):
            yield f"{what}: the log has no {begin}{'*' if begin.endswith('.') else ''}"
    if curves.problems:
        left_out = _count(curves.problems, "problem")
        yield f"what {left_out} of the log would have said: see 'townlet telemetry validate {curves.log}'"
    if curves.is_cut:
        yield f"what more than the first {len(curves.keys):,} keys would have said"


def _not_apart(found: Against) -> Iterator[str]:
    """Say what two logs do not tell of the difference between their runs."""
    keys = {each.key for each in found.settings}
    yield "whether other seeds would differ as these runs do: noise is that of epochs, not of seeds"
    if "seed" in keys and len(keys) > 1:
        yield "whether it is the seed or another setting that makes the difference"
    if "config_hash" in keys:
        yield "which keys of the configuration differ (a log has only its hash), and if returns are the same measure"
    yield "whether settings differ that are in no record, such as the discount or the minibatches"
    if "transitions" in keys:
        yield "what holds at the same step: an epoch has not as many transitions in both"


def _trails(found: Explanation, curves: Curves) -> Iterator[str]:
    """Say that returns of whole episodes come late."""
    import numpy as np

    lengths, ticks = curves.curve("ep_len_mean"), curves.curve("rollout_ticks")
    if found.metric.startswith("ep_") and np.isfinite(lengths).any() and np.nanmax(ticks, initial=0) > 0:
        epochs = float(np.nanmedian(lengths) / np.nanmedian(ticks))
        if epochs > 1:
            yield (
                f"whether what moved up to {epochs:.0f} epochs before is the earlier: {found.metric} sums whole "
                f"episodes, which last {epochs:.1f} epochs, so it comes late (--metric signal.reward_mean does not)"
            )


def _epochs(numbers: Sequence[str]) -> str:
    return f"epoch{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
