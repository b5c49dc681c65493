"""Runs of fedprune beside the authors' own program, on the same images, partition, weights and clients.

python docs/parity/compare.py FedSelect/ runs/parity-*-s[0-2]      # a checkout of the authors' code, and runs

prints lines for each run: the mean over clients of the accuracy of the model that a client would receive
after the last round, and of the one that it trained last, by the authors' program and here.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path

import codes
import numpy as np
import torch
from given import Given
from program import copied

import fedprune

PROGRAMS = {
    "sub_fedavg": codes.sub_fedavg,
    "lottery_fl": codes.lottery_fl,
    "fedavg": codes.fedrep,
    "fedper": codes.fedrep,
    "fedrep": codes.fedrep,
    "lg_fedavg": codes.fedrep,
    "fedselect": codes.fedselect,
}
FIELDS = {"received": "test_score_received", "own": "test_score_personal"}


def main(checkout: str, *folders: str) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        copy = copied(Path(checkout), Path(scratch))
        for folder in folders:
            given, ours = Given.of(Path(folder)), fedprune.load(folder)
            with contextlib.redirect_stdout(io.StringIO()):
                models = PROGRAMS[given.method](copy, given, ours.summary["seed"])
            for kind, model in models.items():
                if kind == "own" and not given.strategy.keeps_model:
                    continue  # A client that keeps no model trains anew here after the last round.
                theirs = [given.score(client, model(client)) for client in given.clients]
                own = ours.summary[FIELDS[kind]]
                print(
                    f"{given.method} seed {ours.summary['seed']} {kind}: theirs {100 * np.mean(theirs):.2f}, "
                    f"here {100 * own:.2f} %",
                    flush=True,
                )


if __name__ == "__main__":
    main(*sys.argv[1:])
