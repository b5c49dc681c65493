"""Whether one client's ticket serves another: each one's data trained under each one's mask.

From the original initial weights, with the same batches under every mask; the controls are a random mask of
the client's own density and no mask. Test data is only reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fedprune.pruning.controls import random_like
from fedprune.pruning.mask import Mask
from fedprune.score import Score
from fedprune.seeds import generator
from fedprune.tickets import mask_exchange
from fedprune.tickets.finished import FinishedRun, Record
from fedprune.tickets.lab import Plan
from fedprune.tickets.mask_exchange import compared, matrix, shown
from fedprune.tickets.study_table import StudyTable
from fedprune.tickets.training import score_on_test_data, trained

RANDOM, DENSE = "random masks", "no mask"


def units(run: FinishedRun, plan: Plan) -> Sequence[str]:
    clients = run.sample(plan.clients)
    return [f"{data}/{mask}" for data in clients for mask in (*clients, RANDOM, DENSE)]


def measure(run: FinishedRun, plan: Plan, unit: str) -> Record:
    data, of = unit.split("/")
    client, experiment = int(data), run.experiment
    if of == RANDOM:
        rng = generator(run.seed, "tickets transfer random", client=client)
        mask = random_like(run.masks[client], experiment.architecture, rng)
    else:
        mask = Mask() if of == DENSE else run.masks[int(of)]
    after = trained(experiment, client, experiment.initial, mask, epochs=plan.epochs, replicate=0)
    return {"test_score": score_on_test_data(experiment, client, after, mask)}


def conclude(run: FinishedRun, plan: Plan, measured: Mapping[str, Record]) -> Record:
    clients = run.sample(plan.clients)
    scores = {unit: record["test_score"] for unit, record in measured.items()}
    controls = {name: [scores[f"{data}/{name}"] for data in clients] for name in (RANDOM, DENSE)}
    table = matrix(clients, scores)
    return {"epochs": plan.epochs, **compared(run, clients, table, controls, plan.permutations)}


def tables(result: Record, score: Score) -> list[StudyTable]:
    notes = [f"{len(result['clients'])} clients' data under all their masks, {result['epochs']} epochs each"]
    return shown("transfer: trained from scratch under whose mask?", result, notes, score)


def verdict(result: Record, score: Score) -> str:
    return mask_exchange.verdict(result, score)
