"""A process that was told so takes its memory from the system once, and not for each message."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys, threading
from fedprune.engines.freed_memory import keep_freed_memory

def messages(count):
    for _ in range(count):
        copies = [bytearray(1_000_000) for _ in range(4)]
        del copies

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def lane():
    messages(2)
    before = faults()
    messages(20)
    print(faults() - before)

if "keep" in sys.argv:
    keep_freed_memory()
thread = threading.Thread(target=lane)
thread.start()
thread.join()
"""


def faults(*arguments: str, **environment: str) -> int:
    """Pages that a thread takes from the system for twenty messages, each freed before the next."""
    told = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=told | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(ran.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is Linux's C library")
def test_memory_of_a_message_serves_the_next_one() -> None:
    given_back = faults()
    if given_back < 1000:
        pytest.skip("this C library keeps memory by itself")
    assert faults("keep") < given_back / 10
    assert faults("keep", MALLOC_MMAP_THRESHOLD_="65536") > given_back / 2, "the environment says otherwise"
