"""What is watched in a log: rules, and the files in which people write them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import Field

from townlet_core.documents.cuts import Cuts
from townlet_core.documents.document import read_document
from townlet_core.documents.nodes import Finding, dotted, key_place
from townlet_core.documents.text import as_error, read_text
from townlet_core.documents.toml import read_toml
from townlet_core.documents.validate import read_record
from townlet_core.errors import InputError
from townlet_core.schema import StrictModel
from townlet_core.telemetry.watching.ranges import TEXTS

MOST_EPOCHS: Final = 100_000  # that a rule may look back
MOST_RULES: Final = 1_000

Text = Annotated[str, Field(min_length=1, max_length=1_000)]
Epochs = Annotated[int, Field(ge=1, le=MOST_EPOCHS)]
Severity = Literal["warning", "critical"]


class Rule(StrictModel):
    """What must not come about, and for how long: one of `above`, `below`, `plateau_over` and `missing`."""

    metric: Text = Field(description="key of a record, such as grad_norm or reward_terms.needs")
    name: Text | None = Field(None, description="what alerts call the rule; by itself, what it demands")
    above: float | None = Field(None, description="breached by a value that is more")
    below: float | None = Field(None, description="breached by a value that is less")
    amount: bool = Field(False, description="look at the amount of the value, without its sign")
    baseline: Text | None = Field(
        None,
        description="file to compare with, as of `validate --baseline`, beside the rules file; `above` and `below` are "
        "then shares of its value: 0.5 is half as much above it, or below",
    )
    window: Annotated[int, Field(ge=2, le=MOST_EPOCHS)] | None = Field(
        None, description="compare with the mean of so many epochs before; `above` and `below` are shares of that"
    )
    change_over: Epochs | None = Field(
        None, description="look at the change an epoch, over so many epochs, in place of the value"
    )
    plateau_over: Epochs | None = Field(None, description="breached by so many epochs without a gain")
    least_gain: Annotated[float, Field(ge=0)] | None = Field(
        None, description="with `plateau_over`: what is no more than this is no gain; 0 where it is left out"
    )
    better: Literal["higher", "lower"] | None = Field(None, description="with `plateau_over`: what a gain is")
    missing: bool = Field(False, description="breached by a record without the key")
    for_: Epochs | None = Field(
        None, alias="for", description="fires after so many epochs of breach, one after the other; 1 where left out"
    )
    n_of: tuple[Epochs, Epochs] | None = Field(
        None, description="in place of `for`: [n, m] fires where n of the last m epochs were breaches"
    )
    clear: float | None = Field(
        None, description="once it fires, a value must be back at this to be no breach, not only at the limit"
    )
    keep_firing_for: Annotated[int, Field(ge=0, le=MOST_EPOCHS)] = Field(
        0, description="epochs without a breach after which it fires still"
    )
    allow_null: bool | Literal["unmeasured"] = Field(
        False,
        description="pass over null, which else is a breach; `unmeasured`: only in epochs that learn from captures "
        "alone (rollout_ticks is 0) or in which nobody lived (transitions is 0). NaN and infinity always are breaches",
    )
    severity: Severity = Field("warning", description="how bad it is: warning or critical")
    message: Text | None = Field(None, description="what to do about it; shown with the alert")

    @property
    def title(self) -> str:
        """What alerts call the rule."""
        return self.name or self.condition

    @property
    def looks_at(self) -> str:
        """The metric as it is looked at."""
        return f"|{self.metric}|" if self.amount else self.metric

    @property
    def limit(self) -> float:
        """What `above` or `below` says."""
        limit = self.above if self.above is not None else self.below
        assert limit is not None
        return limit

    @property
    def condition(self) -> str:
        """What the rule demands, in words."""
        if self.missing:
            return f"{self.metric} missing"
        if self.plateau_over is not None:
            gain = f" of more than {self.least_gain:g}" if self.least_gain else ""
            return f"{self.metric} no gain{gain} in {self.plateau_over} epochs"
        side = "above" if self.above is not None else "below"
        limit = self.limit
        if self.change_over is not None:
            return f"{self.looks_at} change {side} {limit:g} an epoch over {self.change_over} epochs"
        if self.window is not None:
            return f"{self.looks_at} {100 * limit:.4g}% {side} the mean of {self.window} epochs"
        if self.baseline is not None:
            return f"{self.looks_at} {100 * limit:.4g}% {side} its baseline"
        return f"{self.looks_at} {side} {limit:g}"


class RulesFile(StrictModel):
    """Rules to watch a log by."""

    rules: Annotated[tuple[Rule, ...], Field(min_length=1, max_length=MOST_RULES)] = Field(
        description="the rules, in the order in which alerts of one record are told"
    )


class Flaw(NamedTuple):
    """What makes no sense in a rule, and the key to blame."""

    key: str
    clause: str
    hint: str | None = None


def load_rules(path: Path) -> tuple[Rule, ...]:
    """Read a rules file: TOML where its name ends in .toml, YAML otherwise. Baselines become paths from here.

    Raises:
        InputError: it cannot be read.
        ConfigError: all that is wrong with it.
    """
    if path.is_dir():
        raise InputError("is a folder", where=str(path), hint="name a rules file, in TOML or YAML")
    text = read_text(path)
    if path.suffix == ".toml":
        document = read_toml(text, str(path))
    else:
        document = read_document(text, str(path), instead="give it a list of rules")
    findings, root = document.findings, document.root
    if root is None:
        raise as_error(findings, str(path))
    reading = read_record(RulesFile, root, {})
    findings += reading.findings
    rules = reading.record.rules if reading.record is not None else ()
    findings += _senseless(rules, reading.cuts)
    if findings or reading.record is None:
        raise as_error(findings, str(path))
    return tuple(
        rule.model_copy(update={"baseline": str(path.parent / rule.baseline)}) if rule.baseline else rule
        for rule in rules
    )


def _senseless(rules: Sequence[Rule], cuts: Cuts) -> Iterator[Finding]:
    """Find what makes no sense in rules whose keys and values are all right by themselves."""
    names: dict[str, str] = {}
    for number, rule in enumerate(rules):
        place = cuts.original(("rules", number))
        if cuts.concern(place):
            continue
        found = list(flaws(rule))
        for key, clause, hint in found or _repeated(rule, names):
            yield Finding(key_place(cuts.root, (*place, key)), (*place, key), clause, hint)
        if not found:
            names.setdefault(rule.title, dotted(place))


def flaws(rule: Rule) -> Iterator[Flaw]:
    """Find what makes no sense in a rule."""
    if rule.metric in TEXTS:
        yield Flaw("metric", f"{rule.metric} is no number")
    given = [name for name in ("above", "below", "plateau_over", "missing") if _says(rule, name)]
    if not given:
        yield Flaw("metric", "says nothing of what to fire at", "add one of above, below, plateau_over, missing: true")
        return
    if len(given) > 1:
        first, second, *_ = given
        yield Flaw(second, f"there is {first} too", "write two rules")
        return
    [kind] = given
    yield from _misplaced(rule, kind)
    yield from _lengths(rule)
    if kind in ("above", "below"):
        yield from _limits(rule, kind)
    elif kind == "plateau_over" and rule.better is None:
        yield Flaw("plateau_over", "needs better", "add better: higher, or better: lower")


def _says(rule: Rule, key: str) -> bool:
    return getattr(rule, key) is not None and getattr(rule, key) is not False


def _misplaced(rule: Rule, kind: str) -> Iterator[Flaw]:
    """Find keys that say nothing beside the others."""
    unlimited = kind not in ("above", "below")
    for key in ("amount", "baseline", "window", "change_over", "clear"):
        if unlimited and _says(rule, key):
            yield Flaw(key, f"means nothing with {kind}", "leave it out")
    for key in ("least_gain", "better"):
        if kind != "plateau_over" and getattr(rule, key) is not None:
            yield Flaw(key, f"means nothing with {kind}", "leave it out, or use plateau_over")
    compared = [key for key in ("baseline", "window", "change_over") if getattr(rule, key) is not None]
    if len(compared) > 1:
        yield Flaw(compared[1], f"there is {compared[0]} too", "write two rules")


def _lengths(rule: Rule) -> Iterator[Flaw]:
    if rule.n_of is not None and rule.for_ is not None:
        yield Flaw("n_of", "there is for too", f"n_of: [{rule.for_}, {rule.for_}] is for: {rule.for_}")
    if rule.n_of is not None and rule.n_of[0] > rule.n_of[1]:
        yield Flaw("n_of", f"{rule.n_of[0]} of the last {rule.n_of[1]} there cannot be", "write [n, m] with n up to m")


def _limits(rule: Rule, kind: str) -> Iterator[Flaw]:
    limit: float = getattr(rule, kind)
    is_share = rule.baseline is not None or rule.window is not None
    if is_share and limit < 0:
        other = "below" if kind == "above" else "above"
        yield Flaw(kind, f"must be a share of at least 0, found {limit:g}", f"for the other side there is {other}")
    elif rule.clear is not None:
        is_at_most = is_share or kind == "above"
        if rule.clear > limit if is_at_most else rule.clear < limit:
            words = "at most" if is_at_most else "at least"
            yield Flaw("clear", f"must be {words} {kind}: {limit:g}, found {rule.clear:g}")


def _repeated(rule: Rule, names: dict[str, str]) -> Iterator[Flaw]:
    if rule.title in names:
        key = "name" if rule.name else "metric"
        clause = f"{names[rule.title]} is called '{rule.title}' too"
        yield Flaw(key, clause, "give each a name of its own" if rule.name else "remove one, or give it a name")
