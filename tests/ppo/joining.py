"""One of several processes: it says what it hears of the others, and which of torch's threads it leaves behind."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from townlet_core.errors import OutputError
from townlet_core.ppo.processes import Processes, join_processes


def refuse() -> None:
    raise OutputError("is full", where="disk", hint="make room")


def heard(processes: Processes) -> dict[str, object]:
    """Make each kind of call once, as training does."""
    torch.optim.Adam([torch.nn.Parameter(torch.ones(2))], fused=True)
    total = torch.tensor([processes.rank + 1.0, 10.0])
    processes.add(total)
    try:
        processes.first(refuse)
    except OutputError as error:
        refusal = str(error)
    return {
        "leads": processes.leads,
        "total": total.tolist(),
        "gathered": processes.gather(f"from {processes.rank}"),
        "told": processes.tell(f"by {processes.rank}"),
        "alone": processes.first(lambda: f"done by {processes.rank}"),
        "refusal": refusal,
    }


def threads() -> list[str]:
    """Name the threads of the system that torch's processes talk through."""
    names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    return [name for name in names if "gloo" in name or "tcpstore" in name]


if __name__ == "__main__":
    processes = join_processes(torch.device("cpu"))
    said = heard(processes)
    at_work = len(threads())
    processes.leave()
    print(json.dumps({**said, "at work": at_work > 0, "left": threads()}))
