"""The codecs between a server and its clients: what goes against what, and what either side keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune.federation.client.round import Machine, client_round
from fedprune.federation.protocol.link import SharedMemory
from fedprune.federation.protocol.memory import ClientMemory, ServerMemory
from fedprune.federation.protocol.messages import Order, Report, read, write
from fedprune.federation.server.round import Federation, Incoming, Outcome
from fedprune.pruning.mask import Mask
from fedprune.runs.store import VersionedStore
from fedprune.scenario import Scenario
from fedprune.types import Arrays
from fedprune.wire.account import Bytes

LOSSY = {"base": "update", "values": "uniform", "bits": 4, "entropy": "ans"}


def federation(folder: Path, **sections: Any) -> Federation:
    scenario = Scenario.from_dict(
        {
            "run": {"rounds": 3, "clients_per_round": 3},
            "partition": {"name": "shards", "clients": 4, "shard_size": 20},
            "model": {"name": "digits_cnn"},
            "train": {"epochs": 1, "lr": 0.05},
            **sections,
        }
    )
    return Federation(scenario, "run", VersionedStore(folder / "run" / "state" / "server"))


def round_of(server: Federation, folder: Path, round: int, lost: int | None = None) -> Outcome:
    """A whole round, in which the reply of one client may be lost."""
    replies = []
    for order in server.orders(round, server.sample(round), floor=0, evaluate=False, phase="train"):
        blob = client_round(order.blob, Machine(folder))
        replies.append(Incoming(order.client, None if order.client == lost else blob, "lost", Bytes(), 10**9))
    return server.conclude(round, replies, floor=0)


def store(folder: Path, side: str) -> VersionedStore:
    return VersionedStore(folder / "run" / "state" / side)


def test_a_newcomer_holds_the_initial_weights_so_a_first_order_says_that_nothing_changed(
    tmp_path: Path,
) -> None:
    sizes = {}
    for base in ("weights", "update"):
        server = federation(tmp_path, downlink={**LOSSY, "base": base})
        order = server.orders(1, [0], floor=0, evaluate=False, phase="train")[0]
        sizes[base] = len(order.parts["values"])
    assert sizes["update"] < 0.02 * sizes["weights"]


def test_an_order_is_coded_against_what_its_client_last_got_a_lost_reply_or_not(tmp_path: Path) -> None:
    server = federation(tmp_path, downlink=LOSSY, uplink=LOSSY, run={"clients_per_round": 4})
    round_of(server, tmp_path, 1)
    round_of(server, tmp_path, 2, lost=0)
    assert [server.state.known[client] for client in range(4)] == [1, 2, 2, 2]
    before = server.state.weights
    for order in server.orders(3, range(4), floor=0, evaluate=False, phase="train"):
        assert read(Order, order.blob)[0].known == (1 if order.client == 0 else 2)
        client_round(order.blob, Machine(tmp_path))
        held = ClientMemory.load(store(tmp_path, "clients"), order.client, 3).known.held
        for name, value in held.items():
            # Within a few steps of four bits of what has changed since.
            assert np.abs(value - before[name]).max() < 0.2 * np.abs(before[name]).max()


def test_client_and_server_keep_the_same_of_what_both_know(tmp_path: Path) -> None:
    server = federation(
        tmp_path,
        strategy={"name": "sub_fedavg", "gate": 0.0, "distance": 0.0},
        downlink={**LOSSY, "base": "tracked"},
        uplink={**LOSSY, "base": "tracked"},
    )
    for round in (1, 2, 3):
        round_of(server, tmp_path, round)
    for client, version in server.state.known.items():
        theirs = ClientMemory.load(store(tmp_path, "clients"), client, version).known
        ours = ServerMemory.load(store(tmp_path, "server"), client, version).known
        assert theirs.shared == ours.shared
        for room in ("held", "up", "down"):
            one, other = getattr(theirs, room), getattr(ours, room)
            assert one
            assert one.keys() == other.keys()
            assert all(one[name].tobytes() == other[name].tobytes() for name in one)


def arrays(seed: int) -> Arrays:
    return {"conv.weight": np.random.default_rng(seed).standard_normal((2, 3)).astype(np.float32)}


def test_all_rooms_come_back_as_they_were_kept(tmp_path: Path) -> None:
    known = SharedMemory(Mask({"conv.weight": np.eye(2, 3, dtype=bool)}), arrays(0), arrays(1), arrays(2))
    kept = ClientMemory(known.shared, known, arrays(3), arrays(4), arrays(5), arrays(6))
    for side in (kept, ServerMemory(known, arrays(7))):
        saved = VersionedStore(tmp_path / type(side).__name__)
        saved.save(0, 1, side.arrays())
        again = type(side).load(saved, 0, 1)
        assert again.known.shared == known.shared
        assert again.arrays().keys() == side.arrays().keys()
        assert all(np.array_equal(again.arrays()[key], value) for key, value in side.arrays().items())


@pytest.mark.parametrize("uplink", [LOSSY, {**LOSSY, "base": "tracked", "sparsify": 0.1}])
def test_a_hostile_reply_to_a_lossy_pipeline_is_refused_or_finite(
    uplink: dict[str, Any], tmp_path: Path
) -> None:
    server, rng = federation(tmp_path, uplink=uplink), np.random.default_rng(0)
    orders = server.orders(1, server.sample(1), floor=0, evaluate=False, phase="train")
    head, views = read(Report, client_round(orders[0].blob, Machine(tmp_path)))
    for _ in range(100):
        parts = {name: bytearray(part) for name, part in views.items()}
        name = sorted(parts)[rng.integers(len(parts))]
        parts[name][rng.integers(len(parts[name]))] ^= 1 << rng.integers(8)
        blob = write(head, {name: bytes(part) for name, part in parts.items()})[0]
        outcome = server.sift(
            1, [Incoming(head.client, blob, "", Bytes(), 10**9)], server.experiment.travelling
        )
        for reply in outcome.accepted:
            assert all(np.isfinite(value).all() for value in reply.update.arrays.values())


def test_a_reply_that_nobody_asked_for_is_refused(tmp_path: Path) -> None:
    server = federation(tmp_path)
    first, second = server.orders(1, [0, 1], floor=0, evaluate=False, phase="train")
    replies = [
        Incoming(order.client, client_round(order.blob, Machine(tmp_path)), "", Bytes(), 10**9)
        for order in (first, second)
    ]
    server.orders(1, [0], floor=0, evaluate=False, phase="train")
    outcome = server.sift(1, replies, server.experiment.travelling)
    assert outcome.failed == {1: "a reply that nobody asked for"}
