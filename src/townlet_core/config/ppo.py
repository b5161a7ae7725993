"""How a policy is trained: the settings of a file in configs/ppo, each with its default."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from townlet_core.schema import Fraction, StrictModel

Width = Annotated[int, Field(ge=1, le=4096)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Weight = Annotated[float, Field(ge=0, le=1000)]
Positive = Annotated[float, Field(gt=0, le=1000)]


class PPO(StrictModel):
    """Proximal policy optimisation (Schulman et al. 2017, arXiv:1707.06347) on what the policy does in the town."""

    learning_rate: Annotated[float, Field(gt=0, le=1)] = Field(0.001, description="step size of Adam at the start")
    anneal: Literal["linear", "none"] = Field(
        "linear", description="linear: the learning rate falls to 0 over the planned epochs"
    )
    adam_eps: Annotated[float, Field(gt=0, le=0.1)] = Field(1.0e-5, description="Adam's epsilon")
    rollout_ticks: Count = Field(32, description="ticks collected an epoch; --rollout-ticks wins over it")
    update_epochs: Annotated[int, Field(ge=1, le=100)] = Field(2, description="passes over what an epoch has collected")
    minibatches: Annotated[int, Field(ge=1, le=10_000)] = Field(
        8, description="gradient steps a pass; each takes whole ticks of all agents"
    )
    gamma: Fraction = Field(0.995, description="discount a tick")
    gae_lambda: Fraction = Field(0.95, description="lambda of the advantages (arXiv:1506.02438)")
    at_horizon: Literal["bootstrap", "end"] = Field(
        "bootstrap",
        description="what the last tick of an episode in the town leads to: the value of what is seen last, as if life "
        "went on, or nothing, so that what is learned is the return of one episode (arXiv:1712.00378)",
    )
    clip_range: Positive = Field(0.2, description="how far the ratio to the old policy may go before it is clipped")
    value_clip_range: Positive | None = Field(None, description="the same for values; nothing turns it off")
    entropy_coef: Weight = Field(
        0.02, description="weight of the entropy at the start, which keeps the policy exploring"
    )
    entropy_coef_final: Weight | None = Field(
        0.0, description="weight of the entropy that the epochs approach linearly; nothing: it stays"
    )
    value_coef: Weight = Field(0.5, description="weight of the value loss")
    max_grad_norm: Positive | None = Field(0.5, description="longest gradient; nothing: any")
    normalize_advantages: bool = Field(
        True, description="scale the advantages of a minibatch to mean 0 and deviation 1"
    )
    target_kl: Positive | None = Field(
        None, description="a pass that ends with more KL (k3) than 1.5 times this is the epoch's last; nothing: any"
    )
    stagger: bool = Field(
        True, description="begin worlds at different times of the episode, so that an epoch sees all of them"
    )
    parts: Annotated[int, Field(ge=1, le=1024)] = Field(
        2,
        description="parts of the worlds (of at least 64 agents), each played and differentiated by its own thread; "
        "decides on the last bits of the result",
    )


class Network(StrictModel):
    """The actor-critic that all agents share."""

    encoder: Literal["linear", "patch", "conv"] = Field(
        "linear", description="how the map is taken in: linear, 3x3 patches (stride 2), or two 3x3 convolutions"
    )
    hidden: Annotated[tuple[Width, ...], Field(min_length=1, max_length=8)] = Field(
        (128, 128), description="widths of the hidden layers"
    )
    activation: Literal["relu", "tanh"] = Field("relu", description="what follows each hidden layer")
    channels: Annotated[int, Field(ge=1, le=256)] = Field(16, description="channels of the patch and conv encoders")


class Replay(StrictModel):
    """Learning from captures."""

    method: Literal["auto", "retrace", "awr", "clone", "anchored", "vtrace"] = Field(
        "auto",
        description="awr: advantage-weighted regression (arXiv:1910.00177); retrace: the same with advantages of the "
        "policy that is learned, not of the behaviour, by Retrace (arXiv:1606.02647) and a critic of actions; clone: "
        "behaviour cloning; anchored: PPO around a clone of the behaviour (arXiv:2302.11312); vtrace: PPO with "
        "importance weights (arXiv:1802.01561); retrace and vtrace are for captures with true log-probabilities, "
        "retrace for captures alone; auto: vtrace where a network acted in all of them, else retrace where it can, "
        "else awr",
    )
    batch: Annotated[int, Field(ge=1, le=1_000_000)] = Field(1024, description="transitions a gradient step")
    block: Annotated[int, Field(ge=1, le=100_000)] = Field(
        16, description="successive ticks that stay together when transitions are shuffled"
    )
    temperature: Positive = Field(
        0.5,
        description="awr and retrace: weights are exp(advantage / temperature), in standard deviations of advantages",
    )
    critic_epochs: Count = Field(2, description="retrace: epochs of cloning before the critic has a say")
    max_weight: Positive = Field(20.0, description="awr and retrace: largest weight")
    sharpness: Weight = Field(
        3.0,
        description="awr, retrace and clone: power of the behaviour's own probability by which an action counts less, "
        "where captures tell it: what noise did is not imitated",
    )
    anchor_epochs: Count = Field(10, description="anchored: epochs of cloning before the policy may improve on it")
    rho_clip: Positive = Field(1.0, description="vtrace: bound on the importance weights of the errors")
    c_clip: Positive = Field(1.0, description="vtrace: bound on the importance weights of the traces")
    memory_mb: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        2048, description="captures that pack to more are kept in a temporary file and read from there"
    )


class Mixed(StrictModel):
    """Learning from captures and from the town at once (as in DAPG, arXiv:1709.10087)."""

    warm_start_epochs: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        10, description="passes over the captures before the policy first acts"
    )
    replay_ratio: Annotated[float, Field(gt=0, le=100)] = Field(
        0.25, description="captured transitions for each fresh one in a gradient step"
    )
    replay_coef: Weight = Field(
        0.1, description="weight of the captures' loss in a gradient step, at the first of all planned epochs"
    )
    replay_coef_final: Weight = Field(0.0, description="the same, that the epochs approach linearly")


class TrainingSettings(StrictModel):
    """A file of settings."""

    ppo: PPO = Field(default_factory=PPO, description="learning from fresh experience")
    network: Network = Field(default_factory=Network, description="the network")
    replay: Replay = Field(default_factory=Replay, description="learning from captures")
    mixed: Mixed = Field(default_factory=Mixed, description="both")
