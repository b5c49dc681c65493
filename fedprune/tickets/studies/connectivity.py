"""Linear mode connectivity: whether the error rises on the line between two trained models.

After Frankle et al. (ICML 2020). ``clients``: two clients' own weights, on the data of both; ``training``:
one client's weights before and after a round's local training, on its data; ``fresh``: its own weights and
those it trains from initial weights that it never saw, a line on which a barrier is expected: it says what
this measure can see. Each line is walked twice: with all weights, and under what both masks keep. The barrier
is the largest excess of the error over the straight line between the ends, on training and validation data;
that on test data is only reported. Running statistics of batch norms are made anew at each point from
training data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from fedprune.compute import evaluate
from fedprune.federation.experiment import Experiment, Samples
from fedprune.pruning.mask import Mask
from fedprune.score import Score
from fedprune.seeds import generator
from fedprune.tickets.finished import FinishedRun, Record
from fedprune.tickets.lab import Plan
from fedprune.tickets.statistics import paired
from fedprune.tickets.study_table import StudyTable, difference, interval, number
from fedprune.tickets.training import fresh_weights, own_samples, trained
from fedprune.types import Arrays

POINTS = 11
BATCH = 100
"""Samples at a time while statistics of batch norms are made."""
KINDS = ("clients", "training", "fresh")
CONNECTED = 0.02
"""Below this rise of the error models are linearly connected (Frankle et al., ICML 2020, section 2)."""


def units(run: FinishedRun, plan: Plan) -> Sequence[str]:
    return [f"{kind}/{client}" for kind in KINDS for client in run.sample(plan.clients)]


def measure(run: FinishedRun, plan: Plan, unit: str) -> Record:
    kind, name = unit.split("/")
    client, sampled = int(name), run.sample(plan.clients)
    # A ring: each client with the next one of the sample.
    other = sampled[(sampled.index(client) + 1) % len(sampled)] if kind == "clients" else client
    first, second = _ends(run, kind, client, other, plan)
    both = run.masks[client], run.masks[other]
    concerned = sorted({client, other})
    whole = walk(run.experiment, concerned, first, second, Mask())
    shared = walk(run.experiment, concerned, first, second, intersection(*both))
    return {"other": other, "all weights": whole, "shared mask": shared}


def conclude(run: FinishedRun, plan: Plan, measured: Mapping[str, Record]) -> Record:
    rng, found = generator(run.seed, "tickets connectivity"), {}
    for kind in KINDS:
        rows = [record for unit, record in measured.items() if unit.startswith(f"{kind}/")]
        for way in ("all weights", "shared mask"):
            barriers = [record[way]["barrier"] for record in rows]
            found[f"{kind}, {way}"] = {
                **paired(barriers, rng, plan.permutations),
                "end_error": float(np.mean([record[way]["error"][at] for record in rows for at in (0, -1)])),
                "test_barrier": float(np.mean([record[way]["test_barrier"] for record in rows])),
                "error": np.mean([record[way]["error"] for record in rows], 0).tolist(),
            }
    return {
        "clients": run.sample(plan.clients),
        "epochs": plan.epochs,
        "lines": found,
        "walks": dict(measured),
    }


def tables(result: Record, score: Score) -> list[StudyTable]:
    lines = [
        [
            name,
            number(found["end_error"], score.digits, score.factor),
            difference(found["mean"], score),
            interval(found["low"], found["high"], score),
            difference(found["test_barrier"], score),
        ]
        for name, found in result["lines"].items()
    ]
    error = score.error
    unit = f"{error.difference_unit} of {error.name}" if error.difference_unit else error.name
    header = [
        "line between",
        error.with_unit(f"{error.name} at ends"),
        "barrier",
        "95 % interval",
        "on test data",
    ]
    notes = [f"{len(result['clients'])} lines of {POINTS} points each; Student's t over lines; {unit}"]
    notes += [
        "clients: two clients; training: before and after local training; fresh: own and from a fresh start"
    ]
    return [StudyTable("linear mode connectivity", header, lines, notes)]


def verdict(result: Record, score: Score) -> str:
    """Whether two clients' models are connected: where errors are shares, by the 2 % of Frankle et al."""

    def rise(found: Record) -> str:
        amount = f"{difference(found['mean'], score)} {score.error.difference_unit}".rstrip()
        return f"{amount} {interval(found['low'], found['high'], score)}".removesuffix(" -")

    found, control = (result["lines"][f"{kind}, shared mask"] for kind in ("clients", "fresh"))
    text = f"between two clients, under both masks, the error rises by {rise(found)}"
    text += f"; to a fresh start (control) by {rise(control)}"
    if not score.percent:
        return text
    most = found["mean"] if found["high"] is None else found["high"]
    word = "yes" if most < CONNECTED else "not shown"
    return f"{word}: {text}; models count as connected below {100 * CONNECTED:.0f} points"


def intersection(first: Mask, second: Mask) -> Mask:
    """The mask of what both masks keep."""
    names = {**first, **second}
    return Mask(
        {
            name: first[name] & second[name] if name in first and name in second else names[name]
            for name in names
        }
    )


def barrier(error: Sequence[float]) -> float:
    """The largest excess over the straight line between the first and the last, at least 0."""
    line = np.linspace(error[0], error[-1], len(error))
    return float(np.max(np.asarray(error) - line))


def walk(
    experiment: Experiment, clients: Sequence[int], first: Arrays, second: Arrays, mask: Mask
) -> dict[str, Any]:
    """Mean error over ``clients`` at POINTS points of the line, on own and on test data, and barriers."""
    own = [own_samples(experiment, client) for client in clients]
    testing = [experiment.testing(client) for client in clients]
    error, test_error = [], []
    for share in np.linspace(0, 1, POINTS):
        module = _between(experiment, first, second, float(share), mask, own)
        error.append(_mean_error(experiment, module, own))
        test_error.append(_mean_error(experiment, module, testing))
    return {
        "error": error,
        "test_error": test_error,
        "barrier": barrier(error),
        "test_barrier": barrier(test_error),
    }


def _mean_error(experiment: Experiment, module: nn.Module, clients: Sequence[Samples]) -> float:
    """The mean over clients' samples of the score, turned so that lower is better."""
    scores = [evaluate.score(module, experiment.task, *samples) for samples in clients]
    return experiment.score.error_of(float(np.mean(scores)))


def _between(
    experiment: Experiment,
    first: Arrays,
    second: Arrays,
    share: float,
    mask: Mask,
    samples: Sequence[Samples],
) -> nn.Module:
    made = experiment.architecture
    weights = {
        name: ((1 - share) * first[name] + share * second[name]).astype(np.float32) for name in made.shapes
    }
    module = experiment.model(weights, mask).module
    renew_statistics(module, torch.cat([x for x, _ in samples]))
    return module


def renew_statistics(module: nn.Module, x: torch.Tensor) -> None:
    """Running statistics of all batch norms from ``x``, as plain means over batches; nothing else changes."""
    norms = [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    norms = [norm for norm in norms if norm.track_running_stats]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    module.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    with torch.inference_mode():
        for start in range(0, len(x), BATCH):
            module(x[start : start + BATCH])
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    module.eval()


def _ends(run: FinishedRun, kind: str, client: int, other: int, plan: Plan) -> tuple[Arrays, Arrays]:
    experiment, mask = run.experiment, run.masks[client]
    if kind == "clients":
        return _own(run, client), _own(run, other)
    if kind == "training":
        before = mask.apply({**experiment.initial, **run.received})
        epochs = experiment.scenario.train.epochs
        return before, trained(experiment, client, before, mask, epochs=epochs, replicate=0)
    fresh = mask.apply(fresh_weights(experiment, client))
    return _own(run, client), trained(experiment, client, fresh, mask, epochs=plan.epochs, replicate=0)


def _own(run: FinishedRun, client: int) -> Arrays:
    """The client's personal weights; where the method keeps none, what it trains from the server's."""
    experiment, mask = run.experiment, run.masks[client]
    kept = run.personal(client)
    if kept is not None:
        return mask.apply(kept)
    start = mask.apply({**experiment.initial, **run.received})
    return trained(experiment, client, start, mask, epochs=experiment.scenario.train.epochs, replicate=0)
