"""Examples have no deadline: the first may have to wait for a kernel to be compiled."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("townlet", deadline=None)
settings.load_profile("townlet")
