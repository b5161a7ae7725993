"""Whether there is something to learn from, and whether the steps are sound: rules, each with a name and its numbers.

Thresholds are where practice begins to worry, not where learning must fail: KL and clipped shares as in "The 37
implementation details of PPO" (https://iclr-blog-track.github.io/2022/03/25/ppo-implementation-details/), KL also as in
Spinning Up, which stops an epoch at 1.5 times 0.01 (https://spinningup.openai.com/en/latest/algorithms/ppo.html).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from townlet_core.telemetry.summarising.summary import Finding, Health, Metric

NOTHING: Final = 1e-6  # a deviation or a KL below this is none
SOME: Final = 0.05  # share of the epochs in which something may be so
KL_LIMIT: Final = 0.05
CLIP_LIMIT: Final = 0.3
REWARD_CLIP_LIMIT: Final = 0.05
COLLAPSED: Final = 0.05  # share of the entropy at the start
NOTHING_EXPLAINED: Final = 1e-3  # of the variance of returns: less is rounding
LEAST_ENTROPY: Final = 0.01  # nats

SAYS_BY_NULL: Final = frozenset({"reward_advantage_corr"})  # where either of the two is constant

# Key -> what it is counted to be beyond.
LIMITS: Final = {
    "approx_kl": KL_LIMIT,
    "kl_divergence": KL_LIMIT,
    "clip_fraction": CLIP_LIMIT,
    "signal.reward_clip_fraction": REWARD_CLIP_LIMIT,
}


@dataclass(frozen=True)
class Sight:
    """What rules look at."""

    metrics: Mapping[str, Metric]  # those that have a number in some epoch, or are null
    beyond: Mapping[str, int]  # key of LIMITS -> epochs in which it was beyond
    nonfinite: Mapping[str, Mapping[str, int]]
    lost: int | None
    from_the_start: bool  # and not only the last epochs

    def metric(self, key: str) -> Metric | None:
        """Give a metric that has a number."""
        found = self.metrics.get(key)
        return found if found is not None and found.count else None

    def tells(self, key: str) -> bool:
        """Say whether a key tells anything: it has a number, or says something by having none."""
        return self.metric(key) is not None or (key in SAYS_BY_NULL and key in self.metrics)


Check = Callable[[Sight], Iterator[Finding]]


class Rule(NamedTuple):
    """A rule: a log that has none of its keys cannot be checked by it."""

    name: str
    keys: tuple[str, ...]  # () needs none
    check: Check


def examine(sight: Sight) -> Health:
    """Check all rules."""
    able = [rule for rule in RULES if not rule.keys or any(sight.tells(key) for key in rule.keys)]
    findings = [finding for rule in able for finding in rule.check(sight)]
    return Health(
        findings=tuple(sorted(findings, key=lambda finding: finding.level == "note")),
        checked=tuple(rule.name for rule in able),
        not_checked=tuple(rule.name for rule in RULES if rule not in able),
    )


def _warning(rule: str, text: str, **numbers: float) -> Finding:
    return _finding(rule, "warning", text, numbers)


def _note(rule: str, text: str, **numbers: float) -> Finding:
    return _finding(rule, "note", text, numbers)


def _finding(rule: str, level: Literal["warning", "note"], text: str, numbers: dict[str, float]) -> Finding:
    return Finding(rule=rule, level=level, text=text, numbers={key: float(value) for key, value in numbers.items()})


def _of(part: int, whole: int) -> str:
    if part == whole:
        return f"all {whole:,} epochs" if whole > 1 else "the only epoch"
    return f"{part:,} of {whole:,} epochs"


def _constant_reward(sight: Sight) -> Iterator[Finding]:
    name, spread, corr = (
        "constant_reward",
        sight.metric("signal.reward_std"),
        sight.metrics.get("reward_advantage_corr"),
    )
    if spread is not None and spread.max is not None:
        constant = spread.count if spread.max < NOTHING else spread.zeros
        if constant:
            words = f"every reward was the same in {_of(constant, spread.count)} (signal.reward_std is 0)"
            yield _warning(name, words, epochs=constant)
    elif corr is not None:
        undefined = corr.nulls + corr.zeros
        if undefined and undefined == corr.count + corr.nulls:
            words = f"reward_advantage_corr is undefined (null or 0) in {_of(undefined, undefined)}"
            yield _warning(name, f"{words}: rewards or advantages are constant", epochs=undefined)


def _zero_advantages(sight: Sight) -> Iterator[Finding]:
    spread, batches = sight.metric("adv_std"), sight.metric("adv_zero_std_batches")
    if spread is not None and spread.max is not None:
        constant = spread.count if spread.max < NOTHING else spread.zeros
        if constant:
            words = f"all advantages were the same in {_of(constant, spread.count)} (adv_std is 0)"
            yield _warning("zero_advantages", words, epochs=constant)
    if batches is not None and batches.count > batches.zeros:
        epochs = batches.count - batches.zeros
        words = f"minibatches had advantages all the same in {_of(epochs, batches.count)}"
        yield _warning("zero_advantages", f"{words} (adv_zero_std_batches)", epochs=epochs)


def _reward_clip(sight: Sight) -> Iterator[Finding]:
    yield from _often("reward_clip", "signal.reward_clip_fraction", "of the rewards were clipped", sight)


def _clip_saturation(sight: Sight) -> Iterator[Finding]:
    yield from _often("clip_saturation", "clip_fraction", "of the ratios were clipped", sight)


def _often(rule: str, key: str, what: str, sight: Sight) -> Iterator[Finding]:
    """Find a share that is beyond its limit in many epochs."""
    found, beyond = sight.metric(key), sight.beyond.get(key, 0)
    if found is not None and found.max is not None and beyond > SOME * found.count:
        limit = LIMITS[key]
        words = f"more than {limit:.0%} {what} in {_of(beyond, found.count)}, {found.max:.0%} at most ({key})"
        yield _warning(rule, words, epochs=beyond, limit=limit, max=found.max)


def _dead_actions(sight: Sight) -> Iterator[Finding]:
    found = sight.metric("signal.unused_actions")
    if found is None or found.min is None or found.end is None or found.last is None:
        return
    if found.min >= 1 and sight.from_the_start:
        words = f"in every epoch, at least {_actions(found.min)} that {_was(found.min)} allowed {_was(found.min)}"
        yield _warning("dead_actions", f"{words} never chosen by anybody (signal.unused_actions)", min=found.min)
    elif found.last >= 1:
        words = f"in the last epoch, {_actions(found.last)} that {_was(found.last)} allowed {_was(found.last)}"
        yield _note("dead_actions", f"{words} never chosen by anybody (signal.unused_actions)", last=found.last)


def _actions(many: float) -> str:
    return f"{many:,.0f} action{'s' if many != 1 else ''}"


def _was(many: float) -> str:
    return "was" if many == 1 else "were"


def _entropy_collapse(sight: Sight) -> Iterator[Finding]:
    found = sight.metric("loss_entropy")
    if found is None or found.end is None or found.start is None:
        return
    if found.end < LEAST_ENTROPY or found.end < COLLAPSED * found.start:
        words = f"entropy {found.start:.4g} -> {found.end:.4g} nats: the policy hardly tries anything (loss_entropy)"
        yield _warning("entropy_collapse", words, start=found.start, end=found.end)


def _values_explain_nothing(sight: Sight) -> Iterator[Finding]:
    found = sight.metric("explained_variance")
    if found is not None and found.end is not None and found.end <= NOTHING_EXPLAINED:
        words = f"explained_variance is {found.end:.4g} at the end: the values are no better than the mean of returns"
        yield _warning("values_explain_nothing", words, end=found.end)


def _kl_too_high(sight: Sight) -> Iterator[Finding]:
    key = "approx_kl" if sight.metric("approx_kl") is not None else "kl_divergence"
    found, beyond = sight.metric(key), sight.beyond.get(key, 0)
    if found is None or found.max is None or found.min is None or beyond <= SOME * found.count:
        return
    most = max(found.max, -found.min)
    words = f"KL beyond {KL_LIMIT:g} in {_of(beyond, found.count)}, {most:.3g} at most ({key})"
    yield _warning("kl_too_high", words, epochs=beyond, limit=KL_LIMIT, max=most)


def _policy_stands_still(sight: Sight) -> Iterator[Finding]:
    key = "kl_divergence_max" if sight.metric("kl_divergence_max") is not None else "kl_divergence"
    found = sight.metric(key)
    if found is None or found.max is None or found.min is None:
        return
    most = max(found.max, -found.min)
    if most < NOTHING:
        words = f"the policy never moved: {key} is at most {most:.2g} in {_of(found.count, found.count)}"
        yield _warning("policy_stands_still", words, max=most)


def _no_episode(sight: Sight) -> Iterator[Finding]:
    found = sight.metric("ep_count")
    if found is not None and found.max == 0:
        words = f"no episode ended in {_of(found.count, found.count)}: nothing is known of returns (ep_count is 0)"
        yield _note("no_episode", words, epochs=found.count)


def _not_finite(sight: Sight) -> Iterator[Finding]:
    many = sum(sum(signs.values()) for signs in sight.nonfinite.values())
    if many:
        keys = sorted(sight.nonfinite, key=lambda key: -sum(sight.nonfinite[key].values()))
        more = f" and {len(keys) - 3:,} more" if len(keys) > 3 else ""
        words = f"{many:,} value{'s were' if many != 1 else ' was'} NaN or infinite: {', '.join(keys[:3])}{more}"
        yield _warning("not_finite", words, values=many)


def _lost_records(sight: Sight) -> Iterator[Finding]:
    if sight.lost:
        words = f"{sight.lost:,} record{'s' if sight.lost != 1 else ''} could not be written (lost_records)"
        yield _warning("lost_records", words, records=sight.lost)


RULES: Final = (
    Rule("constant_reward", ("signal.reward_std", "reward_advantage_corr"), _constant_reward),
    Rule("zero_advantages", ("adv_std", "adv_zero_std_batches"), _zero_advantages),
    Rule("reward_clip", ("signal.reward_clip_fraction",), _reward_clip),
    Rule("dead_actions", ("signal.unused_actions",), _dead_actions),
    Rule("clip_saturation", ("clip_fraction",), _clip_saturation),
    Rule("entropy_collapse", ("loss_entropy",), _entropy_collapse),
    Rule("values_explain_nothing", ("explained_variance",), _values_explain_nothing),
    Rule("kl_too_high", ("approx_kl", "kl_divergence"), _kl_too_high),
    Rule("policy_stands_still", ("kl_divergence_max", "kl_divergence"), _policy_stands_still),
    Rule("no_episode", ("ep_count",), _no_episode),
    Rule("not_finite", (), _not_finite),
    Rule("lost_records", (), _lost_records),
)
