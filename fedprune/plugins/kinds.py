"""The kinds of plug-ins: where fedprune's own stand, what one is called, and what its file has to define."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """One kind. A file holds either one class (``base``) or the names of ``holds``; see docs/plugins.md."""

    folder: str
    """Where fedprune's own are, under the package. A user's stand in a folder that is called as the kind."""
    called: str
    """What one of them is called in a message."""
    base: str = ""
    """Import path of the class or protocol that the file's one public frozen dataclass keeps to."""
    holds: tuple[str, ...] = ()
    """What the file defines by these names, where it defines no class."""
    typed: tuple[tuple[str, str], ...] = ()
    """What people write who know other tools, as a regular expression, and what to write instead."""
    decides: bool = True
    """Whether another plug-in of the kind may give other results. The code of those that may is part of what
    names a run."""


_NUMBERS = (
    (r"(?:u?int|q)?([2-8])(?:[-_ ]?bits?)?", r"'uniform', with bits = \1 beside it"),
    (r"f(?:loat)?(16|32)", r"'fp\1'"),
)
"""Formats of numbers by the names that other tools give them."""


KINDS: dict[str, Kind] = {
    "strategies": Kind("strategies", "strategy", base="fedprune.strategy:Strategy"),
    "models": Kind("models/kinds", "model", holds=("build",)),
    "datasets": Kind("data/sets", "data set", holds=("SET",)),
    "tasks": Kind("tasks", "task", base="fedprune.tasks:Task"),
    "partitioners": Kind("data/partitioners", "partitioner", base="fedprune.data.partitioners:Partitioner"),
    "shifts": Kind("data/shifts", "shift", base="fedprune.data.shifts:Shift"),
    "trainers": Kind("compute/trainers", "trainer", base="fedprune.compute.trainers:Trainer", decides=False),
    "optimizers": Kind("compute/optimizers", "optimizer", base="fedprune.compute.optimizers:Optimizer"),
    "schedules": Kind(
        "compute/schedules", "learning-rate schedule", base="fedprune.compute.schedules:Schedule"
    ),
    "criteria": Kind("pruning/criteria", "criterion", holds=("importance",)),
    "aggregators": Kind("aggregators", "aggregator", base="fedprune.aggregators:Aggregator"),
    "server_optimizers": Kind(
        "server_optimizers", "server optimizer", base="fedprune.server_optimizers:ServerOptimizer"
    ),
    "updates": Kind("updates", "update stage", base="fedprune.updates:Stage"),
    "mask_codings": Kind("wire/mask_codings", "mask coding", holds=("encode", "decode")),
    "quantizers": Kind(
        "wire/quantizers", "quantizer", base="fedprune.wire.quantizers:Quantizer", typed=_NUMBERS
    ),
    "entropy_coders": Kind("wire/entropy_coders", "entropy coder", holds=("encode", "decode")),
    "clocks": Kind("clocks", "clock", base="fedprune.clocks:Clock"),
    "engines": Kind("engines/crews", "engine", base="fedprune.engines.crew:Engine", decides=False),
    "studies": Kind(
        "tickets/studies",
        "study",
        holds=("units", "measure", "conclude", "tables", "verdict"),
        decides=False,
    ),
    "trackers": Kind("trackers/kinds", "tracker", holds=("open_tracker",), decides=False),
}
"""Kind -> what it is. A new kind is one line here, and a folder."""
