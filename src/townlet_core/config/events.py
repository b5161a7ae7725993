"""What can happen to an agent in a tick. Each event is counted once, for the agent that its meaning names.

Affordances may name further events, but none of these: its uses would be counted among them.
"""

from __future__ import annotations

CORE_EVENTS = {
    "invalid_action": "an action that the mask forbids was asked for; it became a wait",
    "queue_conflict": "the agent asked for a thing that somebody else held or waited for",
    "ghost_step": "the agent held a thing, did not start for too long, and was sent to the back of its queue",
    "handover": "the agent was served after waiting while another used the thing to the end (polite queueing)",
    "affordance_start": "the agent began to use a thing",
    "affordance_finish": "the agent used a thing to the end; effects were applied",
    "affordance_fail": "a use was broken off by an outage, or by the end of the agent's life; no effects",
    "chat_success": "a chat that the agent began went well",
    "chat_failure": "a chat that the agent began went wrong",
    "shared_meal": "the agent finished a meal while somebody near was at theirs",
    "late_help": "the agent, on time at work, was there when a colleague came late",
    "shift_takeover": "the agent, on time at work, took over the shift of a colleague who did not come",
    "shift_on_time": "the agent came to its shift on time",
    "shift_late": "the agent became late for its shift, and was fined",
    "shift_absent": "the agent missed its shift",
    "faint": "the agent fainted; its life in the town ended",
    "eviction": "the agent was evicted after too many absences; its life in the town ended",
}
