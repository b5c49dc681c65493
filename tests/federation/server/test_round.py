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

from fedprune.federation.client.machine import Machine
from fedprune.federation.client.round import client_round
from fedprune.federation.protocol.messages import HEAD_LIMIT, Report, read, write
from fedprune.federation.server.conversation import Incoming
from fedprune.federation.server.federation import Federation
from fedprune.federation.server.round import Outcome, Round, TooFewRepliesError, conclude
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
    store.folder.mkdir(parents=True, exist_ok=True)
    return Federation(scenario(strategy, **run), "run", store)


@dataclasses.dataclass(frozen=True)
class Reply:
    """What came of one client, as it is handed to its conversation."""

    client: int
    blob: bytes | None
    reason: str = ""

    @property
    def incoming(self) -> Incoming:
        return Incoming(self.blob, self.reason, len(self.blob or b"") + 50)


def answered(server: Federation, folder: Path, round: int = 1) -> list[Reply]:
    """Real replies of real clients to a round's orders."""
    orders = Round.sampled(server, round).orders()
    return [Reply(each.client, client_round(each.order, Machine(folder))) for each in orders]


def played(server: Federation, replies: list[Reply], number: int = 1, floor: int = 0) -> Outcome:
    """A round of the clients who reply, in which these are their replies, in this order."""
    clients = sorted({reply.client for reply in replies})
    round = Round(server, number, clients, floor=floor)
    for conversation in round.orders():
        conversation.bytes_down = Bytes(overhead=100)
    for reply in replies:
        round.conversations[reply.client].take(reply.incoming)
    return conclude(round)


@pytest.fixture(scope="module", params=["sub_fedavg", "fedavg"])
def good(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], list[Reply]]:
    """A strategy, and its clients' honest replies to round 1."""
    strategy = SUB_FEDAVG if request.param == "sub_fedavg" else {"name": request.param}
    folder = tmp_path_factory.mktemp("clients")
    return strategy, answered(federation(folder, strategy), folder)


def remade(reply: Reply, change: Callable[[Parts], Parts] = dict, **report: Any) -> bytes:
    """The reply's blob with other parts or another report, in a frame that is whole."""
    head, views = read(Report, reply.blob or b"")
    parts = change({name: bytes(part) for name, part in views.items()})
    return write(dataclasses.replace(head, **report), parts)[0]


def with_value(part: str, value: float) -> Callable[[Reply], bytes]:
    """The reply with its first number in ``part`` replaced."""

    def change(parts: Parts) -> Parts:
        return {**parts, part: np.float32(value).tobytes() + parts[part][4:]}

    return lambda reply: remade(reply, change)


def filled(part: str, byte: int) -> Callable[[Reply], bytes]:
    """The reply with every byte of ``part`` replaced."""
    return lambda reply: remade(reply, lambda parts: {**parts, part: bytes([byte]) * len(parts[part])})


def with_head(**changed: Any) -> Callable[[Reply], bytes]:
    """The reply with numbers in its head that ``Report`` would not hold."""

    def make(reply: Reply) -> bytes:
        head, parts = read(Report, reply.blob or b"")
        return frame.pack({"head": encode_head({**dataclasses.asdict(head), **changed}), **parts})

    return make


def bomb(reply: Reply) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    swollen = deflater.compress(b" " * (HEAD_LIMIT * 20)) + deflater.flush()
    return frame.pack({"head": b"z" + swollen})


HOSTILE: dict[str, tuple[Callable[[Reply], bytes], str]] = {
    "NaN": (filled("values", 0xFF), "NaN or inf"),
    "NaN in a bias": (with_value("dense", np.nan), "NaN or inf"),
    "infinity in a bias": (with_value("dense", -np.inf), "NaN or inf"),
    "an exploding norm": (filled("values", 0xFC), "a change of norm inf|a change of norm .*e\\+3"),
    "an exploding norm in a bias": (with_value("dense", -1e7), "a change of norm 1e\\+07"),
    "one value too many": (lambda r: remade(r, lambda p: {**p, "values": p["values"] + bytes(4)}), "bytes"),
    "one value too few": (lambda r: remade(r, lambda p: {**p, "values": p["values"][:-4]}), "bytes"),
    "half a value": (lambda r: remade(r, lambda p: {**p, "values": p["values"][:-2]}), "bytes"),
    "no values": (lambda r: remade(r, lambda p: {k: v for k, v in p.items() if k != "values"}), "bytes"),
    "oversize": (lambda r: remade(r, lambda p: {**p, "values": bytes(10_000_000)}), r"at most \d+ are"),
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
    "an accuracy above one": (with_head(test_score_after=2.0), "test_score_after"),
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
    "a number far above all others": (with_value("values", 9e5), "a change of norm"),
    "one in a bias": (with_value("dense", 9e3), "a change of norm 9e\\+03"),
    "more multiply-adds than the model has": (lambda r: remade(r, multiply_adds=2**62), "multiply-adds"),
    "more parameters than the model has": (lambda r: remade(r, parameters=10**9), "parameters, the whole"),
    "more kept weights than there are": (lambda r: remade(r, alive=[10**9, 1, 1, 1]), "kept weights"),
    "a head with a key that nobody reads": (with_head(spy="x" * 1000), "nobody reads 'spy'"),
    "a floor, which only orders have": (
        lambda r: remade(r, lambda p: {**p, "floor": bytes(8)}),
        "nobody reads 'floor'",
    ),
    "side information that nobody reads": (
        lambda r: remade(r, lambda p: {**p, "side": b""}),
        "side: an empty",
    ),
    "a bomb": (bomb, "bytes of JSON"),
}


def concluded(folder: Path, strategy: dict[str, Any], replies: list[Reply]) -> tuple[Federation, Outcome]:
    server = federation(folder, strategy)
    return server, played(server, replies)


def same_bits(one: Arrays, other: Arrays) -> bool:
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_reply_is_refused_with_its_reason_and_changes_nothing(
    kind: str, good: tuple[dict[str, Any], list[Reply]], tmp_path: Path
) -> None:
    strategy, replies = good
    make, reason = HOSTILE[kind]
    client = replies[VICTIM].client
    hostile = Reply(client, make(replies[VICTIM]))
    silent = Reply(client, None, "no reply in time")
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
    assert server.state.versions == without.state.versions
    assert client not in server.state.versions
    assert len(outcome.accepted) == 2
    # What moved is counted, to no purpose though it was.
    assert outcome.lost_down == Bytes(overhead=100)
    assert outcome.lost_up == Bytes(overhead=hostile.incoming.transported)
    assert list(Round.sampled(server, 2).orders())


@pytest.mark.parametrize("value", [3.0, 9e5, -1e20])
def test_after_a_lie_of_any_size_honest_clients_go_on(value: float, tmp_path: Path) -> None:
    server = federation(tmp_path, {"name": "fedavg"})
    replies = answered(server, tmp_path)
    lie = Reply(replies[VICTIM].client, with_value("dense", value)(replies[VICTIM]))
    outcome = played(server, [replies[0], lie, replies[2]])
    assert list(outcome.failed) == ([] if value == 3.0 else [lie.client])
    assert not played(server, answered(server, tmp_path, round=2), 2).failed


def test_a_mask_left_out_is_refused_where_it_changes_what_is_kept(tmp_path: Path) -> None:
    replies = answered(federation(tmp_path, SUB_FEDAVG), tmp_path)
    bare = remade(replies[0], lambda parts: {name: parts[name] for name in parts if name != "mask"})
    _, outcome = concluded(tmp_path, SUB_FEDAVG, [Reply(replies[0].client, bare), *replies[1:]])
    assert "bytes" in outcome.failed[replies[0].client]


def test_what_a_client_says_of_its_failure_cannot_reach_into_a_terminal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = federation(tmp_path, {"name": "fedavg"})
    replies = answered(server, tmp_path)
    reason = "Traceback\n  in f\nOSError: \x1b]0;owned\x07\ud800"
    outcome = played(server, [*replies[1:], Reply(replies[0].client, None, reason)])
    assert outcome.failed == {replies[0].client: "OSError: \\x1b]0;owned\\x07\\ud800"}
    assert caplog.messages[0].endswith("Traceback\n  in f\nOSError: \\x1b]0;owned\\x07\\ud800")


def test_only_the_first_of_two_replies_counts(
    good: tuple[dict[str, Any], list[Reply]], tmp_path: Path
) -> None:
    strategy, replies = good
    once, _ = concluded(tmp_path / "once", strategy, replies)
    again = replies[VICTIM]
    twice, outcome = concluded(tmp_path / "twice", strategy, [*replies, again])
    assert outcome.failed == {again.client: "a second reply to one message"}
    assert same_bits(once.state.weights, twice.state.weights)
    assert outcome.lost_down.total == 0
    assert outcome.lost_up.total == again.incoming.transported


def test_a_round_below_its_quorum_says_each_reason_once_and_leaves_the_state_as_it_was(
    good: tuple[dict[str, Any], list[Reply]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    strategy, replies = good
    server = federation(tmp_path, strategy, quorum=0.66)
    before = server.state
    bad = [Reply(reply.client, None, "Traceback\n  in f\nOSError: no disk") for reply in replies[1:]]
    with pytest.raises(TooFewRepliesError) as caught:
        played(server, [replies[0], *bad])
    told, again = caplog.messages
    assert told.endswith("OSError: no disk")
    assert again == f"round 1, client {bad[1].client}: the same as client {bad[0].client}"
    assert str(caught.value).startswith("round 1: 1 of 3 replies count, the quorum is 2: ")
    assert str(caught.value).endswith(f"client {bad[0].client} and 1 more: OSError: no disk")
    assert server.state is before
    played(server, replies)
    assert server.state.round == 1


@pytest.mark.parametrize(
    ("quorum", "asked", "enough"), [(0.07, 100, 7), (0.5, 3, 2), (0.001, 3, 1), (1.0, 3, 3)]
)
def test_the_quorum_is_rounded_up_but_not_by_a_rounding_error(
    quorum: float, asked: int, enough: int, tmp_path: Path
) -> None:
    server = federation(tmp_path, {"name": "fedavg"}, quorum=quorum)
    lost = [Reply(client, None, "lost") for client in range(asked)]
    with pytest.raises(TooFewRepliesError, match=f"0 of {asked} replies count, the quorum is {enough}:"):
        played(server, lost)


@settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_whatever_a_part_holds_the_round_goes_on_with_finite_weights(
    good: tuple[dict[str, Any], list[Reply]], tmp_path: Path, data: st.DataObject
) -> None:
    strategy, replies = good
    _, views = read(Report, replies[VICTIM].blob or b"")
    name = data.draw(st.sampled_from(sorted(views)))
    part = bytearray(views[name])
    for _ in range(data.draw(st.integers(1, 4))):
        part[data.draw(st.integers(0, len(part) - 1))] = data.draw(st.integers(0, 255))
    blob = remade(replies[VICTIM], lambda parts: {**parts, name: bytes(part)})
    hostile = Reply(replies[VICTIM].client, blob)
    server, outcome = concluded(tmp_path, strategy, [replies[0], hostile, replies[2]])
    assert len(outcome.accepted) + len(outcome.failed) == 3
    assert all(np.isfinite(value).all() for value in server.state.weights.values())


def test_the_server_knows_each_clients_mask_from_its_last_accepted_reply(tmp_path: Path) -> None:
    server = federation(tmp_path, SUB_FEDAVG)
    assert not server.mask(0)
    played(server, answered(server, tmp_path))
    before = {client: server.mask(client) for client in server.state.versions}
    assert all(
        mask.keys() == server.experiment.maskable.keys() and mask.density < 1 for mask in before.values()
    )
    outcome = played(server, answered(server, tmp_path, round=2), 2, floor=1)
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


@settings(
    derandomize=True,
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_replies_give_the_same_bits_in_whatever_order_they_come(
    good: tuple[dict[str, Any], list[Reply]], tmp_path: Path, data: st.DataObject
) -> None:
    strategy, replies = good
    spoilt = data.draw(st.sampled_from([None, *range(len(replies))]))
    mixed = [Reply(each.client, None, "lost") if at == spoilt else each for at, each in enumerate(replies)]
    server, outcome = concluded(tmp_path / "one", strategy, mixed)
    other, same = concluded(tmp_path / "other", strategy, data.draw(st.permutations(mixed)))
    assert same_bits(server.state.weights, other.state.weights)
    assert server.state.versions == other.state.versions
    assert outcome.failed == same.failed
    assert [each.report for each in outcome.accepted] == [each.report for each in same.accepted]


def test_an_order_is_made_when_it_is_asked_for_and_a_reply_is_read_before_the_next(tmp_path: Path) -> None:
    server = federation(tmp_path, SUB_FEDAVG)
    round = Round.sampled(server, 1)
    for made, conversation in enumerate(round.orders(), start=1):
        assert len(round.conversations) == made
        reply = Reply(conversation.client, client_round(conversation.order, Machine(tmp_path)))
        conversation.take(reply.incoming)
        assert conversation.accepted
    assert server.state.round == 0
    conclude(round)
    assert server.state.round == 1
