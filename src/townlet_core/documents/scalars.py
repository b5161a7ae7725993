"""What an unquoted word of YAML means here, and which meanings of YAML 1.1 are traps."""

from __future__ import annotations

import re
from enum import Enum
from typing import Literal

Value = str | int | float | bool | None


class Broken(Enum):
    """The one value of a scalar that is refused."""

    BROKEN = "broken"


BROKEN: Literal[Broken.BROKEN] = Broken.BROKEN
Trap = tuple[str, str | None]  # clause, hint

_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,30})")
_FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+][0-9]+)?")
_EXPONENT = re.compile(r"(?P<digits>[-+]?[0-9]+)(?P<rest>\.[0-9]*)?[eE](?P<sign>[-+]?)(?P<power>[0-9]+)")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_SEXAGESIMAL = re.compile(r"([0-9]{1,6}):([0-9]{2})")
_OCTAL_12 = re.compile(r"0o[0-7]+")
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_YES = ("yes", "on", "y")


def read_plain(text: str, tag: str) -> tuple[Value | Broken, Trap | None]:
    """Read an unquoted scalar.

    Args:
        tag: the tag that YAML 1.1 resolves the text to.

    Returns:
        The value, or BROKEN together with the trap it is.
    """
    kind = tag.rpartition(":")[2]
    if kind == "null":
        return None, None
    if kind == "int" and _INT.fullmatch(text):
        return int(text), None
    if kind == "float" and _FLOAT.fullmatch(text) and abs(float(text)) < float("inf"):
        return float(text), None
    if kind == "bool" and text in _TRUTH:
        return _TRUTH[text], None
    trap = _trap(text, kind)
    return (text, None) if trap is None else (BROKEN, trap)


def read_power(text: str) -> float | None:
    """Read a number such as 1e-4, which YAML takes for text; None for anything else."""
    if not _EXPONENT.fullmatch(text) or abs(number := float(text)) == float("inf"):
        return None
    return number


def _trap(text: str, kind: str) -> Trap | None:
    if kind == "str":
        return _text_trap(text)
    if kind == "bool":
        truth = "true" if text.lower() in _YES else "false"
        return f"'{text}' is the truth value {truth} in YAML", f'write {truth}, or "{text}" in quotes for text'
    if kind == "timestamp":
        return f"'{text}' is a date in YAML", f'write "{text}" in quotes for text'
    if kind in ("int", "float"):
        return _number_trap(text)
    return f"'{text}' has a special meaning in YAML", f'write "{text}" in quotes for text'


def _text_trap(text: str) -> Trap | None:
    if match := _EXPONENT.fullmatch(text):
        digits, rest = match["digits"], match["rest"] or ".0"
        number = f"{digits}{rest}e{match['sign'] or '+'}{match['power']}"
        return f"'{text}' is text in YAML, not a number", f'write {number}, or "{text}" in quotes for text'
    if _LEADING_ZERO.fullmatch(text):
        return f"'{text}' is text in YAML, not a number", f'write {_plain(text)}, or "{text}" in quotes for text'
    if _OCTAL_12.fullmatch(text):
        return f"'{text}' is text in YAML, not a number", f'write {int(text, 8)}, or "{text}" in quotes for text'
    return None


def _number_trap(text: str) -> Trap:
    bare = text.replace("_", "").lstrip("+-")
    quoted = f'"{text}" in quotes for text'
    if ":" in text:
        minutes = _SEXAGESIMAL.fullmatch(text)
        number = f"write {int(minutes[1]) * 60 + int(minutes[2])} if you mean minutes, or" if minutes else "write"
        return f"'{text}' is a number to base 60 in YAML", f"{number} {quoted}"
    if "inf" in text.lower() or "nan" in text.lower():
        return f"'{text}' is not a finite number", "write a number"
    for start, name in (("0x", "hexadecimal"), ("0b", "binary")):
        if bare.startswith(start):
            return f"'{text}' is a {name} number in YAML", f"write it to base ten, or {quoted}"
    if "_" in text:
        return f"'{text}' has '_' in a number", f"write {text.replace('_', '')}, or {quoted}"
    if _LEADING_ZERO.fullmatch(text):
        return f"'{text}' is the octal number {int(text, 8)} in YAML", f"write {_plain(text)}, or {quoted}"
    return f"'{_short(text)}' is too large a number", "write a smaller one"


def _plain(text: str) -> str:
    sign = "-" if text.startswith("-") else ""
    return sign + (text.lstrip("+-0") or "0")


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
