"""Counting what happens: one byte an event, agent and tick."""

from __future__ import annotations

from townlet_core.world.kernel import kernel

MOST = 255


@kernel
def count(events, event):
    """Count an event of an agent once more; a count that has reached 255 stays there."""
    if events[event] < MOST:
        events[event] += 1
