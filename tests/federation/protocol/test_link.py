"""The codecs between a server and its clients: what goes against what, and what either side keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune.federation.client.machine import Machine
from fedprune.federation.client.round import client_round
from fedprune.federation.protocol.link import SharedMemory
from fedprune.federation.protocol.memory import ClientMemory, ServerMemory
from fedprune.federation.protocol.messages import Order, Report, read, write
from fedprune.federation.server.conversation import Conversation, Incoming
from fedprune.federation.server.federation import Federation
from fedprune.federation.server.round import Outcome, Round, conclude
from fedprune.pruning.mask import Mask
from fedprune.runs.store import VersionedStore
from fedprune.scenario import Scenario
from fedprune.types import Arrays

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
    return Federation(scenario, "run", store(folder, "server"))


def round_of(server: Federation, folder: Path, round: int, lost: int | None = None) -> Outcome:
    """A whole round, in which the reply of one client may be lost."""
    asked = Round.sampled(server, round)
    for each in asked.orders():
        blob = client_round(each.order, Machine(folder))
        each.take(Incoming(None if each.client == lost else blob, "lost", 10**9))
    return conclude(asked)


def store(folder: Path, side: str) -> VersionedStore:
    found = VersionedStore(folder / "run" / "state" / side, "run")
    found.folder.mkdir(parents=True, exist_ok=True)
    return found


def test_a_newcomer_holds_the_initial_weights_so_a_first_order_says_that_nothing_changed(
    tmp_path: Path,
) -> None:
    sizes = {}
    for base in ("weights", "update"):
        server = federation(tmp_path, downlink={**LOSSY, "base": base})
        (conversation,) = Round(server, 1, [0]).orders()
        sizes[base] = len(conversation.parts["values"])
    assert sizes["update"] < 0.02 * sizes["weights"]


def test_an_order_is_coded_against_what_its_client_last_got_a_lost_reply_or_not(tmp_path: Path) -> None:
    server = federation(tmp_path, downlink=LOSSY, uplink=LOSSY, run={"clients_per_round": 4})
    round_of(server, tmp_path, 1)
    round_of(server, tmp_path, 2, lost=0)
    assert [server.state.versions[client] for client in range(4)] == [1, 2, 2, 2]
    before = server.state.weights
    for each in Round(server, 3, range(4)).orders():
        assert read(Order, each.order)[0].version == (1 if each.client == 0 else 2)
        client_round(each.order, Machine(tmp_path))
        held = ClientMemory.load(store(tmp_path, "clients"), each.client, 3).shared.held
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
    for client, version in server.state.versions.items():
        theirs = ClientMemory.load(store(tmp_path, "clients"), client, version).shared
        ours = ServerMemory.load(store(tmp_path, "server"), client, version).shared
        assert theirs.mask == ours.mask
        for room in ("held", "up", "down"):
            one, other = getattr(theirs, room), getattr(ours, room)
            assert one
            assert one.keys() == other.keys()
            assert all(one[name].tobytes() == other[name].tobytes() for name in one)


DISPFL = {"name": "dispfl", "density": 0.3}


@pytest.mark.parametrize("uplink", [{}, {"mask": "context"}, {"mask": "change", **LOSSY}])
def test_the_next_order_comes_on_the_mask_that_a_reply_announced(
    uplink: dict[str, Any], tmp_path: Path
) -> None:
    server = federation(tmp_path, strategy=DISPFL, uplink=uplink)
    (asked,) = Round(server, 1, [0]).orders()
    trained, coming = _taken(asked, tmp_path)
    regrown = {name: coming[name] & ~kept for name, kept in trained.items()}
    assert sum(int(places.sum()) for places in regrown.values()) > 100
    # A reply's values, and what the server averages, stay under the mask that was trained.
    assert asked.accepted
    assert all(not asked.accepted.update.arrays[name][places].any() for name, places in regrown.items())
    server.commit(1, server.state.weights, server.server(1), [asked.accepted], 0)
    (again,) = Round(server, 2, [0]).orders()
    assert "mask" not in again.parts
    arrived = again.link.receive_down(again.parts).arrays
    for name, kept in coming.items():
        np.testing.assert_array_equal(arrived[name], kept * server.state.weights[name])
    assert _taken(again, tmp_path)[0] == coming


def _taken(asked: Conversation, folder: Path) -> tuple[Mask, Mask]:
    """The mask that a client's accepted reply was trained under, and the one that both sides know then."""
    blob = client_round(asked.order, Machine(folder))
    asked.take(Incoming(blob, "", 10**9))
    assert asked.accepted, asked.refused
    _, parts = read(Report, blob)
    assert asked.accepted.bytes_up.mask == sum(len(parts[name]) for name in ("mask", "next") if name in parts)
    kept = ClientMemory.load(store(folder, "clients"), asked.client, asked.link.round).shared.mask
    assert kept == asked.accepted.memory.shared.mask
    return asked.accepted.update.mask, kept


@pytest.mark.parametrize(
    ("strategy", "part"), [(DISPFL, b""), (DISPFL, b"\xff" * 9), ({"name": "fedavg"}, b"\x01")]
)
def test_a_next_mask_that_is_broken_or_uncalled_for_is_refused(
    strategy: dict[str, Any], part: bytes, tmp_path: Path
) -> None:
    server = federation(tmp_path, strategy=strategy)
    (asked,) = Round(server, 1, [0]).orders()
    report, parts = read(Report, client_round(asked.order, Machine(tmp_path)))
    blob, _ = write(report, {**{name: bytes(value) for name, value in parts.items()}, "next": part})
    asked.take(Incoming(blob, "", 10**9))
    assert asked.accepted is None
    assert asked.refused


def arrays(seed: int) -> Arrays:
    return {"conv.weight": np.random.default_rng(seed).standard_normal((2, 3)).astype(np.float32)}


def test_all_rooms_come_back_as_they_were_kept(tmp_path: Path) -> None:
    shared = SharedMemory(Mask({"conv.weight": np.eye(2, 3, dtype=bool)}), arrays(0), arrays(1), arrays(2))
    kept = ClientMemory(shared.mask, shared, arrays(3), arrays(4), arrays(5), arrays(6))
    for side in (kept, ServerMemory(shared, arrays(7))):
        saved = store(tmp_path, type(side).__name__)
        saved.save(0, 1, side.arrays())
        again = type(side).load(saved, 0, 1)
        assert again.shared.mask == shared.mask
        assert again.arrays().keys() == side.arrays().keys()
        assert all(np.array_equal(again.arrays()[key], value) for key, value in side.arrays().items())


@pytest.mark.parametrize("uplink", [LOSSY, {**LOSSY, "base": "tracked", "sparsify": 0.1}])
def test_a_hostile_reply_to_a_lossy_pipeline_is_refused_or_finite(
    uplink: dict[str, Any], tmp_path: Path
) -> None:
    server, rng = federation(tmp_path, uplink=uplink), np.random.default_rng(0)
    client = server.sample(1)[0]
    (first,) = Round(server, 1, [client]).orders()
    head, views = read(Report, client_round(first.order, Machine(tmp_path)))
    for _ in range(100):
        parts = {name: bytearray(part) for name, part in views.items()}
        name = sorted(parts)[rng.integers(len(parts))]
        parts[name][rng.integers(len(parts[name]))] ^= 1 << rng.integers(8)
        blob = write(head, {name: bytes(part) for name, part in parts.items()})[0]
        (conversation,) = Round(server, 1, [client]).orders()
        conversation.take(Incoming(blob, "", 10**9))
        if conversation.accepted:
            assert all(np.isfinite(value).all() for value in conversation.accepted.update.arrays.values())


def test_a_mask_to_a_dense_method_is_refused(tmp_path: Path) -> None:
    (conversation,) = Round(federation(tmp_path), 1, [0]).orders()
    head, views = read(Report, client_round(conversation.order, Machine(tmp_path)))
    parts = {"mask": bytes(8), **{name: bytes(part) for name, part in views.items()}}
    conversation.take(Incoming(write(head, parts)[0], "", 10**9))
    assert "mask: it should not travel" in conversation.refused


@pytest.mark.parametrize(
    ("sections", "once"),
    [
        ({"strategy": {"name": "fedavg"}}, True),
        ({"strategy": {"name": "fedavg"}, "downlink": {"values": "uniform", "bits": 8}}, True),
        (
            {"strategy": {"name": "fedavg"}, "downlink": {"values": "uniform", "rounding": "stochastic"}},
            False,
        ),
        ({"strategy": {"name": "fedavg"}, "downlink": LOSSY}, False),
        ({"strategy": {"name": "sub_fedavg", "gate": 0.0, "distance": 0.0}}, False),
    ],
    ids=["dense", "quantized", "drawn by client", "against what is held", "under masks of their own"],
)
def test_orders_that_are_the_same_for_all_are_encoded_once_and_no_others(
    sections: dict[str, Any], once: bool, tmp_path: Path
) -> None:
    server = federation(tmp_path, partition={"name": "shards", "clients": 3, "shard_size": 20}, **sections)
    round_of(server, tmp_path, 1)
    parts = [each.parts["values"] for each in Round.sampled(server, 2).orders()]
    assert all(each is parts[0] for each in parts) is once


def test_a_round_encodes_what_its_own_weights_are_not_those_of_the_round_before(tmp_path: Path) -> None:
    server = federation(tmp_path, strategy={"name": "fedavg"})
    (before,) = Round(server, 1, [0]).orders()
    round_of(server, tmp_path, 1)
    (after,) = Round(server, 2, [0]).orders()
    assert before.parts["values"] != after.parts["values"]
