"""A disk that fails at any call of driver or client ends a run with an error, and a resume comes to the bits
that it would have had."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fedprune import simulate
from fedprune.types import UserError

from .conformance.battery import PRUNING, bits, small
from .runs.faults import CALLS, failing

SCENARIO = small(PRUNING, run={"keep_history": True})
"""Clients are in the driver's process, so that a call may be of either."""
TOUCHING = (*CALLS, "read")
IN_THE_SUITE = 12
"""Of the calls of a run, evenly spread over it; all others are slow."""


def refusing(code: int) -> Callable[[str], None]:
    def refuse(name: str) -> None:
        raise OSError(code, os.strerror(code))

    return refuse


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[str]]:
    """What the run comes to, and the calls that it makes, in order."""
    with failing(-1, refusing(0), TOUCHING) as made:
        (result,) = simulate.run(SCENARIO, out=tmp_path_factory.mktemp("undisturbed"))
    return bits(result.folder), made


def tried(out: Path, at: int, code: int) -> bool:
    """Whether the run ended in an error that is told when call number ``at`` failed."""
    try:
        with failing(at, refusing(code), TOUCHING):
            simulate.run(SCENARIO, out=out)
    except (UserError, OSError):
        return True
    return False


@cache
def named(code: int) -> str:
    return errno.errorcode[code]


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in range(1, 12))])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=named)
def test_a_call_that_fails_ends_the_run_and_a_resume_gives_the_same_bits(
    code: int, part: int, undisturbed: tuple[dict[str, Any], list[str]], tmp_path: Path
) -> None:
    expected, calls = undisturbed
    told, step = 0, len(calls) // (IN_THE_SUITE // 2)
    # Another error, other calls.
    points = range((part * 2 + (code == errno.EIO)) * step // 24, len(calls), step)
    for at in points:
        told += tried(tmp_path / str(at), at, code)
        (result,) = simulate.run(SCENARIO, out=tmp_path / str(at))
        assert bits(result.folder) == expected, f"call {at} of {len(calls)}, {calls[at]}"
        assert not list(result.folder.rglob("*.tmp"))
    # Some calls only tidy up.
    assert told >= len(points) // 2
