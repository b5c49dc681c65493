"""Models: one family per file, each with ``build(input_shape, outputs, **options) -> nn.Module``.

A user's own module goes by its import path, ``package.module:Class``; its class is called like ``build``.
``outputs`` is the number of values that a model gives for one target: classes, or values to predict. What the
data decide beside it (``GIVEN``) reaches a ``build`` or a class whose signature names it.

``Architecture`` is what the rest of the package asks about a model: its parameters' names and shapes, which
of them are prunable, which channels can be removed, its initial weights, and modules of it, whole or shrunk.
It is described on torch's meta device, so nothing here draws a random number but ``initial_weights``, which
is keyed. torch is imported only when a model is first described.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal

from fedprune import plugins
from fedprune.models.groups import ChannelGroup, channel_groups
from fedprune.types import Arrays, Shapes, UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn


GIVEN = ("vocabulary", "per_position")
"""Arguments that a ``build`` or a class gets from the data where its signature names them, see
``Architecture``; they are no options."""


class ModelError(UserError):
    """A model that cannot be built as asked: an unknown option, a wrong type, too small an input."""


@dataclass(frozen=True, eq=False)
class Architecture:
    """A model family with its options fixed; ``architecture`` makes and caches it."""

    name: str
    input_shape: tuple[int, ...]
    """The shape of one sample: (channels, height, width) of an image, (length,) of token ids."""
    outputs: int
    """Values for one target: classes, or values to predict."""
    options: Mapping[str, Any]
    vocabulary: int | None = None
    """Number of different token ids where samples are token ids, 0 to ``vocabulary`` - 1."""
    per_position: bool = False
    """Whether there is a target at each position of a sample, so that outputs are (batch, length, outputs)
    and not (batch, outputs)."""
    prune_embeddings: bool = False
    """Whether unstructured masks cover embeddings too."""

    @property
    def input_dtype(self) -> str:
        """The dtype of a batch, as numpy and torch name it: token ids are int64, all else is float32."""
        return "float32" if self.vocabulary is None else "int64"

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of what the module gives for one sample."""
        return (*self.input_shape[:1], self.outputs) if self.per_position else (self.outputs,)

    def beside(self, name: str, options: Mapping[str, Any] | None = None) -> Architecture:
        """The architecture of another model for the same data."""
        return architecture(
            name,
            self.input_shape,
            self.outputs,
            options,
            vocabulary=self.vocabulary,
            per_position=self.per_position,
        )

    @cached_property
    def template(self) -> nn.Module:
        """The module on the meta device: names and shapes without memory. Not to be changed."""
        import torch

        build = _build(self.name)
        given = {name: getattr(self, name) for name in GIVEN if name in signature(build).parameters}
        try:
            with torch.device("meta"):
                return build(self.input_shape, self.outputs, **given, **self.options)
        except Exception as error:
            if isinstance(error, UserError):
                raise
            from fedprune.models import imported

            raise ModelError(f"model '{self.name}' cannot be built: {imported.reason(error)}") from error

    @property
    def imported(self) -> bool:
        """Whether this is a user's own module, by import path."""
        return plugins.is_path(self.name)

    @cached_property
    def shapes(self) -> Shapes:
        """Every floating-point tensor of the module's state, in order: name -> shape.

        What counts rather than computes (``num_batches_tracked``) is left out. A tensor that layers share is
        there once, by the first of its names.
        """
        from fedprune.models import modules

        tensors = modules.state(self.template).items()
        return {name: tuple(tensor.shape) for name, tensor in tensors if tensor.is_floating_point()}

    @cached_property
    def statistics(self) -> frozenset[str]:
        """Names of the batch-norm running means and variances."""
        return frozenset(name for name, _ in self.template.named_buffers() if name in self.shapes)

    @cached_property
    def prunable(self) -> tuple[str, ...]:
        """Names of the weights that unstructured masks cover, in order: those of convolutions and linear
        layers, of recurrent layers and of attention, and of embeddings where ``prune_embeddings`` says so.

        A weight that an embedding shares with a linear layer (a tied head) is an embedding's.
        """
        from fedprune.models import modules

        return modules.matrix_names(self.template, embeddings=self.prune_embeddings)

    @property
    def groups(self) -> tuple[ChannelGroup, ...]:
        """Hidden channels that can be removed, with every parameter slice that goes with them; none when the
        graph of a user's module cannot be traced."""
        return self._traced[0]

    def channels(self, kind: Literal["conv", "any"]) -> tuple[ChannelGroup, ...]:
        """The groups of convolutions, or all, for a method that removes channels.

        Raises ModelError, saying why, when there are none.
        """
        found = tuple(group for group in self.groups if kind in (group.kind, "any"))
        if not found:
            layers = "convolution" if kind == "conv" else "layer"
            raise ModelError(
                f"model '{self.name}' has no {layers} whose channels can be removed{self._traced[1]}; "
                "prune weights one by one, or use another model"
            )
        return found

    @cached_property
    def _traced(self) -> tuple[tuple[ChannelGroup, ...], str]:
        """The groups, and for a message why some are missing."""
        # Not of the template: torch imports half a second's worth of modules to leave the meta device.
        if not self.imported:
            return channel_groups(self.build(), self.example()), self._untraced
        from fedprune.models import imported

        try:
            groups = channel_groups(self.build(), self.example())
        except Exception as error:
            return (), f" (its graph cannot be traced: {imported.reason(error)})"
        refused = [group for group in groups if not imported.removable(self, group)]
        names = ", ".join(f"'{group.name}'" for group in refused)
        failing = f" (without some channels of {names} it fails or computes something else)"
        why = failing if refused else self._untraced
        return tuple(group for group in groups if group not in refused), why

    @property
    def _untraced(self) -> str:
        """Why a model with recurrent layers has fewer groups than layers, for a message."""
        from torch import nn

        names = [name for name, layer in self.template.named_modules() if isinstance(layer, nn.RNNBase)]
        return f" (units of recurrent layers such as '{names[0]}' cannot be traced)" if names else ""

    def build(self) -> nn.Module:
        """A fresh module of full size on the CPU; its values are whatever was in memory."""
        from fedprune.models import modules

        return modules.uninitialised(self.template, self.shapes)

    def load(self, weights: Arrays) -> nn.Module:
        """A fresh module that holds copies of ``weights``, one array for every name in ``shapes``.

        Arrays may be smaller than in ``shapes`` (channels removed), as long as they fit together.
        """
        from fedprune.models import modules

        return modules.holding(self.template, weights)

    def example(self, samples: int = 1) -> Tensor:
        """A batch on the CPU, all zeros: float32, or int64 token ids."""
        import torch

        return torch.zeros((samples, *self.input_shape), dtype=getattr(torch, self.input_dtype))

    def initial_weights(self, seed: int) -> Arrays:
        """Fresh float32 initial weights, keyed by ``seed`` alone, in torch's default distribution.

        Raises ModelError for a layer whose initial distribution is not known here, unless it, or a module
        around it, defines ``initial_weights(rng: numpy.random.Generator)``, which returns arrays by the names
        that their parameters have in it.
        """
        from fedprune.models import initial

        return initial.initial_weights(self.template, self.shapes, seed)


def architecture(
    name: str,
    input_shape: tuple[int, ...],
    outputs: int,
    options: Mapping[str, Any] | None = None,
    *,
    vocabulary: int | None = None,
    per_position: bool = False,
    prune_embeddings: bool = False,
) -> Architecture:
    """The architecture of these arguments, cached.

    Raises UnknownPluginError for an unknown model and ModelError, before anything is trained, for an option
    it does not take, an option of the wrong type, an input too small for it, a model of token ids without a
    ``vocabulary``, and a bundled one of numbers with one.
    """
    key = json.dumps(options or {}, sort_keys=True, default=str)
    shape = tuple(int(size) for size in input_shape)
    return _architecture(name, shape, int(outputs), key, vocabulary, per_position, prune_embeddings)


@lru_cache(maxsize=64)
def _architecture(
    name: str,
    input_shape: tuple[int, ...],
    outputs: int,
    key: str,
    vocabulary: int | None,
    per_position: bool,
    prune_embeddings: bool,
) -> Architecture:
    from fedprune.models import imported
    from fedprune.models.options import check_inputs, checked
    from fedprune.models.sizes import check_size

    build = _build(name)
    options = checked(name, build, json.loads(key))
    made = Architecture(name, input_shape, outputs, options, vocabulary, per_position, prune_embeddings)
    check_inputs(made, build)
    if made.imported:
        imported.check_layers(made)
    check_size(name, made.shapes)  # built here, so that what cannot be built is refused here
    if made.imported:
        imported.check_outputs(made)
    return made


def _build(name: str) -> Callable[..., nn.Module]:
    """What makes modules of that name."""
    if plugins.is_path(name):
        from fedprune.models import imported

        return imported.module_class(name)
    build: Callable[..., nn.Module] = plugins.load("models", name).build
    return build
