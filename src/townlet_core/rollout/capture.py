"""From a scenario to a captured dataset in a folder: the whole way, and all that can go wrong on it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from townlet_core.config.load import config_hash, load_town
from townlet_core.errors import InputError, UsageError, did_you_mean
from townlet_core.policy.decision import KernelPolicy, find_policy
from townlet_core.rollout.assemble import columns_of, streams_of
from townlet_core.rollout.collect import collect
from townlet_core.rollout.health import ActionUse, Examined, HealthWarning, examine, find_warnings
from townlet_core.rollout.horizon import note_left_out, with_ticks
from townlet_core.rollout.lives import Life
from townlet_core.rollout.placeholders import NAMES, is_empty, seed_agents
from townlet_core.rollout.report import CaptureReport, SampleReport
from townlet_core.rollout.spool import Spool, sizes_of
from townlet_core.samples.commit import staged
from townlet_core.samples.manifest import MANIFEST, Metadata, files_of
from townlet_core.samples.metrics import measure
from townlet_core.samples.provenance import printable, version_of
from townlet_core.samples.sample import TRAINING_ARRAYS, Meta, PolicyNote
from townlet_core.samples.writer import CaptureWriter
from townlet_core.world.town import CompiledTown, compile_town

PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
MOST_TICKS = 1_000_000
MOST_WORLDS = 100_000
MOST_THREADS = 1024
MOST_SEED = 2**63 - 1

Progress = Callable[[int, int], None]  # done, of how much


@dataclass(frozen=True)
class CaptureRequest:
    """What to capture, and where to."""

    source: str  # path of a configuration, or name of a scenario
    output: Path
    ticks: int | None = None  # None: as many as the scenario says
    prefix: str = "rollout_sample"
    agents: tuple[str, ...] = ()  # none named: all of them
    auto_seed_agents: bool = False
    compress: bool = False
    seed: int | None = None  # None: the scenario's
    worlds: int = 1
    policy: str = "scripted"
    force: bool = False
    overrides: tuple[str, ...] = ()  # key.path=value
    threads: int = 1


@dataclass(frozen=True)
class _Plan:
    """A request that has been checked."""

    request: CaptureRequest
    town: CompiledTown
    slots: list[int]  # slots recorded
    policy: KernelPolicy
    seed: int
    notes: tuple[str, ...]

    @property
    def ticks(self) -> int:
        return self.town.horizon

    @property
    def policy_note(self) -> PolicyNote:
        certain = self.policy.kind == "deterministic"
        return PolicyNote(
            name=self.policy.name, kind=self.policy.kind, log_probs="deterministic" if certain else "true"
        )


def capture(request: CaptureRequest, *, on_progress: Progress | None = None) -> CaptureReport:
    """Simulate a scenario and write what its agents saw, did and got.

    All that can be checked is checked before anything is simulated. Whatever goes wrong, and at whatever moment, the
    folder is left as it was.

    Args:
        on_progress: called now and then with how much is done, and of how much.

    Raises:
        TownletError: with the place, the problem and what to do.
    """
    began = time.perf_counter()
    plan = _plan(request)
    use = ActionUse(len(plan.town.actions.names))
    with staged(request.output, request.prefix, force=request.force) as stage:
        writer = CaptureWriter(stage, request.prefix, worlds=request.worlds, compress=request.compress)
        with Spool(stage.spool, sizes_of(plan.town), worlds=request.worlds, slots=plan.slots) as spool:
            _simulate(plan, spool, on_progress)
            examined = list(_write_samples(plan, spool, writer, use, on_progress))
        stage.commit(_finish(plan, writer))
    warnings = find_warnings(examined, use, plan.town.actions.names)
    return _report(plan, writer, warnings, time.perf_counter() - began)


def _plan(request: CaptureRequest) -> _Plan:
    """Check a request, load its town and choose the slots to record."""
    _check_numbers(request)
    policy = find_policy(request.policy)
    config = load_town(request.source, request.overrides)
    notes: list[str] = []
    if is_empty(config):
        if not request.auto_seed_agents:
            hint = "list some under agents, or give --auto-seed-agents"
            raise InputError(
                "nobody lives in this town, so there is nothing to capture", where=request.source, hint=hint
            )
        config = seed_agents(config)
        notes.append(f"nobody lives in this town: {' and '.join(NAMES)} were placed in it")
    wanted, planned = request.ticks, config.scenario.scenario.ticks
    if wanted is not None and wanted != planned:
        config = with_ticks(config, wanted)
        notes.append(f"--ticks {wanted} wins over the {planned} ticks of the scenario")
        notes += note_left_out(config.scenario)
    town = compile_town(config)
    seed = config.scenario.seed if request.seed is None else request.seed
    return _Plan(request, town, _slots_to_record(request, town), policy, seed, tuple(notes))


def _check_numbers(request: CaptureRequest) -> None:
    """Refuse options that no town can meet."""
    numbers = (
        ("--ticks", request.ticks, 1, MOST_TICKS),
        ("--worlds", request.worlds, 1, MOST_WORLDS),
        ("--threads", request.threads, 1, MOST_THREADS),
        ("--seed", request.seed, 0, MOST_SEED),
    )
    for option, number, least, most in numbers:
        if number is not None and not least <= number <= most:
            raise UsageError(f"must be a whole number from {least} to {most}, found {number}", where=option)
    if not PREFIX.fullmatch(request.prefix):
        problem = f"must begin with a letter or digit and hold only those, '_', '.' and '-', found {request.prefix!r}"
        raise UsageError(problem, where="--prefix", hint="it is the beginning of file names")


def _slots_to_record(request: CaptureRequest, town: CompiledTown) -> list[int]:
    """Give the numbers of the slots to record, in the order of the town: those of the agents named, or all."""
    for agent in request.agents:
        if agent not in town.slots:
            known = ", ".join(town.slots[:20]) + (", ..." if len(town.slots) > 20 else "")
            hint = did_you_mean(agent, town.slots)
            raise UsageError(f"no agent '{agent}' in this town; known are {known}", where="--agent", hint=hint)
    return sorted({town.slots.index(agent) for agent in request.agents}) or list(range(len(town.slots)))


def _simulate(plan: _Plan, spool: Spool, on_progress: Progress | None) -> None:
    """Play the town and keep what happens. It makes the first half of the progress."""
    request, played = plan.request, 0
    for frames in collect(
        plan.town,
        worlds=request.worlds,
        seed=plan.seed,
        policy=plan.policy,
        ticks=plan.ticks,
        threads=request.threads,
    ):
        spool.add(frames)
        played += len(frames.actions)
        if on_progress:
            on_progress(played, 2 * plan.ticks)


def _write_samples(
    plan: _Plan, spool: Spool, writer: CaptureWriter, use: ActionUse, on_progress: Progress | None
) -> Iterator[Examined]:
    """Write a sample a life. It makes the second half of the progress."""
    lives = spool.lives()
    if not lives:
        who = " or ".join(plan.request.agents) or "anybody"
        problem = f"the capture is over before {who} comes to town"
        raise UsageError(problem, where=f"{plan.ticks} ticks", hint="give more --ticks")
    steps = sum(life.stop - life.first for life in lives)
    written = 0
    for life in lives:
        columns = columns_of(spool, life, plan.town)
        meta = _meta(plan, life)
        meta = meta.model_copy(update={"metrics": measure(columns, meta)})
        sample = writer.add(meta, streams_of(spool, life, columns, plan.town))
        use.take(columns.actions)
        for masks in spool.pieces("action_mask", life):
            use.add(masks)
        yield examine(sample, columns, meta.metrics)
        written += life.stop - life.first
        if on_progress:
            on_progress(plan.ticks + plan.ticks * written // steps, 2 * plan.ticks)


def _meta(plan: _Plan, life: Life) -> Meta:
    """Say what a sample is, its metrics apart."""
    town, ticks = plan.town, life.stop - life.first
    slot = town.slots[plan.slots[life.slot]]
    return Meta(
        variant=town.config.scenario.features.observation,
        map_shape=town.map_shape,
        map_channels=town.channels,
        feature_names=town.features,
        embedding_slot=plan.slots[life.slot],
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
        policy=plan.policy_note,
    )


def _finish(plan: _Plan, writer: CaptureWriter) -> str:
    """Write what is said of all samples together; give the name of the manifest."""
    scenario = plan.town.config.scenario
    metadata = Metadata(
        tool_version=version_of("townlet"),
        config_path=printable(plan.request.source),
        config_id=printable(Path(plan.request.source).stem),
        config_hash=config_hash(plan.town.config),
        scenario_name=scenario.name,
        scenario_description=scenario.description,
        ticks=plan.ticks,
        worlds=plan.request.worlds,
        seed=plan.seed,
        policy=plan.policy_note,
        policy_hash=None,
        capture_timestamp=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    config = plan.town.config.model_dump(mode="json")
    return writer.finish(metadata, config, plan.town.actions.names, plan.town.features)


def _report(plan: _Plan, writer: CaptureWriter, warnings: tuple[HealthWarning, ...], seconds: float) -> CaptureReport:
    """Put together what there is to tell. What the scripted policy never does is its own affair, not the scenario's."""
    request, scripted = plan.request, plan.policy.name == "scripted"
    habits = tuple(f"scripted: {sign.text}" for sign in warnings if scripted and sign.kind == "unused_actions")
    own = files_of(request.output / f"{request.prefix}{MANIFEST}")
    samples = tuple(
        SampleReport(
            sample=entry.sample,
            agent=entry.agent_id,
            world=entry.world,
            ticks=entry.frame_count,
            metrics=writer.metrics[entry.sample],
        )
        for entry in writer.entries
    )
    steps = sum(sample.ticks for sample in samples)
    return CaptureReport(
        directory=printable(request.output),
        manifest=printable(own.manifest),
        metrics=printable(own.metrics),
        seal=printable(own.seal),
        scenario=plan.town.config.scenario.name,
        config_hash=config_hash(plan.town.config),
        policy=plan.policy.name,
        seed=plan.seed,
        ticks=plan.ticks,
        worlds=request.worlds,
        agents=tuple(plan.town.slots[slot] for slot in plan.slots),
        samples=samples,
        warnings=tuple(sign for sign in warnings if not (scripted and sign.kind == "unused_actions")),
        notes=(*plan.notes, *habits),
        seconds=seconds,
        agent_steps=steps,
        agent_steps_per_second=steps / seconds,
    )
