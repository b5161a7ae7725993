"""What is recorded of a town, and how that becomes the files of a capture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from townlet_core.config.load import config_hash
from townlet_core.errors import UsageError
from townlet_core.policy.decision import KernelPolicy, Policy
from townlet_core.rollout.assemble import columns_of, streams_of
from townlet_core.rollout.health import ActionUse, Examined, examine
from townlet_core.rollout.lives import Life
from townlet_core.rollout.spool import Spool
from townlet_core.samples.manifest import Metadata
from townlet_core.samples.metrics import measure
from townlet_core.samples.provenance import printable, version_of
from townlet_core.samples.sample import TRAINING_ARRAYS, Meta, PolicyNote
from townlet_core.samples.writer import CaptureWriter
from townlet_core.world.town import CompiledTown
from townlet_core.world.view import planes

Progress = Callable[[int, int], None]  # done, of how much


@dataclass(frozen=True)
class Recording:
    """Who is recorded, and where that comes from."""

    source: str  # path of a configuration, or name of a scenario
    town: CompiledTown
    slots: list[int]  # slots recorded
    worlds: int
    ticks: int
    seed: int
    policy: Policy | KernelPolicy

    @property
    def policy_note(self) -> PolicyNote:
        """Say who acted."""
        certain = self.policy.kind == "deterministic"
        return PolicyNote(
            name=self.policy.name, kind=self.policy.kind, log_probs="deterministic" if certain else "true"
        )

    @property
    def policy_hash(self) -> str | None:
        """Hash of the policy's parameters, if it has any that stay."""
        return None if isinstance(self.policy, KernelPolicy) else self.policy.policy_hash

    def after(self, ticks: int) -> Recording:
        """Give the same for another number of ticks."""
        return replace(self, ticks=ticks)

    def names(self) -> tuple[str, ...]:
        """Give the ids of the slots recorded."""
        return tuple(self.town.slots[slot] for slot in self.slots)


def write_samples(
    recording: Recording, spool: Spool, writer: CaptureWriter, use: ActionUse, on_progress: Progress | None
) -> Iterator[Examined]:
    """Write a sample a life.

    Args:
        use: learns which actions were allowed and used.
        on_progress: called with the ticks of lives written, and of all.

    Raises:
        UsageError: nobody recorded has lived.
    """
    lives = spool.lives()
    if not lives:
        who = "anybody" if len(recording.slots) == len(recording.town.slots) else " or ".join(recording.names())
        problem = f"the capture is over before {who} comes to town"
        raise UsageError(problem, where=f"{recording.ticks} ticks", hint="give more --ticks")
    steps = sum(life.stop - life.first for life in lives)
    written = 0
    for life in lives:
        columns = columns_of(spool, life, recording.town, last_value=_last_value(recording, spool, life))
        meta = _meta(recording, life)
        meta = meta.model_copy(update={"metrics": measure(columns, meta)})
        sample = writer.add(meta, streams_of(spool, life, columns, recording.town))
        use.take(columns.actions)
        for masks in spool.pieces("action_mask", life):
            use.add(masks)
        yield examine(sample, columns, meta.metrics)
        written += life.stop - life.first
        if on_progress:
            on_progress(written, steps)


def _last_value(recording: Recording, spool: Spool, life: Life) -> float:
    """Give the policy's estimate for the last observation of a life; 0 for a policy that estimates nothing."""
    policy = recording.policy
    if isinstance(policy, KernelPolicy):
        return 0.0
    end = spool.end(life)
    drawn = planes(end["tiles"], recording.town.map_shape).reshape(1, -1)
    return float(policy.values(drawn, np.ascontiguousarray(end["features"]).reshape(1, -1))[0])


def _meta(recording: Recording, life: Life) -> Meta:
    """Say what a sample is, its metrics apart."""
    town, ticks = recording.town, life.stop - life.first
    slot = town.slots[recording.slots[life.slot]]
    return Meta(
        variant=town.config.scenario.features.observation,
        map_shape=town.map_shape,
        map_channels=town.channels,
        feature_names=town.features,
        embedding_slot=recording.slots[life.slot],
        training_arrays=TRAINING_ARRAYS,
        timesteps=ticks,
        value_pred_steps=ticks + 1,
        action_lookup=town.actions.lookup,
        action_dim=len(town.actions.names),
        agent_id=slot if life.number == 1 else f"{slot}.{life.number}",
        frame_count=ticks,
        metrics={},
        world=life.world,
        slot=slot,
        life=life.number,
        first_tick=life.first,
        reward_term_names=town.terms,
        reward_clip=town.config.scenario.rewards.clip,
        event_names=town.events,
        action_names=town.actions.names,
        policy=recording.policy_note,
    )


def begin(recording: Recording, writer: CaptureWriter) -> None:
    """Note what is said of all samples together."""
    scenario = recording.town.config.scenario
    metadata = Metadata(
        tool_version=version_of("townlet"),
        config_path=printable(recording.source),
        config_id=printable(Path(recording.source).stem),
        config_hash=config_hash(recording.town.config),
        scenario_name=scenario.name,
        scenario_description=scenario.description,
        ticks=recording.ticks,
        worlds=recording.worlds,
        seed=recording.seed,
        policy=recording.policy_note,
        policy_hash=recording.policy_hash,
        capture_timestamp=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    config = recording.town.config.model_dump(mode="json")
    town = recording.town
    writer.begin(metadata, config, town.actions.names, town.features, recording.names())
