"""A training from request to report: the log, the checkpoints, the evaluations and the capture around the epochs."""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from townlet_core.errors import OutputError, UsageError
from townlet_core.locks import only_writer
from townlet_core.ppo.best import Best, keep_newest
from townlet_core.ppo.checkpoint import (
    HIDDEN,
    SavedTraining,
    clear_hidden,
    in_the_way,
    remove,
    restore,
    save_checkpoint,
)
from townlet_core.ppo.describe import Values, describe
from townlet_core.ppo.keeping import Keeper, keeper
from townlet_core.ppo.learner import settled_thread
from townlet_core.ppo.processes import join_processes
from townlet_core.ppo.request import EVAL_WORLDS, KEEP, Prepared, TrainRequest, choose_device, prepare
from townlet_core.ppo.resuming import check_same, taken_up
from townlet_core.ppo.stopping import softly
from townlet_core.ppo.train import Epoch, Trainer
from townlet_core.rollout.evaluate import evaluate
from townlet_core.rollout.recording import Recording
from townlet_core.schema import StrictModel
from townlet_core.telemetry.log import TelemetryLog
from townlet_core.telemetry.record import VERSION

Watch = Callable[[Values], None]


class TrainReport(StrictModel):
    """What a training came to, printed by --json."""

    run_id: str = Field(description="names the run in its log and its checkpoints")
    scenario: str = Field(description="name of the scenario")
    mode: str = Field(description="what was learned from: rollout, replay or mixed")
    seed: int = Field(description="seed of all randomness")
    epochs: int = Field(description="epochs done, those before a resume included")
    epochs_planned: int = Field(description="epochs planned")
    steps: int = Field(description="transitions learned from")
    seconds: float = Field(description="time that this call took")
    steps_per_second: float = Field(description="transitions learned from in this call, in a second of its epochs")
    ended: str = Field(description="why it ended: done or interrupted")
    last: dict[str, Any] = Field(description="the values of the last epoch's record")
    log: str | None = Field(description="path of the log")
    lost_records: int = Field(description="records that the log could not take")
    checkpoint: str | None = Field(description="folder of the last checkpoint")
    best: str | None = Field(description="folder of the checkpoint whose policy earned most when it was evaluated")
    capture: str | None = Field(description="manifest of the capture of what was collected")
    notes: tuple[str, ...] = Field(description="what is good to know")


def train(
    request: TrainRequest, *, on_epoch: Watch | None = None, on_note: Callable[[str], None] | None = None
) -> TrainReport | None:
    """Train a policy.

    All that can be checked is checked before the first epoch. When asked to stop by SIGINT or SIGTERM it finishes the
    epoch, keeps all there is to keep and ends; asked again it ends at once.

    Args:
        on_epoch: called with the values of each epoch's record.
        on_note: called with what is good to know, as it becomes known.

    Returns:
        The report; None in a process that does not lead those that train together.

    Raises:
        DivergedError: a loss is not finite any more; the last checkpoint is good.
        TownletError: with the place, the problem and what to do.
    """
    began = time.perf_counter()
    device = choose_device(request.device)
    processes = join_processes(device)
    with ExitStack() as stack:
        stack.callback(processes.leave)
        stack.enter_context(settled_thread())
        request, saved, folder = taken_up(request)
        prepared = prepare(request, processes, device, saved.settings if saved is not None else None)
        if saved is not None and folder is not None:
            check_same(prepared, saved, processes, folder)
            if saved.epoch >= prepared.plan.epochs:
                raise UsageError(f"has done {saved.epoch} epochs", where=str(folder), hint="give more --epochs")
        trainer = Trainer(prepared.plan, processes)
        stack.callback(trainer.close)
        if saved is not None and folder is not None:
            restore(trainer, folder, saved)
        run_id = processes.tell(saved.run_id if saved is not None else secrets.token_hex(6))
        return _Run(stack, prepared, trainer, run_id, saved, on_epoch, on_note).go(began)


class _Run:
    """The epochs of one call, and what is kept of them."""

    def __init__(
        self,
        stack: ExitStack,
        prepared: Prepared,
        trainer: Trainer,
        run_id: str,
        saved: SavedTraining | None,
        on_epoch: Watch | None,
        on_note: Callable[[str], None] | None,
    ) -> None:
        request = prepared.request
        self.prepared, self.trainer, self.request = prepared, trainer, request
        self.run_id = run_id
        self.on_epoch, self.on_note = on_epoch, on_note or (lambda _: None)
        self.leads = trainer.processes.leads
        self.notes = list(prepared.notes)
        self.log: TelemetryLog | None = None
        self.keeper: Keeper | None = None
        self.checkpoint: Path | None = None
        self.best: Best | None = None
        self.saved = False  # the epoch just done
        self.checkpoint_dir = request.checkpoint_dir
        self.last: Values = {}
        trainer.processes.first(lambda: self._open(stack, saved))
        for note in self.notes if self.leads else ():
            self.on_note(note)
        self.stopping = stack.enter_context(softly())

    def _open(self, stack: ExitStack, saved: SavedTraining | None) -> None:
        """Open all that is written to, before anything is learned."""
        request, plan = self.request, self.prepared.plan
        old: list[Path] = []
        if self.checkpoint_dir is not None:
            in_the_way(self.checkpoint_dir, request.resume, force=request.force)
            _make(self.checkpoint_dir, stack)
            old = in_the_way(self.checkpoint_dir, request.resume, force=request.force)  # once more under the lock
            clear_hidden(self.checkpoint_dir)
            self.best = Best(self.checkpoint_dir, evaluates=request.eval_every is not None)
        if request.log is not None:
            self.log = stack.enter_context(
                TelemetryLog(
                    request.log,
                    run_id=self.run_id,
                    frequency=request.log_frequency,
                    max_entries=request.log_max_entries,
                    resume_after=saved.log_offset if saved is not None else None,
                )
            )
            self.notes += self.log.notes
        if request.save_dir is not None and plan.town is not None:
            slots = list(range(len(plan.town.slots)))
            parts = list(self.trainer.parts.values())
            recording = Recording(request.source, plan.town, slots, plan.worlds, 1, plan.seed, self.trainer.policy)
            if self.trainer.processes.size > 1:
                hint = "leave out --nproc, or --rollout-save-dir"
                raise UsageError("several processes cannot keep one capture", where="--rollout-save-dir", hint=hint)
            self.keeper = stack.enter_context(keeper(request.save_dir, recording, parts, force=request.force))
        for checkpoint in old:
            remove(checkpoint)
        if self.best is not None:
            self.best.begin()

    def go(self, began: float) -> TrainReport | None:
        """Train through the epochs that are left, or until asked to stop."""
        start, worked, ended = self.trainer.steps, 0.0, "done"
        for epoch in self.trainer.epochs():
            worked += epoch.seconds
            self._note_epoch(epoch)
            if any(self.trainer.processes.gather(bool(self.stopping))):
                ended = "interrupted" if self.trainer.epoch < self.prepared.plan.epochs else "done"
                break
        if self.checkpoint_dir is not None and not self.saved:
            self._save()
        manifest = self.keeper.commit() if self.keeper is not None else None
        if self.log is not None:
            self.log.close()
            if self.log.lost:
                self.notes.append(f"{self.log.lost} records could not be written to the log: {self.log.failure}")
                self.on_note(self.notes[-1])
        return self._report(began, start, worked, ended, manifest) if self.leads else None

    def _note_epoch(self, epoch: Epoch) -> None:
        """Keep what an epoch came to, in the log, in a checkpoint and in the capture."""
        trainer, request, plan = self.trainer, self.request, self.prepared.plan
        done = epoch.number == plan.epochs
        evaluated = request.eval_every is not None and (epoch.number % request.eval_every == 0 or done)
        if self.keeper is not None and epoch.facts is not None:
            self.keeper.take()
        if self.leads:
            values = describe(plan, epoch, steps=trainer.steps, cycle=trainer.cycle)
            if evaluated:
                values |= self._evaluate()
            values |= {
                "telemetry_version": VERSION,
                "scenario": self.prepared.scenario_name,
                "config_hash": self.prepared.config_hash,
                "time": datetime.now(UTC).isoformat(timespec="seconds"),
                **({"finished": True, "reason": "done"} if done else {}),
            }
            self.last = values
            if self.log is not None:
                self.log.write(values)
            if self.on_epoch is not None:
                self.on_epoch(values)
        self.saved = False
        if self.checkpoint_dir is not None:
            is_best = evaluated and trainer.processes.tell(self._is_best())
            if done or is_best or (request.save_every is not None and epoch.number % request.save_every == 0):
                self._save(is_best=is_best)

    def _is_best(self) -> bool:
        """Say whether the policy as it is earned more than all before it; only the process that leads knows."""
        return self.best is not None and self.best.is_beaten_by(self.last["eval_return_mean"])

    def _evaluate(self) -> Values:
        """Play whole episodes with the policy as it is, in worlds of their own."""
        plan = self.prepared.plan
        assert plan.town is not None
        result = evaluate(
            plan.town, self.trainer.policy, worlds=self.request.eval_worlds or EVAL_WORLDS, seed=plan.seed
        )
        return {
            "eval_return_mean": float(result.by_world.mean()),
            "eval_return_std": float(np.std(result.by_world)),
            "eval_count": len(result.by_world),
        }

    def _save(self, *, is_best: bool = False) -> None:
        prepared = self.prepared
        facts = {
            "run_id": self.run_id,
            "scenario_name": prepared.scenario_name,
            "action_names": prepared.action_names,
            "feature_names": prepared.feature_names,
            "map_channels": prepared.map_channels,
            "captures": prepared.capture_hashes,
            "log_offset": self.log.offset if self.log is not None else 0,
            "eval_return_mean": self.last.get("eval_return_mean"),
        }
        assert self.checkpoint_dir is not None
        self.checkpoint = save_checkpoint(self.trainer, self.checkpoint_dir, facts)
        self.saved = True
        self.trainer.processes.first(lambda: self._settle(is_best=is_best))

    def _settle(self, *, is_best: bool) -> None:
        """Say which checkpoint is the best, and remove those that are not to be kept."""
        assert self.checkpoint is not None
        assert self.checkpoint_dir is not None
        if self.best is not None and is_best:
            self.best.become(self.checkpoint, self.last["eval_return_mean"])
        keep_newest(self.checkpoint_dir, self.request.keep or KEEP)

    def _report(self, began: float, start: int, worked: float, ended: str, manifest: str | None) -> TrainReport:
        request, plan, trainer = self.request, self.prepared.plan, self.trainer
        best = self.best.place if self.best is not None else None
        return TrainReport(
            run_id=self.run_id,
            scenario=self.prepared.scenario_name,
            mode=plan.mode,
            seed=plan.seed,
            epochs=trainer.epoch,
            epochs_planned=plan.epochs,
            steps=trainer.steps,
            seconds=time.perf_counter() - began,
            steps_per_second=(trainer.steps - start) / worked if worked else 0.0,
            ended=ended,
            last=self.last,
            log=str(request.log) if request.log is not None else None,
            lost_records=self.log.lost if self.log is not None else 0,
            checkpoint=str(self.checkpoint) if self.checkpoint is not None else None,
            best=str(best) if best is not None else None,
            capture=str(request.save_dir / manifest) if request.save_dir is not None and manifest else None,
            notes=tuple(self.notes),
        )


def _make(folder: Path, stack: ExitStack) -> None:
    """Make a folder, see that it can be written to, and keep other trainings out of it as long as the stack holds.

    Raises:
        OutputError: it cannot, or there is another one.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.rmdir(tempfile.mkdtemp(prefix=HIDDEN, dir=folder))  # of a name of its own: one that is left blocks nobody
        other = "choose another --checkpoint-dir"
        stack.enter_context(only_writer(folder / ".townlet-checkpoint", folder, instead=other))
    except OSError as error:
        raise OutputError(f"cannot be written: {(error.strerror or str(error)).lower()}", where=str(folder)) from error
