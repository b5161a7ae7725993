"""Gymnasium and PettingZoo, which only those have who asked for the extra `rl`."""

from __future__ import annotations

try:
    from gymnasium.spaces import Box, Dict, Discrete, Space
    from pettingzoo import ParallelEnv
except ModuleNotFoundError as error:
    text = f"townlet_core.envs needs gymnasium and pettingzoo, and there is no {error.name}"
    raise ModuleNotFoundError(f"{text}\nhint: pip install 'townlet[rl]'", name=error.name) from error

__all__ = ["Box", "Dict", "Discrete", "ParallelEnv", "Space"]
