"""The client app: where it keeps things, and with how many threads it computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from flwr.app import Context, Message, RecordDict

from fedprune.federation.client.machine import Machine
from fedprune.federation.flower import client_app
from fedprune.federation.flower.client_app import machine_of
from fedprune.federation.flower.keys import content
from fedprune.federation.flower.private import become_server
from fedprune.types import UserError


def context(node: dict[str, Any] | None = None, run: dict[str, Any] | None = None) -> Context:
    return Context(run_id=1, node_id=1000, node_config=node or {}, state=RecordDict(), run_config=run or {})


def test_the_node_says_where_things_are_before_the_run_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDPRUNE_RUNS", "/from/environment")
    node, run = (
        {"fedprune-runs": "/n/runs", "fedprune-data": "/n/data"},
        {"runs": "/r/runs", "data": "/r/data"},
    )
    assert machine_of(context(node, run)) == Machine(Path("/n/runs"), "/n/data")
    assert machine_of(context(run=run)) == Machine(Path("/r/runs"), "/r/data")
    assert machine_of(context(run={"runs": "", "data": ""})) == Machine(Path("/from/environment"), None)


def test_what_nobody_says_is_a_folder_of_the_users_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FEDPRUNE_RUNS", raising=False)
    monkeypatch.setenv("HOME", "/somebody")
    assert machine_of(context()).runs == Path("/somebody/.local/share/fedprune/runs")
    assert machine_of(context(run={"runs": "~/mine"})).runs == Path("/somebody/mine")


def test_a_relative_folder_is_refused() -> None:
    with pytest.raises(UserError, match=r"folder 'runs'.*give an absolute path"):
        machine_of(context(run={"runs": "runs"}))


def test_modules_are_those_that_the_node_or_the_run_names() -> None:
    runs = {"runs": "/runs", "modules": "their.net:Net our.net:Net"}
    assert machine_of(context(run=runs)).modules == {"their.net:Net", "our.net:Net"}
    assert machine_of(context({"fedprune-modules": "a:B"}, runs)).modules == {"a:B"}
    assert machine_of(context(run={"runs": "/runs"})).modules == frozenset()


def test_a_client_computes_with_one_thread_whatever_engine_calls_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def client_round(blob: bytes, where: Machine) -> bytes:
        seen.append((torch.get_num_threads(), blob))
        return b"reply"

    monkeypatch.setattr(client_app, "client_round", client_round)
    become_server(1)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        reply = client_app.train(Message(content(b"order"), 1000, "train"), context(run={"runs": "/runs"}))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == [(1, b"order")]
    assert reply.content == content(b"reply")
