"""What a run's results say of the privacy of its clients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fedprune.federation.experiment import Experiment
from fedprune.privacy import Participation, epsilon, guarantee, least_multiplier
from fedprune.scenario import Scenario


def privacy_record(
    scenario: Scenario, experiment: Experiment, rounds: Sequence[Mapping[str, Any]]
) -> dict[str, float | None]:
    """The privacy fields of ``results.json``; all null when no stage of ``[[update]]`` that all clients carry
    out gives privacy.

    Args:
        scenario: the whole scenario, not the part of it that clients are told.
        experiment: what was opened for it.
        rounds: the records of all rounds, at least one.
    """
    promised = guarantee(experiment.chain.common)
    if promised is None:
        return dict.fromkeys(("epsilon", "delta", "noise_multiplier", "sampling_rate"))
    partition = experiment.partition
    multiplier = least_multiplier(
        promised.multiplier,
        [len(partition.train(client)) for client in range(partition.clients)],
        min(len(record["clients"]) - len(record["failed"]) for record in rounds),
        summed=scenario.aggregate.name == "mean" and not experiment.maskable,
    )
    part = Participation(
        partition.clients,
        min(scenario.faults.asked(scenario.run.clients_per_round), partition.clients),
        len(rounds),
    )
    return {
        "epsilon": epsilon(multiplier, promised.delta, part),
        "delta": promised.delta,
        "noise_multiplier": multiplier,
        "sampling_rate": part.sampled / part.clients,
    }
