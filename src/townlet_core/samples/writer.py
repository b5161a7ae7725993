"""Writes a capture into a stage: the samples one by one, then what is said of them together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import BaseModel, Field, JsonValue

from townlet_core.samples.commit import Stage
from townlet_core.samples.jsonfile import json_bytes, text_like
from townlet_core.samples.manifest import MANIFEST, METRICS, SEAL, Entry, Manifest, Metadata
from townlet_core.samples.metrics import MetricsFile, MetricsMetadata
from townlet_core.samples.npz import Stream, write_npz
from townlet_core.samples.provenance import Versions, git_commit, versions
from townlet_core.samples.sample import Meta, Metrics
from townlet_core.samples.seal import Seal, bytes_sha256, names_sha256
from townlet_core.schema import StrictModel


class Begun(StrictModel):
    """What is being captured, by whom. It lies in the stage until the commit, and after a kill, for a repair."""

    prefix: Annotated[str, text_like(r"[^/.][^/]*", "the beginning of file names")] = Field(
        description="what the names of all files begin with"
    )
    metadata: Metadata = Field(description="as in the manifest")
    config: dict[str, JsonValue] = Field(description="the configuration with all defaults and overrides")
    actions: tuple[str, ...] = Field(description="names of the actions, in the order of their ids")
    features: tuple[str, ...] = Field(description="names of the features, in order")
    slots: tuple[str, ...] = Field(description="the places in the town whose lives are recorded")
    versions: Versions = Field(description="of the program and its libraries")
    commit: str | None = Field(description="git commit of the program; none where that is not known")

    def seal(self, files: dict[str, str], samples: dict[str, dict[str, str]]) -> Seal:
        """Make the seal of what came of it."""
        about = self.metadata
        return Seal(
            versions=self.versions,
            commit=self.commit,
            config=self.config,
            config_hash=about.config_hash,
            seed=about.seed,
            worlds=about.worlds,
            ticks=about.ticks,
            policy=about.policy,
            policy_hash=about.policy_hash,
            actions_hash=names_sha256(self.actions),
            features_hash=names_sha256(self.features),
            files=files,
            samples=samples,
        )


def metrics_of(metadata: Metadata, metrics: dict[str, Metrics]) -> MetricsFile:
    """Make the metrics file of a capture."""
    about = MetricsMetadata(
        scenario_name=metadata.scenario_name,
        config_hash=metadata.config_hash,
        seed=metadata.seed,
        ticks=metadata.ticks,
    )
    return MetricsFile(metadata=about, samples=metrics)


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

    def begin(
        self,
        metadata: Metadata,
        config: dict[str, JsonValue],
        actions: Sequence[str],
        features: Sequence[str],
        slots: Sequence[str],
    ) -> None:
        """Note what is being captured.

        Args:
            config: the configuration with all defaults and overrides.
            actions: names of the actions, in the order of their ids.
            features: names of the features, in order.
            slots: the places in the town whose lives are recorded.
        """
        self._begun = Begun(
            prefix=self._prefix,
            metadata=metadata,
            config=config,
            actions=tuple(actions),
            features=tuple(features),
            slots=tuple(slots),
            versions=versions(),
            commit=git_commit(),
        )
        self._stage.about.write_bytes(json_bytes(self._begun))

    def finish(self) -> str:
        """Write metrics, manifest and seal; give the name of the manifest."""
        metadata = self._begun.metadata
        self._write(self._prefix + METRICS, metrics_of(metadata, self.metrics))
        manifest = self._write(self._prefix + MANIFEST, Manifest(metadata=metadata, samples=tuple(self.entries)))
        self._write(self._prefix + SEAL, self._begun.seal(self._files, self._samples))
        return manifest

    def _write(self, name: str, model: BaseModel) -> str:
        """Write a JSON file and note its hash."""
        data = json_bytes(model)
        with self._stage.create(name) as file:
            file.write(data)
        self._files[name] = bytes_sha256(data)
        return name
