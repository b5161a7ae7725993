"""What holds of every log, whatever was written to it and however often it was opened."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.telemetry.epochs import lines, record, stream
from townlet_core.telemetry.stream import segments

sittings = st.lists(st.integers(0, 7), min_size=1, max_size=4)


@settings(max_examples=60)
@given(sittings, st.integers(1, 4), st.integers(1, 4) | st.none())
def test_all_segments_in_order_are_one_stream(lengths: list[int], frequency: int, max_entries: int | None) -> None:
    """Each sitting of a run goes on with the next epochs; the last epoch of each is written in any case."""
    with tempfile.TemporaryDirectory() as folder:
        log, first, expected = Path(folder) / "ppo.jsonl", 1, list[int]()
        for length in lengths:
            epochs = range(first, first + length)
            record(log, epochs, frequency=frequency, max_entries=max_entries)
            expected += [epoch for epoch in epochs if epoch % frequency == 0 or epoch == epochs[-1]]
            first += length
        assert stream(log) == expected
        assert stream(log, "log_stream_offset") == stream(log, "seq") == list(range(1, len(expected) + 1))
        held = [len(lines(path)) for path in segments(log)]
        assert all(count == max_entries for count in held[:-1])
        assert max_entries is None or held[-1] <= max_entries
