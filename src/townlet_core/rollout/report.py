"""What a capture tells when it is done."""

from __future__ import annotations

from pydantic import Field

from townlet_core.rollout.health import HealthWarning
from townlet_core.samples.sample import Metrics
from townlet_core.schema import StrictModel


class SampleReport(StrictModel):
    """One sample."""

    sample: str = Field(description="name of the NPZ file")
    agent: str = Field(description="who lived it")
    world: int = Field(description="number of the world")
    ticks: int = Field(description="ticks of the life")
    metrics: Metrics = Field(description="as in the metrics file")


class CaptureReport(StrictModel):
    """What was captured, printed by --json."""

    directory: str = Field(description="folder of the capture, as it was named")
    manifest: str = Field(description="path of the manifest")
    metrics: str = Field(description="path of the metrics")
    seal: str = Field(description="path of the seal")
    scenario: str = Field(description="name of the scenario")
    config_hash: str = Field(description="sha256 of the resolved configuration")
    policy: str = Field(description="who acted")
    seed: int = Field(description="seed of all randomness")
    ticks: int = Field(description="ticks simulated")
    worlds: int = Field(description="worlds simulated")
    agents: tuple[str, ...] = Field(description="ids of the slots recorded")
    samples: tuple[SampleReport, ...] = Field(description="a life each, by world, slot and time")
    warnings: tuple[HealthWarning, ...] = Field(description="signs that it is not worth learning from")
    notes: tuple[str, ...] = Field(
        description="what was done differently from what the configuration says, and else good to know"
    )
    seconds: float = Field(description="time that the whole capture took")
    agent_steps: int = Field(description="ticks of all lives recorded")
    agent_steps_per_second: float = Field(description="of those, in a second of the whole capture")
