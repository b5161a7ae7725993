"""Let `python -m townlet_cli` be the command `townlet`."""

from __future__ import annotations

import sys

from townlet_cli.app import main

sys.exit(main())
