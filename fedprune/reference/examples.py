"""An example of each plug-in: the lines of a scenario, or the option of a command, that ask for it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from fedprune.reference.keys import REQUIRED, Key

TABLES = {
    "strategies": "[strategy]\nname",
    "models": "[model]\nname",
    "datasets": "[data]\nname",
    "tasks": "[task]\nname",
    "partitioners": "[partition]\nname",
    "shifts": "[partition.shift]\nname",
    "trainers": "[compute]\ntrainer",
    "optimizers": "[train]\noptimizer",
    "schedules": "[schedule]\nname",
    "aggregators": "[aggregate]\nname",
    "server_optimizers": "[server_optimizer]\nname",
    "updates": "[[update]]\nname",
    "mask_codings": "[uplink]\nmask",
    "quantizers": "[uplink]\nvalues",
    "entropy_coders": "[uplink]\nentropy",
    "clocks": "[clock]\nname",
    "engines": "[engine]\nname",
    "criteria": '[strategy]\nname = "iterative_pruning"\ncriterion',
}
"""Kind -> what comes before ``= "NAME"`` in a scenario."""

COMMANDS = {
    "studies": "fedprune tickets RUN --study {name}",
    "trackers": "fedprune run quickstart --track {name}",
}
"""Kind -> the command that names one."""

VALUES = {
    "alpha": 0.5,
    "distribution_array": [[0.5, 0.5], [0.5, 0.5]],
    "group_size": 2,
    "num_classes_per_partition": 2,
    "num_unique_labels_per_partition": 2,
    "partition_sizes": [40, 60],
    "preassigned_num_samples_per_label": 5,
    "strictness": 0.5,
}
"""Argument of a partitioner of flwr-datasets that must be given -> a value to begin with."""


def example(kind: str, name: str, keys: Sequence[Key]) -> str:
    """A block of Markdown that asks for a plug-in, with its keys as they are unless given."""
    if kind in COMMANDS:
        return f"```bash\n{COMMANDS[kind].format(name=name)}\n```"
    lines = [f"{TABLES[kind]} = {json.dumps(name)}"]
    lines += [f"{key.name} = {shown}" for key in keys if (shown := _value(key)) is not None]
    return "\n".join(["```toml", *lines, "```"])


def _value(key: Key) -> str | None:
    """What the example gives a key: its default, or a value of ours where it has none; else nothing."""
    if key.default == REQUIRED:
        return json.dumps(VALUES[key.name])
    return None if key.default in ("none", "{}") else key.default
