"""Names, units and meanings of everything a run reports: one table, from which ``docs/metrics.md`` is made.

A name says what was measured, on what, and after which step; null stands for what was not measured then.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from fedprune.runs.metric import Metric as Metric
from fedprune.runs.metric import bytes_of, interval, spread
from fedprune.score import Score

CLOCK_FIELDS = frozenset({"seconds", "time", "seconds_total", "latency", "latency_speedup"})
"""Fields that read the machine's clock: all others are the same bits each time a run is repeated or
resumed."""

SUMMED = ("bytes_up", "bytes_down", "seconds")
"""Fields of a round whose sums over all rounds are a run's totals, ``<field>_total``."""

WORST_OF = 10
"""The worst clients are one in so many."""


FATES = {
    "dropped": "of clients that were sampled and never heard of",
    "late": "that were not there in time: after the deadline, after enough others, or never",
    "crashed": "of clients whose code raised, or whose worker failed",
    "refused": "that were there and did not pass a check",
}
"""What may become of a client whose reply does not count -> its replies in words."""

_NAME = "what the task calls its score, for example `accuracy`"
_BEFORE = "score on the client's own test data of what it received, under its mask, before local training"
_AFTER = "score on the client's own test data after local training"
_PERSONAL = (
    "score on the client's own test data of the model it would use: its personal one where the method"
    " keeps one, else the received one after local training; as received if it was never sampled"
)
_GLOBAL = "score of the global weights, unmasked, on the whole test set; null where nothing travels"
_LOSS = (
    "the task's loss in the last local epoch, each batch before its step, mean over samples; null where no"
    " epoch was trained"
)
_STALENESS = "rounds that ended between a client's order and its reply: 0 unless `run.mode` is buffered"
_GATE = "score on validation (else training) data that the prune decision saw; never test data"
_VALIDATION = "score on validation data after local training; null unless `run.patience` asks for it"
_DENSITY = "kept share of the prunable weights"
_LAYERS = "name of each prunable weight -> its kept share, mean over clients"
_MULTIPLY_ADDS = "multiply-adds of a forward pass of the physically shrunk model"
_TRAINING = (
    "multiply-adds of all that a client computed in the round: a forward pass of the physically shrunk model"
    " for each sample it read, and three for each it trained on; null without `[clock]`"
)
_PARAMETERS = "trainable parameters of the physically shrunk model, zeros inside it included"

_ROUNDS = {
    "round": Metric("", "from 1"),
    "clients": Metric("", "ids of the sampled clients"),
    "failed": Metric(
        "",
        "list of {client, reason, fate} for those whose reply does not count; fates are " + ", ".join(FATES),
    ),
    "unavailable": Metric("count", "clients that could not be sampled, by `faults.availability`"),
    "staleness": Metric("rounds", f"{_STALENESS}; mean over clients"),
    "train_loss": Metric("loss", f"{_LOSS}; mean over clients"),
    "score": Metric("", _NAME),
    "gate_score": Metric("score", f"{_GATE}; mean over clients"),
    "validation_score": Metric("score", f"{_VALIDATION}; mean over clients"),
    **spread("test_score_before", _BEFORE),
    **spread("test_score_after", _AFTER),
    "test_score_global": Metric("score", _GLOBAL),
    "density": Metric("share", f"{_DENSITY} after the round; mean over clients"),
    "density_layers": Metric("share", f"{_LAYERS}, after the round"),
    "multiply_adds": Metric("per sample", f"{_MULTIPLY_ADDS}; mean over clients"),
    "parameters": Metric("count", f"{_PARAMETERS}; mean over clients"),
    "training_multiply_adds": Metric("count", f"{_TRAINING}; mean over clients"),
    **bytes_of("down", "server to clients, failed ones too"),
    **bytes_of("up", "clients to server, rejected replies too"),
    "simulated_seconds": Metric(
        "s",
        "of the round by the simulated clock: its slowest accepted client's, or in buffered mode the time"
        " since the round before; null without `[clock]`",
    ),
    "simulated_seconds_total": Metric("s", "sum of `simulated_seconds` from the first round to this one"),
    "seconds": Metric("s", "wall-clock time of the round"),
    "time": Metric("s", "when the round ended, since 1970-01-01 UTC"),
}

_CLIENTS = {
    "round": Metric("", "from 1"),
    "client": Metric("", "id of the client"),
    "samples": Metric("count", "training samples of the client"),
    "staleness": Metric("rounds", _STALENESS),
    "train_loss": Metric("loss", _LOSS),
    "gate_score": Metric("score", _GATE),
    "validation_score": Metric("score", _VALIDATION),
    "test_score_before": Metric("score", _BEFORE),
    "test_score_after": Metric("score", _AFTER),
    "density": Metric("share", f"{_DENSITY} after the round"),
    "multiply_adds": Metric("per sample", _MULTIPLY_ADDS),
    "parameters": Metric("count", _PARAMETERS),
    "training_multiply_adds": Metric("count", _TRAINING),
    **bytes_of("down", "server to this client"),
    **bytes_of("up", "this client to server"),
    "simulated_seconds": Metric(
        "s",
        "by the simulated clock, from order to reply: its bytes and multiply-adds at the client's rates,"
        " the transport's envelope aside; null without `[clock]`",
    ),
}

_FINAL = {
    "client": Metric("", "id of the client"),
    "samples": Metric("count", "training samples of the client"),
    "rounds_accepted": Metric("count", "rounds in which its reply was accepted; 0: it took no part"),
    "test_score_personal": Metric("score", _PERSONAL),
    "test_score_received": Metric("score", _BEFORE),
    "test_score_trained": Metric("score", f"{_AFTER} of what it received"),
    "density": Metric("share", _DENSITY),
    "density_layers": Metric("share", "name of each prunable weight -> its kept share"),
    "multiply_adds": Metric("per sample", _MULTIPLY_ADDS),
    "parameters": Metric("count", _PARAMETERS),
}

_RESULTS = {
    "label": Metric("", "what tables call the run"),
    "seed": Metric("", "the scenario's seed"),
    "rounds": Metric("count", "rounds trained"),
    "clients": Metric("count", "clients in the final evaluation: all of those asked that answered"),
    "clients_in_all": Metric(
        "count", "clients that there are; of many a random sample is asked (`evaluate.clients`)"
    ),
    "clients_never_sampled": Metric(
        "count", "those of `clients` that took no part: never sampled, or their reply never accepted"
    ),
    "missing": Metric(
        "", "list of {client, reason} for those that did not answer; `fedprune resume` asks them once more"
    ),
    "score": Metric("", _NAME),
    "score_unit": Metric("", "unit of all scores; `share`: in [0, 1], which tables show in percent"),
    "score_better": Metric("", "which scores are better: `higher` or `lower` ones"),
    "score_chance": Metric(
        "score", "score on all training targets of the best answer that ignores the input"
    ),
    **spread("test_score_personal", _PERSONAL),
    **interval("test_score_personal"),
    "test_score_personal_sampled": Metric("score", "mean of the same over the clients that took part"),
    "test_score_personal_never_sampled": Metric(
        "score", "mean of the same over `clients_never_sampled`; null where there are none"
    ),
    **{f"replies_{fate}": Metric("count", f"replies {what}; all rounds") for fate, what in FATES.items()},
    "attackers": Metric("count", "clients that carry out an attack of `[[update]]`"),
    "test_score_personal_honest": Metric(
        "score", "mean of the same over the other clients; null where nobody attacks"
    ),
    **spread("test_score_received", _BEFORE),
    **interval("test_score_received"),
    **spread("test_score_trained", f"{_AFTER} of what it received"),
    **interval("test_score_trained"),
    "test_score_global": Metric("score", _GLOBAL),
    "density": Metric("share", f"{_DENSITY}; mean over clients"),
    "density_layers": Metric("share", _LAYERS),
    "multiply_adds": Metric("per sample", f"{_MULTIPLY_ADDS}; mean over clients"),
    "parameters": Metric("count", f"{_PARAMETERS}; mean over clients"),
    "bytes_up_total": Metric(
        "bytes", "sum of `bytes_up` over all rounds; the final evaluation is not counted"
    ),
    "bytes_down_total": Metric("bytes", "sum of `bytes_down` over all rounds; likewise"),
    "target_score": Metric("score", "the scenario's `evaluate.target`; null when it has none"),
    "bytes_to_target": Metric(
        "bytes",
        "both directions, until the end of the first evaluated round whose mean `test_score_after` reaches"
        " `target_score`; null when none does",
    ),
    "simulated_seconds_total": Metric(
        "s", "sum of `simulated_seconds` over all rounds; null without `[clock]`"
    ),
    "simulated_seconds_to_target": Metric(
        "s",
        "of the simulated clock, until the end of the same round; null when there is none, or no `[clock]`",
    ),
    "epsilon": Metric(
        "",
        "differential privacy of any one client's updates with `delta`, against whoever sees all models but"
        " not who took part; what else goes up (masks, losses) is not covered; null without noise",
    ),
    "delta": Metric("probability", "with which `epsilon` may not hold; null without noise"),
    "noise_multiplier": Metric(
        "", "least deviation of the noise in a round's combined model over what one client can move it"
    ),
    "sampling_rate": Metric("share", "clients sampled in each round of those that exist; null without noise"),
    "seconds_total": Metric("s", "sum of `seconds` over all rounds"),
}

_PERSONAL_MODEL = {
    **{name: _FINAL[name] for name in ("client", "density", "multiply_adds", "parameters")},
    "kind": Metric("", "whose mask: `dense` (none but the run's), `own`, `shared` by all, or `random`"),
    "target": Metric("share", "density that was asked for; 1 for `dense`"),
    "bytes": Metric("bytes", "the model as a message: its mask, entropy-coded, and its kept values in fp32"),
    "validation_score": Metric("score", "score on validation data; null where the client has none"),
    "test_score": Metric("score", "score on the client's own test data"),
    "chosen": Metric("", "whether the client chose it, by validation data (see `[personalize] gate`)"),
    "bytes_down": Metric("bytes", "all that was sent to the client for it; masks in common are `shared`'s"),
    "bytes_up": Metric("bytes", "length of the client's answer, which has the figures of all its models"),
}

_LATENCY = {
    "client": Metric("id", "whose model: the one with the median of `multiply_adds`"),
    "latency": Metric(
        "s",
        "median time in which its shrunk model answers one query in fp32, on one thread of onnxruntime on"
        " the machine that ended the run",
    ),
    "latency_speedup": Metric("", "how many times as fast that is as the same network unpruned"),
}

METRICS = {
    "rounds.jsonl": _ROUNDS,
    "clients.jsonl": _CLIENTS,
    "final.jsonl": _FINAL,
    "results.json": _RESULTS,
    "personal.jsonl": _PERSONAL_MODEL,
    "latency.json": _LATENCY,
}
"""File of a run folder -> field -> what it holds."""

_ABOUT = {
    "rounds.jsonl": "One line a round, over the sampled clients whose reply was accepted.",
    "clients.jsonl": "One line for each accepted reply.",
    "final.jsonl": "One line for each client that answered the final evaluation, after the last round.",
    "results.json": "Once at the end, over all clients, or over the sample of them that was asked; over those"
    " that answered, where `missing` names any.",
    "personal.jsonl": "One line for each client and model after the last round, where `[personalize]` asks.",
    "latency.json": "Once at the end, where `[evaluate] latency` asks; `rows` has other forms of the model.",
}


_BYTES = (
    "Bytes are lengths of messages in the form in which they travel (Flower's protobuf, with its metadata),"
    " taken where the transport is handed them: what a worker's socket carries, without the 12 bytes before"
    " each message there that say how long it is. An order that never went and a reply that never came count"
    " nothing, nor does the id that a grid gives a reply when it is there. On a grid of Flower's own, what it"
    " puts around messages on their way is not counted either."
)


def summarise(values: Sequence[float], score: Score) -> dict[str, float]:
    """``mean``, population ``std``, and ``worst10``, the mean of the worst tenth (rounded up, at least one).

    Raises ValueError when there are no values.
    """
    if not values:
        raise ValueError("nothing to summarise")
    # Sorted first, so that the order in which clients reply cannot change a bit.
    ascending = np.sort(np.asarray(values, np.float64))
    tenth = math.ceil(len(ascending) / WORST_OF)
    worst = ascending[:tenth] if score.higher_is_better else ascending[-tenth:]
    return {"mean": float(ascending.mean()), "std": float(ascending.std()), "worst10": float(worst.mean())}


def totals(rounds: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The sums of SUMMED over rounds, under ``<field>_total``; a round that lacks one adds nothing to it."""
    told = list(rounds)
    return {f"{name}_total": sum(record.get(name) or 0 for record in told) for name in SUMMED}


def markdown() -> str:
    """The text of ``docs/metrics.md``."""
    lines = [
        "# Metrics",
        "",
        "Made from `fedprune/runs/metrics.py` by `python -m fedprune.runs.metrics`.",
        "",
    ]
    lines += [_paragraph(), "", _BYTES, ""]
    for file, metrics in METRICS.items():
        lines += [f"## `{file}`", "", _ABOUT[file], "", "| field | unit | meaning |", "| --- | --- | --- |"]
        lines += [f"| `{name}` | {metric.unit} | {metric.meaning} |" for name, metric in metrics.items()]
        lines += [""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _paragraph() -> str:
    clock = ", ".join(f"`{name}`" for name in sorted(CLOCK_FIELDS))
    return (
        "Shares are in [0, 1]. Scores are in the unit of the run's task; name, unit and direction stand in"
        " the run folder's `task.json` and in `results.json`. For classification a score is the share of"
        " right answers. `null`: not measured in that round, or no client to measure it on. Fields that"
        f" read the machine's clock ({clock}) differ each time; all others are the same bits however often a"
        " run is repeated, interrupted or spread over workers."
    )


if __name__ == "__main__":
    print(markdown(), end="")
