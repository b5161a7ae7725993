"""What is no checkpoint to go on from: one of which anything was altered, lost or put together from two."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from tests.ppo.runs import never, run
from townlet_core.errors import InputError

ALTERED = "has been altered or damaged: its hash is not the one noted beside it"
WEIGHTS, STATE = "policy.safetensors", "training.safetensors"


def rewrite(checkpoint: Path, name: str, **changes: Any) -> None:
    """Change some keys of a JSON file."""
    said = json.loads((checkpoint / name).read_text())
    assert changes.keys() <= said.keys()
    (checkpoint / name).write_text(json.dumps(said | changes))


def flip(path: Path) -> None:
    """Change one bit of the last number."""
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)


def other_network(checkpoint: Path) -> None:
    found = json.loads((checkpoint / "policy.json").read_text())["network"]
    rewrite(checkpoint, "policy.json", network=found | {"hidden": [9]})


def other_file(checkpoint: Path, name: str) -> None:
    """Put the file of an earlier epoch in place of that of this one."""
    shutil.copy(checkpoint.with_name("epoch_000002") / name, checkpoint / name)


def other_policy(checkpoint: Path) -> None:
    other_file(checkpoint, "policy.json")
    other_file(checkpoint, "policy.safetensors")


def no_numbers(checkpoint: Path) -> None:
    weights = load((checkpoint / WEIGHTS).read_bytes())
    put_weights(checkpoint, save({name: array * np.nan for name, array in weights.items()}))


def no_tensors(checkpoint: Path) -> None:
    put_weights(checkpoint, b"PK\3\4")


def put_weights(checkpoint: Path, data: bytes) -> None:
    """Replace the weights, and note their hash."""
    (checkpoint / WEIGHTS).write_bytes(data)
    rewrite(checkpoint, "policy.json", weights_sha256=hashlib.sha256(data).hexdigest())


def unlink(name: str) -> Callable[[Path], None]:
    return lambda checkpoint: (checkpoint / name).unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(lambda c: flip(c / WEIGHTS), f"{WEIGHTS}: {ALTERED}", id="weights flipped"),
        pytest.param(lambda c: flip(c / STATE), f"{STATE}: {ALTERED}", id="state flipped"),
        pytest.param(lambda c: other_file(c, WEIGHTS), f"{WEIGHTS}: {ALTERED}", id="weights of another epoch"),
        pytest.param(lambda c: other_file(c, STATE), f"{STATE}: {ALTERED}", id="state of another epoch"),
        pytest.param(no_tensors, f"{WEIGHTS}: not a file of tensors: ", id="no tensors"),
        pytest.param(unlink(WEIGHTS), f"{WEIGHTS}: cannot be read: no such file or directory", id="no weights"),
        pytest.param(unlink(STATE), f"{STATE}: cannot be read: no such file or directory", id="no state"),
        pytest.param(unlink("training.json"), "training.json: cannot be read: no such file", id="no training"),
        pytest.param(
            lambda c: rewrite(c, "policy.json", schema_version=2),
            "policy.json: schema_version: is of version 2; this Townlet reads 1",
            id="version of the policy",
        ),
        pytest.param(
            lambda c: rewrite(c, "training.json", schema_version=0),
            "training.json: schema_version: is of version 0; this Townlet reads 1",
            id="version of the training",
        ),
        pytest.param(
            lambda c: (c / "policy.json").write_text("{"), "policy.json: invalid JSON: ", id="policy is not JSON"
        ),
        pytest.param(
            lambda c: (c / "training.json").write_bytes(b"\xff\xfe"),
            "training.json: invalid JSON: ",
            id="training is not JSON",
        ),
        pytest.param(
            lambda c: rewrite(c, "policy.json", epoch=-1),
            "policy.json: epoch: must be at least 0, found -1",
            id="epoch",
        ),
        pytest.param(
            lambda c: rewrite(c, "training.json", mode="dream"),
            "training.json: mode: the text 'dream' is none of rollout, replay, mixed",
            id="mode",
        ),
        pytest.param(
            lambda c: rewrite(c, "training.json", settings={"ppo": {"gama": 1}}),
            "training.json: settings.ppo.gama: unknown key\nhint: did you mean 'gamma'?",
            id="unknown setting",
        ),
        pytest.param(
            other_network, "policy.json: its weights are not those of the network that it names", id="other network"
        ),
        pytest.param(no_numbers, f"{WEIGHTS}: its weights hold NaN or infinity", id="no numbers"),
        pytest.param(
            other_policy, "policy.json: is not of the same epoch as training.json beside it", id="other policy"
        ),
        pytest.param(
            lambda c: rewrite(c, "training.json", epoch=3),
            "policy.json: is not of the same epoch as training.json beside it",
            id="other epoch",
        ),
        pytest.param(
            lambda c: rewrite(c, "training.json", state_layout="0"),
            "was written by another version of Townlet, whose towns had other records",
            id="other records",
        ),
        pytest.param(
            lambda c: rewrite(c, "training.json", worlds=3), f"{STATE}: its tensors are not those of this training: ",
            id="more worlds",
        ),
    ],
)  # fmt: skip
def test_a_checkpoint_that_is_not_what_it_was_is_refused_by_its_file(
    copy: Path, damage: Callable[[Path], None], said: str
) -> None:
    checkpoint = copy / "runs" / "epoch_000004"
    damage(checkpoint)
    with pytest.raises(InputError) as refusal:
        run(copy / "kitchen.yaml", resume=copy / "runs", epochs=6, on_epoch=never)
    assert str(refusal.value).startswith((f"{checkpoint}/{said}", f"{checkpoint}: {said}"))


def test_a_checkpoint_without_its_policy_is_none_and_the_one_before_is_taken(copy: Path) -> None:
    (copy / "runs" / "epoch_000004" / "policy.json").unlink()
    seen: list[int] = []
    run(copy / "kitchen.yaml", resume=copy / "runs", epochs=3, on_epoch=lambda values: seen.append(values["epoch"]))
    assert seen == [3]


def test_a_file_longer_than_any_of_ours_is_not_read(copy: Path) -> None:
    """A sparse file takes no room on the disk, and must take none in memory."""
    with (copy / "runs" / "epoch_000004" / "training.json").open("r+b") as file:
        file.truncate(2**40)
    with pytest.raises(InputError, match=r"training\.json: larger than the limit of 67108864 bytes"):
        run(copy / "kitchen.yaml", resume=copy / "runs", epochs=6, on_epoch=never)
