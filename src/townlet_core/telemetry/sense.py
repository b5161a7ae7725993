"""What the keys of one record say of one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

ROUNDING: Final = 1e-6  # of the larger of two numbers that were summed in different orders
LOSS_ROUNDING: Final = 1e-3  # losses are sums of float32 over minibatches
NOTHING: Final = object()  # there is nothing to show

# Pairs of keys of which the first is never more than the second.
ORDERED: Final = (
    ("transitions", "steps"),
    ("grad_norm", "grad_norm_max"),
    ("clip_fraction", "clip_fraction_max"),
    ("ep_return_min", "ep_return_mean"),
    ("ep_return_mean", "ep_return_max"),
    ("agents.reward_min", "agents.reward_max"),
    ("seq", "log_stream_offset"),
)

Record = Mapping[str, Any]


class Contradiction(NamedTuple):
    """What cannot be, and the key to blame."""

    key: str
    what: str
    got: object = NOTHING
    hint: str | None = None
    is_doubt: bool = False  # it can be, but should be known


def contradictions(record: Record, baseline: tuple[str, ...]) -> Iterator[Contradiction]:
    """Find what no record may say, ours not even when it is made.

    Args:
        baseline: the keys that come all together.
    """
    if not record.keys().isdisjoint(baseline):
        for key in baseline:
            if key not in record:
                yield Contradiction(key, "is missing", hint="baseline keys come all together")
    most, mean = record.get("kl_divergence_max"), record.get("kl_divergence")
    if most is not None and mean is not None and abs(mean) > most * (1 + ROUNDING):
        yield Contradiction("kl_divergence_max", f"must be at least |kl_divergence| = {abs(mean):g}", most)
    if record.get("reason") is not None and not record.get("finished"):
        yield Contradiction("reason", "is given", hint="only a record with finished has one")
    for key in record.get("nonfinite") or ():
        if record.get(key, 0) is not None:
            yield Contradiction("nonfinite", f"{key} is not null")


def doubts(record: Record) -> Iterator[Contradiction]:
    """Find what a reader should be told of, though training goes on where it comes about."""
    get = record.get
    for less, more in ORDERED:
        low, high = get(less), get(more)
        if low is not None and high is not None and low > high and low - high > ROUNDING * max(abs(low), abs(high)):
            yield Contradiction(more, f"must be at least {less} = {low:.15g}", high)
    if "value_coef" in record and "entropy_coef" in record:
        yield from _loss(record)


def _loss(record: Record) -> Iterator[Contradiction]:
    """Compare the loss with its parts, where all of them are known."""
    get = record.get
    of_value, of_entropy, of_replay = record["value_coef"], record["entropy_coef"], get("replay_coef", 0.0)
    total, policy, value, entropy = get("loss_total"), get("loss_policy"), get("loss_value"), get("loss_entropy")
    replay = get("replay_loss") if of_replay else 0.0
    if total is None or policy is None or None in (value, entropy, replay, of_value, of_entropy, of_replay):
        return
    value, entropy, replay = of_value * value, of_entropy * entropy, of_replay * replay
    sum_of_parts = policy + value - entropy + replay
    if abs(total - sum_of_parts) > LOSS_ROUNDING * max(1e-3, abs(policy), abs(value), abs(entropy), abs(replay)):
        yield Contradiction("loss_total", f"must be {sum_of_parts:g}, the sum of its parts by their weights", total)
