"""From lines to records, ever faster: once some have been read, by a decoder that knows their keys and no others."""

from __future__ import annotations

from typing import Any, Final

from townlet_core.telemetry.formats import Decode, Format

FIRST: Final = 64  # records with other keys until a decoder is made, which takes longer than to read them
GROWTH: Final = 4  # each time so many more: the keys of a log may grow from record to record
MOST_KEYS: Final = 10_000  # that a decoder may know


class Reader:
    """Reads the records of a log that are of one format."""

    def __init__(self, form: Format) -> None:
        self.format = form
        self._fast: Decode | None = None
        self._keys: set[str] = set()  # that there have been
        self._others = 0  # records since the decoder was made that have other keys
        self._wanted = FIRST

    def read(self, line: bytes) -> tuple[dict[str, Any], bool]:
        """Read a line; say whether it may have keys that few records had before, or some twice.

        Raises:
            ValidationError: it is no record of the format.
        """
        if self._fast is not None and (known := self._fast(line)) is not None:
            return known, False
        record = self.format.read(line)
        self._learn(record)
        return record, True

    def _learn(self, record: dict[str, Any]) -> None:
        """Make a decoder for the keys that there have been, if that is due."""
        self._others += 1
        if len(self._keys) < MOST_KEYS:
            self._keys.update(record)
        if self._others >= self._wanted and len(self._keys) < MOST_KEYS:
            self._fast = self.format.decoder_of(self._keys)
            self._others, self._wanted = 0, self._wanted * GROWTH
