"""Body and head of a model that is shared in part: which arrays belong to its last layers."""

from __future__ import annotations

from fedprune.types import Shapes, UserError, layer_of


def body_and_head(shapes: Shapes, layers: int) -> tuple[Shapes, Shapes]:
    """A model's arrays in two parts, each in order: those of its last layers, and those before them.

    Args:
        shapes: those of the model, in the order of its state.
        layers: how many layers are the head, at least 1: each array with more than one axis begins one,
            unless it belongs to the module of the one before. Biases and norms go with the layer that they
            follow. The first layer is always the body's.

    Returns:
        The body's and the head's, neither of them empty.

    Raises:
        UserError: the model has a single layer.
    """
    every = list(dict.fromkeys(layer_of(name) for name, shape in shapes.items() if len(shape) > 1))
    if len(every) < 2:
        raise UserError("a model of a single layer has no head beside its body; take one with more layers")
    names = list(shapes)
    first = every[max(1, len(every) - layers)]
    start = next(at for at, name in enumerate(names) if layer_of(name) == first)
    return {name: shapes[name] for name in names[:start]}, {name: shapes[name] for name in names[start:]}
