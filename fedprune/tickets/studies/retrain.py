"""Is it a ticket? A client's data trained from scratch under its mask, and under what could pass for it.

After Frankle and Carbin (ICLR 2019) and the sanity checks of Frankle et al. (ICLR 2021): a winning ticket
does better with its own initial weights than a random mask of its density or than fresh initial weights. All
conditions of a client and replicate meet the same batches; a replicate draws batches, fresh weights and
random masks anew. Scores on the way, after a half, a quarter and an eighth of the epochs, tell a network that
ends better from one that learns faster. The largest initial weights, a mask that anybody can make without
training, tell what of a ticket is only that large weights let more through. Test data is only reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fedprune.compute.request import Epoch
from fedprune.pruning.controls import largest_of, random_like, shuffled_rows
from fedprune.pruning.mask import Mask
from fedprune.score import Score
from fedprune.seeds import generator
from fedprune.tickets.finished import FinishedRun, Record
from fedprune.tickets.lab import Plan
from fedprune.tickets.statistics import Floats, holm, paired
from fedprune.tickets.study_table import StudyTable, difference, interval, lower_is_better, number
from fedprune.tickets.training import fresh_weights, score_on_test_data, trained
from fedprune.tickets.verdicts import beats, relation, sentence
from fedprune.types import Arrays

OWN = "own mask, original weights"
REWIND = "own mask, early weights"
FRESH = "own mask, fresh weights"
RANDOM = "random mask, original weights"
SHUFFLED = "shuffled mask, original weights"
LARGEST = "largest weights, original weights"
DENSE = "dense, original weights"
_BY_EPOCHS = ["in brackets: 95 % intervals over clients, each for itself alone"]
CONDITIONS = (OWN, REWIND, FRESH, RANDOM, SHUFFLED, LARGEST, DENSE)


def units(run: FinishedRun, plan: Plan) -> Sequence[str]:
    conditions = [condition for condition in CONDITIONS if condition != REWIND or run.early is not None]
    return [
        f"{client}/{replicate}/{condition}"
        for client in run.sample(plan.clients)
        for replicate in range(plan.seeds)
        for condition in conditions
    ]


def measure(run: FinishedRun, plan: Plan, unit: str) -> Record:
    client, replicate, condition = _parts(unit)
    weights, mask = start(run, client, replicate, condition)
    experiment, on_the_way = run.experiment, {}

    def note(epoch: Epoch) -> None:
        if epoch.weights is not None and epoch.number in _halves(plan.epochs):
            on_the_way[str(epoch.number)] = score_on_test_data(experiment, client, epoch.weights, mask)

    after = trained(experiment, client, weights, mask, epochs=plan.epochs, replicate=replicate, note=note)
    return {
        "test_score": score_on_test_data(experiment, client, after, mask),
        "on_the_way": on_the_way,
        "density": _density(run, mask),
    }


def start(run: FinishedRun, client: int, replicate: int, condition: str) -> tuple[Arrays, Mask]:
    """The weights and the mask that a condition trains from."""
    experiment, own = run.experiment, run.masks[client]
    rng = generator(run.seed, f"tickets retrain {condition}", round=replicate, client=client)
    if condition == REWIND:
        assert run.early is not None
        return {**experiment.initial, **run.early[1]}, own
    if condition == FRESH:
        return fresh_weights(experiment, replicate), own
    if condition == RANDOM:
        return experiment.initial, random_like(own, experiment.architecture, rng)
    if condition == SHUFFLED:
        return experiment.initial, shuffled_rows(own, experiment.architecture, rng)
    if condition == LARGEST:
        return experiment.initial, largest_of(experiment.initial, own, experiment.architecture)
    return experiment.initial, own if condition == OWN else Mask()


def conclude(run: FinishedRun, plan: Plan, measured: Mapping[str, Record]) -> Record:
    scores = by_condition({unit: record["test_score"] for unit, record in measured.items()})
    rng = generator(run.seed, "tickets retrain signs")
    densities = by_condition({unit: record["density"] for unit, record in measured.items()})
    return {
        "clients": run.sample(plan.clients),
        "seeds": plan.seeds,
        "epochs": plan.epochs,
        "early_round": None if run.early is None else run.early[0],
        "rounds": run.round,
        "conditions": {
            condition: {**_spread(values), "density": float(np.mean(list(densities[condition].values())))}
            for condition, values in scores.items()
        },
        "differences": against(scores, OWN, rng, plan.permutations),
        "on_the_way": {
            str(epoch): _differences_then(measured, str(epoch), rng, plan.permutations)
            for epoch in _halves(plan.epochs)
        },
        "by_client": {
            condition: _by_client(values).mean(1).round(6).tolist() for condition, values in scores.items()
        },
    }


def tables(result: Record, score: Score) -> list[StudyTable]:
    shown = score.digits, score.factor
    means = [
        [
            name,
            number(found["density"], 1, 100),
            number(found["score"], *shown),
            number(found["between_clients"], *shown),
            number(found["between_seeds"], *shown),
        ]
        for name, found in result["conditions"].items()
    ]
    notes = [f"{len(result['clients'])} clients x {result['seeds']} seeds, {result['epochs']} epochs each"]
    early = result["early_round"]
    if early is None:
        notes.append("early weights: left out, only the last round's weights are kept ([run] keep_history)")
    else:
        late = ": late, what the federation learned is in them" if early > result["rounds"] / 4 else ""
        notes.append(f"early weights: the server's after round {early} of {result['rounds']}{late}")
    lines = [
        [
            f"own - {name}",
            difference(found["mean"], score),
            interval(found["low"], found["high"], score),
            number(found["effect"], 2),
            number(found["p"], 4),
            number(found["p_holm"], 4),
        ]
        for name, found in result["differences"].items()
    ]
    header = ["start", "density %", score.title, "std over clients", "std over seeds"]
    paired_header = [
        "difference",
        score.difference_unit or "mean",
        "95 % interval",
        "effect",
        "p",
        "p (Holm)",
    ]
    course = {**result["on_the_way"], str(result["epochs"]): result["differences"]}
    then = [
        [f"own - {name}", *(_with_interval(course[epoch][name], score) for epoch in course)]
        for name in result["differences"]
    ]
    told = ["seeds averaged for each client first; Student's t and sign flips over clients; effect: d_z"]
    told += lower_is_better(score, "the own mask")
    return [
        StudyTable(f"is it a ticket? {score.name} after training from scratch", header, means, notes),
        StudyTable("own mask with its original weights, less the others", paired_header, lines, told),
        StudyTable("the same by epochs of training", ["difference", *course], then, _BY_EPOCHS),
    ]


def verdict(result: Record, score: Score) -> str:
    """A ticket beats every control at its density, and is no worse than the whole network."""
    found = result["differences"]
    text = beats(OWN, found, [name for name in found if name not in (REWIND, DENSE)], score)
    if relation(found[DENSE], score) == "loses to":
        text = text.replace("yes:", "no, for the whole network is better:", 1)
    return f"{text}; {sentence('it', DENSE, found[DENSE], score)}"


def by_condition(scores: Mapping[str, float]) -> dict[str, dict[tuple[int, int], float]]:
    """Condition -> (client, replicate) -> value, from values by unit."""
    found: dict[str, dict[tuple[int, int], float]] = {}
    for unit, value in scores.items():
        client, replicate, condition = _parts(unit)
        found.setdefault(condition, {})[client, replicate] = value
    return found


def against(
    scores: Mapping[str, Mapping[tuple[int, int], float]],
    reference: str,
    rng: np.random.Generator,
    permutations: int,
) -> dict[str, Any]:
    """``reference`` less every other condition, paired: the mean over replicates of each client is one value,
    so that the interval is over clients and holds what replicates vary."""
    found = {}
    for condition, values in scores.items():
        if condition != reference:
            clients = sorted({client for client, _ in values})
            differences = [
                float(
                    np.mean(
                        [scores[reference][key] - value for key, value in values.items() if key[0] == client]
                    )
                )
                for client in clients
            ]
            found[condition] = paired(differences, rng, permutations)
    corrected = holm([record["p"] for record in found.values()])
    return {
        condition: {**record, "p_holm": p}
        for (condition, record), p in zip(found.items(), corrected, strict=True)
    }


def _halves(epochs: int) -> list[int]:
    """An eighth, a quarter and a half of the epochs, as far as these are epochs."""
    return sorted({epochs >> by for by in (1, 2, 3)} - {0})


def _differences_then(
    measured: Mapping[str, Record], epoch: str, rng: np.random.Generator, permutations: int
) -> Record:
    scores = by_condition({unit: record["on_the_way"][epoch] for unit, record in measured.items()})
    return against(scores, OWN, rng, permutations)


def _with_interval(found: Record, score: Score) -> str:
    return f"{difference(found['mean'], score)} {interval(found['low'], found['high'], score)}"


def _spread(values: Mapping[tuple[int, int], float]) -> Record:
    table = _by_client(values)
    clients, replicates = table.shape
    return {
        "score": float(table.mean()),
        "between_clients": float(table.mean(1).std(ddof=1)) if clients > 1 else None,
        "between_seeds": float(np.sqrt(table.var(1, ddof=1).mean())) if replicates > 1 else None,
    }


def _by_client(values: Mapping[tuple[int, int], float]) -> Floats:
    """The scores as an array of shape (clients, replicates), clients ascending."""
    clients = sorted({client for client, _ in values})
    return np.array([[value for key, value in values.items() if key[0] == client] for client in clients])


def _density(run: FinishedRun, mask: Mask) -> float:
    shapes = run.experiment.prunable
    kept = [
        np.count_nonzero(mask[name]) if name in mask else np.prod(shape) for name, shape in shapes.items()
    ]
    return float(sum(kept) / sum(np.prod(shape) for shape in shapes.values()))


def _parts(unit: str) -> tuple[int, int, str]:
    client, replicate, condition = unit.split("/", 2)
    return int(client), int(replicate), condition
