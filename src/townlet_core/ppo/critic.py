"""What each action is worth to the policy that is learned, told by a network of its own.

It takes the place of what the behaviour went on to do wherever the policy would do something else, by Retrace.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from townlet_core.dataset.replay import Dataset
from townlet_core.policy.marks import Marks
from townlet_core.ppo.gradients import through
from townlet_core.ppo.learner import Learner, Slopes
from townlet_core.ppo.losses import differentiate_action_values
from townlet_core.ppo.weights import Floats


class Critic:
    """Learns beside a policy, whose network it begins as a copy of."""

    def __init__(self, learner: Learner) -> None:
        self.policy = learner
        self.norm_max = torch.zeros((), device=learner.gradient.device)  # of the gradient so far; stays NaN once it is
        self.learner = learner.twin(copy.deepcopy(learner.network))

    def worth(self, map: Tensor | Marks, features: Tensor) -> Tensor:
        """Give what every action would be worth, [n, N]."""
        adds, values = self.learner.network(map, features)
        worths: Tensor = adds + values.unsqueeze(1)
        return worths

    def step(self, dataset: Dataset, returns: Floats, cuts: Sequence[NDArray[np.int64]], rows: int) -> None:
        """Take a step towards the returns of some actions.

        Args:
            returns: [steps] of the whole dataset.
            cuts: this process's parts of a batch.
            rows: of the whole batch.
        """
        self.learner.set_rate(self.policy.rate)
        told = self.learner.step([partial(self._loss, dataset, returns, cut, 1 / rows) for cut in cuts])
        self.norm_max = torch.maximum(self.norm_max, told[-1])

    def _loss(
        self, dataset: Dataset, returns: Floats, rows: NDArray[np.int64], share: float, slopes: Slopes, threads: int
    ) -> Tensor:
        network, device = self.learner.network, self.learner.gradient.device
        seen = dataset.observations(rows)
        features, actions, targets = (
            torch.from_numpy(column).to(device) for column in (seen.features, dataset.actions[rows], returns[rows])
        )
        differentiated = partial(differentiate_action_values, actions=actions, returns=targets, share=share)
        marks = network.look(seen.map)
        return through(network, marks, features, differentiated, slopes=slopes, threads=threads)
