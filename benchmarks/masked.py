"""What the environments of the peers share: all agents at once, masks for MaskablePPO, and nothing else to ask."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv


class MaskedEnv(VecEnv):
    """An environment of Stable-Baselines3 that has no single environments inside."""

    @abstractmethod
    def masks_now(self) -> NDArray[Any]:
        """Give what each agent may do, [agents, actions]."""

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        assert method_name == "action_masks"
        return list(self.masks_now())

    def has_attr(self, attr_name: str) -> bool:
        return attr_name == "action_masks"

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError(attr_name)

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs

    def close(self) -> None:
        pass
