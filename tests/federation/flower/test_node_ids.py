"""Which node is which client, and what happens while there are too few."""

from __future__ import annotations

import logging

import pytest

from fedprune.engines.crews.in_process import InProcess
from fedprune.engines.grid import CrewGrid, open_grid
from fedprune.federation.flower import adapter
from fedprune.federation.flower.adapter import node_ids
from fedprune.types import UserError


def grid_of(ids: list[int], monkeypatch: pytest.MonkeyPatch) -> CrewGrid:
    grid = open_grid(InProcess(), client_app="fedprune.federation.flower.client_app:app", nodes=1)
    monkeypatch.setattr(grid, "get_node_ids", lambda: ids)
    return grid


def test_client_i_is_the_i_th_smallest_node(monkeypatch: pytest.MonkeyPatch) -> None:
    assert node_ids(grid_of([30, 10, 40, 20], monkeypatch), 3) == [10, 20, 30]


def test_too_few_nodes_are_told_of_and_end_the_wait(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(adapter, "NODES_PATIENCE_S", 0.0)
    monkeypatch.setattr(adapter, "NODES_WAIT_S", 0.3)
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(UserError, match=r"1 nodes are connected, .* clients = 2 .*num-supernodes=2"),
    ):
        node_ids(grid_of([7], monkeypatch), 2)
    assert caplog.messages == ["waiting for nodes: 1 of 2 are connected"]
