"""The server against hostile replies: each is refused with its reason and counted, and touches nothing."""

from __future__ import annotations

import dataclasses
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedprune.federation.client.round import Machine, client_round
from fedprune.federation.protocol.messages import HEAD_LIMIT, Report, read, write
from fedprune.federation.server.round import Federation, Incoming, Outcome, TooFewRepliesError
from fedprune.pruning.mask import Mask
from fedprune.runs.store import VersionedStore
from fedprune.scenario import Scenario
from fedprune.types import Arrays
from fedprune.wire import frame
from fedprune.wire.account import Bytes
from fedprune.wire.header import encode_head

Parts = dict[str, bytes]
SUB_FEDAVG = {"name": "sub_fedavg", "gate": 0.0, "distance": 0.0}
VICTIM = 1
"""Which of the sampled clients is the hostile one."""


def scenario(strategy: dict[str, Any], **run: Any) -> Scenario:
    return Scenario.from_dict(
        {
            "run": {"rounds": 2, "clients_per_round": 3, **run},
            "partition": {"name": "shards", "clients": 4, "shard_size": 20},
            "model": {"name": "digits_cnn"},
            "train": {"epochs": 2, "lr": 0.05},
            "strategy": strategy,
        }
    )


def federation(folder: Path, strategy: dict[str, Any], **run: Any) -> Federation:
    store = VersionedStore(folder / "run" / "state" / "server")
    return Federation(scenario(strategy, **run), "run", store)


def answered(server: Federation, folder: Path, round: int = 1) -> list[Incoming]:
    """Real replies of real clients to a round's orders."""
    orders = server.orders(round, server.sample(round), floor=0, evaluate=False, phase="train")
    return [incoming(order.client, client_round(order.blob, Machine(folder))) for order in orders]


def incoming(client: int, blob: bytes | None, reason: str = "") -> Incoming:
    return Incoming(client, blob, reason, Bytes(overhead=100), len(blob or b"") + 50)


@pytest.fixture(scope="module", params=["sub_fedavg", "fedavg"])
def good(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], list[Incoming]]:
    """A strategy, and its clients' honest replies to round 1."""
    strategy = SUB_FEDAVG if request.param == "sub_fedavg" else {"name": request.param}
    folder = tmp_path_factory.mktemp("clients")
    return strategy, answered(federation(folder, strategy), folder)


def remade(reply: Incoming, change: Callable[[Parts], Parts] = dict, **report: Any) -> bytes:
    """The reply's blob with other parts or another report, in a frame that is whole."""
    head, views = read(Report, reply.blob or b"")
    parts = change({name: bytes(part) for name, part in views.items()})
    return write(dataclasses.replace(head, **report), parts)[0]


def with_value(part: str, value: float) -> Callable[[Incoming], bytes]:
    """The reply with its first number in ``part`` replaced."""

    def change(parts: Parts) -> Parts:
        return {**parts, part: np.float32(value).tobytes() + parts[part][4:]}

    return lambda reply: remade(reply, change)


def filled(part: str, byte: int) -> Callable[[Incoming], bytes]:
    """The reply with every byte of ``part`` replaced."""
    return lambda reply: remade(reply, lambda parts: {**parts, part: bytes([byte]) * len(parts[part])})


def with_head(**changed: Any) -> Callable[[Incoming], bytes]:
    """The reply with numbers in its head that ``Report`` would not hold."""

    def make(reply: Incoming) -> bytes:
        head, parts = read(Report, reply.blob or b"")
        return frame.pack({"head": encode_head({**dataclasses.asdict(head), **changed}), **parts})

    return make


def bomb(reply: Incoming) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    swollen = deflater.compress(b" " * (HEAD_LIMIT * 20)) + deflater.flush()
    return frame.pack({"head": b"z" + swollen})


HOSTILE: dict[str, tuple[Callable[[Incoming], bytes], str]] = {
    "NaN": (filled("values", 0xFF), "NaN or inf"),
    "NaN in a bias": (with_value("dense", np.nan), "NaN or inf"),
    "infinity in a bias": (with_value("dense", -np.inf), "NaN or inf"),
    "an exploding norm": (filled("values", 0xFC), "norm is"),
    "an exploding norm in a bias": (with_value("dense", -1e7), "norm is 1e\\+07"),
    "one value too many": (lambda r: remade(r, lambda p: {**p, "values": p["values"] + bytes(4)}), "bytes"),
    "one value too few": (lambda r: remade(r, lambda p: {**p, "values": p["values"][:-4]}), "bytes"),
    "half a value": (lambda r: remade(r, lambda p: {**p, "values": p["values"][:-2]}), "bytes"),
    "no values": (lambda r: remade(r, lambda p: {k: v for k, v in p.items() if k != "values"}), "bytes"),
    "oversize": (lambda r: remade(r, lambda p: {**p, "values": bytes(10_000_000)}), "10000000"),
    "a mask cut short": (
        lambda r: remade(r, lambda p: {**p, "mask": p.get("mask", b"12")[:-1]}),
        "mask|bytes",
    ),
    "a mask of noise": (
        lambda r: remade(r, lambda p: {**p, "mask": bytes(range(255, 0, -1))}),
        "mask|varint",
    ),
    "another round": (lambda r: remade(r, round=2), "round 2"),
    "another client": (lambda r: remade(r, client=99), "client 99"),
    "no samples": (lambda r: remade(r, samples=0), "0 training samples"),
    "more samples than there are": (lambda r: remade(r, samples=10**9), "1000000000 training samples"),
    "negative samples": (with_head(samples=-3), "samples"),
    "samples beyond any float": (with_head(samples=10**400), "samples"),
    "a loss that swamps the mean": (with_head(train_loss=1e308), "train_loss"),
    "an accuracy above one": (with_head(test_accuracy_after=2.0), "test_accuracy_after"),
    "truncated": (lambda r: (r.blob or b"")[:-1], "frame"),
    "cut in half": (lambda r: (r.blob or b"")[: len(r.blob or b"") // 2], "frame"),
    "empty": (lambda r: b"", "too few"),
    "a flipped bit": (
        lambda r: (r.blob or b"")[:-9] + bytes([(r.blob or b"")[-9] ^ 1]) + r.blob[-8:],
        "checksum",
    ),
    "random bytes": (lambda r: np.random.default_rng(0).bytes(5000), "frame"),
    "no head": (lambda r: frame.pack({"values": bytes(8)}), "head"),
    "an unknown part": (lambda r: frame.pack({"code": b"import os"}), "unknown part"),
    "a bomb": (bomb, "bytes of JSON"),
}


def concluded(folder: Path, strategy: dict[str, Any], replies: list[Incoming]) -> tuple[Federation, Outcome]:
    server = asking(federation(folder, strategy))
    return server, server.conclude(1, replies, floor=0)


def asking(server: Federation) -> Federation:
    """The server, once it has asked everybody in round 1."""
    server.orders(1, range(4), floor=0, evaluate=False, phase="train")
    return server


def same_bits(one: Arrays, other: Arrays) -> bool:
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_reply_is_refused_with_its_reason_and_changes_nothing(
    kind: str, good: tuple[dict[str, Any], list[Incoming]], tmp_path: Path
) -> None:
    strategy, replies = good
    make, reason = HOSTILE[kind]
    client = replies[VICTIM].client
    hostile = incoming(client, make(replies[VICTIM]))
    silent = incoming(client, None, "no reply in time")
    server, outcome = concluded(
        tmp_path / "hostile", strategy, [hostile if reply.client == client else reply for reply in replies]
    )
    without, silence = concluded(
        tmp_path / "silent", strategy, [silent if reply.client == client else reply for reply in replies]
    )
    assert list(outcome.failed) == [client]
    assert re.search(reason, outcome.failed[client])
    assert silence.failed == {client: "no reply in time"}
    assert same_bits(server.state.weights, without.state.weights)
    assert server.state.known == without.state.known
    assert client not in server.state.known
    assert len(outcome.accepted) == 2
    # What moved is counted, to no purpose though it was.
    assert outcome.lost_down == Bytes(overhead=100)
    assert outcome.lost_up == Bytes(overhead=hostile.transported)
    assert server.orders(2, server.sample(2), floor=0, evaluate=False, phase="train")


def test_a_mask_left_out_is_refused_where_it_changes_what_is_kept(tmp_path: Path) -> None:
    replies = answered(federation(tmp_path, SUB_FEDAVG), tmp_path)
    bare = remade(replies[0], lambda parts: {name: parts[name] for name in parts if name != "mask"})
    _, outcome = concluded(tmp_path, SUB_FEDAVG, [incoming(replies[0].client, bare), *replies[1:]])
    assert "bytes" in outcome.failed[replies[0].client]


def test_only_the_first_of_two_replies_counts(
    good: tuple[dict[str, Any], list[Incoming]], tmp_path: Path
) -> None:
    strategy, replies = good
    once, _ = concluded(tmp_path / "once", strategy, replies)
    again = dataclasses.replace(replies[VICTIM], bytes_down=Bytes())
    twice, outcome = concluded(tmp_path / "twice", strategy, [*replies, again])
    assert outcome.failed == {again.client: "a second reply to one message"}
    assert same_bits(once.state.weights, twice.state.weights)
    assert outcome.lost_up.total == again.transported


def test_a_round_below_its_quorum_leaves_the_state_as_it_was(
    good: tuple[dict[str, Any], list[Incoming]], tmp_path: Path
) -> None:
    strategy, replies = good
    server = asking(federation(tmp_path, strategy, quorum=0.66))
    before = server.state
    bad = [incoming(reply.client, None, "Traceback\n  in f\nOSError: no disk") for reply in replies[1:]]
    with pytest.raises(TooFewRepliesError) as caught:
        server.conclude(1, [replies[0], *bad], floor=0)
    assert str(caught.value).startswith("round 1: 1 of 3 replies count, the quorum is 2: ")
    assert f"client {bad[0].client}: OSError: no disk" in str(caught.value)
    assert server.state is before
    server.conclude(1, replies, floor=0)
    assert server.state.round == 1


@pytest.mark.parametrize(
    ("quorum", "asked", "enough"), [(0.07, 100, 7), (0.5, 3, 2), (0.001, 3, 1), (1.0, 3, 3)]
)
def test_the_quorum_is_rounded_up_but_not_by_a_rounding_error(
    quorum: float, asked: int, enough: int, tmp_path: Path
) -> None:
    server = federation(tmp_path, {"name": "fedavg"}, quorum=quorum)
    lost = [incoming(client, None, "lost") for client in range(asked)]
    with pytest.raises(TooFewRepliesError, match=f"0 of {asked} replies count, the quorum is {enough}:"):
        server.conclude(1, lost, floor=0)


@settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_whatever_a_part_holds_the_round_goes_on_with_finite_weights(
    good: tuple[dict[str, Any], list[Incoming]], tmp_path: Path, data: st.DataObject
) -> None:
    strategy, replies = good
    _, views = read(Report, replies[VICTIM].blob or b"")
    name = data.draw(st.sampled_from(sorted(views)))
    part = bytearray(views[name])
    for _ in range(data.draw(st.integers(1, 4))):
        part[data.draw(st.integers(0, len(part) - 1))] = data.draw(st.integers(0, 255))
    blob = remade(replies[VICTIM], lambda parts: {**parts, name: bytes(part)})
    hostile = incoming(replies[VICTIM].client, blob)
    server, outcome = concluded(tmp_path, strategy, [replies[0], hostile, replies[2]])
    assert len(outcome.accepted) + len(outcome.failed) == 3
    assert all(np.isfinite(value).all() for value in server.state.weights.values())


def test_the_server_knows_each_clients_mask_from_its_last_accepted_reply(tmp_path: Path) -> None:
    server = federation(tmp_path, SUB_FEDAVG)
    assert not server.mask(0)
    server.conclude(1, answered(server, tmp_path), floor=0)
    before = {client: server.mask(client) for client in server.state.known}
    assert all(
        mask.keys() == server.experiment.maskable.keys() and mask.density < 1 for mask in before.values()
    )
    outcome = server.conclude(2, answered(server, tmp_path, round=2), floor=1)
    for reply in outcome.accepted:
        mask = server.mask(reply.report.client)
        assert mask == reply.update.mask
        assert mask.is_subset(before.get(reply.report.client, Mask()))
    assert any(reply.report.client in before for reply in outcome.accepted)


def test_sampling_is_keyed_sorted_and_without_repeats(tmp_path: Path) -> None:
    server = federation(tmp_path, {"name": "fedavg"})
    drawn = [server.sample(round) for round in range(1, 30)]
    assert drawn == [federation(tmp_path, {"name": "fedavg"}).sample(round) for round in range(1, 30)]
    assert all(clients == sorted(set(clients)) and len(clients) == 3 for clients in drawn)
    assert {client for clients in drawn for client in clients} == {0, 1, 2, 3}
