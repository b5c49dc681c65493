"""A user's own ``nn.Module`` by import path: found, tried on two samples, its channels tried group by group.

Of what it computes nothing is known, and a line at the start is better than an error in the middle of a run.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.lazy import LazyModuleMixin

from fedprune import plugins
from fedprune.models import ModelError
from fedprune.models.groups import ChannelGroup, Member
from fedprune.models.modules import state
from fedprune.seeds import generator
from fedprune.types import Arrays

if TYPE_CHECKING:
    from fedprune.models import Architecture


def module_class(name: str) -> Callable[..., nn.Module]:
    """The class at the import path ``name``, called with (input_shape, outputs, **options).

    Raises UserError when it cannot be imported, ModelError when it is no nn.Module.
    """
    found = plugins.imported(name)
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise ModelError(f"model '{name}' is not a class derived from torch.nn.Module")
    return found


def reason(error: Exception) -> str:
    """An error as part of a line."""
    text = re.sub(r"\s+", " ", str(error)).strip()
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__


def check_outputs(made: Architecture) -> None:
    """Raises ModelError, saying why, for a module that does not make the task's outputs of the data."""
    try:
        outputs = _outputs(made, made.initial_weights(0))
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"model '{made.name}': a forward pass over (2, *{made.input_shape}) failed: {reason(error)} "
            "(tensors that are no parameters must be made in forward, or registered as buffers)"
        ) from error
    expected = (2, *made.output_shape)
    if not isinstance(outputs, Tensor) or outputs.shape != expected:
        shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise ModelError(f"model '{made.name}' gives {shape} for 2 samples, not {expected}")


def check_layers(made: Architecture) -> None:
    """Raises ModelError for layers without sizes, and for what cannot be repeated from a seed: draws from
    torch's global generator, and tensors whose values only the constructor knows, which a module on the meta
    device does not keep."""
    for name, layer in made.template.named_modules():
        if isinstance(layer, LazyModuleMixin):
            raise ModelError(
                f"model '{made.name}': '{name}' ({type(layer).__name__}) has no sizes before its first "
                "batch, so that no message could be checked against them; give its sizes in the constructor"
            )
        drops = getattr(layer, "p" if isinstance(layer, _DropoutNd) else "dropout", 0.0)
        if isinstance(layer, _DropoutNd | nn.RNNBase | nn.MultiheadAttention) and drops:
            raise ModelError(
                f"model '{made.name}': '{name}' ({type(layer).__name__}) drops by torch's global generator, "
                "so that no run could be repeated; use fedprune.models.dropout.KeyedDropout"
            )
    kept = {id(tensor) for tensor in state(made.template).values()}
    for name, buffer in made.template.named_buffers():
        counts = name.rpartition(".")[2] == "num_batches_tracked"
        if id(buffer) not in kept or not (counts or buffer.is_floating_point()):
            raise ModelError(
                f"model '{made.name}': the values of buffer '{name}' would be lost; compute them in forward, "
                "or make it a persistent buffer of floats that initial_weights(rng) gives"
            )


def removable(made: Architecture, group: ChannelGroup) -> bool:
    """Whether the module without half of these channels computes what it does with them at zero.

    Functions that mix channels and sizes written into ``forward`` do not show in the graph.
    """
    if group.size == 1:
        return True
    weights = made.initial_weights(0)
    masked, small = dict(weights), dict(weights)
    for member in group.members:
        name, axis, _ = member
        masked[name] = np.where(_kept(member, masked[name].ndim, group.size), masked[name], np.float32(0))
        small[name] = small[name].compress(_kept(member, 1, group.size), axis)
    try:
        return bool(torch.allclose(_outputs(made, masked), _outputs(made, small), rtol=1e-3, atol=1e-4))
    except Exception:
        return False


def _kept(member: Member, dimensions: int, size: int) -> Any:
    """Every second channel, as bools along the member's axis of an array with so many dimensions."""
    _, axis, span = member
    alive = np.repeat(np.arange(size) % 2 == 0, span)
    return alive.reshape([-1 if at == axis else 1 for at in range(dimensions)]) if dimensions > 1 else alive


def _outputs(made: Architecture, weights: Arrays) -> Tensor:
    rng, shape = generator(0, "probe"), (2, *made.input_shape)
    numbers = rng.normal(size=shape) if made.vocabulary is None else rng.integers(made.vocabulary, size=shape)
    inputs = numbers.astype(made.input_dtype)
    with torch.inference_mode():
        outputs: Tensor = made.load(weights).eval()(torch.from_numpy(inputs))
    return outputs
