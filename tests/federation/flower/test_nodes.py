"""Which node is which client, and what happens while nodes are missing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import pytest
from flwr.serverapp import Grid

from fedprune.federation.flower import nodes
from fedprune.federation.flower.nodes import node_ids
from fedprune.types import UserError


class Connected:
    """As much of a grid of Flower's as says who is connected."""

    def __init__(self, ids: Sequence[int], names: Sequence[str] = ()) -> None:
        self.ids, self.names = ids, names or [""] * len(ids)

    def get_node_ids(self) -> Sequence[int]:
        return self.ids

    def get_nodes(self) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(node_id=each, name=name) for each, name in zip(self.ids, self.names, strict=True)
        ]


def grid(ids: Sequence[int], *names: str) -> Grid:
    return cast(Grid, Connected(ids, names))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "NODES_PATIENCE_S", 0.0)
    monkeypatch.setattr(nodes, "NODES_WAIT_S", 0.3)


def test_without_names_client_i_is_the_i_th_smallest_node() -> None:
    assert node_ids(grid([30, 10, 40, 20]), 3) == [10, 20, 30]


def test_a_node_is_the_client_whose_number_it_was_registered_under() -> None:
    assert node_ids(grid([30, 10, 40, 20], "1", "hall", "2", "0"), 3) == [20, 30, 40]
    assert node_ids(grid([30, 10, 40], "1", "7", "0"), 2) == [40, 30]


def test_too_few_nodes_are_told_of_and_end_the_wait(
    impatient: None, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(UserError, match=r"1 nodes are connected, .* clients = 2 .*num-supernodes=2"),
    ):
        node_ids(grid([7]), 2)
    assert caplog.messages == ["waiting for nodes: 1 of 2 are connected"]


def test_the_client_that_is_missing_is_named(impatient: None) -> None:
    with pytest.raises(UserError, match=r"lacks client 1 and 1 more; .*register KEY --name 1"):
        node_ids(grid([7, 8], "2", "0"), 4)


def test_two_nodes_under_one_number_are_refused() -> None:
    with pytest.raises(UserError, match="two connected nodes are registered under one number"):
        node_ids(grid([7, 8, 9], "0", "1", "1"), 2)
