"""The latency of one client's model of a finished run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedprune.latency.candidates import candidates
from fedprune.latency.table import Row, measured

if TYPE_CHECKING:
    from fedprune.federation.finished import FinishedFederation


def latency(run: FinishedFederation, client: int, *, queries: int = 400) -> list[Row]:
    """The client's model, whole, masked, shrunk and in int8, in onnxruntime and in torch.

    Raises RunError for a client that there is none of, UserError where onnxruntime is not installed.
    """
    held, experiment = run.held(client), run.experiment
    samples, _ = experiment.samples.training(client)
    found = candidates(experiment.architecture, held.weights, held.mask, samples, ("onnx", "torch"))
    return measured(list(found), samples[:1], queries)
