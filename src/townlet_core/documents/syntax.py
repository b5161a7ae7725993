"""Words for what makes a text no YAML."""

from __future__ import annotations

import yaml

_HINTS = {
    "mapping values are not allowed": "is the line above indented right? text with ': ' in it needs quotes",
    "could not find expected ':'": "write 'key: value', and quote text that goes over lines",
    "did not find expected key": "check the indentation here and the quotes above",
    "did not find expected '-' indicator": "check the indentation of the list",
    "cannot start any token": "write text that starts with a special sign in quotes",
}


def explain_syntax(error: yaml.MarkedYAMLError, text: str) -> tuple[str, str | None]:
    """Word what the parser found: clause and hint.

    Args:
        text: the whole text, to look at the line of the error.
    """
    problem = str(error.problem or error.context or error).rstrip(".")
    context, opened = str(error.context), error.context_mark
    if error.problem_mark is not None and _in_tabs(text, error.problem_mark):
        return "broken YAML: a tab in the indentation", "indent with spaces"
    what = "quote" if "quoted" in context else "bracket" if "flow mapping" in context or "flow seq" in context else None
    if opened is not None and what is not None:
        return f"broken YAML: {problem}", f"is the {what} that opens at {opened.line + 1}:{opened.column + 1} closed?"
    hint = next((advice for words, advice in _HINTS.items() if words in problem), None)
    return f"broken YAML: {problem}", hint


def _in_tabs(text: str, mark: yaml.Mark) -> bool:
    line = "".join(text.splitlines()[mark.line : mark.line + 1])
    return "\t" in line[: mark.column + 1] and not line[: mark.column].strip()
