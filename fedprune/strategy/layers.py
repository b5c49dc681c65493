"""Which arrays of a model belong to its last layers: body and head of a network that is shared in part."""

from __future__ import annotations

from fedprune.types import Shapes, UserError, layer_of


def last_layers(shapes: Shapes, count: int) -> Shapes:
    """The arrays of a model's last layers, in order.

    Args:
        shapes: those of the model, in the order of its state.
        count: how many layers, at least 1: each array with more than one axis begins one, unless it belongs
            to the module of the one before. Biases and norms go with the layer that they follow. The first
            layer is never among the last ones, so that something is left before them.

    Raises:
        UserError: the model has a single layer.
    """
    layers = list(dict.fromkeys(layer_of(name) for name, shape in shapes.items() if len(shape) > 1))
    if len(layers) < 2:
        raise UserError("a model of a single layer has no head beside its body; take one with more layers")
    names = list(shapes)
    first = layers[max(1, len(layers) - count)]
    start = next(at for at, name in enumerate(names) if layer_of(name) == first)
    return {name: shapes[name] for name in names[start:]}
