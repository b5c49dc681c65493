"""Records of a run as plain data: one per round, one per client and round, and the results at the end.

Names and units are those of ``runs/metrics.py``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fedprune.estimate import estimate
from fedprune.federation.experiment import Experiment
from fedprune.federation.server.conversation import Accepted
from fedprune.federation.server.round import Outcome
from fedprune.runs.metrics import FATES, summarise, totals
from fedprune.scenario import Scenario
from fedprune.score import Score
from fedprune.types import Shapes
from fedprune.wire.account import Bytes

Record = dict[str, Any]


@dataclass(frozen=True)
class Evaluated:
    """What the final evaluation came to, in the order of the clients."""

    rows: list[Record]
    """The record of each client that answered."""
    missing: dict[int, str]
    """Client -> why it did not, in one line."""


@dataclass(frozen=True)
class Elapsed:
    """What the simulated clock says at the end of a round, in seconds."""

    round: float
    """Of the round."""
    total: float
    """Since the run began."""


def client_record(round: int, reply: Accepted, prunable: Shapes) -> Record:
    """One client in one round."""
    report = reply.report
    return {
        "round": round,
        "client": report.client,
        "samples": report.samples,
        "staleness": round - report.round,
        "train_loss": report.train_loss,
        "gate_score": report.gate_score,
        "validation_score": report.validation_score,
        "test_score_before": report.test_score_before,
        "test_score_after": report.test_score_after,
        "density": _density(reply, prunable),
        "multiply_adds": report.multiply_adds,
        "parameters": report.parameters,
        "training_multiply_adds": report.training_multiply_adds,
        **_bytes("down", reply.bytes_down),
        **_bytes("up", reply.bytes_up),
        "simulated_seconds": reply.seconds,
    }


def _sizes(prunable: Shapes) -> list[int]:
    return [math.prod(shape) for shape in prunable.values()]


def _density(reply: Accepted, prunable: Shapes) -> float:
    """Kept share of the prunable weights."""
    return sum(reply.alive) / sum(_sizes(prunable))


def layer_densities(replies: Sequence[Accepted], prunable: Shapes) -> dict[str, float]:
    """Mean kept share of each prunable parameter over clients."""
    shares = np.array([reply.alive for reply in replies], np.float64) / _sizes(prunable)
    return dict(zip(prunable, shares.mean(axis=0).tolist(), strict=True))


def round_record(
    round: int,
    clients: Sequence[int],
    outcome: Outcome,
    prunable: Shapes,
    score: Score,
    test_score_global: float | None,
    elapsed: Elapsed | None = None,
) -> Record:
    """One round over its sampled clients. Bytes include those of failed clients."""
    rows = [client_record(round, reply, prunable) for reply in outcome.accepted]
    down = sum((reply.bytes_down for reply in outcome.accepted), outcome.lost_down)
    up = sum((reply.bytes_up for reply in outcome.accepted), outcome.lost_up)
    return {
        "round": round,
        "clients": list(clients),
        "failed": [{**each, "fate": outcome.fates[each["client"]]} for each in failures(outcome.failed)],
        "staleness": _mean("staleness", rows),
        "train_loss": _mean("train_loss", rows),
        "score": score.name,
        "gate_score": _mean("gate_score", rows),
        "validation_score": _mean("validation_score", rows),
        **_spread("test_score_before", rows, score),
        **_spread("test_score_after", rows, score),
        "test_score_global": test_score_global,
        "density": _mean("density", rows),
        "density_layers": layer_densities(outcome.accepted, prunable),
        "multiply_adds": _mean("multiply_adds", rows),
        "parameters": _mean("parameters", rows),
        "training_multiply_adds": _mean("training_multiply_adds", rows),
        **_bytes("down", down),
        **_bytes("up", up),
        "simulated_seconds": elapsed and elapsed.round,
        "simulated_seconds_total": elapsed and elapsed.total,
    }


def after_the_slowest(outcome: Outcome, before: float, waited: float | None = None) -> Elapsed | None:
    """What the simulated clock says when the slowest accepted client of a round has replied.

    None without a simulated clock; ``before`` is the total until the round, and ``waited`` the seconds after
    which the server gave up on others, if it did.
    """
    seconds = [reply.seconds for reply in outcome.accepted if reply.seconds is not None]
    seconds += [waited] if seconds and waited is not None else []
    return Elapsed(max(seconds), before + max(seconds)) if seconds else None


def simulated_total(rounds: Sequence[Record]) -> float | None:
    """Simulated seconds of these first rounds of a run; None without a simulated clock."""
    return rounds[-1].get("simulated_seconds_total") if rounds else None


def failures(reasons: Mapping[int, str]) -> list[Record]:
    """Client -> why it failed, as records have it."""
    return [{"client": client, "reason": reason} for client, reason in reasons.items()]


def final_record(reply: Accepted, experiment: Experiment, rounds_accepted: int) -> Record:
    """One client in the final evaluation, whose reply was accepted in so many rounds."""
    report = reply.report
    # A method without a personal model deploys the global one after local training; a client that was never
    # sampled has nothing of its own yet and deploys what it receives.
    own = report.test_score_personal if experiment.strategy.keeps_model else report.test_score_after
    return {
        "client": report.client,
        "samples": report.samples,
        "rounds_accepted": rounds_accepted,
        "test_score_personal": report.test_score_before if own is None else own,
        "test_score_received": report.test_score_before,
        "test_score_trained": report.test_score_after,
        "density": _density(reply, experiment.prunable),
        "density_layers": layer_densities([reply], experiment.prunable),
        "multiply_adds": report.multiply_adds,
        "parameters": report.parameters,
    }


def results(
    scenario: Scenario,
    score: Score,
    chance: float,
    evaluated: Evaluated,
    rounds: Sequence[Record],
    test_score_global: float | None,
    attackers: frozenset[int] = frozenset(),
) -> Record:
    """The run's results over all clients that answered the final evaluation."""
    rows, every = evaluated.rows, scenario.partition.clients
    sample = scenario.evaluate.asked(every) < every
    honest = [row for row in rows if row["client"] not in attackers] if attackers else []
    layers = rows[0]["density_layers"] if rows else {}
    target, spent = scenario.evaluate.target, totals(rounds)
    sampled = [row for row in rows if row["rounds_accepted"]]
    never = [row for row in rows if not row["rounds_accepted"]]
    return {
        "label": scenario.label,
        "seed": scenario.run.seed,
        "rounds": len(rounds),
        "clients": len(rows),
        "clients_in_all": every,
        "clients_never_sampled": len(never),
        "missing": failures(evaluated.missing),
        "score": score.name,
        "score_unit": "share" if score.percent else score.unit,
        "score_better": "higher" if score.higher_is_better else "lower",
        "score_chance": chance,
        **_spread("test_score_personal", rows, score),
        **_interval("test_score_personal", rows, every if sample else None),
        "test_score_personal_sampled": _mean("test_score_personal", sampled),
        "test_score_personal_never_sampled": _mean("test_score_personal", never),
        **_fates(rounds),
        "attackers": len(attackers),
        "test_score_personal_honest": _mean("test_score_personal", honest),
        **_spread("test_score_received", rows, score),
        **_interval("test_score_received", rows, every if sample else None),
        **_spread("test_score_trained", rows, score),
        **_interval("test_score_trained", rows, every if sample else None),
        "test_score_global": test_score_global,
        "density": _mean("density", rows),
        "density_layers": {
            name: float(np.mean([row["density_layers"][name] for row in rows])) for name in layers
        },
        "multiply_adds": _mean("multiply_adds", rows),
        "parameters": _mean("parameters", rows),
        "bytes_up_total": spent["bytes_up_total"],
        "bytes_down_total": spent["bytes_down_total"],
        "target_score": target,
        "bytes_to_target": bytes_to_target(rounds, target, score),
        "simulated_seconds_total": simulated_total(rounds),
        "simulated_seconds_to_target": simulated_seconds_to_target(rounds, target, score),
        "seconds_total": spent["seconds_total"],
    }


def _fates(rounds: Sequence[Record]) -> Record:
    """How many replies did not count in all rounds, by what became of their clients."""
    met = Counter(failure.get("fate") for record in rounds for failure in record.get("failed") or ())
    return {f"replies_{fate}": met[fate] for fate in FATES}


def rounds_accepted(rounds: Sequence[Record]) -> Counter[int]:
    """Client -> rounds in which its reply was accepted."""
    taken: Counter[int] = Counter()
    for record in rounds:
        failed = {failure["client"] for failure in record["failed"]}
        taken.update(client for client in record["clients"] if client not in failed)
    return taken


def bytes_to_target(rounds: Sequence[Record], target: float | None, score: Score) -> int | None:
    """Bytes up and down until the first evaluated round whose mean score after local training reaches the
    target."""
    until = rounds_to_target(rounds, target, score)
    if until is None:
        return None
    return sum(int(record["bytes_up"]) + int(record["bytes_down"]) for record in rounds[:until])


def simulated_seconds_to_target(rounds: Sequence[Record], target: float | None, score: Score) -> float | None:
    """Simulated seconds until the end of that round; None without a simulated clock."""
    until = rounds_to_target(rounds, target, score)
    return None if until is None else simulated_total(rounds[:until])


def rounds_to_target(rounds: Sequence[Record], target: float | None, score: Score) -> int | None:
    """How many rounds there were when the first evaluated one had reached the target; None if none does."""
    for number, record in enumerate(rounds, start=1):
        reached = record["test_score_after"]
        if target is not None and reached is not None and score.reaches(reached, target):
            return number
    return None


def _mean(key: str, rows: Sequence[Record]) -> float | None:
    values = [row[key] for row in rows if row[key] is not None]
    return float(np.mean(values)) if values else None


def _spread(key: str, rows: Sequence[Record], score: Score) -> Record:
    """Mean, standard deviation and worst tenth under the metric's three names; nulls when not evaluated."""
    values = [row[key] for row in rows if row[key] is not None]
    found = summarise(values, score) if values else {"mean": None, "std": None, "worst10": None}
    return {key: found["mean"], f"{key}_std": found["std"], f"{key}_worst10": found["worst10"]}


def _interval(key: str, rows: Sequence[Record], every: int | None) -> Record:
    """The bounds of a mean over ``every`` client, of which the rows are a sample; nulls where they are no
    sample."""
    values = [row[key] for row in rows if row[key] is not None]
    found = None if every is None else estimate(values, every)
    return {f"{key}_low": found and found.low, f"{key}_high": found and found.high}


def _bytes(direction: str, sizes: Bytes) -> Record:
    parts = {part: getattr(sizes, part) for part in ("values", "mask", "side", "overhead")}
    return {
        f"bytes_{direction}": sizes.total,
        **{f"bytes_{direction}_{part}": size for part, size in parts.items()},
    }
