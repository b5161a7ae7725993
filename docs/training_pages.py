"""The pages of the reference on training: settings, telemetry and checkpoints."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel
from schema_tables import key_sections, table

from townlet_core.config.find import shipped_settings
from townlet_core.config.ppo import TrainingSettings
from townlet_core.policy.saved import SavedPolicy
from townlet_core.ppo.checkpoint import SavedTraining
from townlet_core.telemetry.exporting.names import RENAMED, Name
from townlet_core.telemetry.formats import BASE, SINCE_1_1, VERSIONS, LaterKeys
from townlet_core.telemetry.record import FAMILIES, KEYS, EpochRecord


def sections(model: type[BaseModel], *, depth: str = "##") -> str:
    """Describe every key of a model and of those within it."""
    schema = model.model_json_schema()
    return "".join(key_sections(schema, schema.get("$defs", {}), "")).replace("## ", f"{depth} ")


def training_page(notice: str) -> str:
    """Describe the settings of training."""
    shipped = ", ".join(f"`{name}`" for name in shipped_settings())
    text = f"{notice}# Settings of training\n\nThe keys of a file for `--settings`; any of them can be given on the "
    text += "command line too: `--set ppo.learning_rate=1e-4`. A file need say only what differs from the defaults.\n\n"
    text += f"Shipped with Townlet, by name: {shipped}.\n\n" if shipped else ""
    return text + sections(TrainingSettings)


def telemetry_page(notice: str) -> str:
    """Describe the record of an epoch, and the rules of its file."""
    text = f"{notice}# Telemetry\n\n"
    text += "`townlet train ppo --ppo-log FILE` writes one JSON object a line and epoch: telemetry 1.1. What is not "
    text += "defined is `null`, never 0. A number that is no number (NaN, infinity) is `null` too, and `nonfinite` "
    text += "names its key.\n\n"
    text += table(("key", "kind", "meaning"), _keys())
    text += (
        "In an epoch in which nobody lived (`transitions` is 0) there is no gradient step, and all that is of one is "
    )
    text += "null.\n\nBeside these there are families of keys:\n\n"
    text += table(("family", "meaning"), ((f"`{name}.*`", meaning) for name, meaning in FAMILIES.items()))
    text += _versions()
    return text + (
        "## The file\n\n"
        "A log has one writer, who holds `FILE.lock` (a file of that name that is somebody else's is refused and stays "
        "as it is), and any number of readers. A record is written in one piece; "
        "where it does not fit on the disk what there is of it is cut off again, the training goes on, and the next "
        "record tells how many were lost (`lost_records`). What a crash has left of a line is moved to "
        "`FILE.torn-<n>` when the log is next opened. With `--ppo-log-max-entries` a full file becomes `FILE.1`, "
        "`FILE.2` and so on, the oldest being `FILE.1`; the file in use keeps its name. `log_stream_offset` counts "
        "records through all of them and through restarts. Where a run is resumed, what it had written after its "
        "checkpoint is moved to `FILE.superseded-<n>` and written anew.\n\n"
        "Readers take a log and its segments, compressed (`.gz`) or not, as one stream. Rotations of the predecessor, "
        "which wrote on in `FILE.1` when `FILE` was full, and of logrotate, whose `FILE.1` is the newest segment, are "
        "told apart from ours by the first record of each file.\n\n"
        "## Names of other programs\n\n"
        "`townlet telemetry export --names` writes these keys as Stable-Baselines3 and CleanRL call them, where they "
        "mean the same; all others keep their own. Values are multiplied where that is said.\n\n"
        + table(("key", "`--names sb3`", "`--names cleanrl`"), _other_names())
    )


def _other_names() -> Iterator[tuple[str, str, str]]:
    """Give what other programs call a key, and what is not quite the same."""
    programs = (RENAMED["sb3"], RENAMED["cleanrl"])
    for key in (key for key in KEYS if any(key in program for program in programs)):
        sb3, cleanrl = (_name(program.get(key)) for program in programs)
        yield f"`{key}`", sb3, cleanrl


def _name(name: Name | None) -> str:
    if name is None:
        return ""
    factor = f"times {name.factor:g}" if name.factor != 1 else ""
    return f"`{name.name}`" + "".join(f"; {words}" for words in (factor, name.note) if words)


def _versions() -> str:
    """Describe what is read beside version 1.1."""
    known = ", ".join(map(str, VERSIONS))
    text = f"## Versions\n\nVersions {known} are read. Version 1.0 demands the first {len(BASE)} keys alone, and must "
    text += (
        f"not have those that came with 1.1: {', '.join(f'`{key}`' for key in SINCE_1_1)}. A key that is in no list "
    )
    text += "is warned of, unless it begins with `anneal_`. These are known, though we do not write them:\n\n"
    rows = ((f"`{key}`", info.description or "") for key, info in LaterKeys.model_fields.items())
    return text + table(("key", "meaning"), rows)


def _keys() -> Iterator[tuple[str, str, str]]:
    schema = EpochRecord.model_json_schema()
    for name, node in schema["properties"].items():
        kind = "required" if name in schema["required"] else "optional"
        yield f"`{name}`", kind, node["description"]


def checkpoints_page(notice: str) -> str:
    """Describe the files of a checkpoint."""
    text = f"{notice}# Checkpoints\n\nA checkpoint is a folder `epoch_<number>` of four files, none of which is a "
    text += "pickle. It has its name only when all of it is on the disk. `policy.json` and `policy.safetensors` are "
    text += "the policy, enough for `townlet rollout capture --policy`; `training.json` and `training.safetensors` "
    text += "hold what `townlet train ppo --resume` needs beside: Adam's moments and the towns as they stood.\n\n"
    text += (
        "Beside the checkpoints, the link `best` leads to the one that earned most where `--eval-every` had policies "
    )
    text += "evaluated; of equal ones to the first. It is kept, however old it is, and the link is put right, "
    text += "by what `training.json` says, whenever a training begins there.\n\n"
    text += "There is no state of random numbers: every draw is a function of the seed, the town's tick or the epoch."
    text += "\n\n## policy.json\n\n" + sections(SavedPolicy, depth="###")
    return (
        text + "## training.json\n\n" + sections(SavedTraining, depth="###").replace("### `settings", "#### `settings")
    )
