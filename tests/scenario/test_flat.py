"""Settings in one table: a value for each dotted key."""

from __future__ import annotations

from fedprune.scenario.flat import flat


def test_settings_are_flat_and_lists_are_json() -> None:
    made = flat({"train": {"lr": 0.1, "steps": [1, 2]}, "data": {"augment": False}})
    assert made == {"train.lr": 0.1, "train.steps": "[1, 2]", "data.augment": False}


def test_the_tables_of_a_list_are_told_apart_by_number() -> None:
    made = flat({"update": [{"name": "clip", "norm": 1.0}, {"name": "gaussian_noise"}]})
    assert made == {"update.1.name": "clip", "update.1.norm": 1.0, "update.2.name": "gaussian_noise"}
