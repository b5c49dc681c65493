"""The client's half of a round: decode, receive, train under the mask, decide, encode, keep.

Its state is a version in a store, named by the round: a version counts only once the server has accepted the
reply and says so in the next order, so a client that fails anywhere leaves no trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from fedprune.federation.local_work import LocalWork
from fedprune.federation.messages import Order, Report, read, write
from fedprune.federation.site import Samples, Site, site
from fedprune.pruning.cost import cost_under
from fedprune.pruning.mask import Mask, kept_counts
from fedprune.runs.folder import RunFolder, checked_name
from fedprune.runs.store import VersionedStore
from fedprune.strategy import Client
from fedprune.training.evaluate import accuracy
from fedprune.training.model import LocalModel
from fedprune.types import Arrays
from fedprune.wire.codec import decode_payload, encode_payload


@dataclass(frozen=True)
class Kept:
    """What a client keeps between rounds; all empty before its first."""

    mask: Mask
    """What lives."""
    shared: Mask
    """The mask that the server knows."""
    weights: Arrays
    state: Arrays

    @classmethod
    def load(cls, store: VersionedStore, client: int, round: int) -> Kept:
        rooms: dict[str, Arrays] = {"mask": {}, "shared": {}, "weights": {}, "state": {}}
        for key, value in store.load(client, round).items():
            room, name = key.split(":", 1)
            rooms[room][name] = value
        return cls(Mask(rooms["mask"]), Mask(rooms["shared"]), rooms["weights"], rooms["state"])

    def arrays(self) -> Arrays:
        return {
            **{f"mask:{name}": kept for name, kept in self.mask.items()},
            **{f"shared:{name}": kept for name, kept in self.shared.items()},
            **{f"weights:{name}": value for name, value in self.weights.items()},
            **{f"state:{name}": value for name, value in self.state.items()},
        }


@dataclass(frozen=True)
class Place:
    """Where a client runs: what its machine knows and no message says."""

    runs: Path
    """Folder of run folders: a client keeps its state in the run's."""
    data: str | None = None
    """Folder of local data sets; FEDPRUNE_DATA unless given."""

    def store(self, run: str) -> VersionedStore:
        """The clients' state of a run. Raises RunError when its name would lead elsewhere."""
        return RunFolder(self.runs / checked_name(run)).client_state


def local_round(blob: bytes, place: Place) -> bytes:
    """One order in, one reply out.

    Raises CodecError on a bad order, RunError when the run or state that it names is not there, DivergedError
    when training does.
    """
    order, parts = read(Order, blob)
    here, store = site(order.settings, place.data), place.store(order.run)
    store.collect(order.client, order.known, order.floor)
    kept = Kept.load(store, order.client, order.known)
    arrays, shared = _received(here, order, parts, kept)
    samples = here.training(order.client)
    work = LocalWork(here, order.client, order.round, samples)
    client = _client(here, order, kept, shared, work)
    report = _train_and_test(here, order, client, arrays, work)
    if order.phase == "final":
        return write(_deployed(here, order, kept, client, report), {})[0]
    payload = here.strategy.upload(client, here.strategy.part(here.travelling, "up", order.round))
    wire = here.scenario.wire
    encoded = encode_payload(payload.arrays, payload.mask, shared, wire.mask, wire.values)
    known = shared if payload.mask is None else payload.mask
    keep = Kept(client.mask, known, _kept_weights(here, client.weights), client.state).arrays()
    if keep:
        store.save(order.client, order.round, keep)
    alive = _alive(here, client.mask, known)
    return write(replace(report, kept=bool(keep), alive=alive), encoded)[0]


def _received(here: Site, order: Order, parts: Mapping[str, memoryview], kept: Kept) -> tuple[Arrays, Mask]:
    wire, expected = here.scenario.wire, here.strategy.part(here.travelling, "down", order.round)
    return decode_payload(
        parts, expected, kept.shared, here.maskable, "mask" in parts, wire.mask, wire.values
    )


def _train_and_test(here: Site, order: Order, client: Client, arrays: Arrays, work: LocalWork) -> Report:
    """Receive, train and decide; what there is to say of it."""
    testing = here.testing(order.client) if order.evaluate else None
    here.strategy.receive(client, arrays)
    before = _accuracy(here, client.weights, client.mask, testing)
    here.strategy.before_training(client)
    here.strategy.train(client)
    here.strategy.after_training(client)
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
        test_accuracy_before=before,
        test_accuracy_after=_accuracy(here, client.weights, client.mask, testing),
    )


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
