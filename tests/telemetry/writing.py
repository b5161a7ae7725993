"""A program that logs an epoch after the other to a file until it is killed."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from tests.telemetry.epochs import values
from townlet_core.telemetry.log import TelemetryLog

if __name__ == "__main__":
    with TelemetryLog(Path(sys.argv[1]), run_id="ben") as log:
        for epoch in itertools.count(1):
            log.write(values(epoch))
            if epoch == 3:
                print("going", flush=True)
