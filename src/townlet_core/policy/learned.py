"""The learned policy: a network that acts in the town, with its true log-probabilities and values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from townlet_core.errors import InputError
from townlet_core.policy.decision import Decision, Observation, PolicyKind
from townlet_core.policy.network import ActorCritic, Shape
from townlet_core.policy.sampling import draw
from townlet_core.policy.saved import (
    POLICY_JSON,
    WEIGHTS,
    Arrays,
    SavedPolicy,
    check_fits,
    find_checkpoint,
    policy_sha256,
    read_policy,
)
from townlet_core.world.town import CompiledTown


class LearnedPolicy:
    """Draws actions from a network by the luck of each agent.

    Args:
        policy_hash: sha256 of the weights, for the captures that it makes; None while they change.
    """

    kind: PolicyKind = "learned"

    def __init__(
        self,
        network: ActorCritic,
        *,
        name: str,
        policy_hash: str | None = None,
        device: torch.device | None = None,
    ) -> None:
        self.name = name
        self.policy_hash = policy_hash
        self.network = network
        self.device = device or torch.device("cpu")

    @torch.inference_mode()
    def decide(self, observation: Observation, luck: NDArray[np.float32]) -> Decision:
        """Choose an action for every agent."""
        shape = observation.features.shape[:2]
        agents = shape[0] * shape[1]
        features = torch.from_numpy(observation.features.reshape(agents, -1)).to(self.device)
        network = self.network
        output = network.say(network.hidden(network.look(observation.map), features)[-1]).cpu().numpy()
        mask = observation.action_mask.reshape(agents, -1)
        actions, log_probs = np.empty(agents, np.int16), np.empty(agents, np.float32)
        draw(output, mask, luck.reshape(-1), actions, log_probs)
        return Decision(actions.reshape(shape), log_probs.reshape(shape), output[:, -1].reshape(shape))

    @torch.inference_mode()
    def values(self, map: NDArray[np.float32], features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Estimate the return from observations `[n, ...]` on; gives `[n]`."""
        seen = self.network.look(map.reshape(len(map), -1)), torch.from_numpy(features).to(self.device)
        values: NDArray[np.float32] = self.network(*seen)[1].cpu().numpy()
        return values


def load_policy(place: Path, town: CompiledTown) -> LearnedPolicy:
    """Read the policy of a checkpoint, for acting in a town.

    Raises:
        InputError: it cannot be read, or does not fit the town.
    """
    saved, weights = read_policy(place)
    check_fits(saved, town, place)
    network = build_network(saved, weights, place)
    return LearnedPolicy(network, name=saved.name, policy_hash=policy_sha256(weights))


def build_network(saved: SavedPolicy, weights: Arrays, place: Path) -> ActorCritic:
    """Make a network with given weights.

    Raises:
        InputError: they are not those of such a network, or no numbers.
    """
    network = ActorCritic(Shape(saved.map_shape, len(saved.feature_names), len(saved.action_names)), saved.network)
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    found = {name: array.shape for name, array in weights.items()}
    if wanted != found:
        where = str(find_checkpoint(place) / POLICY_JSON)
        raise InputError("its weights are not those of the network that it names", where=where)
    if not all(np.isfinite(array).all() for array in weights.values()):
        raise InputError("its weights hold NaN or infinity", where=str(find_checkpoint(place) / WEIGHTS))
    network.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights.items()})
    return network
