"""What a mask alone does: the server's last weights, not trained further, under each client's mask.

Controls: random masks of the client's own density in each layer, the largest of the server's weights at that
density (a mask that no client found), and no mask. Test data is only reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fedprune.pruning.controls import largest_of, random_like
from fedprune.pruning.mask import Mask
from fedprune.score import Score
from fedprune.seeds import generator
from fedprune.tickets import mask_exchange
from fedprune.tickets.finished import FinishedRun, Record
from fedprune.tickets.lab import Plan
from fedprune.tickets.mask_exchange import compared, matrix, shown
from fedprune.tickets.study_table import StudyTable
from fedprune.tickets.training import score_on_test_data
from fedprune.types import Arrays

RANDOM, LARGEST, DENSE = "random masks", "largest weights", "no mask"
DRAWS = 5
"""How many random masks are drawn for each client."""


def units(run: FinishedRun, plan: Plan) -> Sequence[str]:
    return [str(client) for client in run.sample(plan.clients)]


def measure(run: FinishedRun, plan: Plan, unit: str) -> Record:
    client, experiment = int(unit), run.experiment
    weights, own, made = {**experiment.initial, **run.received}, run.masks[client], experiment.architecture
    rng = generator(run.seed, "tickets mask_swap random", client=client)
    drawn = [random_like(own, made, rng) for _ in range(DRAWS)]
    return {
        **{str(other): _tested(run, client, weights, run.masks[other]) for other in run.sample(plan.clients)},
        RANDOM: float(np.mean([_tested(run, client, weights, mask) for mask in drawn])),
        LARGEST: _tested(run, client, weights, largest_of(weights, own, made)),
        DENSE: _tested(run, client, weights, Mask()),
    }


def conclude(run: FinishedRun, plan: Plan, measured: Mapping[str, Record]) -> Record:
    clients = run.sample(plan.clients)
    scores = {f"{data}/{mask}": value for data, row in measured.items() for mask, value in row.items()}
    controls = {name: [scores[f"{data}/{name}"] for data in clients] for name in (RANDOM, LARGEST, DENSE)}
    return compared(run, clients, matrix(clients, scores), controls, plan.permutations)


def tables(result: Record, score: Score) -> list[StudyTable]:
    notes = [f"the server's weights on the test data of {len(result['clients'])} clients"]
    return shown("mask swap: the server's weights under whose mask?", result, notes, score)


def verdict(result: Record, score: Score) -> str:
    return mask_exchange.verdict(result, score)


def _tested(run: FinishedRun, client: int, weights: Arrays, mask: Mask) -> float:
    return score_on_test_data(run.experiment, client, weights, mask)
