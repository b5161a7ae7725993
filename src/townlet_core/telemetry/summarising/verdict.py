"""Whether a run learns, by rules.

The score is the first of SCORES that is a number in at least FEWEST epochs. The run is learning where the score rises,
getting worse where it falls, and not learning where it has no trend. It fell back where the score was at its best in
some window and has since lost more than half of what it had gained till then, by amounts far beyond its noise, and
where its course is one that chance would seldom have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from townlet_core.telemetry.summarising.digest import Digest
from townlet_core.telemetry.summarising.fallen import fell_back
from townlet_core.telemetry.summarising.metrics import SCORES
from townlet_core.telemetry.summarising.summary import Direction, Metric, State, Verdict
from townlet_core.telemetry.summarising.trend import FEWEST, trend_of

LATE: Final = 1 / 3  # of the epochs: whether it still goes on
STATES: Final[dict[Direction, State]] = {"rises": "learning", "falls": "getting worse", "steady": "not learning"}
AT_THE_END: Final = {"rises": "rising at the end", "falls": "falling at the end", "steady": "level at the end"}
OF_CAPTURES: Final = {"signal.reward_mean"}  # where only captures are learned from this is their reward


def judge(digest: Digest, metrics: Mapping[str, Metric], modes: Sequence[str], *, of_the_last: bool = False) -> Verdict:
    """Give the verdict on a run.

    Args:
        modes: what was learned from.
        of_the_last: only the last epochs were looked at: where a score has no trend, there is no saying why.
    """
    scores = [key for key in SCORES if key in metrics and metrics[key].count]
    if list(modes) == ["replay"]:
        scores = [key for key in scores if key not in OF_CAPTURES]
    if not scores:
        return _unknown(None, 0, _why_there_is_no_score(modes))
    key = next((key for key in scores if metrics[key].count >= FEWEST), scores[-1])
    found, title = metrics[key], SCORES[key]
    if found.trend is None or found.start is None or found.end is None:
        few = f"{title} is known of {found.count:,} epoch{'s' if found.count != 1 else ''}, a trend takes {FEWEST}"
        large = f"{title} has numbers that are too large to reckon with"
        return _unknown(key, found.count, few if found.count < FEWEST else large, found)
    windows, late = digest.windows(key), trend_of(digest.windows(key, LATE))
    state = STATES[found.trend.direction]
    course = f"{title} {found.start:.3g} -> {found.end:.3g} over {found.count:,} epochs"
    if fell_back(windows, found.start, found.end):
        state = "fell back"
        epoch, best = max(windows, key=lambda point: point[1])
        course = f"{title} {found.start:.3g} -> {best:.3g} about epoch {epoch:,.0f} -> {found.end:.3g}"
    elif state == "not learning":
        state = "level" if of_the_last else state
    elif late is not None:
        course += f", {AT_THE_END[late.direction]}"
    return Verdict(
        state=state,
        score=key,
        epochs=found.count,
        start=found.start,
        end=found.end,
        late=late.direction if late is not None else None,
        text=f"{state}: {course}",
    )


def _unknown(key: str | None, epochs: int, why: str, found: Metric | None = None) -> Verdict:
    start, end = (found.start, found.end) if found is not None else (None, None)
    return Verdict(
        state="cannot tell", score=key, epochs=epochs, start=start, end=end, late=None, text=f"cannot tell: {why}"
    )


def _why_there_is_no_score(modes: Sequence[str]) -> str:
    if list(modes) == ["replay"]:
        return "it learned from captures alone, and nothing was played to evaluate it (no eval_return_mean)"
    return f"the log says nothing of what the policy earned (no {', '.join(SCORES)})"
