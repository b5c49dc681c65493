"""Three Flower apps on a real grid: what the two counters say is what the transport carried."""

from __future__ import annotations

import importlib
import logging
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

from fedprune.compute.threads import one_thread
from fedprune.engines.crew import Crew, Job
from fedprune.engines.crews.in_process import InProcess
from fedprune.engines.grid import CrewGrid
from fedprune.flower import BytesGrid
from fedprune.types import Bounds, Way
from fedprune.wire.account import Bytes

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "flower"
NODES = 4


@dataclass
class Tap(Crew):
    """A crew that notes the length of whatever goes to another and comes from it."""

    crew: Crew
    carried: dict[Way, int] = field(default_factory=lambda: {"down": 0, "up": 0})
    lanes = 1

    def start(self) -> None:
        self.crew.start()

    def wait(self) -> None:
        self.crew.wait()

    def submit(self, request: bytes, nodes: int, bounds: Bounds) -> Job:
        job = self.crew.submit(request, nodes, bounds)
        self.carried["down"] += len(request)
        self.carried["up"] += len(job.result())
        return job

    def close(self) -> None:
        self.crew.close()


@dataclass
class Ran:
    """An example that has run: its module, the counting grid, and what else was measured."""

    module: ModuleType
    grid: BytesGrid
    accuracy: float
    carried: dict[Way, int]
    flower: dict[Way, int]
    """The sums of what Flower's own ``message_size_mod`` logs."""


class Noted(logging.Handler):
    """Adds up the sizes in the lines of ``message_size_mod``."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.sizes: dict[Way, int] = {"down": 0, "up": 0}

    def emit(self, record: logging.LogRecord) -> None:
        if found := re.fullmatch(r"(Incoming|Outgoing) message size: (\d+) bytes", record.getMessage()):
            self.sizes["down" if found[1] == "Incoming" else "up"] += int(found[2])


@pytest.fixture(scope="module", params=["digits_torch", "logistic_numpy", "head_only"])
def ran(request: pytest.FixtureRequest) -> Iterator[Ran]:
    logger, noted = logging.getLogger("flwr"), Noted()
    before = logger.level
    logger.addHandler(noted)
    logger.setLevel(logging.INFO)
    sys.path.insert(0, str(EXAMPLES))
    try:
        module = importlib.import_module(request.param)
        tap = Tap(InProcess().open(f"{request.param}:app", {}))
        with CrewGrid(tap, NODES) as grid, one_thread():
            counting, accuracy = module.federate(grid)
        yield Ran(module, counting, accuracy, tap.carried, noted.sizes)
    finally:
        sys.path.remove(str(EXAMPLES))
        sys.modules.pop(request.param, None)
        logger.setLevel(before)
        logger.removeHandler(noted)


def test_the_server_counts_every_byte_that_the_transport_carried(ran: Ran) -> None:
    by_way = {key[0]: counted.total for key, counted in ran.grid.account.by("way").items()}
    assert by_way == ran.carried


def test_the_mod_counts_what_the_server_counts(ran: Ran) -> None:
    seen, known = ran.module.counter.account, ran.grid.account
    fields = ("round", "node", "kind", "way")
    assert seen.by(*fields) == known.by(*fields)
    assert len(known.messages) == 2 * 2 * 2 * NODES
    assert {each.round for each in known.messages} == {"1", "2"}


def test_flowers_own_counter_lacks_the_envelope_and_never_says_more(ran: Ran) -> None:
    """It adds up the data of records: the headers of arrays are in, names, shapes and metadata are not."""
    for way, size in ran.flower.items():
        counted = ran.grid.account.by("way")[(way,)]
        assert counted.total - counted.overhead < size < counted.total


def test_the_parts_are_what_the_example_says_that_it_sends(ran: Ran) -> None:
    up, down = (ran.grid.account.by("kind", "way")["train", way] for way in ("up", "down"))
    sent = 2 * NODES
    match ran.module.__name__:
        case "digits_torch":
            weights, biases = 64 * 32 + 32 * 10, 32 + 10
            assert down.values == sent * 4 * (weights + biases)
            assert sent * 4 * biases < up.values < sent * (weights / 2 + 4 * biases)
            assert up.side == sent * 2 * 2  # a scale in two bytes for each matrix
        case "logistic_numpy":
            assert up.values == down.values == sent * 8 * 31
            assert up.side == up.mask == 0
        case "head_only":
            assert down.values == sent * 4 * 2010
            assert up.values == sent * (2 * 200 + 4 * 10)
            assert 0 < up.mask < sent * 2000 / 8
    assert ran.accuracy > 0.75
    assert ran.grid.account.by("kind", "way")["evaluate", "up"].values == 0
    assert ran.grid.account.by()[()] == sum(ran.grid.account.by("node").values(), Bytes())
