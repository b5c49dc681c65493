"""What a strategy can ask of a client is promised once, and kept by the one that has data."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from fedprune.federation.client.local import LocalClient
from fedprune.pruning.mask import Mask
from fedprune.strategy import Client

PROMISED = [name for name, made in vars(Client).items() if inspect.isfunction(made) and name[0] != "_"]
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "fit": ({}, Mask()),
    "gradient": ({},),
    "activity": ({}, Mask()),
    "gate": ({}, Mask()),
    "peer": ({}, {}),
    "rng": ("purpose",),
}


@pytest.mark.parametrize("name", PROMISED)
def test_a_client_without_data_says_so_by_the_name_of_what_was_asked(name: str) -> None:
    by_hand = Client(0, 1, 1, {}, Mask(), {}, (), ())
    with pytest.raises(RuntimeError, match=rf"client\.{name}: .* without data"):
        getattr(by_hand, name)(*ARGUMENTS[name])


@pytest.mark.parametrize("name", PROMISED)
def test_the_one_with_data_takes_the_same_arguments_with_the_same_defaults(name: str) -> None:
    kept, promise = getattr(LocalClient, name), getattr(Client, name)
    assert kept is not promise
    assert inspect.signature(kept) == inspect.signature(promise)
    assert all(word in inspect.getdoc(promise) for word in ("Args:", "Returns:"))
