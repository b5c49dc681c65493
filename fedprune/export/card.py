"""The model card: what an exported file is, whose model, how good, how it is fed; as data and for people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fedprune import text_table
from fedprune.score import Score
from fedprune.types import Array, printable

NOTE = "fedprune.json"
"""Under which name a file holds its card."""


@dataclass(frozen=True)
class Card:
    """What stands inside of every exported file, and in the Markdown file beside it."""

    run: str
    """The name of the run's folder."""
    scenario: str
    settings: str
    """The hash of the run's settings."""
    strategy: str
    round: int
    """The round after which the model is the client's."""
    client: int
    model: dict[str, Any]
    """Name and options, as in ``[model]``."""
    task: str
    score: dict[str, Any]
    """How ``simulated`` and ``measured`` are to be read, see ``Score``."""
    simulated: float | None
    """The score of the run's model on the client's test samples; None for a client without any."""
    measured: float | None
    """The score of this file on the same samples."""
    samples: int
    """How many answers were asked for: on training samples where there are no others."""
    density: float
    """Kept share of the prunable weights."""
    parameters: int
    """Trainable numbers of the network in the file, without removed channels."""
    input_shape: tuple[int, ...]
    """Of one sample."""
    input_dtype: str
    normalisation: str
    """How stored features become inputs, as a formula."""
    labels: tuple[str, ...]
    """What each output is called."""
    precision: str
    svd: float | None
    """The share of squared singular values that factored layers kept; None where none was factored."""
    difference: float
    """The largest difference of an output from the simulated one on the test samples."""
    largest_output: float
    """The largest simulated output on these samples, as an absolute value."""
    weights_sha256: str
    """Of the simulated network, see ``weights_hash``."""
    versions: dict[str, str]

    def text(self) -> str:
        """The card as JSON, for the file's inside."""
        return json.dumps(asdict(self), sort_keys=True)

    def markdown(self, name: str, size: int, predicted: int, sha256: str) -> str:
        """The card for people: of the file ``name`` with ``size`` bytes, of which ``predicted`` were due."""
        facts = [(fact, printable(value)) for fact, value in self._facts().items()]
        rows = text_table.markdown(("", ""), facts)
        about = f"{size} bytes (predicted {predicted}), sha256 {sha256}"
        return f"# {name}\n\n{about}\n\n{rows}\n"

    def _facts(self) -> dict[str, str]:
        score = Score.of(self.score)
        options = {key: value for key, value in self.model.items() if key != "name"}
        shape = ", ".join(["batch", *map(str, self.input_shape)])
        scores = [
            "no test samples" if value is None else score.value_text(value)
            for value in (self.simulated, self.measured)
        ]
        factored = "no" if self.svd is None else f"{self.svd:g} of each layer's squared singular values kept"
        return {
            "run": f"{self.run}, after round {self.round}",
            "scenario": f"{self.scenario}, strategy {self.strategy}, settings {self.settings}",
            "client": str(self.client),
            "model": f"{self.model['name']} {options or ''}".strip(),
            "task": self.task,
            f"{score.name} in the simulation": scores[0],
            f"{score.name} of this file": scores[1],
            "samples asked": str(self.samples),
            "density": f"{self.density:.1%} of the prunable weights",
            "parameters": str(self.parameters),
            "input": f"`features`, {self.input_dtype} ({shape})",
            "normalisation": self.normalisation,
            "output": f"`outputs`: {', '.join(self.labels)}",
            "precision": self.precision,
            "factored": factored,
            "largest difference": f"{self.difference:.2g} of outputs up to {self.largest_output:.3g}",
            "sha256 of the simulated weights": self.weights_sha256,
            "made with": ", ".join(f"{package} {number}" for package, number in self.versions.items()),
        }


def weights_hash(weights: Mapping[str, Array]) -> str:
    """sha256 in hex over name, dtype, shape and bytes of each array, in the given order."""
    digest = hashlib.sha256()
    for name, array in weights.items():
        digest.update(f"{name}/{array.dtype.name}/{array.shape}/".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
