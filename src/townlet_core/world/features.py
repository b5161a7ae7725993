"""What agents see besides the map: every feature's name and formula, once, in the order of the vector."""

from __future__ import annotations

from townlet_core.world.records import N_NEEDS

DIRECTIONS = ("north", "east", "south", "west")
GOALS = ("hunger", "hygiene", "energy", "work")
SHIFTS = ("pre", "on_time", "late", "absent", "post")
SOCIAL_SLOTS, SLOT_SIZE = 4, 11

SELF = {
    "need_hunger": "satisfaction of hunger, 0 to 1",
    "need_hygiene": "satisfaction of hygiene, 0 to 1",
    "need_energy": "satisfaction of energy, 0 to 1",
    "wallet": "money / (money + 1)",
    "lateness_counter": "n / (n + 3) for n shifts come to late in this life",
    "on_shift": "1 while the agent's shift is running and the agent has come to work in it, else 0",
    "time_sin": "sine of 2 pi tick of day / ticks per day",
    "time_cos": "cosine of the same",
    "attendance_ratio": "ticks present / ticks due of shifts in this life; 0 before the first",
    "wages_withheld": "w / (w + 1) for wages w not paid for ticks away",
    **{f"shift_{shift}": f"1 in the shift state {shift}, else 0; all 0 without a job" for shift in SHIFTS},
    "embedding_slot_norm": "slot / slots: tells agents of one policy apart",
    "ctx_reset_flag": "1 in the first observation of a life, else 0",
    "episode_progress": "tick / ticks of the episode",
    "last_action_id": "id of the last action, after the mask / (actions - 1)",
    "last_action_success": "0 if the mask turned the last action into a wait, else 1",
    "use_remaining": "ticks left of the use that is going on / its duration; 0 without one",
    "reservation_active": "1 if a thing is reserved for the agent, else 0",
    "in_queue": "1 if the agent waits in a queue, else 0",
    "chat_ready": "1 if the agent may start a chat again, else 0",
    "power_on": "1 if there is power, else 0",
    "water_on": "1 if there is water, else 0",
    "price_level": "f / (f + 1) for the price factor f; 0.5 is ordinary",
    "shift_begins_in": "ticks until the agent's shift begins next / ticks per day; 0 while it runs, 1 without a job",
    "shift_remaining": "ticks left of the shift that is running / its length; 0 when none is",
}
PATHS = {
    **{
        f"served_{need}": f"1 if an affordance for {need} can be had now (stock, money, utilities) at the nearest thing"
        for need in GOALS[:N_NEEDS]
    },
    **{
        f"distance_{goal}": "d / (d + 10) for d tiles to walk to "
        + (
            "the workplace"
            if goal == "work"
            else f"the thing nearest for the best affordance for {goal} to be had, or for the best if none"
        )
        + "; 1 if there is none"
        for goal in GOALS
    },
    **{
        f"path_{goal}_{direction}": f"1 if the next step of that walk goes {direction}, else 0"
        for goal in GOALS
        for direction in DIRECTIONS
    },
}
AROUND = {
    "neighbor_agent_ratio": "other agents in the window / its tiles",
    "neighbor_object_ratio": "things in the window / its tiles",
    "reserved_tile_ratio": "reserved things in the window / its tiles",
    "nearest_agent_distance": "d / (radius + 1) for the Chebyshev distance d of the nearest agent in the window; "
    "1 if there is none",
    "rivalry_max": "the strongest rivalry felt",
    "rivalry_avoid_count": "agents with rivalry at or above rivalry.avoid_threshold / (slots - 1)",
    "social_trust_mean": "sum of trust over ties / (slots - 1)",
    "social_trust_max": "the highest trust felt, at least 0",
    "social_rivalry_mean": "sum of rivalry over ties / (slots - 1)",
    "social_familiarity_mean": "sum of familiarity over ties / (slots - 1)",
}
SLOT_FEATURES = (
    "(slot of the other + 1) / slots",
    "rivalry felt for it",
    "trust in it",
    "familiarity with it",
    "(x of the other - own x) / width, 0 out of the window",
    "(y of the other - own y) / height, 0 out of the window",
    "Chebyshev distance / (radius + 1), 1 out of the window",
    "1 if it is in the window",
    "1 if it is using something, seen in the window",
    "1 if it has the same job",
    "1 if rivalry is at or above rivalry.avoid_threshold",
)
SOCIAL = {
    f"social_slot{slot}_d{d}": f"{text}; of the tie number {slot + 1} by strength (rivalry + |trust| + familiarity); "
    "0 if there is none"
    for slot in range(SOCIAL_SLOTS)
    for d, text in enumerate(SLOT_FEATURES)
}
FEATURES = {
    "compact": SELF | PATHS | AROUND,
    "hybrid": SELF | PATHS | AROUND | SOCIAL,
    "full": SELF | PATHS | AROUND | SOCIAL,
}
CHANNELS = {
    "self": "1 on the middle tile, where the agent is",
    "agents": "1 where another agent is",
    "objects": "1 where a thing is",
    "reservations": "1 where a thing is reserved for somebody",
}
FULL_CHANNELS = {
    "walls": "1 where a wall or the end of the town is",
    "kind_<kind>": "1 where a thing of that kind is, a plane for each kind",
}


def feature_names(variant: str) -> tuple[str, ...]:
    """List the features of an observation variant."""
    return tuple(FEATURES[variant])


def channel_names(variant: str, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """List the planes of the map of an observation variant."""
    return (*CHANNELS, "walls", *(f"kind_{kind}" for kind in kinds)) if variant == "full" else tuple(CHANNELS)
