"""Messages made to cost memory or time are refused, cheaply. In a process of its own: most of what they could
take would be taken by native code, which no Python tool sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peak memory is read from Linux")
def test_forty_bombs_are_refused_within_64_mib_and_a_second() -> None:
    # Freed pieces go back to the system at once: taken again from a pool, they would not be seen.
    pool = {"MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.wire.bombs"],
        cwd=ROOT,
        env=os.environ | pool,
        capture_output=True,
        text=True,
        check=True,
    )
    costs = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(costs) >= 40
    assert len({name for name, *_ in costs}) == len(costs)
    assert [name for name, reason, _, _ in costs if not reason] == []
    assert [(name, extra) for name, _, extra, _ in costs if extra >= 64 << 20] == []
    assert [(name, seconds) for name, _, _, seconds in costs if seconds >= 1] == []
