"""From a scenario to a captured dataset in a folder: the whole way, and all that can go wrong on it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from townlet_core.config.load import config_hash
from townlet_core.errors import UsageError, did_you_mean
from townlet_core.policy.decision import SCRIPTED, KernelPolicy, Policy
from townlet_core.rollout.collect import collect
from townlet_core.rollout.health import ActionUse, HealthWarning, find_warnings
from townlet_core.rollout.horizon import note_left_out, with_ticks
from townlet_core.rollout.placeholders import load_inhabited
from townlet_core.rollout.recording import Progress, Recording, begin, write_samples
from townlet_core.rollout.report import CaptureReport, SampleReport
from townlet_core.rollout.request import CaptureRequest, check_request
from townlet_core.rollout.spool import Spool, sizes_of
from townlet_core.samples.commit import staged
from townlet_core.samples.manifest import MANIFEST, files_of
from townlet_core.samples.provenance import printable
from townlet_core.samples.writer import CaptureWriter
from townlet_core.world.town import CompiledTown, compile_town


@dataclass(frozen=True)
class Planned:
    """A request that has been checked."""

    request: CaptureRequest
    recording: Recording
    notes: tuple[str, ...]


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
    return _carry_out(plan_capture(request), on_progress, began)


def capture_again(
    request: CaptureRequest, recording: Recording, *, on_progress: Progress | None = None
) -> CaptureReport:
    """Capture what is known without its configuration file: the town, the slots, the seed and the policy.

    Args:
        request: where to, how many worlds, and in what form; what else it says is passed over.
    """
    return _carry_out(Planned(request, recording, ()), on_progress, time.perf_counter())


def _carry_out(plan: Planned, on_progress: Progress | None, began: float) -> CaptureReport:
    """Simulate, write and commit."""
    request, recording = plan.request, plan.recording
    use = ActionUse(len(recording.town.actions.names))
    with staged(request.output, request.prefix, force=request.force) as stage:
        writer = CaptureWriter(stage, request.prefix, worlds=request.worlds, compress=request.compress)
        begin(recording, writer)
        with Spool(stage.spool, sizes_of(recording.town), worlds=request.worlds, slots=recording.slots) as spool:
            _simulate(plan, spool, on_progress)
            examined = list(write_samples(recording, spool, writer, use, _second_half(recording.ticks, on_progress)))
        stage.commit(writer.finish())
    warnings = find_warnings(examined, use, recording.town.actions.names)
    return _report(plan, writer, warnings, time.perf_counter() - began)


def plan_capture(request: CaptureRequest) -> Planned:
    """Check a request, load its town and choose the slots to record."""
    kernel_policy = check_request(request)
    config, notes = load_inhabited(request.source, request.overrides, auto_seed_agents=request.auto_seed_agents)
    wanted, planned = request.ticks, config.scenario.scenario.ticks
    if wanted is not None and wanted != planned:
        config = with_ticks(config, wanted)
        notes.append(f"--ticks {wanted} wins over the {planned} ticks of the scenario")
        notes += note_left_out(config.scenario)
    town = compile_town(config)
    seed = config.scenario.seed if request.seed is None else request.seed
    slots = slots_to_record(request.agents, town)
    policy = kernel_policy or learned(request.policy, town)
    recording = Recording(request.source, town, slots, request.worlds, town.horizon, seed, policy)
    return Planned(request, recording, tuple(notes))


def learned(place: str, town: CompiledTown) -> Policy:
    """Load the policy of a checkpoint. Torch comes with it, so nobody else waits for that."""
    from townlet_core.policy.learned import load_policy

    return load_policy(Path(place), town)


def slots_to_record(agents: tuple[str, ...], town: CompiledTown) -> list[int]:
    """Give the numbers of the slots to record, in the order of the town: those of the agents named, or all."""
    for agent in agents:
        if agent not in town.slots:
            known = ", ".join(town.slots[:20]) + (", ..." if len(town.slots) > 20 else "")
            hint = did_you_mean(agent, town.slots)
            raise UsageError(f"no agent '{agent}' in this town; known are {known}", where="--agent", hint=hint)
    return sorted({town.slots.index(agent) for agent in agents}) or list(range(len(town.slots)))


def _simulate(plan: Planned, spool: Spool, on_progress: Progress | None) -> None:
    """Play the town and keep what happens. It makes the first half of the progress."""
    request, recording, played = plan.request, plan.recording, 0
    for frames in collect(
        recording.town,
        worlds=request.worlds,
        seed=recording.seed,
        policy=recording.policy,
        ticks=recording.ticks,
        threads=request.threads,
    ):
        spool.add(frames)
        played += len(frames.actions)
        if on_progress:
            on_progress(played, 2 * recording.ticks)


def _second_half(ticks: int, on_progress: Progress | None) -> Progress | None:
    """Count the work of writing as the second half of the progress."""
    return (lambda done, of: on_progress(ticks + ticks * done // of, 2 * ticks)) if on_progress else None


def _report(plan: Planned, writer: CaptureWriter, warnings: tuple[HealthWarning, ...], seconds: float) -> CaptureReport:
    """Put together what there is to tell. What the scripted policy never does is its own affair, not the scenario's."""
    request, recording = plan.request, plan.recording
    scripted = isinstance(recording.policy, KernelPolicy) and recording.policy.code == SCRIPTED
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
        scenario=recording.town.config.scenario.name,
        config_hash=config_hash(recording.town.config),
        policy=recording.policy.name,
        seed=recording.seed,
        ticks=recording.ticks,
        worlds=request.worlds,
        agents=recording.names(),
        samples=samples,
        warnings=tuple(sign for sign in warnings if not (scripted and sign.kind == "unused_actions")),
        notes=(*plan.notes, *habits),
        seconds=seconds,
        agent_steps=steps,
        agent_steps_per_second=steps / seconds,
    )
