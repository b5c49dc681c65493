"""The client's half of a round: decode, receive, train under the mask, decide, encode, keep.

Its state is a version in a store, named by the round: a version counts only once the server has accepted the
reply and says so in the next order, so a client that fails anywhere leaves no trace.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from fedprune.federation.kept import Kept
from fedprune.federation.link import Link
from fedprune.federation.local_work import LocalWork
from fedprune.federation.messages import Order, Report, read, write
from fedprune.federation.site import Samples, Site, site
from fedprune.federation.teacher import Teacher
from fedprune.federation.user_code import check_import_paths
from fedprune.pruning.cost import cost_under
from fedprune.pruning.mask import Mask, kept_counts
from fedprune.runs.folder import RunFolder, checked_name
from fedprune.runs.store import VersionedStore
from fedprune.strategy import Client
from fedprune.training.evaluate import accuracy
from fedprune.training.model import LocalModel
from fedprune.types import Arrays


@dataclass(frozen=True)
class Place:
    """Where a client runs: what its machine knows and no message says."""

    runs: Path
    """Folder of run folders: a client keeps its state in the run's."""
    data: str | None = None
    """Folder of local data sets; FEDPRUNE_DATA unless given."""
    modules: frozenset[str] = frozenset()
    """Import paths of the user's own code that orders may name."""

    def store(self, run: str) -> VersionedStore:
        """The clients' state of a run. Raises RunError when its name would lead elsewhere."""
        return RunFolder(self.runs / checked_name(run)).client_state


def local_round(blob: bytes, place: Place) -> bytes:
    """One order in, one reply out.

    Raises CodecError on a bad order, UserError on one that names code unknown here, RunError when the run or
    state that it names is not there, DivergedError when training does.
    """
    order, parts = read(Order, blob)
    check_import_paths(order.settings, place.modules)
    here, store = site(order.settings, place.data), place.store(order.run)
    store.collect(order.client, order.known, order.floor)
    kept = Kept.load(store, order.client, order.known)
    link = Link(here, order.client, order.round, kept.known)
    received = link.receive_down(parts)
    samples = here.training(order.client)
    work = LocalWork(here, order.client, order.round, samples)
    client = _client(here, order, kept, received.mask, work)
    teacher = Teacher(here, work, kept)
    # A strategy may work on what it is handed; what both sides hold stays as it came.
    report = _train_and_test(here, order, client, _copies(received.arrays), work, teacher)
    if order.phase == "final":
        return write(_deployed(here, order, kept, client, report), {})[0]
    payload = here.strategy.upload(client, here.strategy.part(here.travelling, "up", order.round))
    encoded = link.send_up(payload, received, kept.residual)
    shared = received.mask if payload.mask is None else payload.mask
    known = link.after(received, shared, encoded.tracked)
    weights, taught = _kept_weights(here, client.weights), teacher.keeps(client.weights)
    keep = Kept(client.mask, known, weights, client.state, taught, encoded.residual).arrays()
    if keep:
        store.save(order.client, order.round, keep)
    alive = _alive(here, client.mask, shared)
    return write(replace(report, kept=bool(keep), alive=alive), encoded.parts)[0]


def _copies(arrays: Arrays) -> Arrays:
    return {name: value.copy() for name, value in arrays.items()}


def _train_and_test(
    here: Site, order: Order, client: Client, arrays: Arrays, work: LocalWork, teacher: Teacher
) -> Report:
    """Receive, train and decide; what there is to say of it."""
    testing = here.testing(order.client) if order.evaluate else None
    validation = here.gating(order.client) if order.validation else None
    here.strategy.receive(client, arrays)
    before = _accuracy(here, client.weights, client.mask, testing)
    teacher.meet(client.weights, client.mask)
    work.lesson = teacher.lesson
    here.strategy.before_training(client)
    here.strategy.train(client)
    _decide(here, client, work, teacher)
    spent = cost_under(here.architecture, client.mask)
    return Report(
        round=order.round,
        client=order.client,
        samples=work.samples,
        kept=False,
        multiply_adds=spent.multiply_adds,
        parameters=spent.parameters,
        train_loss=work.loss,
        gate_accuracy=work.gate_accuracy,
        validation_accuracy=_accuracy(here, client.weights, client.mask, validation),
        test_accuracy_before=before,
        test_accuracy_after=_accuracy(here, client.weights, client.mask, testing),
    )


def _decide(here: Site, client: Client, work: LocalWork, teacher: Teacher) -> None:
    """The prune decision, and the recovery from it where the scenario asks for one."""
    if not here.scenario.distill.recover:
        here.strategy.after_training(client)
        return
    weights, mask = _copies(client.weights), client.mask.copy()
    here.strategy.after_training(client)
    shapes = {name: kept.shape for name, kept in client.mask.items()}
    if not mask.with_dense(shapes).is_subset(client.mask):
        client.weights = work.recover(client.weights, client.mask, teacher.before_prune(weights, mask))


def _deployed(here: Site, order: Order, kept: Kept, client: Client, report: Report) -> Report:
    """The final report, of the model that the client would use: the one it kept, where it is its own."""
    own = kept.weights if here.strategy.keeps_model else {}
    received = client.shared if here.strategy.keeps_model else client.mask
    mask = kept.mask if own else received
    spent = cost_under(here.architecture, mask)
    return replace(
        report,
        multiply_adds=spent.multiply_adds,
        parameters=spent.parameters,
        alive=_alive(here, mask, client.shared),
        test_accuracy_personal=_accuracy(here, own, mask, here.testing(order.client)) if own else None,
    )


def _client(here: Site, order: Order, kept: Kept, shared: Mask, work: LocalWork) -> Client:
    return Client(
        id=order.client,
        round=order.round,
        final=order.phase == "final",
        epochs=here.scenario.train.epochs,
        weights={**here.initial, **kept.weights},
        mask=kept.mask,
        shared=shared,
        state=dict(kept.state),
        initial=here.initial,
        prunable=here.architecture.prunable,
        groups=here.architecture.groups,
        gate=work.gate,
        fit=work.fit,
        gradient=work.gradient,
        activity=work.activity,
        peer=work.peer,
        rng=work.rng,
    )


def _accuracy(here: Site, weights: Arrays, mask: Mask, testing: Samples | None) -> float | None:
    if testing is None or not len(testing[1]):
        return None
    return accuracy(LocalModel(here.architecture, {**here.initial, **weights}, mask).module, *testing)


def _alive(here: Site, mask: Mask, shared: Mask) -> list[int] | None:
    """How much of each prunable parameter lives, where the mask that the server knows does not say so."""
    mine, theirs = kept_counts(mask, here.prunable), kept_counts(shared, here.prunable)
    return None if mine == theirs else mine


def _kept_weights(here: Site, weights: Arrays) -> Arrays:
    """The whole model where it is the client's own, else only what does not travel."""
    if here.strategy.keeps_model:
        return weights
    return {name: value for name, value in weights.items() if name not in here.travelling}
