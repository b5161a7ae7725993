"""The way into the command `townlet`, also as `python -m townlet_cli`; it imports nothing that has to be waited for."""

from __future__ import annotations

import sys

from townlet_cli import INTERRUPTED


def main() -> int:
    """Load the command and run it; give its exit code, also where Ctrl-C comes while it is still being loaded."""
    try:
        from townlet_cli.app import main as run

        return run()
    except KeyboardInterrupt:
        return INTERRUPTED  # nothing has begun, or all is cleared up, and there is nothing to tell


if __name__ == "__main__":
    sys.exit(main())
