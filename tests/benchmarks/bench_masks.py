"""Bytes of real Sub-FedAvg masks by coding, against Shannon's bounds: docs/results/mask-coding.md.

Run ``FEDPRUNE_DATA=... python tests/benchmarks/bench_masks.py [rounds]`` after ``pip install -e .``; the
folder holds cifar10/*.parquet. Twenty clients with 2 shards of 250 images of CIFAR-10, 4 a round, 25 rounds
of 3 epochs, otherwise as in scenarios/cifar10-paper.toml. The goal: ``context`` takes at most 0.6 of the
independent bound, the sum over layers of n H(p) of the mask itself.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
import torch

import fedprune
from fedprune import plugins
from fedprune.pruning.mask import Mask
from fedprune.strategy import Client, Payload
from fedprune.types import Arrays, Bools, Shapes
from fedprune.wire.mask_codings import change, context, entropy

GOAL = 0.6
SETTING: dict[str, dict[str, Any]] = {
    "run": {"name": "masks", "clients_per_round": 4},
    "data": {"name": "cifar10"},
    "partition": {
        "name": "shards",
        "clients": 20,
        "shards_per_client": 2,
        "shard_size": 250,
        "test": "labels",
    },
    "train": {"epochs": 3, "batch_size": 10, "lr": 0.01, "momentum": 0.5},
    "evaluate": {"every": 0},
    "engine": {"name": "in_process"},
}
VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "unstructured": {
        "strategy": {"name": "sub_fedavg", "variant": "unstructured", "target": 0.5},
        "model": {"name": "lenet5"},
    },
    "hybrid": {
        "strategy": {"name": "sub_fedavg", "variant": "hybrid", "target": 0.5, "distance": 5e-4},
        "model": {"name": "lenet5", "batch_norm": True},
    },
}


@dataclass(frozen=True)
class Step:
    """One client's mask of one round, the mask known before it, and the values that came down."""

    mask: Mask
    known: Mask
    down: Arrays

    @property
    def name(self) -> str:
        """From which to which density, in per cent of what the mask covers."""
        before = self.known.with_dense(shapes(self.mask))
        if before == self.mask:
            return "unchanged"
        return f"{100 * before.density:.0f} → {100 * self.mask.density:.0f}"

    def only(self, name: str) -> Step:
        """One parameter of it."""
        known = Mask({name: self.known[name]} if name in self.known else {})
        return Step(Mask({name: self.mask[name]}), known, {name: self.down[name]})


@dataclass
class Bill:
    """Bytes of some masks: two bounds and three codings."""

    masks: int = 0
    independent: float = 0
    changed: float = 0
    change: int = 0
    entropy: int = 0
    context: int = 0

    def add(self, step: Step) -> None:
        self.masks += 1
        for name, kept in step.mask.items():
            before = step.known.get(name, np.ones(kept.shape, np.bool_))
            self.independent += bound(kept)
            self.changed += bound(kept[before]) + bound(kept[~before])
        self.change += len(change.encode(step.mask, step.known))
        self.entropy += len(entropy.encode(step.mask, step.known))
        self.context += len(context.encode(step.mask, step.known, step.down))

    def row(self, name: str) -> str:
        cells = [name, f"{self.masks}"]
        sizes = (self.independent, self.changed, self.change, self.entropy, self.context)
        cells += [f"{size / self.masks:,.0f}" for size in sizes]
        for limit in (self.independent, self.changed):
            cells.append(f"{self.context / limit:.3f}" if limit else "-")
        return f"| {' | '.join(cells)} |"


def bound(kept: Bools) -> float:
    """n H(p) in bytes."""
    share = float(kept.mean()) if kept.size else 0.0
    if share in (0.0, 1.0):
        return 0.0
    return -kept.size * (share * np.log2(share) + (1 - share) * np.log2(1 - share)) / 8


def shapes(mask: Mask) -> Shapes:
    return {name: kept.shape for name, kept in mask.items()}


@contextmanager
def recorded() -> Iterator[list[Step]]:
    """What Sub-FedAvg's clients of this process are sent and upload, in the order in which they do."""
    steps: list[Step] = []
    strategy, came_down = plugins.dataclass_of("strategies", "sub_fedavg"), {}
    receive, upload = strategy.receive, strategy.upload

    def receiving(self: Any, client: Client, arrays: Arrays) -> None:
        came_down[client.id] = {name: value.copy() for name, value in arrays.items()}
        receive(self, client, arrays)

    def uploading(self: Any, client: Client, travelling: Shapes) -> Payload:
        payload = upload(self, client, travelling)
        assert payload.mask is not None
        steps.append(Step(payload.mask.copy(), client.shared.copy(), came_down[client.id]))
        return payload

    with mock.patch.multiple(strategy, receive=receiving, upload=uploading):
        yield steps


def run(variant: str, rounds: int) -> list[Step]:
    """All steps of a run."""
    scenario = {**SETTING, **VARIANTS[variant], "run": {**SETTING["run"], "rounds": rounds}}
    with tempfile.TemporaryDirectory() as out, recorded() as steps:
        fedprune.run(scenario, out=out)
    return steps


def table(bills: Mapping[str, Bill], first: str) -> str:
    heads = (
        first,
        "masks",
        "independent",
        "of what changed",
        "change",
        "entropy",
        "context",
        "/ independent",
        "/ changed",
    )
    lines = [f"| {' | '.join(heads)} |", f"| --- |{' ---: |' * 8}"]
    return "\n".join([*lines, *(bill.row(name) for name, bill in bills.items())])


def by(steps: Sequence[Step], name: Callable[[Step], str]) -> dict[str, Bill]:
    bills: dict[str, Bill] = {}
    for step in steps:
        bills.setdefault(name(step), Bill()).add(step)
    return bills


def milliseconds(steps: Sequence[Step]) -> tuple[float, float]:
    """Median processor time to encode and to decode a mask by ``context``."""
    spent: tuple[list[float], list[float]] = ([], [])
    for step in steps:
        begun = time.process_time()
        data = context.encode(step.mask, step.known, step.down)
        middle = time.process_time()
        assert context.decode(data, shapes(step.mask), step.known, step.down) == step.mask
        spent[0].append(middle - begun)
        spent[1].append(time.process_time() - middle)
    return 1e3 * statistics.median(spent[0]), 1e3 * statistics.median(spent[1])


def report(variant: str, steps: Sequence[Step]) -> None:
    """Print the tables of a run: bytes a mask by step and by layer."""
    whole = by(steps, lambda step: "all")
    ordered = sorted(steps, key=lambda step: (step.name == "unchanged", -step.mask.density))
    print(f"\n## {variant}\n\n{table(by(ordered, lambda step: step.name) | whole, 'step (density %)')}\n")
    changed = [step for step in steps if step.name != "unchanged"]
    layers = [name for name, kept in changed[0].mask.items() if kept.ndim > 1]
    alone = {name: by([step.only(name) for step in changed], lambda step: "")[""] for name in layers}
    print(table(alone, "layer by itself"))
    ratio = whole["all"].context / whole["all"].independent
    took = milliseconds(steps)
    print(f"\ncontext: {ratio:.3f} of the independent bound (goal {GOAL}); ", end="")
    print(f"{took[0]:.1f} ms to encode, {took[1]:.1f} ms to decode (medians, processor time)")


def main() -> None:
    """Print the tables of both variants."""
    torch.set_num_threads(1)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    for variant in VARIANTS:
        report(variant, run(variant, rounds))


if __name__ == "__main__":
    main()
