"""The client's half of a round: decode, receive, train under the mask, decide, encode, keep.

Its state is a version in a store, named by the round: a version counts only once the server has accepted the
reply and says so in the next order, so a client that fails anywhere leaves no trace.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from fedprune.compute.evaluate import score
from fedprune.federation.client.teacher import Teacher
from fedprune.federation.client.updates import through_stages
from fedprune.federation.client.work import LocalWork
from fedprune.federation.experiment import Experiment, Samples, open_experiment
from fedprune.federation.protocol.link import Link
from fedprune.federation.protocol.memory import ClientMemory
from fedprune.federation.protocol.messages import Order, Report, read, write
from fedprune.federation.protocol.user_code import check_import_paths
from fedprune.pruning.cost import cost_under
from fedprune.pruning.mask import Mask, kept_counts
from fedprune.runs.folder import RunFolder, checked_name
from fedprune.runs.store import VersionedStore
from fedprune.strategy import Client
from fedprune.types import Arrays


@dataclass(frozen=True)
class Machine:
    """Where a client runs: what its machine knows and no message says."""

    runs: Path
    """Folder of run folders: a client keeps its state in the run's."""
    data: str | None = None
    """Folder of local data sets; FEDPRUNE_DATA unless given."""
    modules: frozenset[str] = frozenset()
    """Import paths of the user's own code that orders may name."""
    plugins: tuple[Path, ...] = ()
    """Folders in which it looks for the user's plug-ins: for ``strategies/``, ``criteria/`` ... in them."""

    def store(self, run: str) -> VersionedStore:
        """The clients' state of a run. Raises RunError when its name would lead elsewhere."""
        return RunFolder(self.runs / checked_name(run)).client_state


def client_round(blob: bytes, machine: Machine) -> bytes:
    """One order in, one reply out.

    Raises CodecError on a bad order, UserError on one that names code unknown here, RunError when the run or
    state that it names is not there, DivergedError when training does.
    """
    order, parts = read(Order, blob)
    check_import_paths(order.settings, machine.modules)
    experiment, store = open_experiment(order.settings, machine.data), machine.store(order.run)
    store.collect(order.client, order.version, order.floor)
    kept = ClientMemory.load(store, order.client, order.version)
    link = Link(experiment, order.client, order.round, kept.shared)
    received = link.receive_down(parts)
    samples = experiment.training(order.client)
    work = LocalWork(experiment, order.client, order.round, samples)
    client = _client(experiment, order, kept, received.mask, work)
    teacher = Teacher(experiment, work, kept)
    # A strategy may work on what it is handed; what both sides hold stays as it came.
    report = _train_and_test(experiment, order, client, _copies(received.arrays), work, teacher)
    if order.phase == "final":
        return write(_deployed(experiment, order, kept, client, report), {})[0]
    payload = experiment.strategy.upload(
        client, experiment.strategy.part(experiment.travelling, "up", order.round)
    )
    payload = through_stages(experiment.stages, payload, received, work.rng)
    encoded = link.send_up(payload, received, kept.residual)
    shared = received.mask if payload.mask is None else payload.mask
    memory = link.after(received, shared, encoded.tracked)
    weights, taught = _kept_weights(experiment, client.weights), teacher.keeps(client.weights)
    keep = ClientMemory(client.mask, memory, weights, client.state, taught, encoded.residual).arrays()
    if keep:
        store.save(order.client, order.round, keep)
    alive = _alive(experiment, client.mask, shared)
    return write(replace(report, kept=bool(keep), alive=alive), encoded.parts)[0]


def _copies(arrays: Arrays) -> Arrays:
    return {name: value.copy() for name, value in arrays.items()}


def _train_and_test(
    experiment: Experiment, order: Order, client: Client, arrays: Arrays, work: LocalWork, teacher: Teacher
) -> Report:
    """Receive, train and decide; what there is to say of it."""
    testing = experiment.testing(order.client) if order.evaluate else None
    validation = experiment.gating(order.client) if order.validation else None
    experiment.strategy.receive(client, arrays)
    before = _score(experiment, client.weights, client.mask, testing)
    teacher.meet(client.weights, client.mask)
    work.lesson = teacher.lesson
    experiment.strategy.before_training(client)
    experiment.strategy.train(client)
    _decide(experiment, client, work, teacher)
    spent = cost_under(experiment.architecture, client.mask)
    return Report(
        round=order.round,
        client=order.client,
        samples=work.samples,
        kept=False,
        multiply_adds=spent.multiply_adds,
        parameters=spent.parameters,
        train_loss=work.loss,
        gate_score=work.gate_score,
        validation_score=_score(experiment, client.weights, client.mask, validation),
        test_score_before=before,
        test_score_after=_score(experiment, client.weights, client.mask, testing),
    )


def _decide(experiment: Experiment, client: Client, work: LocalWork, teacher: Teacher) -> None:
    """The prune decision, and the recovery from it where the scenario asks for one."""
    if not experiment.scenario.distill.recover:
        experiment.strategy.after_training(client)
        return
    weights, mask = _copies(client.weights), client.mask.copy()
    experiment.strategy.after_training(client)
    shapes = {name: kept.shape for name, kept in client.mask.items()}
    if not mask.with_dense(shapes).is_subset(client.mask):
        client.weights = work.recover(client.weights, client.mask, teacher.before_prune(weights, mask))


def _deployed(
    experiment: Experiment, order: Order, kept: ClientMemory, client: Client, report: Report
) -> Report:
    """The final report, of the model that the client would use: the one it kept, where it is its own."""
    own = kept.weights if experiment.strategy.keeps_model else {}
    received = client.shared if experiment.strategy.keeps_model else client.mask
    mask = kept.mask if own else received
    spent = cost_under(experiment.architecture, mask)
    return replace(
        report,
        multiply_adds=spent.multiply_adds,
        parameters=spent.parameters,
        alive=_alive(experiment, mask, client.shared),
        test_score_personal=_score(experiment, own, mask, experiment.testing(order.client)) if own else None,
    )


def _client(
    experiment: Experiment, order: Order, kept: ClientMemory, shared: Mask, work: LocalWork
) -> Client:
    return Client(
        id=order.client,
        round=order.round,
        final=order.phase == "final",
        rounds=experiment.scenario.run.rounds,
        epochs=experiment.scenario.train.epochs,
        weights={**experiment.initial, **kept.weights},
        mask=kept.mask,
        shared=shared,
        state=dict(kept.state),
        initial=experiment.initial,
        prunable=experiment.architecture.prunable,
        groups=experiment.architecture.groups,
        gate=work.gate,
        fit=work.fit,
        gradient=work.gradient,
        activity=work.activity,
        peer=work.peer,
        rng=work.rng,
    )


def _score(experiment: Experiment, weights: Arrays, mask: Mask, testing: Samples | None) -> float | None:
    if testing is None or not len(testing[1]):
        return None
    model = experiment.model({**experiment.initial, **weights}, mask)
    return score(model.module, model.task, *testing)


def _alive(experiment: Experiment, mask: Mask, shared: Mask) -> list[int] | None:
    """How much of each prunable parameter lives, where the mask that the server knows does not say so."""
    mine, theirs = kept_counts(mask, experiment.prunable), kept_counts(shared, experiment.prunable)
    return None if mine == theirs else mine


def _kept_weights(experiment: Experiment, weights: Arrays) -> Arrays:
    """The whole model where it is the client's own, else only what does not travel."""
    if experiment.strategy.keeps_model:
        return weights
    return {name: value for name, value in weights.items() if name not in experiment.travelling}
