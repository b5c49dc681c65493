"""``PersonalModel``: one client's model as a torch module, from features as they are stored to outputs."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from fedprune.data.schema import Features, Targets
from fedprune.data.standardise import along_first_axis, of_pixels
from fedprune.federation.finished import FinishedFederation, Held
from fedprune.models import Architecture
from fedprune.pruning.mask import Mask, density_of
from fedprune.pruning.shrink import shrink


class Preprocessing(nn.Module):
    """Stored features (batch, *shape) as a model is given them, to the bit as in the simulation.

    Pixels and values are normalised as the data set declares; token ids become int64.
    """

    def __init__(self, features: Features) -> None:
        """``features`` says what is stored, and its mean and deviation."""
        super().__init__()
        self.tokens, self.pixels = features.vocabulary is not None, features.dtype == "uint8"
        first, second = None, None
        if features.mean is not None and features.std is not None:
            mean, std = along_first_axis(features.mean, features), along_first_axis(features.std, features)
            first, second = map(torch.from_numpy, of_pixels(mean, std) if self.pixels else (mean, std))
        self.register_buffer("first", first)
        self.register_buffer("second", second)
        self.first: Tensor | None
        """Of pixels the scale, float32; of values their mean, float64; None where they stay as they are."""
        self.second: Tensor | None
        """Of pixels the shift, of values their standard deviation."""

    def forward(self, x: Tensor) -> Tensor:
        """float32, or int64 where features are token ids."""
        if self.tokens:
            return x.long()
        if self.first is None or self.second is None:
            return x.float()
        if self.pixels:
            return x.float() * self.first - self.second
        # In float64: a column may lie far from zero, as years do.
        return ((x.double() - self.first) / self.second).float()


class PersonalModel(nn.Module):
    """A client's model: ``preprocessing``, then ``network``, without the channels that its mask removed.

    The network holds zeros where single weights are pruned. The module is in evaluation mode.
    """

    def __init__(
        self, client: int, held: Held, architecture: Architecture, features: Features, targets: Targets
    ) -> None:
        """Describe the model of ``client``, which ``held`` has in full coordinates."""
        super().__init__()
        self.client, self.features, self.targets = client, features, targets
        self.architecture = architecture
        self.mask: Mask = held.mask
        """In full coordinates: what lives."""
        self.preprocessing = Preprocessing(features)
        self.network, _ = shrink(architecture, held.weights, held.mask)
        self.eval()

    @property
    def labels(self) -> tuple[str, ...]:
        """What each output is called: classes, or the values of a target; numbers where they have no name."""
        count = self.architecture.outputs
        return self.targets.names or tuple(str(number) for number in range(count))

    @property
    def density(self) -> float:
        """Kept share of the prunable weights."""
        shapes = {name: self.architecture.shapes[name] for name in self.architecture.prunable}
        return density_of(self.mask, shapes)

    def example(self, samples: int = 1) -> Tensor:
        """A batch of stored features, all zeros."""
        return torch.from_numpy(np.zeros((samples, *self.features.shape), self.features.dtype))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (batch, outputs), or (batch, positions, outputs), of stored features (batch, *shape)."""
        return self.network(self.preprocessing(x))  # type: ignore[no-any-return]


def personal_model(run: FinishedFederation, client: int, *, personalized: bool = False) -> PersonalModel:
    """The model that a client of a finished run has, or with ``personalized`` the one that it chose after.

    Raises RunError for a client that there is none of.
    """
    experiment = run.experiment
    data, held = experiment.dataset, run.chosen(client) if personalized else run.held(client)
    return PersonalModel(client, held, experiment.architecture, data.features, data.targets)
