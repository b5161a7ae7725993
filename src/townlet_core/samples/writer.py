"""Writes a capture into a stage: the samples one by one, then what is said of them together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, JsonValue

from townlet_core.samples.commit import Stage
from townlet_core.samples.jsonfile import json_bytes
from townlet_core.samples.manifest import MANIFEST, METRICS, SEAL, Entry, Manifest, Metadata
from townlet_core.samples.metrics import MetricsFile, MetricsMetadata
from townlet_core.samples.npz import Stream, write_npz
from townlet_core.samples.provenance import git_commit, versions
from townlet_core.samples.sample import Meta, Metrics
from townlet_core.samples.seal import Seal, bytes_sha256, names_sha256


class CaptureWriter:
    """The files of a capture as they grow."""

    def __init__(self, stage: Stage, prefix: str, *, worlds: int = 1, compress: bool = False) -> None:
        self._stage = stage
        self._prefix = prefix
        self._worlds = worlds
        self._compress = compress
        self._written: Counter[int] = Counter()  # samples by world
        self.entries: list[Entry] = []  # in the order of writing
        self._samples: dict[str, dict[str, str]] = {}
        self._files: dict[str, str] = {}
        self.metrics: dict[str, Metrics] = {}  # by name of the NPZ file

    def add(self, meta: Meta, streams: Iterable[Stream]) -> str:
        """Write one sample and its meta file; give the name of the sample.

        Samples are numbered from 001 in their world: its files have the same names in a batch of any size.
        """
        self._written[meta.world] += 1
        world = f"w{meta.world}_" if self._worlds > 1 else ""
        name = f"{self._prefix}_{world}{meta.agent_id}_{self._written[meta.world]:03}"
        sample = f"{name}.npz"
        with self._stage.create(sample) as file:
            self._samples[sample] = write_npz(file, streams, compress=self._compress)
        entry = Entry(
            sample=sample,
            meta=self._write(f"{name}.json", meta),
            agent_id=meta.agent_id,
            frame_count=meta.timesteps,
            world=meta.world,
        )
        self.entries.append(entry)
        self.metrics[sample] = meta.metrics
        return sample

    def finish(
        self, metadata: Metadata, config: dict[str, JsonValue], actions: Sequence[str], features: Sequence[str]
    ) -> str:
        """Write metrics, manifest and seal; give the name of the manifest.

        Args:
            config: the configuration with all defaults and overrides.
            actions: names of the actions, in the order of their ids.
            features: names of the features, in order.
        """
        about = MetricsMetadata(
            scenario_name=metadata.scenario_name,
            config_hash=metadata.config_hash,
            seed=metadata.seed,
            ticks=metadata.ticks,
        )
        self._write(self._prefix + METRICS, MetricsFile(metadata=about, samples=self.metrics))
        manifest = self._write(self._prefix + MANIFEST, Manifest(metadata=metadata, samples=tuple(self.entries)))
        seal = Seal(
            versions=versions(),
            commit=git_commit(),
            config=config,
            config_hash=metadata.config_hash,
            seed=metadata.seed,
            worlds=metadata.worlds,
            ticks=metadata.ticks,
            policy=metadata.policy,
            policy_hash=metadata.policy_hash,
            actions_hash=names_sha256(actions),
            features_hash=names_sha256(features),
            files=self._files,
            samples=self._samples,
        )
        self._write(self._prefix + SEAL, seal)
        return manifest

    def _write(self, name: str, model: BaseModel) -> str:
        """Write a JSON file and note its hash."""
        data = json_bytes(model)
        with self._stage.create(name) as file:
            file.write(data)
        self._files[name] = bytes_sha256(data)
        return name
