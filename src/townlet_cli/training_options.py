"""Options of training, each named and described once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from townlet_cli.options import path_of, whole_number

Mode = Annotated[
    Literal["rollout", "replay", "mixed"] | None,
    typer.Option(
        "--mode",
        help="What to learn from: the town (rollout), captures (replay) or both (mixed). If left out: replay where "
        "captures are given, else rollout.",
    ),
]
CaptureDirs = Annotated[
    list[Path] | None,
    typer.Option("--capture-dir", metavar="DIR", parser=path_of, help="Capture to learn from; repeatable."),
]
ReplayManifests = Annotated[
    list[Path] | None,
    typer.Option(
        "--replay-manifest",
        metavar="FILE",
        parser=path_of,
        help="The same by its manifest, where a folder holds several captures; repeatable.",
    ),
]
Epochs = Annotated[
    int | None,
    typer.Option(
        "--epochs",
        "-e",
        metavar="N",
        parser=whole_number,
        help="Epochs in all, those before a resume included: collections, or passes over captures. 100 if left out.",
    ),
]
RolloutTicks = Annotated[
    int | None,
    typer.Option(
        "--rollout-ticks", metavar="N", parser=whole_number, help="Ticks to collect an epoch, not ppo.rollout_ticks."
    ),
]
LiveWorlds = Annotated[
    int | None,
    typer.Option(
        "--worlds",
        "-w",
        metavar="N",
        parser=whole_number,
        help="Worlds to play side by side; as many as give 256 agents if left out.",
    ),
]
SaveDir = Annotated[
    Path | None,
    typer.Option(
        "--rollout-save-dir",
        metavar="DIR",
        parser=path_of,
        help="Keep all that is collected as a capture in this folder.",
    ),
]
RolloutAutoSeed = Annotated[
    bool,
    typer.Option(
        "--rollout-auto-seed-agents",
        "--auto-seed-agents",
        help="Place alice and bob, and what they need, in a town without agents.",
    ),
]
Log = Annotated[
    Path | None,
    typer.Option(
        "--ppo-log", metavar="FILE", parser=path_of, help="Telemetry log (NDJSON) to which each epoch adds a record."
    ),
]
LogFrequency = Annotated[
    int,
    typer.Option(
        "--ppo-log-frequency", metavar="N", parser=whole_number, help="Log every N-th epoch, and in any case the last."
    ),
]
LogMaxEntries = Annotated[
    int | None,
    typer.Option(
        "--ppo-log-max-entries",
        metavar="N",
        parser=whole_number,
        help="Records that the log holds before it is set aside as FILE.1, FILE.2, ... (the oldest is FILE.1).",
    ),
]
CheckpointDir = Annotated[
    Path | None,
    typer.Option(
        "--checkpoint-dir", metavar="DIR", parser=path_of, help="Folder for checkpoints; the last epoch makes one."
    ),
]
SaveEvery = Annotated[
    int | None,
    typer.Option("--save-every", metavar="N", parser=whole_number, help="Make a checkpoint every N-th epoch too."),
]
KeepCheckpoints = Annotated[
    int | None,
    typer.Option(
        "--keep-checkpoints",
        metavar="N",
        parser=whole_number,
        help="Checkpoints to keep, the newest, beside the best: 5 if left out.",
    ),
]
Resume = Annotated[
    Path | None,
    typer.Option(
        "--resume",
        metavar="DIR",
        parser=path_of,
        help="Go on from a checkpoint, or from the newest in a folder of them, with its settings and its seed.",
    ),
]
Device = Annotated[str, typer.Option("--device", metavar="NAME", help="auto, cpu, cuda or cuda:n.")]
Settings = Annotated[
    str | None,
    typer.Option("--settings", metavar="FILE", help="Settings of training: a YAML file, or the name of a shipped one."),
]
TrainingOverrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a setting, such as ppo.learning_rate=1e-4, or a key of the configuration; repeatable.",
    ),
]
EvalEvery = Annotated[
    int | None,
    typer.Option(
        "--eval-every",
        metavar="N",
        parser=whole_number,
        help="Play whole episodes with the policy every N-th epoch and after the last, and tell their return. Where "
        "checkpoints are kept, the best is made one too, and 'best' in their folder leads to it.",
    ),
]
EvalWorlds = Annotated[
    int | None,
    typer.Option("--eval-worlds", metavar="N", parser=whole_number, help="Worlds to play them in: 16 if left out."),
]
Processes = Annotated[
    int,
    typer.Option(
        "--nproc", metavar="N", parser=whole_number, help="Processes on this machine that train one policy together."
    ),
]
