"""The number of each event that the rules count."""

from __future__ import annotations

from townlet_core.config.events import CORE_EVENTS

(
    INVALID_ACTION, QUEUE_CONFLICT, GHOST_STEP, HANDOVER, AFFORDANCE_START, AFFORDANCE_FINISH, AFFORDANCE_FAIL,
    CHAT_SUCCESS, CHAT_FAILURE, SHARED_MEAL, LATE_HELP, SHIFT_TAKEOVER, SHIFT_ON_TIME, SHIFT_LATE, SHIFT_ABSENT,
    FAINT, EVICTION,
) = range(len(CORE_EVENTS))  # fmt: skip
