"""Code that an order names is run only where the machine was told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedprune.federation.client.machine import Machine
from fedprune.federation.client.round import client_round
from fedprune.federation.protocol.messages import Order, write
from fedprune.federation.protocol.user_code import check_import_paths, import_paths
from fedprune.types import UserError

SETTINGS = {
    "model": {"name": "theirs:Net"},
    "strategy": {"name": "fedkd", "teacher": {"name": "theirs:Teacher", "width": 2}},
    "data": {"name": "digits"},
}


def test_import_paths_are_found_at_any_depth() -> None:
    assert import_paths(SETTINGS) == ["theirs:Net", "theirs:Teacher"]
    assert import_paths({"model": {"name": "lenet5"}}) == []


def test_all_that_is_named_must_be_known() -> None:
    check_import_paths(SETTINGS, {"theirs:Net", "theirs:Teacher", "another:One"})
    with pytest.raises(
        UserError, match="an order names 'theirs:Teacher', which this client was not started with"
    ):
        check_import_paths(SETTINGS, {"theirs:Net"})


def test_a_client_does_not_import_what_an_order_names_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "harm.py").write_text("raise SystemExit('imported')\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    order = Order("train", 1, 0, 0, 0, False, {"model": {"name": "harm:Net"}}, "run")
    with pytest.raises(UserError, match="'harm:Net'"):
        client_round(write(order, {})[0], Machine(tmp_path))


def test_files_that_an_order_would_have_read_must_be_known_too() -> None:
    settings = {"data": {"name": "/home/someone/my photos"}}
    check_import_paths(settings, {"/home/someone/my photos"})
    with pytest.raises(UserError, match="an order names '/home/someone/my photos'"):
        check_import_paths(settings, set())
