"""The client's half of a round: decode, receive, train under the mask, decide, encode, keep.

Its state is a version in a store, named by the round: a version counts only once the server has accepted the
reply and says so in the next order, so a client that fails anywhere leaves no trace.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from fedprune.federation.messages import Order, Report, read, write
from fedprune.federation.site import Samples, Site, site
from fedprune.pruning.cost import cost_under
from fedprune.pruning.mask import Mask
from fedprune.runs.folder import RunFolder, checked_name
from fedprune.runs.store import VersionedStore
from fedprune.seeds import generator
from fedprune.strategy import Client
from fedprune.training.evaluate import accuracy
from fedprune.training.loop import Trainer
from fedprune.training.model import LocalModel
from fedprune.types import Arrays
from fedprune.wire.codec import decode_payload, encode_payload

GATE = "gate accuracy"
"""Where a client's scratch holds what its gate said last, for the report."""


class DivergedError(RuntimeError):
    """Local training gave a loss or weights that are not finite."""


@dataclass(frozen=True)
class Kept:
    """What a client keeps between rounds; all empty before its first."""

    mask: Mask
    weights: Arrays
    state: Arrays

    @classmethod
    def load(cls, store: VersionedStore, client: int, round: int) -> Kept:
        rooms: dict[str, Arrays] = {"mask": {}, "weights": {}, "state": {}}
        for key, value in store.load(client, round).items():
            room, name = key.split(":", 1)
            rooms[room][name] = value
        return cls(Mask(rooms["mask"]), rooms["weights"], rooms["state"])

    def arrays(self) -> Arrays:
        return {
            **{f"mask:{name}": kept for name, kept in self.mask.items()},
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
    wire = here.scenario.wire
    arrays, mask = decode_payload(
        parts, here.travelling, kept.mask, here.maskable, "mask" in parts, wire.mask, wire.values
    )
    samples = here.training(order.client)
    client = _client(here, order, kept, mask, samples)
    report = _train_and_test(here, order, client, arrays, samples)
    if order.phase == "final":
        return write(_with_personal(here, order, kept, report), {})[0]
    payload = here.strategy.upload(client, here.travelling)
    encoded = encode_payload(payload.arrays, payload.mask, kept.mask, wire.mask, wire.values)
    keep = Kept(client.mask, _kept_weights(here, client.weights), client.state).arrays()
    if keep:
        store.save(order.client, order.round, keep)
    return write(replace(report, kept=bool(keep)), encoded)[0]


def _train_and_test(here: Site, order: Order, client: Client, arrays: Arrays, samples: Samples) -> Report:
    """Receive, train and decide; what there is to say of it."""
    testing = here.testing(order.client) if order.evaluate else None
    here.strategy.receive(client, arrays)
    before = _accuracy(here, client.weights, client.mask, testing)
    loss = _train(here, client, samples)
    here.strategy.after_training(client)
    spent = cost_under(here.architecture, client.mask)
    return Report(
        round=order.round,
        client=order.client,
        samples=len(samples[1]),
        kept=False,
        multiply_adds=spent.multiply_adds,
        parameters=spent.parameters,
        train_loss=loss,
        gate_accuracy=client.scratch.get(GATE),
        test_accuracy_before=before,
        test_accuracy_after=_accuracy(here, client.weights, client.mask, testing),
    )


def _with_personal(here: Site, order: Order, kept: Kept, report: Report) -> Report:
    """The final report: the model that the client kept, where it is its own, and the cost of that."""
    spent = cost_under(here.architecture, kept.mask)
    own = kept.weights if here.strategy.keeps_model else {}
    return replace(
        report,
        multiply_adds=spent.multiply_adds,
        parameters=spent.parameters,
        test_accuracy_personal=_accuracy(here, own, kept.mask, here.testing(order.client)) if own else None,
    )


def _client(here: Site, order: Order, kept: Kept, mask: Mask, samples: Samples) -> Client:
    gating = here.gating(order.client) or samples

    def gate(weights: Arrays, mask: Mask) -> float:
        found = accuracy(LocalModel(here.architecture, weights, mask).module, *gating)
        client.scratch[GATE] = found
        return found

    client = Client(
        id=order.client,
        round=order.round,
        epochs=here.scenario.train.epochs,
        weights={**here.initial, **kept.weights},
        mask=mask,
        state=dict(kept.state),
        prunable=here.architecture.prunable,
        groups=here.architecture.groups,
        gate=gate,
    )
    return client


def _train(here: Site, client: Client, samples: Samples) -> float:
    """All local epochs with the strategy's hooks between them; the mean loss of the last epoch."""
    here.strategy.before_training(client)
    model = LocalModel(here.architecture, client.weights, client.mask)
    trainer = Trainer(model, *samples, here.step)
    rng = generator(here.scenario.run.seed, "batches", round=client.round, client=client.id)
    loss = 0.0
    for epoch in range(1, client.epochs + 1):
        loss = trainer.epoch(torch.from_numpy(rng.permutation(len(samples[1]))))
        client.weights = model.weights()
        if not math.isfinite(loss) or not all(np.isfinite(value).all() for value in client.weights.values()):
            raise DivergedError(f"training diverged in epoch {epoch} (loss {loss:g}); lower train.lr")
        here.strategy.after_epoch(client, epoch)
    return loss


def _accuracy(here: Site, weights: Arrays, mask: Mask, testing: Samples | None) -> float | None:
    if testing is None or not len(testing[1]):
        return None
    return accuracy(LocalModel(here.architecture, {**here.initial, **weights}, mask).module, *testing)


def _kept_weights(here: Site, weights: Arrays) -> Arrays:
    """The whole model where it is the client's own, else only what does not travel."""
    if here.strategy.keeps_model:
        return weights
    return {name: value for name, value in weights.items() if name not in here.travelling}
