"""The client's half of a round, top to bottom: decode, receive, train, prune decision, encode, keep.

Its memory is a version in a store, named by the round: a version counts only once the server has accepted the
reply and says so in the next order, so a client that fails anywhere leaves no trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fedprune.faults import strikes
from fedprune.federation.client.local import LocalRound, alive_unless_told
from fedprune.federation.client.machine import Machine
from fedprune.federation.client.personalize import Personalization
from fedprune.federation.client.updates import through_stages
from fedprune.federation.experiment import Experiment, open_experiment
from fedprune.federation.protocol.link import Link
from fedprune.federation.protocol.memory import ClientMemory
from fedprune.federation.protocol.messages import SHARED, Order, read, write
from fedprune.federation.protocol.personal import unpacked
from fedprune.federation.protocol.user_code import check_import_paths
from fedprune.scenario.sections import PersonalizeSection
from fedprune.types import Arrays, UserError
from fedprune.wire.pipeline import Part


def client_round(blob: bytes, machine: Machine) -> bytes:
    """One order in, one reply out.

    Raises CodecError on a bad order, UserError on one that names code unknown here, RunError when the run or
    state that it names is not there, DivergedError when training does.
    """
    order, parts = read(Order, blob)
    check_import_paths(order.settings, machine.modules)
    experiment, store = open_experiment(order.settings, machine.data), machine.store(order.run)
    strategy = experiment.strategy
    store.collect(order.client, order.version, order.floor)
    kept = ClientMemory.load(store, order.client, order.version)
    # Decode.
    link = Link(experiment, order.client, order.round, kept.shared)
    received = link.receive_down(parts)
    # Receive, train, decide.
    local = LocalRound(experiment, order, kept, received.mask)
    _crash_if_due(experiment, order)
    local.receive(received.arrays)
    if order.phase == "personalize":
        return _personalized(experiment, order, parts, local, machine)
    local.train()
    local.decide()
    if order.phase == "final":
        return write(local.deployed(), {})[0]
    report, client = local.report(), local.client
    # Encode.
    payload = strategy.upload(client, strategy.part(experiment.travelling, "up", order.round))
    payload = through_stages(experiment.chain.of(order.client), payload, received, client.rng)
    encoded = link.send_up(payload, received, kept.residual)
    mask = received.mask if payload.mask is None else payload.mask
    # Keep.
    keep = ClientMemory(
        mask=client.mask,
        shared=link.after(received, mask, payload.next_mask, encoded.tracked),
        weights=_own_weights(experiment, client.weights),
        state=client.state,
        teacher=local.teacher.keeps(client.weights),
        residual=encoded.residual,
    ).arrays()
    if keep:
        store.save(order.client, order.round, keep)
    alive = alive_unless_told(experiment, client.mask, mask)
    return write(replace(report, kept=bool(keep), alive=alive), encoded.parts)[0]


class ClientCrashError(UserError):
    """What ``[faults] crash`` raises on a client: a line, since a traceback names places of the machine."""


def _crash_if_due(experiment: Experiment, order: Order) -> None:
    scenario = experiment.scenario
    asked = {"seed": scenario.run.seed, "round": order.round, "client": order.client}
    if order.phase == "train" and strikes("crash", scenario.faults.crash, **asked):
        raise ClientCrashError(f"client {order.client} crashed in round {order.round}, as [faults] has it")


def _personalized(
    experiment: Experiment, order: Order, parts: Mapping[str, Part], local: LocalRound, machine: Machine
) -> bytes:
    """The reply of a client that personalizes its model; it keeps the one that it chooses."""
    section = PersonalizeSection.model_validate(order.personalize)
    work = Personalization(experiment, section, order.client, order.round, *local.held())
    shared = unpacked(parts[SHARED], experiment, section) if SHARED in parts else {}
    models = work.models(shared)
    (chosen,) = (model for model in models if model.said.chosen)
    keep = ClientMemory(mask=chosen.mask, weights=chosen.weights).arrays()
    machine.personal_store(order.run).save(order.client, order.round, keep)
    report = replace(local.report(), personal=[model.said for model in models])
    return write(report, {})[0]


def _own_weights(experiment: Experiment, weights: Arrays) -> Arrays:
    """The whole model where it is the client's own, else only what does not travel."""
    if experiment.strategy.keeps_model:
        return weights
    return {name: value for name, value in weights.items() if name not in experiment.travelling}
