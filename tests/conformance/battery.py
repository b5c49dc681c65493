"""The battery's scenarios, how they are run, and what of a run is compared.

Each strategy that is found runs with its defaults and, for every field with a fixed set of values, once with
each other value: a new file under strategies/ is held to the battery without any edit here.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import typing
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from flwr.proto.message_pb2 import Message as ProtoMessage

from fedprune import plugins
from fedprune.engines.crew import Crew, Job
from fedprune.engines.crews.in_process import InProcess
from fedprune.engines.grid import CrewGrid
from fedprune.federation.flower.keys import RUNS
from fedprune.federation.server.loop import Rounds
from fedprune.runs.folder import RunFolder
from fedprune.runs.log import read_lines
from fedprune.runs.metrics import CLOCK_FIELDS
from fedprune.scenario import Scenario
from fedprune.types import Bounds

from . import faulty_app

STRATEGIES = plugins.names("strategies")

SMALL: dict[str, dict[str, Any]] = {
    "run": {"name": "small", "rounds": 3, "clients_per_round": 4, "checkpoint_every": 2},
    "data": {"name": "digits"},
    "partition": {"name": "shards", "clients": 6, "shards_per_client": 2, "shard_size": 10},
    "model": {"name": "digits_cnn", "batch_norm": True, "width": 0.5},
    "train": {"epochs": 2, "batch_size": 10, "lr": 0.05},
    "evaluate": {"every": 2},
    "engine": {"name": "in_process"},
}

Pairs = Collection[tuple[int, int]]
"""(client, round) each."""


def small(strategy: Mapping[str, Any], **sections: Mapping[str, Any] | list[dict[str, Any]]) -> Scenario:
    """A scenario of about a second; ``sections`` change keys of it, or are lists of tables."""
    changed = {
        name: keys if isinstance(keys, list) else {**SMALL.get(name, {}), **keys}
        for name, keys in sections.items()
    }
    return Scenario.from_dict({**SMALL, "strategy": dict(strategy), **changed})


def two_seeds(rounds: int, clients: int, **sections: Mapping[str, Any]) -> list[Scenario]:
    """Two runs of a pruning method that write a checkpoint in every second round, of one epoch each."""
    return [
        small(
            {"name": "sub_fedavg", "gate": 0.0},
            run={"rounds": rounds, "checkpoint_every": 2, "seed": seed},
            partition={"clients": clients},
            train={"epochs": 1},
            **sections,
        )
        for seed in (0, 1)
    ]


def _choices(hint: Any) -> Sequence[Any]:
    if typing.get_origin(hint) is Literal:
        return typing.get_args(hint)
    return (False, True) if hint is bool else ()


def _variants(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield name, {"name": name}
    hints = typing.get_type_hints(plugins.dataclass_of("strategies", name))
    for field in dataclasses.fields(plugins.dataclass_of("strategies", name)):
        for value in _choices(hints[field.name]):
            if value != field.default:
                yield f"{name}-{field.name}-{value}", {"name": name, field.name: value}


PRUNING = {"name": "sub_fedavg", "step": 0.5, "target": 0.7, "distance": 0.0, "gate": 0.0}

TRAINING = {
    "training-taught-by-the-received": small(PRUNING, distill={"teacher": "received"}),
    "training-taught-by-the-previous": small({"name": "fedavg"}, distill={"teacher": "previous"}),
    "training-taught-by-its-own-and-recovering": small(
        PRUNING,
        distill={"teacher": "local", "recover": 1, "model": {"name": "digits_cnn", "width": 2.0}},
    ),
    "training-augmented-and-regularized": small(
        PRUNING, data={"augment": True}, train={"l1": 1e-4, "batch_norm_l1": 1e-3, "group_lasso": 1e-4}
    ),
    "training-at-rates-that-fall-over-rounds": small(PRUNING, schedule={"name": "cosine", "warmup": 0.4}),
    "training-with-dropout-and-patience": Scenario.from_dict(
        {
            **small(
                {"name": "fedavg"},
                run={"patience": 9},
                partition={"validation": 0.2},
                train={"epochs": 4, "patience": 1},
                schedule={"name": "step", "over": "steps"},
            ).to_dict(),
            "model": {"name": "mlp", "dropout": 0.5},
        }
    ),
}
"""What the training options do with any strategy, under one that prunes or one that does not."""

ERROR_FEEDBACK = {"base": "update", "values": "uniform", "bits": 2, "feedback": "residual"}

CODECS = {
    "codec-lossy-with-residuals": small(PRUNING, uplink={**ERROR_FEEDBACK, "mask": "context"}),
    "codec-updates-both-ways": small(
        PRUNING,
        uplink={"base": "update", "values": "uniform", "bits": 4, "rounding": "stochastic", "entropy": "ans"},
        downlink={"base": "update", "values": "fp16"},
    ),
    "codec-tracked-both-ways": small(
        PRUNING,
        uplink={"base": "tracked", "step": 0.5, "values": "ternary"},
        downlink={"base": "tracked", "values": "uniform", "bits": 4, "scales": "channel"},
    ),
    "codec-top-k-both-ways": small(
        PRUNING,
        uplink={"base": "update", "sparsify": 0.1, "feedback": "residual", "mask": "change"},
        downlink={"base": "update", "sparsify": 0.3, "values": "drive"},
    ),
    "codec-of-saliencies": small({"name": "ssfl"}, uplink=ERROR_FEEDBACK, downlink={"base": "update"}),
    "codec-of-personal-masks": small(
        {"name": "dispfl"},
        uplink=ERROR_FEEDBACK,
        downlink={"values": "uniform", "bits": 6, "feedback": "residual"},
    ),
}
"""Pipelines with a memory, under a strategy whose masks shrink, and under others whose payloads are not the
weights under one mask."""

NOISY = [{"name": "clip", "norm": 2.0}, {"name": "gaussian_noise", "multiplier": 0.01}]

STRICT = {"ticket_similarity": {"least": 1.0}}
"""Keys under which a rule has something to do among clients that are all honest."""
RULES = [{"name": name, **STRICT.get(name, {})} for name in plugins.names("aggregators") if name != "mean"]
STEPS = [{"name": name} for name in plugins.names("server_optimizers") if name != "none"]

COMBINING = {
    **{
        "combined-by-" + "-and-".join(part["name"] for part in (rule, step) if part): small(
            (PRUNING, {"name": "fedavg"})[number % 2], aggregate=rule, server_optimizer=step
        )
        for number, (rule, step) in enumerate(itertools.zip_longest(RULES, STEPS, fillvalue={}))
    },
    "updates-clipped-and-noisy": small({"name": "fedavg", "statistics": "personal"}, update=NOISY),
    "updates-clipped-and-noisy-under-masks": small(
        {**PRUNING, "statistics": "personal"}, update=NOISY, uplink=ERROR_FEEDBACK
    ),
}
"""What stands beside the strategy, rules and steps in pairs, under one that prunes or not by turns."""

SLOW_CLIENTS = {"name": "two_groups", "seconds_per_multiply_add": 1e-6}
AT_WORK = {"mode": "buffered", "clients_per_round": 2, "concurrency": 3}

BUFFERED = {
    "buffered-lossy-with-residuals": small(
        {**PRUNING, "variant": "hybrid"},
        run=AT_WORK,
        clock=SLOW_CLIENTS,
        uplink={**ERROR_FEEDBACK, "mask": "context"},
        downlink={"values": "uniform", "bits": 6, "feedback": "residual"},
    ),
    "buffered-tracked-both-ways": small(
        {"name": "fedavg"},
        run={**AT_WORK, "clients_per_round": 3, "concurrency": 6},
        clock=SLOW_CLIENTS,
        uplink={"base": "tracked", "step": 0.5, "values": "ternary"},
        downlink={"base": "tracked", "values": "uniform", "bits": 4},
        server_optimizer={"name": "momentum"},
    ),
}
"""Rounds of whichever replies arrive first, with all that both sides remember of each other."""

OPTIONS = TRAINING | CODECS | COMBINING | BUFFERED
"""What is run beside the strategies with their own options -> its scenario."""

CASES = {label: small(strategy) for name in STRATEGIES for label, strategy in _variants(name)} | OPTIONS
"""What is run -> its scenario."""


class CountingGrid(CrewGrid):
    """A grid that counts orders and bytes by round, where its crew takes messages and hands back replies."""

    def __init__(self, crew: Crew, nodes: int) -> None:
        super().__init__(crew, nodes)
        self._take, crew.submit = crew.submit, self._counted  # type: ignore[method-assign]
        self.orders: Counter[int] = Counter()
        self.down: Counter[int] = Counter()
        self.up: Counter[int] = Counter()

    def _counted(self, request: bytes, nodes: int, bounds: Bounds) -> Job:
        job = self._take(request, nodes, bounds)
        round = int(ProtoMessage.FromString(request).metadata.group_id)
        self.orders[round] += 1
        self.down[round] += len(request)
        self.up[round] += len(job.result())
        return job


Carried = tuple[Path, CountingGrid]


def carry(
    scenario: Scenario, runs: Path, *, faults: Pairs = (), times: float = math.inf, skip: Pairs = ()
) -> Carried:
    """Run a scenario in this process, or go on with it: its folder and the bytes that moved.

    The first ``times`` orders to each of ``faults`` fail; clients in ``skip`` are not sampled in that round
    at all. The final evaluation is the round after the last.
    """
    path, config = runs / scenario.run_id(), {RUNS: str(runs)}
    opened = RunFolder.open(path).lock() if path.exists() else _create(scenario, runs)
    with (
        opened as folder,
        CountingGrid(
            InProcess().open(f"{faulty_app.__name__}:app", config), scenario.partition.clients
        ) as counting,
        faulty_app.failing(faults, times),
    ):
        rounds = Rounds(counting, folder, scenario, lambda record: None)
        sample = rounds.federation.sample
        rounds.federation.sample = lambda round: [  # type: ignore[method-assign]
            client for client in sample(round) if (client, round) not in skip
        ]
        rounds.run()
        return folder.path, counting


def _create(scenario: Scenario, runs: Path) -> RunFolder:
    return RunFolder.create(runs, scenario.run_id(), scenario.to_toml(), scenario.settings_hash(), False)


def records(folder: Path, name: str) -> list[dict[str, Any]]:
    """The lines of a log without what reads a clock."""
    return [without_clocks(row) for row in read_lines(folder / name)]


def without_clocks(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record's fields that are the same whenever it is made."""
    return {key: value for key, value in record.items() if key not in CLOCK_FIELDS}


def results(folder: Path) -> dict[str, Any]:
    """The results of a finished run."""
    found: dict[str, Any] = json.loads((folder / "results.json").read_text("utf-8"))
    return found


def last_versions(folder: Path) -> dict[str, bytes]:
    """The newest version of each client's state, both the client's own and the server's of it."""
    newest = [
        max(versions, key=lambda path: int(path.stem))
        for client in (folder / "state").glob("*/*/*")
        # A client that was at work when a run ended, and never before, has nothing that counts.
        if (versions := list(client.iterdir()))
    ]
    return {str(path.relative_to(folder)): path.read_bytes() for path in newest}


def bits(folder: Path) -> dict[str, Any]:
    """All that a run came to, clocks aside."""
    return {
        "rounds": records(folder, "rounds.jsonl"),
        "clients": records(folder, "clients.jsonl"),
        "final": records(folder, "final.jsonl"),
        "results": without_clocks(results(folder)),
        "weights": (folder / "final" / "weights.safetensors").read_bytes(),
        **last_versions(folder),
    }
