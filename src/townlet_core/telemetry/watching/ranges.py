"""Which values a key can have at all, as its model says: what shows a rule that can never fire, or always does."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from townlet_core.errors import did_you_mean
from townlet_core.telemetry.formats import BASE, KNOWN, LATER, MIGRATED_FROM, LaterKeys, is_known
from townlet_core.telemetry.record import VERSION, EpochRecord

if TYPE_CHECKING:
    from townlet_core.telemetry.watching.rules import Rule


class Range(NamedTuple):
    """Least and most of a value, both included."""

    least: float = -math.inf
    most: float = math.inf
    why: str = ""  # where the key's description does not tell


def _schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    for model in (EpochRecord, LaterKeys):
        properties: dict[str, dict[str, Any]] = model.model_json_schema()["properties"]
        yield from properties.items()


def _kinds(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the kinds of value that a key may have, null left out."""
    return [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]


_SCHEMAS: Final = dict(_schemas())
TEXTS: Final = frozenset(
    key
    for key, schema in _SCHEMAS.items()
    if any(each.get("type") not in ("number", "integer") for each in _kinds(schema))
)
_ENTROPY: Final = Range(0.0, math.inf, "a policy over a list of actions has an entropy of at least 0")
_OURS: Final = {
    "loss_entropy": _ENTROPY,
    "batch_entropy_mean": _ENTROPY,
    "signal.reward_std": Range(0.0),
    "signal.reward_clip_fraction": Range(0.0, 1.0),
    "signal.unused_actions": Range(0.0),
}


def range_of(metric: str) -> Range:
    """Give the values that a metric can have."""
    if metric in _OURS:
        return _OURS[metric]
    if metric.startswith("events."):
        return Range(0.0)
    kinds = _kinds(_SCHEMAS[metric]) if metric in _SCHEMAS else []
    if len(kinds) != 1:
        return Range()
    return Range(kinds[0].get("minimum", -math.inf), kinds[0].get("maximum", math.inf))


@cache
def meaning_of_null(metric: str) -> str | None:
    """Tell what the format means by null at a key, where it means anything."""
    if metric == "ep_len_mean":
        return "no episode ended in the epoch"
    found = re.search(r"null (where [^;]+)", _SCHEMAS.get(metric, {}).get("description", ""))
    return found[1] if found else None


def doubts(rule: Rule, baseline: float | None = None) -> Iterator[str]:
    """Tell why a rule can never fire, or always does.

    Args:
        baseline: the value of its baseline, if it has one.
    """
    metric = rule.metric
    if not is_known(metric):
        near = did_you_mean(metric, KNOWN)
        yield f"{metric} is no key that is known" + (f" ({near})" if near else "")
    if rule.above is None and rule.below is None:
        return
    values = range_of(metric)
    least, most = values.least, values.most
    if rule.amount:
        least, most = (max(least, 0.0) if least >= 0 or most <= 0 else 0.0), max(abs(least), abs(most))
    if rule.window is not None:
        if rule.below is not None and rule.below >= 1 and least >= 0:
            yield f"can never fire: {rule.looks_at} is never negative, so it is never {rule.below:.0%} below its mean"
        return
    if baseline == 0:
        yield f"the baseline of {metric} is 0, of which nothing is a share: the limit is 0"
    limit = limit_of(rule, baseline)
    if rule.change_over is not None:
        least, most = (least - most) / rule.change_over, (most - least) / rule.change_over
        what = f"{rule.looks_at} changes by"
    else:
        what = f"{rule.looks_at} is"
    yield from _beyond(rule, limit, (least, most), what, values.why)


def looks_at_nothing(rule: Rule, record: Mapping[str, Any]) -> str | None:
    """Tell why a rule can find nothing in a run: its version lacks the key, or the run is too short."""
    if not rule.missing and record.get(rule.metric) is None:
        is_old = record["telemetry_version"] < VERSION or record.get(MIGRATED_FROM) is not None
        if is_old and rule.metric not in BASE:
            return f"version 1.0 has no {rule.metric}"
        if record["telemetry_version"] == VERSION and rule.metric in LATER:
            return f"{rule.metric} came with version 1.2, and this is {VERSION}"
    planned = record.get("epochs_planned")
    back = (rule.window or rule.change_over or rule.plateau_over or 0) + (rule.n_of or (rule.for_ or 1,))[0]
    if planned is not None and back > planned:
        return f"can never fire: it needs {back} epochs, and {planned:.0f} are planned"
    return None


def _beyond(rule: Rule, limit: float, ends: tuple[float, float], what: str, why: str) -> Iterator[str]:
    """Compare a limit with the ends of what can be."""
    least, most = ends
    because = f" ({why})" if why else ""
    if rule.above is not None and limit >= most:
        yield f"can never fire: {what} at most {most:g}{because}"
    elif rule.above is not None and limit < least:
        yield f"always fires: {what} at least {least:g}{because}"
    elif rule.below is not None and limit <= least:
        yield f"can never fire: {what} at least {least:g}{because}"
    elif rule.below is not None and limit > most:
        yield f"always fires: {what} at most {most:g}{because}"


def limit_of(rule: Rule, reference: float | None, share: float | None = None) -> float:
    """Give the limit of a rule with above or below.

    Args:
        reference: what the limit is a share of; None: it is a value by itself.
        share: in place of the rule's own, as when it is to be cleared.
    """
    limit = rule.limit if share is None else share
    if reference is None:
        return limit
    return reference + limit * abs(reference) if rule.above is not None else reference - limit * abs(reference)
