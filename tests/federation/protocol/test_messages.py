"""Orders and reports: what goes in comes out, numbers stay in bounds, little travels beside the payload."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from flwr.app import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.federation.flower.keys import content
from fedprune.federation.flower.private import become_server, node_of, wire_size
from fedprune.federation.protocol.messages import Order, Report, read, write
from fedprune.models import architecture
from fedprune.pruning.criteria import magnitude
from fedprune.pruning.mask import Mask
from fedprune.scenario import Scenario, load_scenarios
from fedprune.wire import frame
from fedprune.wire.account import Bytes, measure
from fedprune.wire.codec import Reference, encode_payload
from fedprune.wire.errors import CodecError
from fedprune.wire.header import encode_head
from fedprune.wire.pipeline import Keys, Pipeline

ORDER = Order(
    phase="train",
    round=3,
    client=7,
    version=2,
    floor=1,
    evaluate=True,
    settings={"train": {"lr": 0.1}},
    run="a-run",
)
REPORT = Report(
    round=3,
    client=7,
    samples=40,
    kept=True,
    multiply_adds=1000,
    parameters=500,
    train_loss=0.5,
    test_score_before=0.25,
)
quick = settings(derandomize=True, deadline=None, max_examples=100)


@pytest.mark.parametrize("head", [ORDER, REPORT, dataclasses.replace(REPORT, train_loss=None, kept=False)])
def test_reading_inverts_writing(head: Order | Report) -> None:
    blob, parts = write(head, {"values": b"values", "mask": b""})
    again, payload = read(type(head), blob)
    assert again == head
    assert {name: bytes(part) for name, part in payload.items()} == {"values": b"values", "mask": b""}
    assert sum(len(part) for part in parts.values()) < len(blob)


def test_when_a_run_was_interrupted_does_not_move_the_length_of_an_order() -> None:
    orders = [dataclasses.replace(ORDER, floor=floor) for floor in (0, 9, 10, 99_999)]
    assert len({len(write(order, {})[0]) for order in orders}) == 1
    assert [read(Order, write(order, {})[0])[0].floor for order in orders] == [0, 9, 10, 99_999]


@pytest.mark.parametrize(
    "changed",
    [
        {"samples": -1},
        {"samples": 10**400},
        {"samples": 2.5},
        {"client": "seven"},
        {"parameters": -1},
        {"multiply_adds": 2**63},
        {"train_loss": -0.1},
        {"train_loss": 1e300},
        {"gate_score": 1e39},
        {"test_score_after": -1e39},
        {"kept": "perhaps"},
    ],
)
def test_a_report_with_a_number_out_of_bounds_is_refused_by_name(changed: dict[str, Any]) -> None:
    head = encode_head({**dataclasses.asdict(REPORT), **changed})
    with pytest.raises(CodecError, match=f"message head: .*{next(iter(changed))}"):
        read(Report, frame.pack({"head": head}))


def test_a_head_without_a_field_is_refused() -> None:
    with pytest.raises(CodecError, match="samples"):
        read(Report, frame.pack({"head": encode_head({"round": 1, "client": 0})}))


def test_a_message_without_a_head_or_with_a_floor_cut_short_is_refused() -> None:
    with pytest.raises(CodecError, match="without a head"):
        read(Report, frame.pack({"values": b"1234"}))
    blob, parts = write(ORDER, {})
    assert read(Order, blob)
    with pytest.raises(CodecError, match="floor: 7 bytes"):
        read(Order, frame.pack({**parts, "floor": parts["floor"][:-1]}))


@quick
@given(blob=st.binary(max_size=200))
def test_bytes_that_are_no_message_raise_the_codecs_error(blob: bytes) -> None:
    for kind in (Order, Report):
        with pytest.raises(CodecError):
            read(kind, blob)


@quick
@given(head=st.binary(max_size=60), floor=st.binary(max_size=9))
def test_frames_that_hold_no_message_raise_the_codecs_error(head: bytes, floor: bytes) -> None:
    for kind in (Order, Report):
        with pytest.raises(CodecError):
            read(kind, frame.pack({"head": head, "floor": floor}))


def lenet5_message(head: Order | Report, mask: Mask | None) -> Bytes:
    """What a LeNet-5 message of CIFAR-10 costs on the wire."""
    become_server(1)
    weights = architecture("lenet5", (3, 32, 32), 10).initial_weights(0)
    encoded = encode_payload(weights, mask, Reference(Mask()), Pipeline(), Keys(0, "up", 1, 0))
    blob, parts = write(head, encoded.parts)
    return measure(parts, wire_size(Message(content(blob), node_of(0), "train", group_id="100")))


def paper() -> list[Scenario]:
    return load_scenarios("cifar10-paper")


def test_an_order_of_lenet5_costs_at_most_a_percent_and_a_kilobyte_beside_its_values() -> None:
    for scenario in paper():
        order = dataclasses.replace(ORDER, settings=scenario.client_settings(), run=scenario.run_id())
        cost = lenet5_message(order, None)
        assert cost.values == 4 * 62_006
        assert cost.overhead <= 0.01 * cost.values + 1000
        assert cost.overhead < 700


def test_a_reply_of_lenet5_costs_hundreds_of_bytes_beside_its_mask_and_values() -> None:
    made = architecture("lenet5", (3, 32, 32), 10)
    mask = magnitude.prune(made.initial_weights(0), Mask(), 0.5, made.prunable)
    cost = lenet5_message(REPORT, mask)
    assert cost.values == 4 * (mask.kept + sum(np.prod(made.shapes[n]) for n in made.shapes if n not in mask))
    assert 0 < cost.mask <= mask.size / 8 + 16
    assert cost.overhead < 400
