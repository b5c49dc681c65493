"""One run of a sweep in a process of its own, for ``fedprune.side_by_side``.

Started as ``python -m fedprune.member``, it reads what to run as a line of JSON, prints what happens as JSON
lines, and stops at its last whole round when the process that started it is gone.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

from fedprune import plugins
from fedprune.cli import exit_status
from fedprune.progress import JsonProgress
from fedprune.scenario import Scenario


def main() -> None:
    """Run what stdin says."""
    asked = json.loads(sys.stdin.readline())
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    # Late: torch takes seconds, in which the parent may be gone.
    from fedprune import simulate

    with plugins.reaching([Path(folder) for folder in asked["folders"]]):
        scenario = Scenario.from_dict(asked["scenario"])
    simulate.run(
        [scenario],
        out=asked["out"],
        force=asked["force"],
        track=asked["track"],
        progress=JsonProgress(sys.stdout),
    )


def _stop_with_parent() -> None:
    """Interrupt this process when the other end of stdin is closed."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    # An interrupt on the terminal is the parent's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(exit_status(main))
